"""Spike Activation Map unit: ISI, table, one product a spike, and the per-pixel map buffer."""

from amaranth import *
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import SCORE_FRAC, TABLE_FRAC, score_bits

__all__ = ["Mode", "Sam"]

QUAD = 4                                                     # steps looked at in a cycle


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
    one more for each spike (three in official mode) and for each four steps without one before
    another; after the pixel's last word come ``steps`` values, one a cycle. The map buffer clears
    as it is read; ``clear`` starts the same without giving anything, for a buffer in an unknown
    state.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps of a word.
    map_width : int
        Width of a map value, wide enough for every sum (golden.formats.map_bits).
    held : bool
        It is not: a sum that does not fit stays at golden.formats.map_top.
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

    def __init__(self, *, steps, word_steps, map_width, held=False, table=()):
        self.steps, self.word_steps, self.map_width = steps, word_steps, map_width
        self.held = held
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

        # --- take: the steps of a word with a spike, quad after quad, earliest first ------------
        quads   = self.word_steps // QUAD
        rest    = Signal(self.word_steps, reset_less=True)   # what is left of it
        quad    = Signal(range(quads), reset_less=True)      # the one in rest[:QUAD]
        chunk   = Signal(range(chunks), reset_less=True)
        low     = rest[:QUAD]
        without = Cat(low[n] & low[:n].any() for n in range(QUAD))  # its first spike
        none    = ~rest.any()
        some    = low.any()
        index   = Cat(~low[0] & (low[1] | ~low[2]), ~low[:2].any())
        doubled = Signal()                                   # a spike is looked up twice
        phase   = Signal(2)                                  # of a spike: A, a pause, its ghost
        done    = ~(doubled & some) | phase[1]
        takes   = self.i.valid & self.i.ready
        opens   = Signal()                                   # the word taken was its neuron's first
        now     = Signal(time, reset_less=True)              # t of the spike looked up
        looked, second = Signal(), Signal()                  # second: its ghost
        gives   = Signal()                                   # all steps are gone through, to give
        moves   = Signal()                                   # nothing offered waits
        m.d.sync += [
            opens.eq(takes & self.i.p.first), doubled.eq(self.mode == Mode.Official.value),
            looked.eq(some & ~phase[0] & ~gives), second.eq(phase[1]),
            phase.eq(Mux(done, 0, phase + 1)),
        ]
        # A word comes, and all steps are filled in, only where none is left.
        fill    = Signal(self.word_steps)
        coming  = Mux(takes, self.i.p.train, 0) | fill
        with m.If(moves):
            m.d.sync += now.eq(Cat(index, quad, chunk))
        with m.If(done & moves):
            m.d.sync += low.eq(without | Mux(without.any(), 0, rest[QUAD:2 * QUAD]) | coming[:QUAD])
        with m.If(done & moves & ~without.any()):
            m.d.sync += [
                rest[QUAD:].eq(rest[2 * QUAD:] | coming[QUAD:]),
                quad.eq(Mux(takes | fill.any(), 0, quad + 1)),
            ]
        with m.If(takes):
            m.d.sync += chunk.eq(Mux(self.i.p.first, 0, chunk + 1))

        # --- look up: E[d] and, two cycles after the map was written there last, M(t) -------------
        later   = Signal(time, reset_less=True)              # ~t of the neuron's last spike
        lead    = Signal(time, reset_less=True)              # ~(spikes before that)
        silent  = Signal(time)                               # z
        m.d.comb += [
            entry.addr.eq(Mux(second, now, now + later + 1)),
            silent.eq(now + lead + 1),
        ]
        with m.If(looked & ~second):
            m.d.sync += [later.eq(~now), lead.eq(lead - 1)]

        # --- multiply -----------------------------------------------------------------------------
        # The product and its sum are one register, that of the multiplier.
        found, found_second = Signal(), Signal()
        found_time = Signal(time)
        kept    = Signal(score, reset_less=True)             # A at the neuron's last spike, or z
        factor  = Signal(score)                              # the same, as soon as it is there
        grown   = Signal(TABLE_FRAC + score.width, reset_less=True)
        result  = Signal(score)                              # what the map is to have
        fresh   = Signal()                                   # A of a spike is in `grown`, unkept
        paper   = Signal()
        half    = 1 << TABLE_FRAC - 1
        latest  = grown[TABLE_FRAC:]
        m.d.comb += [
            factor.eq(Mux(fresh, latest, kept)),
            # The spike itself does not count.
            result.eq(Cat(latest[:SCORE_FRAC], latest[SCORE_FRAC:] - (fresh & paper))),
        ]
        m.d.sync += [
            found.eq(looked), found_second.eq(second), fresh.eq(found & ~found_second),
            paper.eq(self.mode == Mode.Paper.value),
        ]
        with m.If(moves):
            m.d.sync += found_time.eq(now)
        with m.If(found):
            # One more, unless it is a ghost, and rounded half up, in a single sum.
            m.d.sync += grown.eq(entry.data * factor + Cat(
                C(half, TABLE_FRAC + SCORE_FRAC), ~found_second))
        # For the ghost z takes the place of A, and after it A comes back, which is still there.
        with m.If(looked & second):
            m.d.sync += kept.eq(silent << SCORE_FRAC)
        with m.Elif(fresh | (found & found_second)):
            m.d.sync += kept.eq(latest)
        opened  = Signal()                                   # what was kept was the one before's
        m.d.sync += opened.eq(opens)
        with m.If(opens):
            m.d.sync += lead.eq(0)
        with m.If(opened):
            m.d.sync += kept.eq(0)                           # no spike yet: A = 1, whatever d is

        # --- add to the map -----------------------------------------------------------------------
        adding, add_time = Signal(), Signal(time)
        m.d.sync += adding.eq(found)
        with m.If(moves):
            m.d.sync += add_time.eq(found_time)
        total = old.data + result
        # What carries over becomes all ones, from where one more carries over again.
        over  = total[self.map_width:].any() if self.held else C(0)
        given = Signal()                                     # a step's value has left

        # --- give: T values, each cleared after it has left ---------------------------------------
        sought, read = Signal(), Signal()                    # a step of `gives` on its way
        mute = Signal()                                      # nobody is to see it
        # Steps of a chunk, of the last one as many as there are.
        live = [(1 << min(self.word_steps, self.steps - at)) - 1
                for at in (0, (chunks - 1) * self.word_steps)]
        m.d.comb += [
            self.o.payload.eq(old.data), self.o.valid.eq(given & ~mute),
            moves.eq(~self.o.valid | self.o.ready),
            old.addr.eq(found_time), old.en.eq(moves),
            new.addr.eq(add_time),
            new.data.eq(Mux(given, 0, total[:self.map_width] | over.replicate(self.map_width))),
            new.en.eq(adding | (given & moves)),
        ]
        with m.If(moves):
            m.d.sync += [sought.eq(some & gives), read.eq(sought), given.eq(read)]

        with m.FSM():
            with m.State("Words"):
                m.d.comb += [self.i.ready.eq(none), self.busy.eq(~none)]
                with m.If(takes & self.i.p.last):
                    m.next = "Last"
                m.d.sync += mute.eq(self.clear)
                with m.If(self.clear):
                    m.next = "Last"

            with m.State("Last"):
                m.d.comb += self.busy.eq(1)
                with m.If(none):
                    m.d.comb += fill.eq(live[0])
                    m.d.sync += [chunk.eq(0), doubled.eq(0)]
                    m.next = "Emit"

            with m.State("Emit"):
                m.d.comb += [self.busy.eq(1), gives.eq(1)]
                m.d.sync += doubled.eq(0)
                with m.If(none & moves):
                    with m.If(chunk != chunks - 1):
                        m.d.comb += fill.eq(Mux(chunk == chunks - 2, live[-1], live[0]))
                        m.d.sync += chunk.eq(chunk + 1)
                    with m.Elif(~(sought | read)):
                        m.next = "Words"

        return m
