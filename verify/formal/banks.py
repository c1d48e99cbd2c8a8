"""Banks of streamed weights: no row is written that may be read, and each read finds its block."""

from unittest import mock

from amaranth import *
from amaranth.hdl import Assert, Assume, Cover, Fragment

from hw.memory import weight_stream
from hw.memory.spram import SPRAM
from hw.plan.streaming import Blocks
from verify.formal.prove import Proof
from verify.formal.rules import Past, inputs, obey

BLOCKS = (Blocks(2, 1, 1), Blocks(1, 1, 1))    # of two passes: 2, 1 and 2 rows come


def expected(row_words):
    """(block, first of its rows within the bank, words that came up to its end) of an image."""
    found, words = [], 0
    for each in BLOCKS:
        for n in range(each.count):
            lead = 0 if n else each.lead
            words += row_words * (lead + each.rows)
            found.append((len(found), each.lead - lead, words))
    return found


class Ports(SPRAM):
    """An SPRAM that shows anything at any time: only what it is asked for counts here."""

    def elaborate(self, platform):
        return Module()


def banked(rows, row_words, banks, depth):
    """``make`` of one store. Its reader keeps the contract: it goes on from blocks that are there,
    frees those that it went on from, and reads rows of blocks that it has not freed.
    """
    def make(m):
        made = []

        def port(**options):
            made.append(Ports(**options))
            return made[-1]
        unit = weight_stream.StreamedWeights(rows=rows, row_words=row_words, banks=banks,
                                             blocks=BLOCKS, depth=depth)
        with mock.patch.dict(type(unit).__init__.__globals__, SPRAM=port):
            m.submodules.dut = Fragment.get(unit, None)
        assert made, "the store has no SPRAM to look at"
        past = Past(m)
        obey(m, past, unit)
        order = expected(row_words)
        most = order[-1][2]

        # Of an image: words that came, blocks that the reader went on from, and freed.
        came, gone, freed = Signal(range(most + 2)), Signal(range(5)), Signal(range(5))
        there = Signal(range(5))
        takes = unit.i.valid & unit.i.ready
        m.d.comb += there.eq(sum(came >= words for _, _, words in order))
        with m.If(~unit.image):
            m.d.sync += [came.eq(0), gone.eq(0), freed.eq(0)]
        with m.Else():
            m.d.sync += [came.eq(came + takes), gone.eq(gone + unit.onward),
                         freed.eq(freed + unit.free)]
        behind = [unit.addr >= banks[1], freed[0]]       # which bank is read; the oldest block's
        m.d.comb += [
            Assume(~unit.onward | (unit.image & unit.full)),
            Assume(~unit.free | (unit.image & (freed < gone))),
            Assume(unit.image | ~unit.en), Assume(~(unit.image & (unit.w_en | unit.w_read))),
            Assume(unit.w_index < banks[0] * row_words), Assume(unit.addr < rows),
            # Nobody reads a block that is not there, or that was freed.
            Assume(~unit.en | (unit.addr < banks[0])
                   | ((there - freed == 1) & (behind[0] == behind[1])) | (there - freed == 2)),
        ]

        # What is claimed of the ports. ``full`` is right from a cycle behind the last word.
        earlier = past(there, "past_there"), past(unit.image, "past_image")
        with m.If(unit.image):
            m.d.comb += [
                Assert(~unit.full | (there > gone)), Assert(~takes | (there - freed < 2)),
                Assert(~unit.full | (unit.bank == gone[0])), Assert(~takes | (came < most)),
                Assert(unit.read | (came == most)),
            ]
            with m.If(earlier[1] & (earlier[0] > gone)):
                m.d.comb += Assert(unit.full)

        # Each word goes to its place, and nothing else is written; a read sees the row asked for.
        place, word = Signal(range(rows)), Signal(range(max(2, row_words)))
        for number, skip, words in order:
            first = order[number - 1][2] if number else 0
            for n in range(words - first):
                with m.If(came == first + n):
                    m.d.comb += [place.eq(banks[number % 2] + skip + n // row_words),
                                 word.eq(n % row_words)]
        for n, spram in enumerate(made):
            high, part = divmod(n, row_words)
            stored = unit.w_en & (unit.w_index // row_words // depth == high) & (
                unit.w_index % row_words == part)
            comes = takes & (place // depth == high) & (word == part)
            reads = unit.en & (unit.addr // depth == high)
            m.d.comb += [Assert(spram.w_en == (stored | comes)), Assert(~(spram.w_en & reads))]
            with m.If(comes):
                m.d.comb += Assert((spram.addr == place % depth)
                                   & (spram.w_data == unit.i.payload))
            with m.If(stored):
                m.d.comb += Assert((spram.addr == unit.w_index // row_words % depth)
                                   & (spram.w_data == unit.w_data))
            with m.If(reads):
                m.d.comb += Assert(spram.r_en & (spram.addr == unit.addr % depth))
            read_then = past(reads, f"read_{n}")
            with m.If(read_then):
                m.d.comb += Assert(unit.row.word_select(part, 16) == spram.r_data)
        m.d.comb += [
            Cover(unit.image & (freed == 3)), Cover(unit.en & (unit.addr >= banks[1])),
            Cover(takes & unit.en) if depth < rows else Cover(takes & unit.onward),
            Cover(unit.i.valid & unit.read & ~unit.i.ready), Cover(there - freed == 2),
        ]
        return [*inputs(unit), *(spram.r_data for spram in made)]
    return make


PROOFS = [
    Proof("hw.memory.weight_stream.StreamedWeights",
          "no row is written that may be read, and each word goes to its place: " + claim,
          banked(rows, words, banks, depth), depth=18, cover=26)
    for claim, rows, words, banks, depth in (
        ("one SPRAM", 6, 1, (2, 4), 8), ("two side by side", 5, 2, (1, 3), 8),
        ("one behind the other", 6, 1, (1, 4), 4))
]
