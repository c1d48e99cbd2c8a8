"""Weight memory: one row a cycle, one weight a lane."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.memory.spram import SPRAM
from hw.plan.buffers import WORD

__all__ = ["Weights"]


class Weights(wiring.Component):
    """``rows`` rows of ``row_words`` 16-bit words, in as many SPRAMs side by side.

    A row appears one cycle after its address and stays until the next read. Written word by word,
    word ``index`` being word ``index % row_words`` of row ``index // row_words``; a write wins over
    a read.

    Parameters
    ----------
    rows, row_words : int

    Members
    -------
    addr, en, row : In, In(1), Out(16 * row_words)
        Read port.
    w_index, w_en, w_data : In(16), In(1), In(16)
        Write port.
    w_read : In(1)
        Read the row of word ``w_index``, whatever ``addr`` and ``en`` are.
    """

    def __init__(self, *, rows, row_words):
        if row_words & (row_words - 1):
            raise ValueError(f"row_words must be a power of two, not {row_words}")
        self.rows, self.row_words = rows, row_words
        super().__init__({
            "addr": In(max(1, (rows - 1).bit_length())), "en": In(1),
            "row": Out(WORD * row_words),
            "w_index": In(16), "w_en": In(1), "w_data": In(WORD), "w_read": In(1),
        })

    def elaborate(self, platform):
        m = Module()

        select = (self.row_words - 1).bit_length()
        for n in range(self.row_words):
            bank = SPRAM(depth=self.rows)
            m.submodules[f"bank{n}"] = bank
            m.d.comb += [
                bank.addr.eq(Mux(self.w_en | self.w_read, self.w_index >> select, self.addr)),
                bank.r_en.eq(self.en | self.w_read),
                bank.w_en.eq(self.w_en & (self.w_index[:select] == n if select else 1)),
                bank.w_data.eq(self.w_data),
                self.row.word_select(n, WORD).eq(bank.r_data),
            ]

        return m
