"""Leaky integrate and fire, a time step a cycle: golden.neurons.lif in hardware."""

import numpy as np
from amaranth import *

from golden.formats import LEAK_BITS
from hw.engine.constants import chosen
from hw.engine.multiples import adders, floor_product
from hw.engine.neurons.base import NeuronUnit
from hw.engine.neurons.lif_by_sign import SignLif, leak_shift

__all__ = ["UNIT", "LifNeuron"]


class LifNeuron(NeuronUnit):
    """One membrane; each ``step`` is golden.neurons.lif's, in the order of the pass.

    The membrane is kept leaked, and reset before the leak where that comes first. Parameters and
    members are those of NeuronUnit.
    """

    LOADED, CONSTANT = ("threshold",), ("leak",)

    @staticmethod
    def splits(neuron):
        return neuron.adds

    @classmethod
    def suited(cls, neurons, per_channel):
        plain = all(neuron.reset in ("subtract", "none") for neuron in neurons)
        return SignLif if plain and not per_channel and leak_shift(neurons) else cls

    @staticmethod
    def products(kept, membrane_bits):
        if "leak" in kept:
            return (("leaks of channels", membrane_bits, kept["leak"].bits + 1),)
        return ()

    @staticmethod
    def adders(neurons, kept):
        leaks = {int(np.max(neuron.leak)) for neuron in neurons} - {0}
        return 0 if "leak" in kept else sum(map(adders, leaks))

    def elaborate(self, platform):
        m = Module()
        neurons, threshold, shape = self.neurons, self.threshold, self.membrane.shape()
        is_any = lambda test: self.is_any(m, test)
        # Inverted here, which costs the comparison no time.
        level = Signal(len(threshold) + 1, reset_less=True)
        m.d.sync += level.eq(~Cat(threshold, C(0, 1)))

        # --- current: what the next step needs, ready before its predecessor is known -------------
        subtracts = is_any(lambda n: n.reset == "subtract")
        input = Signal(shape, reset_less=True)
        drop  = Signal(threshold.shape(), reset_less=True)     # if the step before spikes
        with m.If(self.shift):
            m.d.sync += [
                input.eq(self.current), drop.eq(Mux(subtracts & ~self.opens, threshold, 0)),
            ]

        # --- membrane -----------------------------------------------------------------------------
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
            early = Mux(crossed & is_any(lambda n: n.reset == "zero"), self.v_reset, early)
        dropped = Signal(shape)
        reset = Signal(shape)
        m.d.comb += [
            membrane.eq(kept + given),
            # u > th where u - th - 1 is not negative, u >= th where u - th is not.
            above.eq(~(membrane + level.as_signed() + inclusive)[-1]),
            crossed.eq(above & spiking),
            reset.eq(early),
            dropped.eq(self.dropped(m, reset)),
            self.membrane.eq(membrane),
        ]
        with m.If(self.step):
            m.d.sync += kept.eq(Mux(self.last, 0, reset - dropped))
        fires = self.stepped_above(m, above)
        with m.If(self.feed):
            m.d.sync += given.eq(Mux(fires, input - drop, input))

        # --- spike: at once or one step later -----------------------------------------------------
        self.hand_on(m, above, crossed)
        self.keep(m, [(kept, 0)])
        return m

    def dropped(self, m, membrane):
        """floor(u (1 - L)): of a pass as a sum of shifts, of a channel as a product."""
        if "leak" in self.formats:
            return (membrane * self.leak) >> LEAK_BITS

        def one(leak):
            return floor_product(membrane, leak, LEAK_BITS) if leak else C(0, membrane.shape())
        return chosen(m, self.number, [int(np.max(n.leak)) for n in self.neurons], one)


UNIT = LifNeuron
