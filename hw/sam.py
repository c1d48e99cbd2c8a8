"""Spike Activation Map unit: ISI, table, one product a spike, and the per-pixel map buffer."""

from amaranth import *
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import SCORE_FRAC, TABLE_FRAC, score_bits

__all__ = ["Mode", "Sam"]


class Mode(enum.Enum, shape=2):
    """Which spikes count (golden.sam.scores)."""

    Paper     = 0
    Inclusive = 1
    Official  = 2


class Sam(wiring.Component):
    """Map of each pixel from the trains of its channels.

    Kim & Panda 2021 (arXiv:2103.14441), eq. 3-6, as in golden.sam: at a spike, d steps after the
    neuron's previous one, A <- 1 + E[d] A, and the pixel's map at that step grows by A - 1 (paper),
    A (inclusive) or A + z E[t] (official), z being the silent steps so far.

    Takes the words of a pixel channel after channel, chunk after chunk. A word takes one cycle a
    spike (two in official mode) and at least two; after the pixel's last word come ``steps``
    values, one a cycle. The map buffer clears as it is read; ``clear`` starts the same without
    giving anything, for a buffer in an unknown state.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps of a word.
    map_width : int
        Width of a map value; sums are held at its top.
    table : sequence of int
        E[d] until others are written.

    Members
    -------
    mode : In(2)
        A Mode; steady while words are taken.
    table_addr, table_data, table_en : In(8), In(16), In(1)
        Write E[d] = exp(-gamma d) in units of 2**-15.
    clear : In(1)
        Only while no word is offered and ``busy`` is low.
    busy : Out(1)
        A word, a pixel or a clearing is under way.
    i : In(stream.Signature({"train": word_steps, "first": 1, "last": 1}))
        A word; ``first`` of its neuron, ``last`` of its pixel.
    o : Out(stream.Signature(unsigned(map_width)))
        M(t), t = 0 .. T - 1, in units of 2**-8.
    """

    def __init__(self, *, steps, word_steps, map_width, table=()):
        self.steps, self.word_steps, self.map_width = steps, word_steps, map_width
        self.table = [int(entry) for entry in table]
        super().__init__({
            "mode": In(2),
            "table_addr": In(8), "table_data": In(16), "table_en": In(1),
            "clear": In(1),
            "busy": Out(1),
            "i": In(stream.Signature(data.StructLayout({
                "train": word_steps, "first": 1, "last": 1}))),
            "o": Out(stream.Signature(unsigned(map_width))),
        })

    def elaborate(self, platform):
        m = Module()

        chunks = -(-self.steps // self.word_steps)
        time   = unsigned(max(1, (self.steps - 1).bit_length()))
        score  = unsigned(score_bits(self.steps))

        m.submodules.table = table = memory.Memory(
            shape=unsigned(16), depth=1 << time.width, init=self.table)
        entry, table_write = table.read_port(), table.write_port()
        m.submodules.map = buffer = memory.Memory(
            shape=unsigned(self.map_width), depth=1 << time.width, init=[])
        old, new = buffer.read_port(), buffer.write_port()
        m.d.comb += [
            table_write.addr.eq(self.table_addr),
            table_write.data.eq(self.table_data),
            table_write.en.eq(self.table_en & (self.table_addr >> time.width == 0)),
        ]

        # --- take: the spikes of a word, earliest first -------------------------------------------
        rest, last = Signal(self.word_steps), Signal()
        chunk   = Signal(range(chunks))
        ghost   = Signal()                                   # second half of a spike
        fewer   = rest & (rest - 1)[:self.word_steps]
        lowest  = rest & ~fewer
        index   = Signal(range(self.word_steps))
        m.d.comb += index.eq(Cat(
            Cat(lowest[n] for n in range(self.word_steps) if n >> bit & 1).any()
            for bit in range(len(index))))
        doubled = self.mode == Mode.Official.value
        fresh   = Signal()                                   # the neuron has not spiked yet
        now     = Signal(time)                               # t of the spike looked up
        second  = Signal()                                   # its ghost is looked up
        looked  = Signal()
        alone   = Signal()

        # --- look up: E[d] and M(t) ---------------------------------------------------------------
        spiked  = Signal(time)                               # t of the neuron's last spike
        count   = Signal(range(self.steps + 1))              # its spikes so far
        m.d.comb += [
            entry.addr.eq(Mux(second, now, now - spiked)),
            entry.en.eq(looked),
        ]
        with m.If(looked & ~second):
            m.d.sync += [spiked.eq(now), count.eq(Mux(alone, 0, count) + 1)]

        # --- multiply -----------------------------------------------------------------------------
        found, found_second, found_alone = Signal(), Signal(), Signal()
        found_time = Signal(time)
        kept    = Signal(score)                              # A at the neuron's last spike
        silent  = Signal(range(self.steps + 1))              # z
        factor  = Signal(score)
        product = Signal(score.width + 16)
        one     = 1 << SCORE_FRAC
        half    = 1 << TABLE_FRAC - 1
        m.d.sync += [
            found.eq(looked), found_second.eq(second), found_alone.eq(alone & ~second),
            found_time.eq(now), silent.eq(now + 1 - count),
        ]
        m.d.comb += [
            factor.eq(Mux(found_second, silent << SCORE_FRAC, Mux(found_alone, 0, kept))),
            product.eq(entry.data * factor),
        ]
        # One more, and rounded half up, in a single sum.
        grown = (product + (half + (one << TABLE_FRAC))) >> TABLE_FRAC
        with m.If(found & ~found_second):
            m.d.sync += kept.eq(grown)

        # --- add to the map -----------------------------------------------------------------------
        adding, add_time, add_second = Signal(), Signal(time), Signal()
        ghosts = Signal(score)                               # of the spike in `kept`, plus one
        m.d.sync += [
            adding.eq(found & (found_second | ~doubled)),
            add_time.eq(found_time), add_second.eq(found_second), ghosts.eq(grown),
        ]
        # Whole ones to take off: that of `grown`, or the spike's own.
        spare = Signal()
        m.d.comb += spare.eq(add_second | (self.mode == Mode.Paper.value))
        added = Cat(kept[:SCORE_FRAC], (kept[SCORE_FRAC:] - spare)[:score.width - SCORE_FRAC])
        top   = 2**self.map_width - 1
        total = old.data + added + Mux(add_second, ghosts, 0)
        sum_  = Signal(self.map_width)
        m.d.comb += sum_.eq(Mux(total > top, top, total))

        # --- give: T values, each cleared as it leaves --------------------------------------------
        given, giving, mute = Signal(range(self.steps + 1)), Signal(), Signal()
        ahead = Signal()                                     # the value at the read port is unsent
        given_time = Signal(time)
        m.d.comb += [
            self.o.payload.eq(old.data),
            self.o.valid.eq(ahead & ~mute),
            new.addr.eq(Mux(ahead, given_time, add_time)),
            new.data.eq(Mux(ahead, 0, sum_)),
            new.en.eq(adding | (ahead & (self.o.ready | mute))),
            old.addr.eq(Mux(giving, given, found_time)),
            old.en.eq(Mux(giving, ~ahead | self.o.ready | mute, found)),
        ]

        m.d.sync += looked.eq(0)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Idle"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    rest.eq(self.i.p.train), last.eq(self.i.p.last), mute.eq(0), given.eq(0),
                ]
                with m.If(self.i.valid):
                    m.d.sync += chunk.eq(Mux(self.i.p.first, 0, chunk + 1))
                    with m.If(self.i.p.first):
                        m.d.sync += fresh.eq(1)
                    m.next = "Spikes"
                with m.Elif(self.clear):
                    m.d.sync += mute.eq(1)
                    m.next = "Give"

            with m.State("Spikes"):
                with m.If(rest != 0):
                    m.d.sync += [
                        now.eq(chunk * self.word_steps + index), alone.eq(fresh),
                        second.eq(ghost), looked.eq(1), fresh.eq(0),
                        ghost.eq(doubled & ~ghost),
                    ]
                    with m.If(ghost | ~doubled):
                        m.d.sync += rest.eq(fewer)
                with m.If((rest == 0) | ((fewer == 0) & (ghost | ~doubled))):
                    m.next = "Idle"
                    with m.If(last):
                        m.next = "Settle"

            with m.State("Settle"):
                # The last sum is on its way to the buffer.
                with m.If(~(looked | found | adding)):
                    m.next = "Give"

            with m.State("Give"):
                m.d.comb += giving.eq(1)
                with m.If(old.en):
                    m.d.sync += [
                        ahead.eq(given != self.steps), given_time.eq(given),
                        given.eq(given + 1),
                    ]
                    with m.If(given == self.steps):
                        m.next = "Idle"

        return m
