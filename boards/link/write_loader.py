"""Carries writes to the accelerator and to the label."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import CONFIG, LABEL, REQUEST, VERDICT
from boards.protocol.codec import Error
from hw.interface import SPACE_BITS
from hw.memory.signature import SIGN

__all__ = ["WriteLoader"]


class WriteLoader(wiring.Component):
    """The payload of a write: an index, then words for that index and those after it.

    A write is refused in this order: amid an image, an odd number of bytes. After a write to the
    label the weight memory is signed, a word in two cycles, and the signature is stored beside the
    label, before the request ends.

    Parameters
    ----------
    words : int
        Of the weight memory.

    Members
    -------
    begin : In(1)
        A request's payload comes, for one cycle.
    space, label : In(SPACE_BITS), In(1)
        Where it goes: the accelerator's ``space``, or the label.
    amid : In(1)
        Some blocks of an image came, but not all.
    over : In(1)
        The host has gone on: a word that is not taken ends the request.
    i : In(stream.Signature(REQUEST))
        Payload of the request.
    stop : In(8)
        Bytes of the request, with its head, less one.
    o_config : Out(stream.Signature(CONFIG))
        Writes to the accelerator. Offered from a register, so that the way from here into the
        accelerator is its own.
    sign, signed : Out(SIGN), In(8)
        Of the accelerator, as hw.accelerator has them: the word ``o_config.p.index`` is read.
    o_label : Out(stream.Signature(LABEL, always_ready=True))
        Writes to the label, a memory, which always takes them; or to the signature beside it,
        where only the low two bits of ``index`` count.
    o_verdict : Out(stream.Signature(VERDICT, always_ready=True))
        Ends the request. Its payload is 0 in all other cycles.
    """

    def __init__(self, *, words: int):
        if not 1 <= words <= 2**16:
            raise ValueError(f"words must be 1 to 65536, not {words}")
        self._words = words
        super().__init__({
            "begin": In(1),
            "space": In(SPACE_BITS),
            "label": In(1),
            "amid": In(1),
            "over": In(1),
            "i": In(stream.Signature(REQUEST)),
            "stop": In(8),
            "o_config": Out(stream.Signature(CONFIG)),
            "sign": Out(SIGN),
            "signed": In(8),
            "o_label": Out(stream.Signature(LABEL, always_ready=True)),
            "o_verdict": Out(stream.Signature(VERDICT, always_ready=True)),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        byte    = self.i.p.data
        index   = Signal(16)
        further = Signal(16)
        high    = Signal(8)                    # of the word
        closing = Signal()                     # the byte is the request's last
        label   = Signal()                     # a byte of it is offered
        taken   = Signal()
        moves   = Signal()                     # it was, in the cycle before
        half    = Signal()                     # the word that is signed was folded in once
        m.d.comb += [
            further.eq(index + 1),
            self.o_config.p.data.eq(Cat(byte, high)),
            self.o_config.p.index.eq(index),
            self.o_config.p.space.eq(self.space),
            self.o_label.p.data.eq(Mux(self.sign.turn, self.signed, byte)),
            self.o_label.p.index.eq(index),
            self.o_label.p.signature.eq(self.sign.turn),
            self.o_label.valid.eq(label | self.sign.turn),
            taken.eq(label | (self.o_config.valid & self.o_config.ready)),
        ]
        # A byte is there for cycles before it moves.
        m.d.sync += [closing.eq(self.i.p.last), moves.eq(taken), self.o_config.valid.eq(0),
                     label.eq(0)]

        def end(error):
            m.d.comb += [self.o_verdict.valid.eq(1), self.o_verdict.p.error.eq(error)]
            m.next = "Idle"

        def written():
            with m.If(self.label):
                m.d.sync += index.eq(0)
                m.next = "Sign"
            with m.Else():
                end(Error.NONE)

        with m.FSM():
            with m.State("Idle"):
                with m.If(self.begin):
                    m.next = "Index-High"

            with m.State("Index-High"):
                m.d.comb += [self.i.ready.eq(1), self.sign.clear.eq(1)]
                m.d.sync += index[8:].eq(byte)
                with m.If(self.i.valid):
                    m.next = "Allow"

            with m.State("Allow"):
                with m.If(self.amid):
                    end(Error.ORDER)
                with m.Elif(~self.stop[0]):
                    end(Error.LENGTH)
                with m.Else():
                    m.next = "Index-Low"

            with m.State("Index-Low"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += index[:8].eq(byte)
                with m.If(self.i.valid):
                    m.next = "High"
                    with m.If(self.i.p.last):
                        written()

            with m.State("High"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += high.eq(byte)
                with m.If(self.i.valid):
                    m.next = "Low"

            with m.State("Low"):
                m.d.comb += self.i.ready.eq(taken)
                free = self.i.valid & ~taken & ~moves
                m.d.sync += [self.o_config.valid.eq(free & ~self.label),
                             label.eq(free & self.label)]
                with m.If(moves):
                    m.d.sync += index.eq(further)
                    m.next = "High"
                    with m.If(closing):
                        written()
                with m.Elif(self.over):
                    m.d.sync += [self.o_config.valid.eq(0), label.eq(0)]
                    end(Error.STALLED)

            with m.State("Sign"):
                m.d.comb += self.sign.read.eq(1)
                m.d.sync += half.eq(~half)
                with m.If(half):
                    m.d.sync += index.eq(further)
                    with m.If(index == self._words - 1):
                        m.d.sync += index.eq(0)
                        m.next = "Store-Signature"

            # The last four of eight bytes stay.
            with m.State("Store-Signature"):
                m.d.comb += self.sign.turn.eq(1)
                m.d.sync += index.eq(further)
                with m.If(index[:3] == 7):
                    end(Error.NONE)

        return m
