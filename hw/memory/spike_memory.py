"""Memories of the spike trains: two single-port ones in turn, and the bitmap over both."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.memory.ports import SpikeWrite
from hw.memory.spram import SPRAM
from hw.plan.buffers import WORD, address_bits

__all__ = ["SpikeMemory"]


class SpikeMemory(wiring.Component):
    """Trains of a pass's input in one memory, of its output in the other.

    The address generator has the source memory to itself. Writes go to the other one, each behind
    the one before, with the SAM unit's reads between them. Every read takes one cycle. A write also
    marks the train in the bitmap, a cycle later, by whether it is not all zero; the first train
    written to a word of the bitmap clears the rest of it. The bitmap read port looks at the source.

    Parameters
    ----------
    regions : (int, int)
        Trains kept in each memory, multiples of 16.
    word_steps : int
        Width of a train.
    chunks : int
        Words of a neuron: writes go round as many places in the bitmap.
    grain : int
        Trains of a part of a word of the bitmap, a power of two up to 16, which are written one
        behind the other; the first part of a word is written before its others.
    placed : bool
        Writes begin elsewhere than at 0.
    addr : None or int
        Bits of an address; None for as many as the regions need. With more, ``bitmap_addr`` reaches
        from either memory's bitmap to the other's, that of memory 1 behind that of memory 0.

    Members
    -------
    source : In(1)
        The memory that is read; the other is written.
    addr, en, train : In, In(1), Out(word_steps)
        Read port of the source.
    bitmap_addr, bitmap_data : In, Out(16)
        Read port of its bitmap.
    w_restart : In(1)
        The next write goes to address 0, or ``w_base``; not with ``write.en``.
    w_base : In(addr)
        A multiple of 16; where ``placed``.
    write : In(SpikeWrite(addr, word_steps))
        To the other.
    w_addr : Out
        Where the write goes.
    sam_turn : In(1)
        The other is for reading in this cycle; not with ``write.en``.
    sam_addr, sam_train : In, Out(word_steps)
        Its read port: reads in every cycle of ``sam_turn``. A write takes away what was read.
    """

    def __init__(self, *, regions, word_steps, chunks, grain=WORD, placed=False,
                 addr=None):
        self.regions, self.word_steps, self.chunks = regions, word_steps, chunks
        self.placed, self.grain = placed, grain
        addr = addr or address_bits(regions)
        super().__init__({
            "source": In(1),
            "addr": In(addr), "en": In(1), "train": Out(word_steps),
            "bitmap_addr": In(addr - 4), "bitmap_data": Out(WORD),
            "w_restart": In(1), "write": In(SpikeWrite(addr, word_steps)),
            "w_addr": Out(addr),
            **({"w_base": In(addr)} if placed else {}),
            "sam_turn": In(1),
            "sam_addr": In(addr), "sam_train": Out(word_steps),
        })

    def elaborate(self, platform):
        m = Module()

        # Of no meaning until it is rewound.
        w_addr = Signal.like(self.w_addr, reset_less=True)
        m.d.comb += self.w_addr.eq(w_addr)
        with m.If(self.w_restart):
            m.d.sync += w_addr.eq(self.w_base if self.placed else 0)
        with m.Elif(self.write.en):
            m.d.sync += w_addr.eq(w_addr + self.write.increment)

        banks = []
        for n in range(2):
            bank = SPRAM(depth=max(1, self.regions[n]))
            m.submodules[f"bank{n}"] = bank
            banks.append(bank)
            read = self.source == n
            m.d.comb += [
                bank.addr.eq(Mux(read, self.addr, Mux(self.sam_turn, self.sam_addr, self.w_addr))),
                # The target is enabled all the time, so that nothing of a write decides on that.
                bank.r_en.eq(~read | self.en),
                bank.w_en.eq(~read & self.write.en),
                bank.w_data.eq(self.write.train),
            ]
        m.d.comb += [
            self.train.eq(Mux(self.source, banks[1].r_data, banks[0].r_data)),
            self.sam_train.eq(Mux(self.source, banks[0].r_data, banks[1].r_data)),
        ]

        # The bitmap of memory 1 lies behind that of memory 0. A word is written again with each of
        # its trains, a cycle after it, and never while it can be read: source and target are
        # different memories.
        words = [region // WORD for region in self.regions]
        m.submodules.bitmap = bitmap = memory.Memory(
            shape=WORD, depth=max(1, sum(words)), init=[])
        read, write = bitmap.read_port(), bitmap.write_port(
            granularity=None if self.grain == WORD else self.grain)
        marks = Signal(WORD * self.chunks, reset_less=True)
        low   = exact_log2(self.grain)
        kept  = Mux(self.w_addr[:low] == 0, 0, marks[:WORD])
        now   = Signal(WORD)
        m.d.comb += [
            now.eq(kept | Cat(self.write.nonzero & (self.w_addr[:4] == n) for n in range(WORD))),
            read.addr.eq(self.bitmap_addr + Mux(self.source, words[0], 0)),
            self.bitmap_data.eq(read.data),
        ]
        m.d.sync += [
            write.addr.eq(self.w_addr[4:] + Mux(self.source, 0, words[0])),
            # The first part of a word takes the place of all of it.
            write.en.eq(Cat(
                self.write.en & ((self.w_addr[low:4] == 0) | (self.w_addr[low:4] == n))
                for n in range(WORD // self.grain)) if self.grain < WORD else self.write.en),
        ]
        with m.If(self.write.en):
            if self.chunks == 1:
                m.d.sync += marks.eq(now)
            else:
                m.d.sync += marks.eq(Mux(self.write.next_chunk, Cat(marks[WORD:], now),
                                         Cat(now, marks[WORD:])))
        if self.chunks == 1:
            m.d.comb += write.data.eq(marks)
        else:
            m.d.sync += write.data.eq(now)

        return m
