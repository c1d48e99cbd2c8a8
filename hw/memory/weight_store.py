"""Where weights come from: one row a cycle, one weight a lane.

What every kind of store shows to the accelerator is ``weight_store``. A class says by WAITS whether
the sequencer must wait for ``ready``; for one that has all rows at all times, that costs nothing.
"""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.memory.spram import SPRAM
from hw.plan.buffers import WORD

__all__ = ["Weights", "weight_store"]


def weight_store(*, rows: int, row_words: int, passes: int) -> dict:
    """Members of a store of ``rows`` rows of ``row_words`` 16-bit words, read by ``passes`` passes.

    A row appears one cycle after its address and stays until the next read. Written word by word,
    word ``index`` being word ``index % row_words`` of row ``index // row_words``; a write wins over
    a read.

    Returns
    -------
    dict of members
        number : In(range(passes))
            The pass that reads, or with ``prefetch`` is about to.
        prefetch : In(1)
            The rows of pass ``number`` are asked for: those of all its groups, and none of another
            pass until the next ``prefetch``.
        ready : Out(1)
            The rows asked for last are there; right from a cycle after ``prefetch``. Looked at if
            the class WAITS.
        addr, en, row : In, In(1), Out(16 * row_words)
            Read port.
        w_index, w_en, w_data : In(16), In(1), In(16)
            Write port.
        w_read : In(1)
            Read the row of word ``w_index``, whatever ``addr`` and ``en`` are.
    """
    return {
        "number": In(range(passes)), "prefetch": In(1), "ready": Out(1),
        "addr": In(max(1, (rows - 1).bit_length())), "en": In(1),
        "row": Out(WORD * row_words),
        "w_index": In(16), "w_en": In(1), "w_data": In(WORD), "w_read": In(1),
    }


class Weights(wiring.Component):
    """All rows in as many SPRAMs side by side as a row has words: always ready.

    Parameters
    ----------
    rows, row_words, passes : int

    Members
    -------
    Those of ``weight_store``.
    """

    WAITS = False

    def __init__(self, *, rows, row_words, passes=1):
        if row_words & (row_words - 1):
            raise ValueError(f"row_words must be a power of two, not {row_words}")
        self.rows, self.row_words = rows, row_words
        super().__init__(weight_store(rows=rows, row_words=row_words, passes=passes))

    def elaborate(self, platform):
        m = Module()

        m.d.comb += self.ready.eq(1)
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
