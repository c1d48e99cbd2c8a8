"""Encoders: what arrives of an image becomes spike trains."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Current", "Encoder", "Frames", "encoder_for", "xorshift32"]

WORD_STEPS = 4  # time steps served by one random word


def xorshift32(state):
    """Next state of Marsaglia's xorshift32 (13, 17, 5)."""
    state = state ^ (state << 13)[:32]
    state = state ^ (state >> 17)
    return state ^ (state << 5)[:32]


def encoder_for(network, *, word_steps):
    """The encoder of a network; all have the members of ``Encoder``."""
    if network.encoder in ("bernoulli", "ternary"):
        return Encoder(steps=network.steps, word_steps=word_steps,
                       ternary=network.encoder == "ternary")
    kind = {"current": Current, "frames": Frames}[network.encoder]
    return kind(steps=network.steps, word_steps=word_steps)


def members(*, width, word_steps):
    """Members of every encoder."""
    return {
        "seed": In(32),
        "i": In(stream.Signature(data.StructLayout({"data": width, "first": 1}))),
        "o": Out(stream.Signature(data.StructLayout({"train": word_steps, "first": 1}))),
        "some": Out(1),
        "spikes": Out(range(word_steps + 1)),
        "restarted": Out(1),
    }


def restart(m, encoder):
    """Let a ``first`` pixel wait two cycles, told by ``restarted`` in one; whether it has."""
    told, waited = Signal(), Signal()
    begun = ~encoder.i.p.first | waited
    m.d.comb += encoder.restarted.eq(encoder.i.valid & encoder.i.p.first & ~told)
    m.d.sync += waited.eq(told)
    with m.If(encoder.restarted):
        m.d.sync += told.eq(1)
    with m.Elif(encoder.i.valid & encoder.i.ready):
        m.d.sync += [told.eq(0), waited.eq(0)]
    return begun


