"""A step of neurons with a synaptic current: all inputs, from all states that wait in memory.

The specification is golden.neurons.cuba's equations as cases; a product rounded half up is one that
lies between two bounds, so that no shift and no sum of shifts of the gateware is repeated.
"""

import numpy as np
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from golden.formats import LEAK_BITS
from golden.neurons.cuba import Cuba
from hw.engine.neurons.cuba import CubaNeuron
from verify.formal.arithmetic import in_range, times
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, steady

__all__ = ["PROOFS"]

WIDTH, CURRENT, THRESHOLD = 12, 8, 6         # bits of a membrane, of an input, of a threshold
LEAKS = {"current_leak": 20_001, "leak": 9_999}     # shares that are no shifts


def is_decayed(found, value, leak):
    """Whether ``found`` is L ``value`` rounded half up: the nearest, the upper of two."""
    whole = 1 << LEAK_BITS
    product = times(value, C(whole - leak, LEAK_BITS)) + whole // 2
    return in_range(product - found * whole, 0, whole - 1)


def step(neuron, *, single):
    """``make`` of: a neuron resumes, is given an input and steps; then its state is golden's.

    With ``single`` what waits has leaked already.
    """
    def make(m):
        unit = CubaNeuron(
            [neuron], formats={"threshold": unsigned(THRESHOLD), "v_reset": signed(WIDTH)},
            membrane=signed(WIDTH), current=signed(CURRENT), chunked=True, resumes=True,
            single=single)
        m.submodules.dut = unit
        past = Past(m)
        steady(m, past, unit.number, unit.threshold, unit.v_reset)
        phase, given, opens = Signal(3), Signal(signed(CURRENT)), Signal()
        m.d.sync += phase.eq(Mux(phase == 6, 6, phase + 1))
        resume, shift, feed, steps, behind = (phase == n for n in range(5))
        threshold = unit.threshold
        m.d.comb += [
            Assume(unit.resume == resume), Assume(unit.shift == shift), Assume(unit.feed == feed),
            Assume(unit.step == steps), Assume(~unit.last), Assume(unit.number == 0),
        ]

        # --- what resumes: a current, what it is added to, a flag ---------------------------------
        fields = lambda state: (state[:WIDTH].as_signed(), state[WIDTH:2 * WIDTH].as_signed(),
                                state[2 * WIDTH])
        c, kept, flag = Signal(signed(WIDTH)), Signal(signed(WIDTH)), Signal()
        with m.If(resume):
            m.d.sync += [each.eq(value) for each, value in zip(
                (c, kept, flag), fields(unit.resumed), strict=True)]
        with m.If(shift):
            m.d.sync += [given.eq(unit.current), opens.eq(unit.opens)]
        real = (in_range(c, -300, 300) & in_range(kept, -500, 500)
                & in_range(unit.v_reset, -500, 500))

        # --- the step: v before a spike takes off, u behind it ------------------------------------
        u, spiked, fired = Signal(signed(WIDTH)), Signal(), Signal()
        clear, now = neuron.reset == "clear", neuron.reset == "subtract_now"
        above = lambda value: value >= threshold if neuron.compare == "ge" else value > threshold
        at = Mux(flag, 2 * threshold, threshold) if now else threshold
        with m.If(steps):
            m.d.sync += [u.eq(unit.membrane), spiked.eq(unit.spike)]
        found_c, found, found_flag = fields(unit.state)
        total = Signal(signed(WIDTH))          # c of this step
        if single:
            m.d.comb += total.eq(given + Mux(opens, 0, c))
            right_c = is_decayed(found_c, total, LEAKS["current_leak"])
        else:
            m.d.comb += total.eq(found_c)
            right_c = Mux(opens, found_c == given,
                          is_decayed(found_c - given, c, LEAKS["current_leak"]))
        v = kept + total
        if clear:
            v = Mux(flag, 0, v)
        m.d.comb += fired.eq((v >= at if neuron.compare == "ge" else v > at)
                             if neuron.reset != "none" else 0)
        behind_v = v - Mux(fired, threshold, 0) if now else v
        leaked, late = {
            "subtract_leaked": (v - Mux(fired, threshold, 0), 0),
            "zero": (Mux(fired, unit.v_reset, v), 0),
            "subtract": (v, Mux(fired, threshold, 0)),
        }.get(neuron.reset, (behind_v, 0))
        with m.If(behind & real):
            m.d.comb += [Assert(right_c), Assert(u == behind_v),
                         Assert(is_decayed(found + late, leaked, LEAKS["leak"]))]
            if neuron.reset != "none":
                m.d.comb += Assert(spiked == fired)
            if clear:
                m.d.comb += Assert(found_flag == fired)
            if now:
                m.d.comb += Assert(found_flag == above(behind_v))
        m.d.comb += Cover(behind & real & ~fired & (v == -7))
        if neuron.reset != "none":
            m.d.comb += Cover(behind & real & fired)
        return inputs(unit)
    return make


def proofs():
    """All of this file."""
    for reset in Cuba.resets:
        for single in (False, True):
            compare = "ge" if single and reset in ("zero", "subtract_now") else "gt"
            neuron = Cuba(threshold=np.int64(5), reset=reset, compare=compare,
                          **{name: np.int64(leak) for name, leak in LEAKS.items()})
            yield Proof(
                "hw.engine.neurons.cuba.CubaNeuron",
                f"a step from any state that waits: {reset}, {compare}, "
                f"{'leaked behind it' if single else 'leaked in it'}",
                step(neuron, single=single), depth=6, cover=6)


PROOFS = [*proofs()]
