"""Signs what is in the weight memory."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.plan.buffers import WORD

__all__ = ["SIGN", "Signature"]

SIGN = data.StructLayout({"clear": 1, "read": 1, "turn": 1})


class Signature(wiring.Component):
    """A register into which words are folded, one a cycle: s <- x**8 s + word (hw.plan.packing).

    Over GF(2) modulo x**32 + x**22 + x**2 + x + 1, which is primitive. Each word folded in twice,
    s is (x**8 + 1) sum(word n * x**(16 (words - 1 - n))): a CRC of the words, so that wrong bits
    within two neighbours, or two words that changed places, change it wherever they lie.

    Parameters
    ----------
    row_words : int
        Words of a row.

    Members
    -------
    sign : In({"clear": 1, "read": 1, "turn": 1})
        ``clear`` sets s to 0. ``read`` asks for word ``index`` of the memory, which is folded in
        the cycle after; ``turn`` folds the word that is there once more.
    index : In(range(row_words))
        Of the word within its row.
    row : In(16 * row_words)
        As hw.memory.weight_store gives it.
    o : Out(8)
        The top byte of s.
    """

    def __init__(self, *, row_words):
        self.row_words = row_words
        super().__init__({
            "sign": In(SIGN), "index": In(range(row_words)), "row": In(WORD * row_words),
            "o": Out(8),
        })

    def elaborate(self, platform):
        m = Module()

        s, folds, place = Signal(32), Signal(), Signal.like(self.index)
        top = s[24:]
        m.d.comb += self.o.eq(top)
        m.d.sync += folds.eq(self.sign.read)
        with m.If(self.sign.read):
            m.d.sync += place.eq(self.index)
        with m.If(folds | self.sign.turn):
            m.d.sync += s.eq((s << 8) ^ (top << 22) ^ (top << 2) ^ (top << 1) ^ top
                             ^ self.row.word_select(place, WORD))
        with m.If(self.sign.clear):
            m.d.sync += s.eq(0)

        return m
