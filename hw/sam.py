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

    Takes the words of a pixel channel after channel, chunk after chunk. A word takes one cycle, and
    one more for each spike (three in official mode); after the pixel's last word come ``steps``
    values, one a cycle. The map buffer clears as it is read; ``clear`` starts the same
    without giving anything, for a buffer in an unknown state.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps of a word.
    map_width : int
        Width of a map value, wide enough for every sum (golden.formats.map_bits).
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
        rest, last = Signal(self.word_steps, reset_less=True), Signal()
        chunk   = Signal(range(chunks), reset_less=True)
        # Whether parts of `rest` hold spikes.
        parts   = [slice(at, at + 4) for at in range(0, self.word_steps, 4)]
        some    = Signal(len(parts))
        none    = ~some.any()
        before  = (rest - 1)[:self.word_steps]               # bits below the lowest spike are 1
        index   = Signal(range(self.word_steps))
        m.d.comb += index.eq(Cat(
            Cat(rest[n] & ~before[n] for n in range(self.word_steps) if n >> bit & 1).any()
            for bit in range(len(index))))
        doubled = Signal()                                   # a spike is looked up twice
        m.d.sync += doubled.eq(self.mode == Mode.Official.value)
        phase   = Signal(2)                                  # of a spike: A, a pause, its ghost
        done    = ~doubled | phase[1]
        fresh   = Signal(reset_less=True)                    # the neuron has not spiked yet
        now     = Signal(range(self.steps + 2))              # t of the spike looked up
        looked, second, alone = Signal(), Signal(), Signal() # second: its ghost

        # --- look up: E[d] and, two cycles after the map was written there last, M(t) -------------
        spiked  = Signal(time)                               # t of the neuron's last spike
        earlier = Signal(time)                               # its spikes before that
        m.d.comb += [
            entry.addr.eq(Mux(second, now, now - spiked)),
            entry.en.eq(looked),
        ]
        with m.If(looked & ~second):
            m.d.sync += [spiked.eq(now), earlier.eq(Mux(alone, 0, earlier + 1))]

        # --- multiply -----------------------------------------------------------------------------
        moves   = Signal()                                   # nothing offered waits
        found, found_second, found_alone = Signal(), Signal(), Signal()
        found_time = Signal(time)
        kept    = Signal(score)                              # A at the neuron's last spike
        silent  = Signal(time)                               # z
        factor  = Signal(score)
        product = Signal(score.width + 16)
        one     = 1 << SCORE_FRAC
        half    = 1 << TABLE_FRAC - 1
        m.d.sync += [
            found.eq(looked), found_second.eq(second), found_alone.eq(alone & ~second),
            silent.eq(now - earlier),
        ]
        with m.If(moves):
            m.d.sync += found_time.eq(now)
        m.d.comb += [
            factor.eq(Mux(found_second, silent << SCORE_FRAC, Mux(found_alone, 0, kept))),
            product.eq(entry.data * factor),
        ]
        # One more, and rounded half up, in a single sum.
        grown = (product + (half + (one << TABLE_FRAC))) >> TABLE_FRAC
        with m.If(found & ~found_second):
            m.d.sync += kept.eq(grown)

        # --- add to the map -----------------------------------------------------------------------
        adding, add_time = Signal(), Signal(time)
        result, spare = Signal(score), Signal()
        m.d.sync += [
            adding.eq(found), result.eq(grown),
            # A whole one to take off: that of `grown`, or the spike's own.
            spare.eq(found_second | (self.mode == Mode.Paper.value)),
        ]
        with m.If(moves):
            m.d.sync += add_time.eq(found_time)
        added = Cat(result[:SCORE_FRAC], (result[SCORE_FRAC:] - spare)[:score.width - SCORE_FRAC])

        # --- give: T values, each cleared after it has left ---------------------------------------
        clearing, mute = Signal(), Signal()
        m.d.comb += [
            self.o.payload.eq(old.data),
            old.addr.eq(found_time),
            new.addr.eq(add_time),
            new.data.eq(Mux(clearing, 0, old.data + added)),
            new.en.eq(adding | clearing),
            old.en.eq(1), moves.eq(1),
        ]

        m.d.sync += looked.eq(0)
        with m.FSM():
            with m.State("Words"):
                m.d.comb += self.i.ready.eq(none & ~last)
                m.d.comb += self.busy.eq(~none | last)
                # Of no spike, too, which is then not looked up.
                m.d.sync += [
                    mute.eq(0), now.eq(Cat(index, chunk)), alone.eq(fresh), second.eq(phase[1]),
                ]
                with m.If(~none):
                    m.d.sync += [looked.eq(~phase[0]), phase.eq(Mux(done, 0, phase + 1))]
                    with m.If(done):
                        m.d.sync += [
                            rest.eq(rest & before), fresh.eq(0),
                            *(some[n].eq((rest & before)[part].any())
                              for n, part in enumerate(parts))]
                with m.Elif(last):
                    m.next = "Settle"
                with m.Else():
                    # Of no word, too, which has no spikes then.
                    m.d.sync += [
                        rest.eq(self.i.p.train), last.eq(self.i.p.last & self.i.valid),
                        *(some[n].eq(self.i.p.train[part].any() & self.i.valid)
                          for n, part in enumerate(parts))]
                    with m.If(self.i.valid):
                        m.d.sync += [
                            chunk.eq(Mux(self.i.p.first, 0, chunk + 1)),
                            fresh.eq(self.i.p.first | fresh),
                        ]
                    with m.If(self.clear):
                        m.d.sync += mute.eq(1)
                        m.next = "Settle"

            with m.State("Settle"):
                # The last sum is on its way to the buffer, and there a cycle before step 0 is read.
                m.d.comb += self.busy.eq(1)
                m.d.sync += [last.eq(0), now.eq(0)]
                with m.If((now == 0) & ~(looked | found)):
                    m.d.sync += now.eq(1)
                    m.next = "Give"

            with m.State("Give"):
                m.d.comb += self.busy.eq(1)
                with m.If(self.o.valid & ~self.o.ready):
                    m.d.comb += [old.en.eq(0), moves.eq(0)]
                with m.Else():
                    m.d.comb += clearing.eq(now != 1)
                    m.d.sync += [now.eq(now + 1), self.o.valid.eq(~mute)]
                    with m.If(now == self.steps + 1):
                        m.d.sync += self.o.valid.eq(0)
                        m.next = "Words"

        return m
