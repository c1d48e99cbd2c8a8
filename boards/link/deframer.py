"""Whole, undamaged frames out of whatever arrives."""

from typing import Any

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.crc import CRC16
from boards.link.stuffing import Unstuffer

__all__ = ["Deframer"]


class Deframer(wiring.Component):
    """Keeps the frames of 4 to 255 bytes whose CRC is right; everything else leaves no trace.

    A frame is handed on after its last byte, while the next one is written into the other half of
    one block memory. If the reader has not finished with a frame when the next one is complete,
    that next one is lost: the sender, getting no answer, repeats it. Any bytes in any order leave
    it ready for a frame that follows a FLAG.

    Members
    -------
    i : In(stream.Signature(8, always_ready=True))
        Bytes from the wire: stuffed frames, at most one every 2 cycles. Never waits: a byte is
        stored at once.
    o : Out(stream.Signature({"data": 8, "last": 1}))
        Bytes of a frame without its CRC, one every 4 cycles.
    stop : Out(8)
        Number of those bytes less one, while the frame is read.
    rewind : In(1)
        Go on with the first byte of this frame.
    done : In(1)
        The reader has finished with this frame, read to the end or not.
    overtaken : Out(1)
        A whole frame has come and been lost, and in all its time ``o`` did not move.
    """

    i: In(stream.Signature(8, always_ready=True))
    o: Out(stream.Signature(data.StructLayout({"data": 8, "last": 1})))
    stop: Out(8)
    rewind: In(1)
    done: In(1)
    overtaken: Out(1)

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.unstuff = unstuff = Unstuffer()
        m.submodules.crc     = crc     = CRC16()
        # Written and read in different halves.
        m.submodules.frames  = frames  = memory.Memory(
            shape=8, depth=512, init=[], attrs={"no_rw_check": True})
        write, read = frames.write_port(), frames.read_port()
        wiring.connect(m, wiring.flipped(self.i), unstuff.i)

        # Registered, as are the comparisons below: each has a cycle of its own.
        token   = Signal.like(unstuff.o.p)
        arrives = Signal()
        half    = Signal()        # that is written; the other one is read
        place   = Signal(8)
        enough, long = Signal(), Signal()      # bytes of this frame
        right   = Signal()        # the CRC of what came before this byte
        full    = Signal()        # a frame is there to be read
        at      = Signal(8)
        still   = Signal()        # o has not moved since the present frame began
        settled = Signal()        # the byte read is the one at ``at``
        good    = right & ~token.error & ~long & enough
        end     = arrives & token.end
        moves   = self.o.valid & self.o.ready
        moved   = Signal()
        back    = Signal()        # to the first byte
        stays   = full & ~moves & ~moved & ~self.rewind & ~self.done & ~back
        m.d.sync += [
            token.eq(unstuff.o.p),
            arrives.eq(unstuff.o.valid),
            right.eq(crc.crc == 0),
            moved.eq(moves),
            back.eq(self.rewind | self.done),
            settled.eq(stays),
            self.o.valid.eq(settled & stays),
            self.o.p.data.eq(read.data),
            self.o.p.last.eq(at == self.stop),
            self.overtaken.eq(end & good & full & still),
        ]
        m.d.comb += [
            write.addr.eq(Cat(place, half)),
            write.data.eq(token.data),
            write.en.eq(arrives),
            crc.data.eq(token.data),
            crc.en.eq(arrives),
            crc.clear.eq(end),
            read.addr.eq(Cat(at, ~half)),
        ]

        with m.If(arrives):
            m.d.sync += place.eq(place + 1)
            with m.If(place == 0):
                m.d.sync += still.eq(1)
            with m.If(place == 3):
                m.d.sync += enough.eq(1)
            with m.If(place.all()):
                m.d.sync += long.eq(1)
        with m.If(moved):
            m.d.sync += at.eq(at + 1)
            m.d.sync += still.eq(0)
        with m.If(back):
            m.d.sync += at.eq(0)
        with m.If(self.done):
            m.d.sync += full.eq(0)
        with m.If(end):
            m.d.sync += [place.eq(0), enough.eq(0), long.eq(0)]
            with m.If(good & ~full):
                m.d.sync += [full.eq(1), half.eq(~half), self.stop.eq(place - 3)]

        return m
