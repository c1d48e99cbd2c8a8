"""Leaky integrate and fire, a time step a cycle: golden.neurons.lif in hardware."""

import numpy as np
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.formats import LEAK_BITS
from hw.engine.constants import chosen, held
from hw.engine.multiples import floor_product

__all__ = ["LifNeuron"]


class LifNeuron(wiring.Component):
    """One membrane; each ``step`` is golden.neurons.lif's, in the order of the pass.

    The membrane is kept leaked, and reset before the leak where that comes first. ``shift`` hands
    a current on, ``feed`` gives it to the membrane and ``step`` takes the step, each one cycle
    after the one before or later; one step a cycle. ``last`` with a step ends the neuron: the next
    one starts from a membrane of 0. So must the first one after a reset, which leaves the membrane
    as it was.

    Parameters
    ----------
    neurons : list of golden.network.Neuron
        Of each pass.
    threshold_bits, membrane_bits : int
    leak_bits : int
        Of a leak that comes with each channel; 0 where each pass has its own.
    chunked : bool
        A neuron's run may stop between two steps.

    Members
    -------
    number : In(range(passes))
        The pass.
    threshold : In(threshold_bits)
    v_reset : In(signed(membrane_bits))
        What a reset to a value sets.
    leak : In(leak_bits)
        Share that a step drops, in units of 2**-LEAK_BITS; where ``leak_bits``.
    shift, opens : In(1)
        ``current`` is handed on; it is the first of its train.
    current : In(signed(membrane_bits))
    feed : In(1)
        Give the membrane what was handed on last: with the ``step`` before if that is of the same
        word, else with or after it.
    step, last : In(1)
        Advance by the current given last; it was the last of its train.
    spike : Out(1)
        With ``step``: a spike is handed on. Means nothing where the pass has none.
    membrane : Out(signed(membrane_bits))
        With ``step``: u after it, before reset and leak.
    """

    def __init__(self, neurons, *, threshold_bits, membrane_bits, leak_bits=0, chunked=False):
        self.neurons, self.chunked = neurons, chunked
        super().__init__({
            "number": In(range(len(neurons))),
            "threshold": In(threshold_bits), "v_reset": In(signed(membrane_bits)),
            "leak": In(leak_bits),
            "shift": In(1), "opens": In(1), "current": In(signed(membrane_bits)),
            "feed": In(1), "step": In(1), "last": In(1),
            "spike": Out(1), "membrane": Out(signed(membrane_bits)),
        })

    def elaborate(self, platform):
        m = Module()
        neurons, threshold, shape = self.neurons, self.threshold, self.membrane.shape()
        is_any = lambda test: held(m, self.number, [int(test(n)) for n in neurons])
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
        # What is given depends on the step before, mostly taken in the same cycle.
        fires = above
        if self.chunked:
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

    def dropped(self, m, membrane):
        """floor(u (1 - L)): of a pass as a sum of shifts, of a channel as a product."""
        if len(self.leak):
            return (membrane * self.leak) >> LEAK_BITS

        def one(leak):
            return floor_product(membrane, leak, LEAK_BITS) if leak else C(0, membrane.shape())
        return chosen(m, self.number, [int(np.max(n.leak)) for n in self.neurons], one)
