"""One lane of the engine: sums of all steps at once, then a neuron step a cycle."""

import numpy as np
from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import LEAK_BITS
from hw.engine.constants import pass_register
from hw.engine.multiples import floor_product

__all__ = ["Lane", "norm_layout"]


def norm_layout(plan):
    """Gain and offset of one lane, empty where the network has no norms."""
    if not plan.normed:
        return data.StructLayout({})
    gain, offset = plan.norm_bits
    return data.StructLayout({"gain": signed(gain), "offset": signed(offset)})


class Lane(wiring.Component):
    """One output channel: ``word_steps`` accumulators, their shadow, and one neuron.

    Every cycle adds ``weight`` to the accumulator of each step in ``train``. ``load`` moves all
    sums to the shadow and clears the accumulators in ``train``, which must be all; then each
    ``shift`` hands on the sum of the next step, ``feed`` gives it to the neuron and ``step``
    advances that, each one cycle after the one before or later. One step a cycle.
    ``last`` with a step ends the neuron: the next one starts from a membrane of 0. So must the
    first one after a reset, which leaves the membrane as it was.

    One neuron step is golden.neurons.lif's, with the reset, comparison and delay of the pass.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady from a cycle before anything is added.
    threshold : In(plan.threshold_bits)
        Of the pass, unless parameters come by channel.
    train : In(word_steps)
        Steps to add to; all of them with ``load``.
    weight : In(signed(weight_bits))
    param : In(1)
        ``weight`` is the next digit of the channel's parameters, lowest first; they hold from the
        next ``load`` on.
    load : In(1)
        Nothing is added in the same cycle.
    shift, opens : In(1), In(1)
        Hand the next sum on; follows ``load`` by one cycle or more. It is the first of its train.
    feed : In(1)
        Give the neuron what was handed on last: with the ``step`` before if that is of the same
        word, else with or after it.
    norm : In(norm_layout(plan))
        With ``shift``, where the network has norms: gain and offset of the sum handed on.
    step, last : In(1)
        Advance the neuron by the sum given last; it was the last of its train.
    spike : Out(1)
        With ``step``: the neuron hands on a spike. Means nothing where the layer has none.
    membrane : Out(signed(membrane_bits))
        With ``step``: the membrane after it.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "threshold": In(plan.threshold_bits),
            "train": In(plan.word_steps),
            "weight": In(signed(plan.weight_bits)),
            "param": In(1),
            "load": In(1),
            "shift": In(1), "opens": In(1), "feed": In(1),
            "norm": In(norm_layout(plan)),
            "step": In(1),
            "last": In(1),
            "spike": Out(1),
            "membrane": Out(signed(plan.membrane_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        plan, neurons = self.plan, [each.neuron for each in self.plan.passes]
        is_any = lambda test: pass_register(m, self.number, [int(test(n)) for n in neurons])

        row    = lambda name: [Signal(signed(plan.sum_bits), name=f"{name}{t}", reset_less=True)
                               for t in range(plan.word_steps)]
        sums, shadow = row("sum"), row("shadow")
        for t, total in enumerate(sums):
            with m.If(self.train[t]):
                m.d.sync += total.eq(Mux(self.load, 0, total + self.weight))
        with m.If(self.load | self.shift):
            for t, total in enumerate(shadow):
                after = shadow[t + 1] if t + 1 < plan.word_steps else 0
                m.d.sync += total.eq(Mux(self.load, sums[t], after))

        # --- parameters: of the channel, or of the pass -------------------------------------------
        constant = {
            "threshold": self.threshold, "bias": 0,
            "v_reset": pass_register(m, self.number, [int(np.max(n.v_reset)) for n in neurons]),
            "leak": None,
        }
        if plan.per_channel:
            coming = Signal(plan.header * plan.weight_bits)
            with m.If(self.param):
                m.d.sync += coming.eq(Cat(coming, self.weight)[plan.weight_bits:])
            at = 0
            for name, bits in plan.fields:
                value = Signal(bits, name=name)
                with m.If(self.load):
                    m.d.sync += value.eq(coming[at:at + bits])
                constant[name] = value if name in ("threshold", "leak") else value.as_signed()
                at += bits
        threshold, bias = constant["threshold"], constant["bias"]
        # Inverted here, which costs the comparison no time.
        level = Signal(plan.threshold_bits + 1, reset_less=True)
        m.d.sync += level.eq(~Cat(threshold, C(0, 1)))

        # --- input: what the next step needs, ready before its predecessor is known ---------------
        shape = signed(plan.membrane_bits)
        subtracts = is_any(lambda n: n.reset == "subtract")
        input = Signal(shape, reset_less=True)
        drop  = Signal(threshold.shape(), reset_less=True)     # if the step before spikes
        scaled = self.scaled(m, shadow[0]) + bias
        with m.If(self.shift):
            m.d.sync += [
                input.eq(scaled),
                drop.eq(Mux(subtracts & ~self.opens, threshold, 0)),
            ]

        # --- neuron: the membrane is kept leaked, and reset before the leak where that comes first
        kept, given = (Signal(shape, name=name, reset_less=True)       # given: I or I - th
                       for name in ("kept", "given"))
        membrane, above, crossed = Signal(shape), Signal(), Signal()
        spiking   = is_any(lambda n: n.reset != "none")
        inclusive = is_any(lambda n: n.compare == "ge")
        early = membrane                                       # after a reset that is leaked
        if any(n.reset == "subtract_leaked" for n in neurons):
            early = Mux(crossed & is_any(lambda n: n.reset == "subtract_leaked"),
                        membrane - threshold, early)
        if any(n.reset == "zero" for n in neurons):
            early = Mux(crossed & is_any(lambda n: n.reset == "zero"), constant["v_reset"], early)
        dropped = Signal(shape)
        reset = Signal(shape)
        m.d.comb += [
            membrane.eq(kept + given),
            # u > th where u - th - 1 is not negative, u >= th where u - th is not.
            above.eq(~(membrane + level.as_signed() + inclusive)[-1]),
            crossed.eq(above & spiking),
            reset.eq(early),
            dropped.eq(self.dropped(m, reset, constant["leak"])),
            self.membrane.eq(membrane),
        ]
        with m.If(self.step):
            m.d.sync += kept.eq(Mux(self.last, 0, reset - dropped))
        # What is given depends on the step before, mostly taken in the same cycle.
        fires = above
        if plan.chunks > 1:
            fired = Signal()
            with m.If(self.step):
                m.d.sync += fired.eq(above)
            fires = Mux(self.step, above, fired)
        with m.If(self.feed):
            m.d.sync += given.eq(Mux(fires, input - drop, input))

        # --- spike: at once or one step later -----------------------------------------------------
        m.d.comb += self.spike.eq(above)
        if any(n.delay for n in neurons):
            late = Signal()
            with m.If(self.step):
                m.d.sync += late.eq(crossed & ~self.last)
            m.d.comb += self.spike.eq(Mux(is_any(lambda n: n.delay), late, above))

        return m

    def scaled(self, m, total):
        """``total`` in membrane units of the pass."""
        if self.plan.normed:
            product = total * self.norm.gain
            return self.chosen(m, [each.stage.layer.norm[2] if each.stage.layer.norm else 0
                                for each in self.plan.passes],
                               lambda shift: product >> shift) + self.norm.offset
        return self.chosen(m, [each.stage.layer.frac for each in self.plan.passes],
                           lambda frac: total << frac)

    def dropped(self, m, membrane, leak):
        """floor(u (1 - L)): of a pass as a sum of shifts, of a channel as a product."""
        if leak is not None:
            return (membrane * leak) >> LEAK_BITS

        def one(leak):
            return floor_product(membrane, leak, LEAK_BITS) if leak else C(0, membrane.shape())
        return self.chosen(m, [int(np.max(each.neuron.leak)) for each in self.plan.passes], one)

    def chosen(self, m, values, make):
        """``make(value)`` of the pass, made once for each distinct value."""
        distinct = sorted(set(values))
        result = make(distinct[-1])
        for value in distinct[:-1]:
            member = pass_register(m, self.number, [int(other == value) for other in values])
            result = Mux(member, make(value), result)
        return result
