"""Integrate and fire by a synaptic current, a step a cycle: golden.neurons.cuba in hardware."""

import numpy as np
from amaranth import *

from golden.formats import LEAK_BITS
from hw.engine.constants import chosen
from hw.engine.multiples import adders, rounded_product
from hw.engine.neurons.base import NeuronUnit

__all__ = ["UNIT", "CubaNeuron"]

LEAKS = ("current_leak", "leak")
WHOLE = 1 << LEAK_BITS


class CubaNeuron(NeuronUnit):
    """One current and one membrane; each ``step`` is golden.neurons.cuba's, in the pass's order.

    The current is that of a step from its ``feed`` on, since no spike changes it; the membrane is
    kept leaked, reset before or behind the leak. Between two steps the state is in ``synaptic``
    (c), ``kept`` (what the next step adds c to), and where an order needs them ``cleared`` (a spike
    of "clear"), ``above`` (r of "subtract_now") and, in NeuronUnit, ``late`` (a delayed spike).
    Where each walk has a ``single`` step, both leak in the cycle behind it, on their way to the
    memory of waiting neurons, and not in the step.
    Parameters and members are those of NeuronUnit.
    """

    LOADED, CONSTANT = ("threshold",), LEAKS

    @staticmethod
    def products(kept, membrane_bits):
        return tuple((f"{name.replace('_', ' ')}s of channels", membrane_bits, kept[name].bits + 1)
                     for name in LEAKS if name in kept)

    @staticmethod
    def adders(neurons, kept):
        shares = {(name, WHOLE - int(np.max(getattr(neuron, name))))
                  for neuron in neurons for name in LEAKS if name not in kept}
        return sum(adders(share) + 1 for _, share in shares if 0 < share < WHOLE)

    @staticmethod
    def state_bits(membrane):
        return 2 * membrane + 3

    def elaborate(self, platform):
        m = Module()
        neurons, threshold, shape = self.neurons, self.threshold, self.membrane.shape()
        has = lambda reset: any(each.reset == reset for each in neurons)
        is_reset = lambda reset: self.is_any(m, lambda n: n.reset == reset)
        # Inverted here, which costs the comparison no time.
        level = Signal(len(threshold) + 1, reset_less=True)
        m.d.sync += level.eq(~Cat(threshold, C(0, 1)))

        # --- current: what is added, then c of the next step --------------------------------------
        input, opens = Signal(shape, reset_less=True), Signal(reset_less=True)
        synaptic = Signal(shape, reset_less=True)
        leaked = self.decayed(m, synaptic, "current_leak")
        with m.If(self.shift):
            m.d.sync += [input.eq(self.current), opens.eq(self.opens)]
        with m.If(self.feed):
            m.d.sync += synaptic.eq(Mux(opens, 0, synaptic if self.single else leaked) + input)

        # --- membrane: v is before what a spike takes off in its own step -------------------------
        kept, v, membrane = Signal(shape, reset_less=True), Signal(shape), Signal(shape)
        spiked, crossed = Signal(), Signal()
        spiking   = self.is_any(m, lambda n: n.spiking)
        inclusive = self.is_any(m, lambda n: n.compare == "ge")
        # u > th where u - th - 1 is not negative, u >= th where u - th is not.
        over = lambda value, level: ~(value + level.as_signed() + inclusive)[-1]
        m.d.comb += [v.eq(kept + synaptic), membrane.eq(v), spiked.eq(over(membrane, level)),
                     crossed.eq(spiked & spiking), self.membrane.eq(membrane)]
        flags = []                                             # of a spike in the step before
        if has("clear"):
            cleared = Signal()
            flags.append(cleared)
            m.d.comb += v.eq(Mux(cleared, 0, kept + synaptic))
            with m.If(self.step):
                m.d.sync += cleared.eq(crossed & is_reset("clear") & ~self.last)
        if has("subtract_now"):
            above, once, twice = Signal(), Signal(), Signal()
            flags.append(above)
            now = is_reset("subtract_now")
            double = Signal(len(threshold) + 2, reset_less=True)
            m.d.sync += double.eq(~Cat(C(0, 1), threshold, C(0, 1)))
            # v > 2 th as (v - th - 1) - th, and so with th behind a step that left u above it.
            m.d.comb += [
                once.eq(over(v, level)), twice.eq(over(v, double)),
                spiked.eq(once & (twice | ~(above & now))),
                membrane.eq(Mux(spiked & now, v - threshold, v)),
            ]
            with m.If(self.step):
                m.d.sync += above.eq(once & (twice | ~spiked) & ~self.last)
        early = membrane                                       # after a reset that is leaked
        if has("subtract_leaked"):
            early = Mux(crossed & is_reset("subtract_leaked"), membrane - threshold, early)
        if has("zero"):
            early = Mux(crossed & is_reset("zero"), self.v_reset, early)
        reset, left, late = Signal(shape), Signal(shape), crossed
        if self.single:
            late = Signal()
            with m.If(self.step):
                m.d.sync += [reset.eq(early), late.eq(crossed)]
        else:
            m.d.comb += reset.eq(early)
        m.d.comb += left.eq(self.decayed(m, reset, "leak"))
        if has("subtract"):
            left = Mux(late & is_reset("subtract"), left - threshold, left)
        if not self.single:
            with m.If(self.step):
                m.d.sync += kept.eq(Mux(self.last, 0, left))

        # --- spike: at once or one step later -----------------------------------------------------
        self.hand_on(m, spiked, crossed)
        behind = [(leaked,), (left,)] if self.single else [(), ()]
        self.keep(m, [(each, 0, *instead) for each, instead in zip(
            (synaptic, kept, *flags), [*behind, *((),) * len(flags)], strict=True)])
        return m

    def decayed(self, m, value, name):
        """``value`` less its share ``name``: of a pass a sum of shifts, of a channel a product."""
        if name in self.formats:
            return value - ((value * getattr(self, name) + (WHOLE // 2 - 1)) >> LEAK_BITS)

        def one(share):
            if share in (0, WHOLE):
                return value if share else C(0, value.shape())
            return rounded_product(value, share, LEAK_BITS)
        return chosen(m, self.number, [WHOLE - int(np.max(getattr(n, name))) for n in self.neurons],
                      one)


UNIT = CubaNeuron
