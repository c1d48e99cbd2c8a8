"""Weights that pass by: resident rows, and two banks of which one is read and one is filled."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.memory.spram import DEPTH, SPRAM
from hw.memory.weight_store import weight_store
from hw.plan.buffers import WORD
from hw.plan.streaming import Blocks

__all__ = ["StreamedWeights"]


class StreamedWeights(wiring.Component):
    """Rows that stay, and below the two banks blocks of rows that come as a stream of words.

    An image takes all ``blocks`` in their order, each into the bank that the one before it did not
    take, as soon as that is free; a block is read only when it is full. A block takes as many
    cycles as it has words and 2 more, where the stream always has one and no read is in the way: a
    word waits while a row is read from the SPRAM that it goes to. Rows lie in as many SPRAMs side
    by side as a row has words, and in as many one behind the other as they need.

    A row appears one cycle after its address and stays for that cycle.

    Parameters
    ----------
    rows, row_words, passes : int
    banks : pair of int
        First row of each.
    blocks : sequence of hw.plan.streaming.Blocks
        Of each streamed pass, in their order.
    depth : int
        Rows of an SPRAM, a power of two.

    Members
    -------
    Those of ``weight_store``, written while no image is under way; and
    image : In(1)
        An image is under way. While it is 0, nothing is read or filled, and no block is there.
    i : In(stream.Signature(16))
        Words of an image's blocks, the words of a row one behind the other.
    read : Out(1)
        More words of the image are wanted. They begin anew each time it becomes 1.
    full, bank : Out(1)
        The block that is walked next is there; where it is, or will be.
    onward : In(1)
        The walks go on to the block behind it; right from a cycle later are ``full`` and ``bank``.
    free : In(1)
        Of the oldest block that is there, no row is read any more.
    """

    WAITS = False      # blocks are waited for one by one (hw.engine.address_generator)

    def __init__(self, *, rows: int, row_words: int, banks: tuple[int, int],
                 blocks: Sequence[Blocks], passes: int = 1, depth: int = DEPTH):
        if row_words & (row_words - 1):
            raise ValueError(f"row_words must be a power of two, not {row_words}")
        most = max(each.lead + each.rows for each in blocks)
        if banks[1] < banks[0] + most or rows < banks[1] + most:
            raise ValueError(f"banks must hold {most} rows each, and begin at {banks} of {rows}")
        self.rows, self.row_words, self.banks, self.blocks = rows, row_words, banks, tuple(blocks)
        self.depth = depth
        super().__init__({
            **weight_store(rows=rows, row_words=row_words, passes=passes),
            "image": In(1), "i": In(stream.Signature(WORD)), "read": Out(1),
            "full": Out(1), "bank": Out(1), "onward": In(1), "free": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        blocks, select = self.blocks, (self.row_words - 1).bit_length()

        # --- which block is filled, walked, free --------------------------------------------------
        filled, walked, freed = (Signal(2, name=name) for name in ("filled", "walked", "freed"))
        number = Signal(range(len(blocks)))                  # streamed pass
        block  = Signal(range(max(each.count for each in blocks)))
        row    = Signal(range(self.rows), reset_less=True)
        left   = Signal(range(max(each.lead + each.rows for each in blocks)), reset_less=True)
        part   = Signal(range(self.row_words))               # word of the row
        takes, reading = Signal(), Signal()                  # reading: where the word goes
        fixed = lambda values: pass_register(m, number, list(values))
        ended = part == self.row_words - 1
        first, last = block == 0, block == fixed(each.count - 1 for each in blocks)
        rows  = fixed(each.rows - 1 for each in blocks)
        whole = fixed(each.lead + each.rows - 1 for each in blocks)
        begin = lambda more: [C(at + more, row.shape()) for at in self.banks]
        lead, = {each.lead for each in blocks}
        m.d.comb += [
            self.ready.eq(1), self.full.eq(filled != walked), self.bank.eq(walked[0]),
            takes.eq(self.i.ready & self.i.valid),
        ]
        with m.If(self.onward):
            m.d.sync += walked.eq(walked + 1)
        with m.If(self.free):
            m.d.sync += freed.eq(freed + 1)

        with m.FSM():
            with m.State("Settle"):                          # constants of the pass follow it
                m.d.comb += self.read.eq(self.image)
                with m.If(self.image):
                    m.next = "Begin"

            with m.State("Begin"):
                m.d.comb += self.read.eq(self.image)
                m.d.sync += [
                    row.eq(Mux(first, Mux(filled[0], *reversed(begin(0))),
                               Mux(filled[0], *reversed(begin(lead))))),
                    left.eq(Mux(first, whole, rows)),
                ]
                with m.If((filled - freed)[:2] != 2):
                    m.next = "Fill"
                with m.If(~self.image):
                    m.next = "Settle"

            with m.State("Fill"):
                m.d.comb += [self.read.eq(self.image), self.i.ready.eq(~reading & self.image)]
                with m.If(takes):
                    m.d.sync += part.eq(Mux(ended, 0, part + 1))
                with m.If(takes & ended):
                    m.d.sync += [row.eq(row + 1), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.d.sync += [filled.eq(filled + 1), block.eq(Mux(last, 0, block + 1)),
                                     number.eq(number + last)]
                        m.next = "Settle"
                        with m.If(last & (number == len(blocks) - 1)):
                            m.next = "End"
                with m.If(~self.image):
                    m.next = "Settle"

            with m.State("End"):
                with m.If(~self.image):
                    m.next = "Settle"

        with m.If(~self.image):
            m.d.sync += [filled.eq(0), walked.eq(0), freed.eq(0), number.eq(0), block.eq(0),
                         part.eq(0)]

        # --- rows ---------------------------------------------------------------------------------
        deep   = -(-self.rows // self.depth)
        within = (self.depth - 1).bit_length()
        at     = lambda place, n: (place[within:] == n) if deep > 1 else C(1)
        index  = self.w_index >> select
        shown  = Signal(range(deep), reset_less=True)
        there  = []                                          # rows that each depth shows
        m.d.comb += reading.eq(Cat(self.en & at(self.addr, n) & at(row, n)
                                   for n in range(deep)).any())
        with m.If(self.w_read):
            m.d.sync += shown.eq(index[within:])
        with m.Elif(self.en):
            m.d.sync += shown.eq(self.addr[within:])
        for n in range(deep):
            mine = self.en & at(self.addr, n)
            there.append(Signal(self.row.shape(), name=f"there{n}"))
            for word in range(self.row_words):
                part_of = lambda place, word=word: (place[:select] == word) if select else C(1)
                spram = SPRAM(depth=min(self.depth, self.rows))
                m.submodules[f"rows{n}_{word}"] = spram
                m.d.comb += [
                    spram.addr.eq(Mux(self.w_en | self.w_read, index[:within],
                                      Mux(mine, self.addr[:within], row[:within]))),
                    spram.r_en.eq(mine | (self.w_read & at(index, n))),
                    spram.w_en.eq(Mux(self.w_en, at(index, n) & part_of(self.w_index),
                                      takes & at(row, n) & part_of(part))),
                    spram.w_data.eq(Mux(self.w_en, self.w_data, self.i.payload)),
                    there[-1].word_select(word, WORD).eq(spram.r_data),
                ]
        m.d.comb += self.row.eq(Array(there)[shown])

        return m
