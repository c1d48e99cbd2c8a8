"""Encoder "bernoulli": spikes are drawn with the pixel's probability."""

from amaranth import *
from amaranth.lib import wiring

from hw.encode.interface import encoder_members

__all__ = ["UNIT", "Bernoulli", "xorshift32"]

WORD_STEPS = 4  # time steps served by one random word


def xorshift32(state):
    """Next state of Marsaglia's xorshift32 (13, 17, 5)."""
    state = state ^ (state << 13)[:32]
    state = state ^ (state >> 17)
    return state ^ (state << 5)[:32]


class Bernoulli(wiring.Component):
    """Turns each pixel into its train: spike at step t iff random(t) < pixel.

    The generator starts at ``seed`` when ``first`` comes with a pixel, is advanced once for every
    four steps of every pixel, and its bytes, lowest first, serve those steps (golden.encode). Takes
    one pixel every ``pixel_cycles``, two more at ``first``; each chunk of its train leaves as one
    word, in the cycle after its last steps were drawn, while the next ones are. Members are those
    of hw.encode.interface; ``first`` restarts the generator.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps in a train word, a multiple of 4.
    """

    words = 1  # of a chunk

    @classmethod
    def pixel_cycles(cls, chunks, word_steps):
        """Cycles of a pixel: words of a chunk that are more than one leave before the next."""
        return chunks * (word_steps // WORD_STEPS + (cls.words if cls.words > 1 else 0))

    def __init__(self, *, steps, word_steps):
        if word_steps % WORD_STEPS:
            raise ValueError(f"word_steps must be a multiple of {WORD_STEPS}, not {word_steps}")
        self.steps, self.word_steps = steps, word_steps
        super().__init__(encoder_members(width=8, word_steps=word_steps))

    def level(self):
        """Value that a random byte must be below for a spike."""
        return self.i.p.data

    def has_sign(self, minus):
        """Whether the pixel spikes in a chunk's first word, with ``minus`` in its second."""
        return C(1)

    def elaborate(self, platform):
        m = Module()

        quads  = self.word_steps // WORD_STEPS            # words of one chunk
        chunks = -(-self.steps // self.word_steps)
        drawn  = -(-self.steps // WORD_STEPS)             # random words of one pixel
        state, train = Signal(32), Signal(self.word_steps)
        quad, chunk  = Signal(range(quads)), Signal(range(chunks))
        started      = Signal()                           # `first` has been obeyed
        minus        = Signal()                           # the word of negative spikes is next
        single       = self.words == 1                    # nothing waits while a word leaves
        given, given_first = Signal(), Signal()           # which leaves; the first of a pixel

        level, shown = self.level(), self.has_sign(minus)
        step  = (chunk * quads + quad) * WORD_STEPS
        fired = Cat((state.word_select(n, 8) < level) & (step + n < self.steps)
                    for n in range(WORD_STEPS))
        following = xorshift32(state)
        drawing, last_word = Signal(), Signal()
        counted  = Signal(WORD_STEPS)
        early    = Signal()                               # spikes of the word before the last four
        m.d.sync += counted.eq(Mux(drawing, fired, 0))
        m.d.comb += [
            self.spikes.eq(sum(counted)),
            self.o.p.train.eq(Mux(shown, train, 0)),
            self.some.eq((early | train[-WORD_STEPS:].any()) & shown),
            self.o.p.first.eq(given_first if single else self.i.p.first & (chunk == 0) & ~minus),
            last_word.eq(minus | single),
        ]
        last_chunk = chunk == chunks - 1
        restarts = self.i.p.first & ~started
        free = self.o.ready & ~restarts if single else C(1)  # may draw over the word that leaves
        if single:
            m.d.comb += self.o.valid.eq(given)
            with m.If(self.o.ready):
                m.d.sync += given.eq(0)

        def close():
            m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
            m.d.sync += started.eq(~last_chunk)

        with m.FSM():
            with m.State("Draw"):
                with m.If(self.i.valid & (~given | free)):
                    m.d.sync += started.eq(1)
                    with m.If(restarts):
                        m.d.comb += self.restarted.eq(1)
                        m.d.sync += state.eq(self.seed)
                        m.next = "Restart"
                    with m.Else():
                        m.d.comb += drawing.eq(1)
                        m.d.sync += train.eq(Cat(train[WORD_STEPS:], fired))
                        m.d.sync += early.eq((quad != 0) & (early | train[-WORD_STEPS:].any()))
                        m.d.sync += quad.eq(Mux(quad == quads - 1, 0, quad + 1))
                        with m.If(quad == quads - 1):
                            if single:
                                m.d.comb += self.i.ready.eq(last_chunk)
                                m.d.sync += given.eq(1)
                                m.d.sync += given_first.eq(self.i.p.first & (chunk == 0))
                                close()
                            else:
                                m.next = "Give"
                        # The state is the word that comes next.
                        with m.If(step < drawn * WORD_STEPS):
                            m.d.sync += state.eq(following)

            with m.State("Restart"):
                m.d.sync += state.eq(following)
                m.next = "Draw"

            if not single:
                with m.State("Give"):
                    m.d.comb += self.o.valid.eq(1)
                    m.d.comb += self.i.ready.eq(self.o.ready & last_word & last_chunk)
                    with m.If(self.o.ready):
                        m.d.sync += minus.eq(~last_word)
                        with m.If(last_word):
                            close()
                            m.next = "Draw"

        return m


UNIT = Bernoulli
