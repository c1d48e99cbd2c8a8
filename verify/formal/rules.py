"""Rules of streams, as assertions of what a component gives and assumptions of what it takes."""

import sys
from types import SimpleNamespace

from amaranth import *
from amaranth.hdl import Assert, Assume, Cover, Fragment
from amaranth.lib import stream
from amaranth.lib.wiring import In


class Past:
    """Values of the cycle before, and whether there was one."""

    def __init__(self, m):
        self.m, self.known = m, Signal(name="past_known")
        m.d.sync += self.known.eq(1)

    def __call__(self, value, name=None):
        held = Signal(Value.cast(value).shape(), name=name or "past")
        self.m.d.sync += held.eq(value)
        return held


def streams(unit):
    """(name, stream, whether the unit gives it) of each stream of a component."""
    found = []
    for name, member in unit.signature.members.items():
        if member.is_signature and isinstance(member.signature, stream.Signature):
            found.append((name, getattr(unit, name), member.flow != In))
    return found


def inputs(unit):
    """Every signal of a component that its environment drives."""
    return [Value.cast(value) for _, member, value in unit.signature.flatten(unit)
            if member.flow == In and len(Value.cast(value))
            and not isinstance(Value.cast(value), Const)]


def always(unit, name, part):
    """Whether a stream is always ``valid`` or always ``ready``."""
    return getattr(unit.signature.members[name].signature, f"always_{part}")


def obey(m, past, unit, *, unless=None, covers=True, skip=(), patient=(),
         prompt=()):
    """Assert the rules of the streams that ``unit`` gives; assume those of the streams it takes.

    A word once offered stays, unchanged, until it is taken. Covered: a word is given, a word waits
    three cycles, two words in a row that differ are given, and one is offered where none was ever
    asked for (valid does not wait for ready).

    Parameters
    ----------
    unless : dict of name -> value
        What allows a stream to take its word back, and is part of the unit's contract.
    patient : names
        Streams whose reader, once ready, stays so until it gets a word.
    prompt : names
        Streams that give a word only where it is taken at once: none waits.
    """
    unless = unless or {}
    for name, port, gives in streams(unit):
        if always(unit, name, "ready"):
            continue
        held = Signal(name=f"{name}_held")
        payload = past(port.payload, f"{name}_past")
        m.d.sync += held.eq(port.valid & ~port.ready & ~unless.get(name, C(0)))
        rule = Assert if gives else Assume
        with m.If(held):
            m.d.comb += rule(port.valid)
            m.d.comb += rule(Value.cast(port.payload) == payload)
        if name in patient:
            asks = Signal(name=f"{name}_asks")
            m.d.sync += asks.eq(port.ready & ~port.valid)
            m.d.comb += (Assume if gives else Assert)(~asks | port.ready)
        if name in prompt:
            m.d.comb += Assert(~port.valid | port.ready)
        if gives and covers and name not in skip:
            waits, given, asked = Signal(2, name=f"{name}_waits"), Signal(2), Signal()
            moves = port.valid & port.ready
            m.d.sync += waits.eq(Mux(port.valid & ~port.ready & (waits != 3), waits + 1, 0))
            m.d.sync += [given.eq(given + (moves & (given != 2))), asked.eq(asked | port.ready)]
            m.d.comb += Cover(moves & (given == 2))
            if name not in prompt:
                m.d.comb += [Cover(waits == 3), Cover(port.valid & ~asked)]


def steady(m, past, *values):
    """Assume that these never change."""
    before = [past(value) for value in values]
    with m.If(past.known):
        for value, held in zip(values, before, strict=True):
            m.d.comb += Assume(value == held)


def opened(unit):
    """(fragment of a component, what its ``elaborate`` calls by name).

    ``elaborate``'s local variables are the only names that all internal signals have. Those of a
    component inside are at ``of(component)``.
    """
    found = {}

    def watch(frame, event, _):
        if event == "return" and frame.f_code.co_name == "elaborate":
            found[id(frame.f_locals.get("self"))] = dict(frame.f_locals)
    sys.setprofile(watch)
    try:
        fragment = Fragment.get(unit, None)
    finally:
        sys.setprofile(None)
    of = lambda part: SimpleNamespace(**found[id(part)])
    return fragment, SimpleNamespace(**found[id(unit)], of=of)


def state(fragment, name):
    """Whether the fragment's state machine is in the state ``name``."""
    register = next(signal for statements in fragment.statements.values()
                    for statement in statements for signal in statement._lhs_signals()
                    if signal.name == "fsm_state")
    return register == next(n for n in range(2**len(register))
                            if register.decoder(n).split("/")[0] == name)


def within(m, claim, cycles):
    """Assert that ``claim`` does not stay false for more than ``cycles`` cycles."""
    waited = Signal(range(cycles + 2))
    m.d.sync += waited.eq(Mux(claim, 0, waited + 1))
    m.d.comb += Assert(waited <= cycles)
    return waited
