"""Leaky integrate and fire without a comparison: a spike is the sign of a distance."""

import numpy as np
from amaranth import *

from golden.formats import LEAK_BITS
from hw.engine.neurons.base import NeuronUnit

__all__ = ["SignLif", "leak_shift"]


def leak_shift(neurons):
    """The n > 0 where the leak of every neuron is 0 or 2**-n; None where there is no such n."""
    leaks = {int(leak) for neuron in neurons for leak in np.unique(neuron.leak)} - {0}
    if len(leaks) != 1:
        return None
    leak, = leaks
    shift = LEAK_BITS + 1 - leak.bit_length()
    return shift if leak == 1 << LEAK_BITS - shift and 0 < shift < LEAK_BITS else None


class SignLif(NeuronUnit):
    """golden.neurons.lif's "subtract" and "none", whose leaks are 2**-n or none, kept by distance.

    With K = th + 1 ("gt") or th ("ge"), K = q 2**n + r and v = u - K, a spike is v >= 0, and

        floor(u / 2**n) = floor(v / 2**n) + q + c,   c = 1 where (v mod 2**n) + r >= 2**n

    so that a step v <- v - floor(v / 2**n) - q - c - th s + I needs no comparison; c is taken off
    with the next step, by the carry of its sum. Where there is no spike, K is 0 and v is u.

    Members are those of NeuronUnit; ``membrane`` is u in passes without spikes, else u - K.
    """

    @staticmethod
    def held(neuron, low, high):
        distance = int(np.max(neuron.threshold)) + (neuron.compare == "gt")
        return (low - distance, high - distance) if neuron.spiking else (low, high)

    @staticmethod
    def state_bits(membrane):
        return membrane + 3                                    # the carry, too

    def elaborate(self, platform):
        m = Module()
        shape, threshold = self.membrane.shape(), self.threshold
        shift = leak_shift(self.neurons)
        subtracts = self.is_any(m, lambda n: n.reset == "subtract")
        inclusive = self.is_any(m, lambda n: n.compare == "ge")
        leaky     = self.is_any(m, lambda n: np.any(n.leak))

        # --- constants of the pass; what all lanes have alike is made once ------------------------
        distance = Signal(len(threshold) + 1, reset_less=True)           # K
        m.d.sync += distance.eq(Mux(subtracts, threshold + ~inclusive, 0))
        # ~K = -K - 1: all inputs are one too small, for the carry that is 1 unless c is.
        first, later = (Signal(signed(len(distance) + 1), name=name, reset_less=True)
                        for name in ("first", "later"))
        m.d.comb += [
            first.eq(~Cat(distance, C(0, 1))),
            later.eq(~Mux(leaky, Cat(distance[shift:], C(0, 1 + shift)), 0)),
        ]

        # --- current: what the next step needs, ready before its predecessor is known -------------
        width = min(max(len(self.current), len(first)) + 1, shape.width)
        input = Signal(signed(width), reset_less=True)
        drop  = Signal(threshold.shape(), reset_less=True)     # if the step before spikes
        with m.If(self.shift):
            m.d.sync += [
                input.eq(self.current + Mux(self.opens, first, later)),
                drop.eq(Mux(subtracts & ~self.opens, threshold, 0)),
            ]

        # --- membrane -----------------------------------------------------------------------------
        kept, carry = Signal(shape, reset_less=True), Signal()
        given = Signal(signed(min(width + 1, shape.width)), reset_less=True)
        v, rest, total = Signal(shape), Signal(shape), Signal(shift + 1)
        wide = Signal(signed(max(len(v), shift + 1)))          # v, which 2**n may be above
        m.d.comb += [
            v.eq((Cat(C(1, 1), kept) + Cat(carry, given).as_signed())[1:]),
            self.membrane.eq(v), wide.eq(v),
            total.eq(wide[:shift] + distance[:shift]),
            rest.eq(Mux(leaky, v - wide[shift:].as_signed(), v)),
        ]
        above = ~v[-1]
        with m.If(self.step):
            m.d.sync += [
                kept.eq(Mux(self.last, 0, rest)), carry.eq(self.last | ~(leaky & total[shift])),
            ]
        fires = self.stepped_above(m, above)
        with m.If(self.feed):
            m.d.sync += given.eq(Mux(fires, input - drop, input))

        self.hand_on(m, above, above & subtracts)
        self.keep(m, [(kept, 0), (carry, 1)])
        return m
