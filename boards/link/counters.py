"""Performance counters and flags, sent ahead of the cycles of an image."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import COUNT
from hw.interface import COUNT_BITS, Flag

__all__ = ["Counters"]


class Counters(wiring.Component):
    """Puts the flags of an image before its last count, and before them, if asked for, two counts.

    These are the map values held at the top of their format, none where it holds every sum; then
    the cycles in which a result was offered and not taken: the wire's share of the time, as far as
    the chip had to wait for it.

    Parameters
    ----------
    counting : bool
        Whether there are the two counts.

    Members
    -------
    saturated, waits : In(1)
        To be counted in this cycle; only with ``counting``.
    flags : In(len(Flag))
        Bit n: hw.interface.Flag n; given as they are when they leave.
    i, o : In(stream.Signature(COUNT)), Out(stream.Signature(COUNT))
        Counts of the accelerator, and those with the others.
    """

    def __init__(self, *, counting: bool):
        self._counting = counting
        super().__init__({
            "i": In(stream.Signature(COUNT)), "o": Out(stream.Signature(COUNT)),
            "flags": In(len(Flag)),
            **({"saturated": In(1), "waits": In(1)} if counting else {}),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        last  = self.i.p.last
        others = [self.flags]              # what leaves before the last count
        if self._counting:
            held, waited = Signal(COUNT_BITS), Signal(COUNT_BITS)
            others = [held, waited, self.flags]
            m.d.sync += [
                held.eq(held + self.saturated),
                waited.eq(waited + (self.waits & ~(self.i.valid & last))),
            ]
        given = Signal(range(len(others) + 1))
        over  = given == len(others)
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.p.last.eq(last & over),
            self.o.p.data.eq(self.i.p.data),
            self.i.ready.eq(self.o.ready & (~last | over)),
        ]
        for n, other in enumerate(others):
            with m.If(last & (given == n)):
                m.d.comb += self.o.p.data.eq(other)
        with m.If(self.o.valid & self.o.ready & last):
            m.d.sync += given.eq(given + 1)
            with m.If(over):
                m.d.sync += given.eq(0)
                if self._counting:
                    m.d.sync += [held.eq(0), waited.eq(0)]

        return m
