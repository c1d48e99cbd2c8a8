"""A step of neurons with a synaptic current: all inputs, from all states that wait in memory.

The specification is golden.neurons.cuba's equations as cases; a product rounded half up is one that
lies between two bounds, so that no shift and no sum of shifts of the gateware is repeated.
"""

import numpy as np
from amaranth import *
from amaranth.hdl import Assert, Assume, Cover

from golden.formats import LEAK_BITS
from golden.neurons.alpha import Alpha
from golden.neurons.cuba import Cuba
from hw.engine.neurons.alpha import AlphaNeuron
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


def stepping(m, unit, past, *values):
    """Drive a unit through one step; ``values`` beside number and threshold stay as they are.

    Returns (whether the step is behind, the fields that resumed, those of the state, the input,
    whether it opens a train, the membrane and the spike of the step). Fields are two numbers and a
    flag.
    """
    steady(m, past, unit.number, unit.threshold, *values)
    phase, given, opens = Signal(3), Signal(signed(CURRENT)), Signal()
    m.d.sync += phase.eq(Mux(phase == 6, 6, phase + 1))
    resume, shift, feed, steps, behind = (phase == n for n in range(5))
    m.d.comb += [
        Assume(unit.resume == resume), Assume(unit.shift == shift), Assume(unit.feed == feed),
        Assume(unit.step == steps), Assume(~unit.last), Assume(unit.number == 0),
    ]
    fields = lambda state: (state[:WIDTH].as_signed(), state[WIDTH:2 * WIDTH].as_signed(),
                            state[2 * WIDTH])
    resumed = Signal(signed(WIDTH)), Signal(signed(WIDTH)), Signal()
    u, spiked = Signal(signed(WIDTH)), Signal()
    with m.If(resume):
        m.d.sync += [each.eq(value)
                     for each, value in zip(resumed, fields(unit.resumed), strict=True)]
    with m.If(shift):
        m.d.sync += [given.eq(unit.current), opens.eq(unit.opens)]
    with m.If(steps):
        m.d.sync += [u.eq(unit.membrane), spiked.eq(unit.spike)]
    return behind, resumed, fields(unit.state), given, opens, u, spiked


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
        behind, (c, kept, flag), (found_c, found, found_flag), given, opens, u, spiked = stepping(
            m, unit, Past(m), unit.v_reset)
        threshold = unit.threshold
        real = (in_range(c, -300, 300) & in_range(kept, -500, 500)
                & in_range(unit.v_reset, -500, 500))

        # --- the step: v before a spike takes off, u behind it ------------------------------------
        fired = Signal()
        clear, now = neuron.reset == "clear", neuron.reset == "subtract_now"
        above = lambda value: value >= threshold if neuron.compare == "ge" else value > threshold
        at = Mux(flag, 2 * threshold, threshold) if now else threshold
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


def traces(neuron, *, single):
    """``make`` of the same for two traces: both and their sum are golden.neurons.alpha's."""
    def make(m):
        unit = AlphaNeuron([neuron], formats={"threshold": unsigned(THRESHOLD)},
                           membrane=signed(WIDTH), current=signed(CURRENT), chunked=True,
                           resumes=True, single=single)
        m.submodules.dut = unit
        behind, (rising, falling, fired), (first, second, flag), given, opens, u, spiked = stepping(
            m, unit, Past(m))
        real = (in_range(rising, -400, 400) & in_range(falling, -400, 400)
                & (int(neuron.spiking) | ~fired))
        # What the step itself had: the state where it leaks later, else what it added to is leaked.
        clears = fired & ~opens & neuron.spiking
        now = []
        for before, found, added, name in ((rising, first, given, "current_leak"),
                                           (falling, second, -given, "leak")):
            value = Signal(signed(WIDTH))
            if single:
                m.d.comb += value.eq(Mux(clears, 0, added + Mux(opens, 0, before)))
                right = is_decayed(found, value, LEAKS[name])
            else:
                m.d.comb += value.eq(found)
                right = Mux(clears, found == 0, Mux(opens, found == added, is_decayed(
                    found - added, before, LEAKS[name])))
            now.append(value)
            with m.If(behind & real):
                m.d.comb += Assert(right)
        total = now[0] + now[1]
        spikes = total >= unit.threshold if neuron.compare == "ge" else total > unit.threshold
        with m.If(behind & real):
            m.d.comb += Assert(u == total)
            if neuron.spiking:
                m.d.comb += [Assert(spiked == spikes), Assert(flag == spikes)]
        m.d.comb += Cover(behind & real & ~spikes & (total == -7))
        if neuron.spiking:
            m.d.comb += [Cover(behind & real & spikes), Cover(behind & real & clears)]
        return inputs(unit)
    return make


def proofs():
    """All of this file."""
    for reset, single, compare in (("clear", False, "gt"), ("clear", True, "ge"),
                                   ("none", False, "gt"), ("none", True, "gt")):
        neuron = Alpha(threshold=np.int64(5), reset=reset, compare=compare,
                       **{name: np.int64(leak) for name, leak in LEAKS.items()})
        yield Proof(
            "hw.engine.neurons.alpha.AlphaNeuron",
            f"a step from any state that waits: {reset}, {compare}, "
            f"{'leaked behind it' if single else 'leaked in it'}",
            traces(neuron, single=single), depth=6, cover=6)
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
