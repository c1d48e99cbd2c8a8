"""Performance counters, sent ahead of the cycles of an image."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import COUNT
from hw.interface import COUNT_BITS

__all__ = ["Counters"]


class Counters(wiring.Component):
    """Puts two counts of an image before its last one.

    First the map values held at the top of their format, none where it holds every sum; then the
    cycles in which a result was offered and not taken: the wire's share of the time, as far as the
    chip had to wait for it.

    Members
    -------
    saturated, waits : In(1)
        To be counted in this cycle.
    i, o : In(stream.Signature(COUNT)), Out(stream.Signature(COUNT))
        Counts of the accelerator, and those with the two.
    """

    i: In(stream.Signature(COUNT))
    o: Out(stream.Signature(COUNT))
    saturated: In(1)
    waits: In(1)

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        given = Signal(range(3))           # counters sent before the last count
        held, waited = Signal(COUNT_BITS), Signal(COUNT_BITS)
        last  = self.i.p.last
        ends  = self.o.valid & self.o.ready & last
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.p.last.eq(last & (given == 2)),
            self.o.p.data.eq(Mux(last & (given == 0), held, Mux(last & (given == 1), waited,
                                                               self.i.p.data))),
            self.i.ready.eq(self.o.ready & (~last | (given == 2))),
        ]
        m.d.sync += [
            held.eq(held + self.saturated),
            waited.eq(waited + (self.waits & ~(self.i.valid & last))),
        ]
        with m.If(ends):
            m.d.sync += given.eq(given + 1)
            with m.If(given == 2):
                m.d.sync += [given.eq(0), held.eq(0), waited.eq(0)]

        return m
