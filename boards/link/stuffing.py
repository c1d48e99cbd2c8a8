"""Frames in a stream of bytes: octet stuffing as in HDLC-like framing (RFC 1662, section 4).

A FLAG ends a frame. A FLAG or ESCAPE inside a frame is sent as ESCAPE and the byte with bit 5
turned over.
"""

from typing import Any

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import TOKEN
from boards.protocol.codec import ESCAPE, FLAG, TURN

__all__ = ["Stuffer", "Unstuffer"]


class Unstuffer(wiring.Component):
    """Finds frames in bytes, a byte a cycle, without latency.

    Members
    -------
    i : In(stream.Signature(8, always_ready=True))
        Stuffed frames, each ended by FLAG. Never waits, since it has nothing to wait for.
    o : Out(stream.Signature({"data": 8, "end": 1, "error": 1}, always_ready=True))
        Bytes of a frame, and after them a word with ``end`` set whose ``data`` means nothing. There
        ``error`` tells that the sender has given the frame up, by FLAG behind ESCAPE.
    """

    i: In(stream.Signature(8, always_ready=True))
    o: Out(stream.Signature(data.StructLayout({"data": 8, "end": 1, "error": 1}),
                            always_ready=True))

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        escaped = Signal()
        escape  = ~escaped & (self.i.p == ESCAPE)
        m.d.comb += [
            self.o.p.end.eq(self.i.p == FLAG),
            self.o.p.error.eq(escaped),
            self.o.p.data.eq(self.i.p ^ Mux(escaped, TURN, 0)),
            self.o.valid.eq(self.i.valid & ~escape),
        ]
        with m.If(self.i.valid):
            m.d.sync += escaped.eq(escape)

        return m


class Stuffer(wiring.Component):
    """Makes frames into bytes, without latency; a stuffed byte takes two.

    Members
    -------
    i : In(stream.Signature({"data": 8, "end": 1}))
        Bytes of a frame, and after them a word with ``end`` set whose ``data`` means nothing.
    o : Out(stream.Signature(8))
        Stuffed frame and the FLAG that ends it.
    """

    i: In(stream.Signature(TOKEN))
    o: Out(stream.Signature(8))

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        escaped = Signal()
        byte    = self.i.p.data
        escape  = ~self.i.p.end & ~escaped & ((byte == FLAG) | (byte == ESCAPE))
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(Mux(self.i.p.end, FLAG,
                                  Mux(escape, ESCAPE, byte ^ Mux(escaped, TURN, 0)))),
            self.i.ready.eq(self.o.ready & ~escape),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaped.eq(escape)

        return m
