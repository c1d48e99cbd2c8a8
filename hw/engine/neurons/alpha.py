"""Integrate and fire by an alpha function, a step a cycle: golden.neurons.alpha in hardware."""

from amaranth import *

from hw.engine.neurons.cuba import CubaNeuron

__all__ = ["UNIT", "AlphaNeuron"]


class AlphaNeuron(CubaNeuron):
    """Two traces; each ``step`` is golden.neurons.alpha's, in the pass's order.

    The traces of a step are there from its ``feed`` on, 0 where the step before spiked; their sum
    is the membrane. Where each walk has a ``single`` step, both leak in the cycle behind it, on
    their way to the memory of waiting neurons. Parameters and members are those of NeuronUnit.
    """

    def elaborate(self, platform):
        m = Module()
        shape = self.membrane.shape()
        level = Signal(len(self.threshold) + 1, reset_less=True)
        m.d.sync += level.eq(~Cat(self.threshold, C(0, 1)))
        input, opens = Signal(shape, reset_less=True), Signal(reset_less=True)
        rising, falling = Signal(shape, reset_less=True), Signal(shape, reset_less=True)
        spiking   = self.is_any(m, lambda n: n.spiking)
        inclusive = self.is_any(m, lambda n: n.compare == "ge")
        spiked, crossed = Signal(), Signal()
        m.d.comb += [
            self.membrane.eq(rising + falling),
            # u > th where u - th - 1 is not negative, u >= th where u - th is not.
            spiked.eq(~(self.membrane + level.as_signed() + inclusive)[-1]),
            crossed.eq(spiked & spiking),
        ]
        cleared = self.stepped_above(m, crossed) & ~opens
        left = self.decayed(m, rising, "current_leak"), self.decayed(m, falling, "leak")
        with m.If(self.shift):
            m.d.sync += [input.eq(self.current), opens.eq(self.opens)]
        with m.If(self.feed):
            for trace, behind, added in zip((rising, falling), left, (input, -input), strict=True):
                before = Mux(opens, 0, trace if self.single else behind)
                m.d.sync += trace.eq(Mux(cleared, 0, before + added))
        self.hand_on(m, spiked, crossed)
        self.keep(m, [(trace, 0, *((behind,) if self.single else ()))
                      for trace, behind in zip((rising, falling), left, strict=True)])
        return m


UNIT = AlphaNeuron
