"""Reads the head of a request and decides what happens with it."""

from typing import Any

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import REQUEST, VERDICT
from boards.protocol.codec import OLD_WRITES, Error, Kind
from hw.interface import SPACE_BITS

__all__ = ["RequestParser"]


class RequestParser(wiring.Component):
    """Takes sequence number and kind, and hands the rest of a request to whom it is for.

    A request is refused in this order: no such kind, or one of an older version, a length that a
    kind without payload never has, busy, no payload where the kind has one. A request that was
    carried out before is not handed on. The decision follows two cycles after the kind.

    Parameters
    ----------
    experiments : bool
        Whether EXPERIMENT is known.

    Members
    -------
    i : In(stream.Signature(REQUEST))
        The request from its first byte on; two bytes are taken.
    again : In(1)
        The byte at hand is the sequence number of the last request carried out.
    busy : In(1)
        An image is running.
    overtaken : In(1)
        The host has gone on, whatever becomes of the request.
    finished : In(1)
        The request is answered: the next one begins.
    o_verdict : Out(stream.Signature(VERDICT, always_ready=True))
        Ends a request that is handed to nobody. Its payload is 0 while another has the request.
    pixels, write : Out(1)
        The request is from now on that of the pixels, or of the writes, for one cycle.
    space, label : Out(SPACE_BITS), Out(1)
        Where a write goes: the accelerator's ``space``, or the label. Steady during a request.
    over : Out(1)
        ``overtaken`` was 1 during the request.
    reset : Out(1)
        The request is a RESET, for one cycle.
    """

    def __init__(self, *, experiments: bool = False):
        self._writes = [Kind.WEIGHTS, Kind.REGISTERS, Kind.LABEL]
        self._writes += [Kind.EXPERIMENT] if experiments else []
        super().__init__({
            "i": In(stream.Signature(REQUEST)),
            "again": In(1),
            "busy": In(1),
            "overtaken": In(1),
            "finished": In(1),
            "o_verdict": Out(stream.Signature(VERDICT, always_ready=True)),
            "pixels": Out(1),
            "write": Out(1),
            "space": Out(SPACE_BITS),
            "label": Out(1),
            "over": Out(1),
            "reset": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        kind  = self.i.p.data
        table = kind[3:] == Kind.TABLE >> 3         # that of any explanation
        old   = kind[2:] == OLD_WRITES.start >> 2
        asks  = Signal(data.StructLayout({"identify": 1, "reset": 1, "pixels": 1, "write": 1,
                                         "old": 1}))
        bare  = asks.identify | asks.reset      # kinds without payload
        long  = asks.pixels | asks.write        # kinds with one
        ends  = Signal()                        # the request has but a kind
        again = Signal()
        goes  = Signal()                        # it is handed on
        error = Signal(range(max(Error) + 1))
        m.d.comb += [
            self.o_verdict.p.error.eq(error),
            self.o_verdict.p.identity.eq(asks.identify & ends),
        ]
        m.d.sync += self.reset.eq(0)
        with m.If(self.overtaken):
            m.d.sync += self.over.eq(1)

        with m.FSM():
            with m.State("Seq"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [again.eq(self.again), self.over.eq(0)]
                with m.If(self.i.valid):
                    m.next = "Kind"

            with m.State("Kind"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [self.space.eq(kind), self.label.eq(~kind[4]), ends.eq(self.i.p.last)]
                m.d.sync += asks.eq(Cat(
                    kind == Kind.IDENTIFY, kind == Kind.RESET, kind == Kind.PIXELS,
                    Cat(table, *(kind == write for write in self._writes)).any(), old))
                with m.If(self.i.valid):
                    m.next = "Check"

            # A kind is compared in one cycle, what follows from it is decided in the next.
            with m.State("Check"):
                m.d.sync += [error.eq(Error.NONE), goes.eq(0)]
                m.d.sync += self.reset.eq(asks.reset & ends & ~again)
                with m.If(~bare & ~long):
                    m.d.sync += error.eq(Mux(asks.old, Error.VERSION, Error.KIND))
                with m.Elif(bare):
                    with m.If(~ends):
                        m.d.sync += error.eq(Error.LENGTH)
                with m.Elif(~again):
                    with m.If(self.busy):
                        m.d.sync += error.eq(Error.BUSY)
                    with m.Elif(ends):
                        m.d.sync += error.eq(Error.LENGTH)
                    with m.Else():
                        m.d.sync += goes.eq(1)
                m.next = "Decide"

            with m.State("Decide"):
                m.d.comb += [
                    self.pixels.eq(goes & asks.pixels),
                    self.write.eq(goes & asks.write),
                    self.o_verdict.valid.eq(~goes),
                ]
                m.next = "Wait"

            with m.State("Wait"):
                with m.If(self.finished):
                    m.next = "Seq"

        return m