class Encoder(wiring.Component):
    """Turns each pixel into its train: spike at step t iff random(t) < pixel.

    The generator starts at ``seed`` when ``first`` comes with a pixel, is advanced once for every
    four steps of every pixel, and its bytes, lowest first, serve those steps (golden.encode). Takes
    one pixel every ``chunks * (word_steps / 4 + 1)`` cycles, two more at ``first``; each chunk of
    its train leaves as one word. Bits of steps from ``steps`` on are 0. ``ternary``: the pixel is
    signed, spikes come where random(t) < 2 |pixel|, and each chunk leaves as two words, of positive
    and of negative spikes.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps in a train word, a multiple of 4.
    ternary : bool

    Members
    -------
    seed : In(32)
        First state of the generator, not 0.
    i : In(stream.Signature({"data": 8, "first": 1}))
        Pixels; ``first`` restarts the generator.
    o : Out(stream.Signature({"train": word_steps, "first": 1}))
        Trains, bit t for step t of the chunk; ``first`` with the first word of a ``first`` pixel.
    some : Out(1)
        The train is not all zero.
    spikes : Out
        Spikes drawn in the cycle before.
    restarted : Out(1)
        A ``first`` pixel is taken up; its first word comes in a later cycle.
    """

    def __init__(self, *, steps, word_steps, ternary=False):
        if word_steps % WORD_STEPS:
            raise ValueError(f"word_steps must be a multiple of {WORD_STEPS}, not {word_steps}")
        self.steps, self.word_steps, self.ternary = steps, word_steps, ternary
        super().__init__(members(width=8, word_steps=word_steps))

    def elaborate(self, platform):
        m = Module()

        quads  = self.word_steps // WORD_STEPS            # words of one chunk
        chunks = -(-self.steps // self.word_steps)
        drawn  = -(-self.steps // WORD_STEPS)             # random words of one pixel
        state, train = Signal(32), Signal(self.word_steps)
        quad, chunk  = Signal(range(quads)), Signal(range(chunks))
        started      = Signal()                           # `first` has been obeyed
        minus        = Signal()                           # the word of negative spikes is next

        pixel    = self.i.p.data
        negative = pixel[7] & self.ternary
        level    = abs(pixel.as_signed()) * 2 if self.ternary else pixel
        step     = (chunk * quads + quad) * WORD_STEPS
        fired    = Cat((state.word_select(n, 8) < level) & (step + n < self.steps)
                       for n in range(WORD_STEPS))
        following = xorshift32(state)
        drawing, last_word = Signal(), Signal()
        counted  = Signal(WORD_STEPS)
        early    = Signal()                               # spikes of the word before the last four
        m.d.sync += counted.eq(Mux(drawing, fired, 0))
        m.d.comb += [
            self.spikes.eq(sum(counted)),
            self.o.p.train.eq(Mux(negative == minus, train, 0) if self.ternary else train),
            self.some.eq((early | train[-WORD_STEPS:].any())
                         & ((negative == minus) if self.ternary else 1)),
            self.o.p.first.eq(self.i.p.first & (chunk == 0) & ~minus),
            last_word.eq(minus | (not self.ternary)),
        ]

        with m.FSM():
            with m.State("Draw"):
                with m.If(self.i.valid):
                    m.d.sync += started.eq(1)
                    with m.If(self.i.p.first & ~started):
                        m.d.comb += self.restarted.eq(1)
                        m.d.sync += state.eq(self.seed)
                        m.next = "Restart"
                    with m.Else():
                        m.d.comb += drawing.eq(1)
                        m.d.sync += train.eq(Cat(train[WORD_STEPS:], fired))
                        m.d.sync += early.eq((quad != 0) & (early | train[-WORD_STEPS:].any()))
                        m.d.sync += quad.eq(Mux(quad == quads - 1, 0, quad + 1))
                        with m.If(quad == quads - 1):
                            m.next = "Emit"
                        # The state is the word that comes next.
                        with m.If(step < drawn * WORD_STEPS):
                            m.d.sync += state.eq(following)

            with m.State("Restart"):
                m.d.sync += state.eq(following)
                m.next = "Draw"

            with m.State("Emit"):
                m.d.comb += self.o.valid.eq(1)
                m.d.comb += self.i.ready.eq(self.o.ready & last_word & (chunk == chunks - 1))
                with m.If(self.o.ready):
                    m.d.sync += minus.eq(~last_word)
                    with m.If(last_word):
                        m.d.sync += chunk.eq(Mux(chunk == chunks - 1, 0, chunk + 1))
                        m.d.sync += started.eq(chunk != chunks - 1)
                        m.next = "Draw"

        return m


class Current(wiring.Component):
    """Turns each pixel into a constant input: bit p of it is a train of its own, all 1 or all 0.

    For each chunk the words of bits 0 to 7 leave in turn, one a cycle. Members as in ``Encoder``;
    ``seed`` is not used, and ``spikes`` counts the steps at which the pixel is not 0.
    """

    def __init__(self, *, steps, word_steps):
        self.steps, self.word_steps = steps, word_steps
        super().__init__(members(width=8, word_steps=word_steps))

    def elaborate(self, platform):
        m = Module()

        chunks = -(-self.steps // self.word_steps)
        plane, chunk = Signal(range(8)), Signal(range(chunks))
        last_chunk = chunk == chunks - 1
        begun = restart(m, self)
        rest  = self.steps - (chunks - 1) * self.word_steps
        live  = Mux(last_chunk, (1 << rest) - 1, (1 << self.word_steps) - 1)
        moves = self.o.valid & self.o.ready
        m.d.comb += [
            self.o.valid.eq(self.i.valid & begun),
            self.o.p.train.eq(Mux(self.i.p.data.bit_select(plane, 1), live, 0)),
            self.some.eq(self.i.p.data.bit_select(plane, 1)),
            self.o.p.first.eq(self.i.p.first & (plane == 0) & (chunk == 0)),
            self.i.ready.eq(self.o.ready & begun & (plane == 7) & last_chunk),
        ]
        m.d.sync += self.spikes.eq(Mux(
            moves & (plane == 0) & self.i.p.data.any(), Mux(last_chunk, rest, self.word_steps), 0))
        with m.If(moves):
            m.d.sync += plane.eq(plane + 1)
            with m.If(plane == 7):
                m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))

        return m


class Frames(wiring.Component):
    """Passes trains on: the image already is spikes, one word a neuron and chunk, one a cycle.

    Members as in ``Encoder``, with ``word_steps`` bits of data; bits of steps from ``steps`` on
    must be 0. ``seed`` is not used.
    """

    def __init__(self, *, steps, word_steps):
        super().__init__(members(width=word_steps, word_steps=word_steps))

    def elaborate(self, platform):
        m = Module()

        begun = restart(m, self)
        m.d.comb += [
            self.o.valid.eq(self.i.valid & begun),
            self.i.ready.eq(self.o.ready & begun),
            self.o.p.train.eq(self.i.p.data),
            self.some.eq(self.i.p.data.any()),
            self.o.p.first.eq(self.i.p.first),
        ]
        m.d.sync += self.spikes.eq(Mux(self.o.valid & self.o.ready, sum(self.i.p.data), 0))

        return m
