"""Notices when the weight memory no longer holds what was written."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.plan.buffers import WORD

__all__ = ["Scrub"]

POLYNOMIAL = 0x1021  # of the signature, as of the frames' CRC


class Scrub(wiring.Component):
    """Reads all rows over and over while nobody else does; each round must give one signature.

    A row is folded to 16 bits, each word turned by its number, into a shift register of polynomial
    0x1021: s <- x s + row. Any single wrong bit, and any wrong bits within one word, change the
    signature of a round. The first whole round after the last write is the reference, so that what
    changes before its end, ``rows`` free cycles after the write, is not noticed. A round that is
    interrupted goes on where it was.

    Parameters
    ----------
    rows, row_words : int

    Members
    -------
    free : In(1)
        The read port is not used otherwise in this cycle.
    written : In(1)
        The memory is written in this cycle; nothing is read, and the next round is the reference.
    addr, en, row : Out, Out(1), In(16 * row_words)
        Read port, one cycle of latency.
    corrupt : Out(1)
        A round has differed from the reference since the last write.
    """

    def __init__(self, *, rows, row_words):
        if rows < 1:
            raise ValueError(f"rows must be at least 1, not {rows}")
        self.rows, self.row_words = rows, row_words
        super().__init__({
            "free": In(1), "written": In(1),
            "addr": Out(max(1, (rows - 1).bit_length())), "en": Out(1),
            "row": In(WORD * row_words), "corrupt": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        read, read_last = Signal(), Signal()                 # a row is at the port
        signature, reference, known = Signal(WORD), Signal(WORD), Signal()
        last   = self.addr == self.rows - 1
        folded = C(0, WORD)
        for n in range(self.row_words):
            folded = folded ^ self.row.word_select(n, WORD).rotate_left(n)
        after = (signature << 1)[:WORD] ^ Mux(signature[-1], POLYNOMIAL, 0) ^ folded
        m.d.comb += self.en.eq(self.free & ~self.written)
        m.d.sync += [read.eq(self.en), read_last.eq(last)]
        with m.If(self.en):
            m.d.sync += self.addr.eq(Mux(last, 0, self.addr + 1))
        with m.If(read):
            m.d.sync += signature.eq(Mux(read_last, 0, after))
            with m.If(read_last):
                m.d.sync += known.eq(1)
                with m.If(~known):
                    m.d.sync += reference.eq(after)
                with m.Elif(after != reference):
                    m.d.sync += self.corrupt.eq(1)
        with m.If(self.written):
            m.d.sync += [self.addr.eq(0), signature.eq(0), known.eq(0), self.corrupt.eq(0),
                         read.eq(0)]

        return m
