"""Answers a request and knows which was the last one carried out."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import ANSWER, REQUEST, VERDICT
from boards.protocol.codec import Error

__all__ = ["Answerer"]


class Answerer(wiring.Component):
    """Goes back to a request's sequence number when there is a verdict, and answers with both.

    The number is that of the last request carried out if the verdict is Error.NONE; after IDENTIFY,
    which begins a session, none is.

    Members
    -------
    i : In(stream.Signature(REQUEST, always_ready=True))
        The byte at hand, which is only looked at.
    i_verdict : In(stream.Signature(VERDICT, always_ready=True))
        What ends the request.
    o : Out(stream.Signature(ANSWER))
        The answer; ``identity`` asks for the identity to be sent with it. Offered from a register.
    again : Out(1)
        The byte at hand is the sequence number of the last request carried out.
    rewind : Out(1)
        The next byte at hand shall be the request's first, for one cycle.
    done : Out(1)
        The answer was taken in the cycle before, for one cycle.
    """

    i: In(stream.Signature(REQUEST, always_ready=True))
    i_verdict: In(stream.Signature(VERDICT, always_ready=True))
    o: Out(stream.Signature(ANSWER))
    again: Out(1)
    rewind: Out(1)
    done: Out(1)

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        byte    = self.i.p.data
        verdict = Signal(VERDICT)
        seq     = Signal(8)          # of the last request carried out
        known   = Signal()           # that there is one in this session
        taken   = Signal()
        moves   = Signal()           # it was, in the cycle before
        m.d.comb += [
            self.again.eq(known & (byte == seq)),
            self.o.p.seq.eq(byte),
            self.o.p.error.eq(verdict.error),
            self.o.p.identity.eq(verdict.identity),
            taken.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += [moves.eq(taken), self.o.valid.eq(0)]

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += verdict.eq(self.i_verdict.p)
                with m.If(self.i_verdict.valid):
                    m.next = "Rewind"

            with m.State("Rewind"):
                m.d.comb += self.rewind.eq(1)
                m.next = "Answer"

            with m.State("Answer"):
                m.d.sync += self.o.valid.eq(self.i.valid & ~taken & ~moves)
                with m.If(verdict.error == Error.NONE):
                    m.d.sync += [seq.eq(byte), known.eq(~verdict.identity)]
                with m.If(moves):
                    m.d.comb += self.done.eq(1)
                    m.next = "Idle"

        return m
