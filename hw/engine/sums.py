"""Sums of weights for several time steps at once: the accumulators of a lane."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["EnabledSums", "TreeSums"]


class EnabledSums(wiring.Component):
    """A train a cycle: its bit of a step enables the step's accumulator.

    Parameters
    ----------
    steps, weight_bits, sum_bits : int

    Members
    -------
    train : In(steps)
        Steps to add to; all of them with ``clear``.
    weight : In(signed(weight_bits))
    clear : In(1)
        Sums begin at 0; nothing is added in the same cycle.
    sums : Out(data.ArrayLayout(signed(sum_bits), steps))
    """

    def __init__(self, *, steps, weight_bits, sum_bits):
        super().__init__({
            "train": In(steps), "weight": In(signed(weight_bits)), "clear": In(1),
            "sums": Out(data.ArrayLayout(signed(sum_bits), steps)),
        })

    def elaborate(self, platform):
        m = Module()
        for n, bit in enumerate(self.train):
            total = Signal(self.sums[n].shape(), name=f"sum{n}", reset_less=True)
            with m.If(bit):
                m.d.sync += total.eq(Mux(self.clear, 0, total + self.weight))
            m.d.comb += self.sums[n].eq(total)
        return m


class TreeSums(wiring.Component):
    """Two to four trains a cycle: sums[t] = sum over rows and n of weights[n] steps[n][t].

    Each pair of trains gives 0, one of two weights or their sum, which all steps share; two
    pairs, or a pair and a single train, are added before they reach the accumulator.

    Parameters
    ----------
    trains : int
        2, 3 or 4.
    steps, weight_bits, sum_bits : int

    Members
    -------
    weights : In(data.ArrayLayout(signed(weight_bits), trains))
    steps : In(data.ArrayLayout(steps, trains))
        With ``weights``; a row adds nothing where they are 0.
    first : In(1)
        hw.engine.walks.summed(trains) cycles behind ``weights``: sums begin with this row.
    sums : Out(data.ArrayLayout(signed(sum_bits), steps))
        A cycle behind that.
    """

    def __init__(self, *, trains, steps, weight_bits, sum_bits):
        self.trains, self.bits = trains, weight_bits
        super().__init__({
            "weights": In(data.ArrayLayout(signed(weight_bits), trains)),
            "steps": In(data.ArrayLayout(steps, trains)), "first": In(1),
            "sums": Out(data.ArrayLayout(signed(sum_bits), steps)),
        })

    def elaborate(self, platform):
        m = Module()
        trains, steps = self.trains, len(self.steps[0])

        def register(value, width, name):
            kept = Signal(signed(width), name=name, reset_less=True)
            m.d.sync += kept.eq(value)
            return kept

        pairs = []                                           # of weights, and their sum
        for n in range(0, trains - 1, 2):
            one, two = self.weights[n], self.weights[n + 1]
            both = Signal(signed(self.bits + 1), name=f"pair{n}")
            m.d.comb += both.eq(one + two)
            pairs.append((one, two, both))
        for t in range(steps):
            level = []
            for n, (one, two, both) in enumerate(pairs):
                first, second = self.steps[2 * n][t], self.steps[2 * n + 1][t]
                level.append(register(
                    Mux(first, Mux(second, both, one), Mux(second, two, 0)),
                    self.bits + 1, f"chosen{n}_{t}"))
            if trains % 2:                                   # one that has no other
                level.append(register(Mux(self.steps[trains - 1][t], self.weights[trains - 1], 0),
                                      self.bits, f"chosen{len(level)}_{t}"))
            if len(level) > 1:
                one, two = level
                level = [register(one + two, self.bits + 2, f"tree_{t}")]
            total = Signal(self.sums[t].shape(), name=f"sum{t}", reset_less=True)
            m.d.sync += total.eq(Mux(self.first, level[0], total + level[0]))
            m.d.comb += self.sums[t].eq(total)
        return m
