"""The way of a byte out of the framer: a register, the check, the stuffing."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.crc import CRC16
from boards.link.layouts import TOKEN
from boards.link.stuffing import Stuffer

__all__ = ["Sealer"]


class Sealer(wiring.Component):
    """Stuffs the bytes of frames and computes their check, which is sent by whoever sends the rest.

    A byte stays in the register for at least one cycle, so that one moves at most every 2 cycles.

    Members
    -------
    i : In(stream.Signature(TOKEN))
        Bytes of a frame, or its end. ``ready`` does not depend on ``o.ready`` of the same cycle.
    clear : In(1)
        A frame begins: nothing is in the check.
    check : Out(8)
        The higher byte of the check of all bytes of the frame before this one; when it has been
        sent, the lower byte stands there.
    o : Out(stream.Signature(8))
        Stuffed frames.
    """

    i: In(stream.Signature(TOKEN))
    clear: In(1)
    check: Out(8)
    o: Out(stream.Signature(8))

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.stuffer = stuffer = Stuffer()
        m.submodules.crc     = crc     = CRC16()
        held  = Signal.like(stuffer.i.p)       # cuts the way of a byte, and of ready, into two
        full  = Signal()
        fresh = Signal()                       # it has just been filled
        moves = self.i.valid & self.i.ready
        wiring.connect(m, stuffer.o, wiring.flipped(self.o))
        m.d.comb += [
            self.i.ready.eq(~full),
            stuffer.i.p.eq(held),
            stuffer.i.valid.eq(full),
            crc.data.eq(held.data),
            crc.en.eq(fresh),
            crc.clear.eq(self.clear),
            self.check.eq(crc.crc[8:]),
        ]
        m.d.sync += [fresh.eq(moves), full.eq(moves | (full & ~stuffer.i.ready))]
        with m.If(~full):                      # of no meaning where nothing moves
            m.d.sync += held.eq(self.i.p)

        return m
