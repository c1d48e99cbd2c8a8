"""Bytes of flash as the words of streamed weights."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["WeightFeed"]


class WeightFeed(wiring.Component):
    """Two bytes of a FlashReader make a word, the lower one first, while an image wants some.

    Behind an image's last word the rest of its block is read too, since its check stands at the
    end. A reader that gives bytes at once gives a word in as many cycles as two bytes.

    Members
    -------
    wanted : In(1)
        More words are wanted, from the first one each time that it becomes 1.
    o : Out(stream.Signature(16))
        Words; taken back when no more are ``wanted``.
    read : Out(1)
        Of the FlashReader: whether it reads on.
    i : In(stream.Signature(8))
        Of the FlashReader: contents of blocks.
    ended, damaged : In(1)
        Of the FlashReader.
    checking : Out(1)
        Words of an image are under way, or the check behind them is.
    void : Out(1)
        The check of a block of the image that came last, or is coming, was wrong: for the whole of
        an image right once ``checking`` is 0 again.
    """

    wanted: In(1)
    o: Out(stream.Signature(16))
    read: Out(1)
    i: In(stream.Signature(8))
    ended: In(1)
    damaged: In(1)
    checking: Out(1)
    void: Out(1)

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        low, half = Signal(8), Signal()          # the lower byte is there
        m.d.comb += [
            self.o.payload.eq(Cat(low, self.i.payload)), self.checking.eq(1), self.read.eq(1)]
        with m.FSM():
            with m.State("Rest"):
                m.d.comb += [self.checking.eq(0), self.read.eq(0)]
                with m.If(self.wanted):
                    m.d.sync += [half.eq(0), self.void.eq(0)]
                    m.next = "Words"

            with m.State("Words"):
                m.d.comb += [
                    self.o.valid.eq(self.i.valid & half & self.wanted),
                    self.i.ready.eq(~half | self.o.ready),
                ]
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += [half.eq(~half), low.eq(self.i.payload)]
                with m.If(~self.wanted):
                    m.next = "Rest-Of-Block"

            with m.State("Rest-Of-Block"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.ended):
                    m.next = "Check"

            with m.State("Check"):
                m.next = "Rest"

        # Of this image: what the reader says of another one stays for a while.
        told = Signal()
        m.d.sync += told.eq(self.ended)
        with m.If(told & self.damaged):
            m.d.sync += self.void.eq(1)

        return m
