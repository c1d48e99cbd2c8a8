"""Loads the blocks of an image."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import REQUEST, VERDICT, pixel
from boards.protocol.codec import Error, blocks

__all__ = ["PixelLoader"]


class PixelLoader(wiring.Component):
    """The payload of PIXELS requests as pixels of the accelerator.

    A block is refused in this order: neither the next one nor block 0, a length that it never has.
    Pixels of more than 8 bits come in two bytes, the higher one first.

    Parameters
    ----------
    size : int
        Bytes of an image.
    pixel_bits : int

    Members
    -------
    begin : In(1)
        A request's payload comes, for one cycle.
    clear : In(1)
        The image is given up: block 0 is expected next.
    over : In(1)
        The host has gone on: a pixel that is not taken ends the request.
    i : In(stream.Signature(REQUEST))
        Payload of the request: its block's number, then bytes.
    stop : In(8)
        Bytes of the request, with its head, less one.
    o : Out(stream.Signature(pixel(pixel_bits)))
        Pixels, in order; ``first`` on pixel 0. Offered from a register, so that the way from here
        into the accelerator is its own.
    o_verdict : Out(stream.Signature(VERDICT, always_ready=True))
        Ends the request. Its payload is 0 in all other cycles.
    begun : Out(1)
        Some blocks of an image came, but not all.
    start : Out(1)
        The last pixel of an image is taken, for one cycle.
    """

    def __init__(self, *, size: int, pixel_bits: int):
        self._blocks, self._bits = blocks(size), pixel_bits
        super().__init__({
            "begin": In(1),
            "clear": In(1),
            "over": In(1),
            "i": In(stream.Signature(REQUEST)),
            "stop": In(8),
            "o": Out(stream.Signature(pixel(pixel_bits))),
            "o_verdict": Out(stream.Signature(VERDICT, always_ready=True)),
            "begun": Out(1),
            "start": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        byte    = self.i.p.data
        final   = len(self._blocks) - 1
        two     = self._bits > 8                        # bytes a pixel
        block   = Signal(range(len(self._blocks)))      # expected next
        fits    = Signal(2)                             # in length as the last block, as another
        follows, fitting = Signal(), Signal()           # what is found of a block
        first   = Signal()
        lower   = Signal() if two else C(1)             # the byte of a pixel that is next
        upper   = self.i.valid & ~lower                 # the higher byte of a pixel is here
        high    = Signal(8)
        closing = Signal()                              # the byte is the request's last
        taken   = Signal()
        moves   = Signal()                              # it was, in the cycle before
        m.d.comb += [
            self.begun.eq(block != 0),
            self.o.p.data.eq(Cat(byte, high)),
            self.o.p.first.eq(first),
            taken.eq(self.o.valid & self.o.ready),
        ]
        # The length is known long before the block's number, a byte for cycles before it moves.
        m.d.sync += [
            fits.eq(Cat(self.stop == 2 + self._blocks[-1], self.stop == 2 + self._blocks[0])),
            closing.eq(self.i.p.last),
            moves.eq(taken),
            self.o.valid.eq(0),
            self.start.eq(0),
        ]

        def end(error):
            m.d.comb += [self.o_verdict.valid.eq(1), self.o_verdict.p.error.eq(error)]
            m.next = "Idle"

        with m.FSM():
            with m.State("Idle"):
                with m.If(self.begin):
                    m.next = "Block"

            with m.State("Block"):
                m.d.comb += self.i.ready.eq(1)
                if two:
                    m.d.sync += lower.eq(0)
                m.d.sync += [
                    first.eq(byte == 0),
                    follows.eq((byte == block) | (byte == 0)),
                    fitting.eq(Mux(byte == final, fits[0], fits[1])),
                ]
                with m.If(self.i.valid):
                    m.next = "Order"

            with m.State("Order"):
                with m.If(~follows):
                    end(Error.ORDER)
                with m.Elif(~fitting):
                    end(Error.LENGTH)
                with m.Else():
                    m.next = "Pixels"
                    with m.If(first):
                        m.d.sync += block.eq(0)

            with m.State("Pixels"):
                m.d.comb += self.i.ready.eq(taken | upper)
                m.d.sync += self.o.valid.eq(self.i.valid & lower & ~taken & ~moves)
                with m.If(upper):
                    if two:
                        m.d.sync += [lower.eq(1), high.eq(byte)]
                with m.Elif(moves):
                    if two:
                        m.d.sync += lower.eq(0)
                    m.d.sync += first.eq(0)
                    with m.If(closing):
                        m.d.sync += self.start.eq(block == final)
                        m.d.sync += block.eq(Mux(block == final, 0, block + 1))
                        end(Error.NONE)
                with m.Elif(self.over):
                    m.d.sync += self.o.valid.eq(0)
                    end(Error.STALLED)

        with m.If(self.clear):
            m.d.sync += block.eq(0)

        return m
