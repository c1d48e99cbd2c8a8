"""Encoder "latency": a pixel spikes once, the brighter the earlier."""

from amaranth import *
from amaranth.lib import wiring

from golden.formats import MOST_STEPS
from hw.arithmetic import by_255
from hw.encode.interface import encoder_members, restart
from hw.engine.multiples import floor_product

__all__ = ["UNIT", "Latency"]


class Latency(wiring.Component):
    """Turns each pixel p > 0 into one spike, at step floor(((T - 1) (255 - p) + 127) / 255).

    As golden.encode.latency. Takes one pixel every ``chunks + 2`` cycles, two more at ``first``;
    each chunk of its train leaves as one word. Members are those of hw.encode.interface; ``seed``
    is not used.

    Parameters
    ----------
    steps : int
        T, up to golden.formats.MOST_STEPS.
    word_steps : int
        Steps in a train word.
    """

    @staticmethod
    def pixel_cycles(chunks, word_steps):
        """Cycles of a pixel."""
        return chunks + 2

    def __init__(self, *, steps, word_steps):
        if not 1 <= steps <= MOST_STEPS:
            raise ValueError(f"steps must be 1 to {MOST_STEPS}, not {steps}")
        self.steps, self.word_steps = steps, word_steps
        super().__init__(encoder_members(width=8, word_steps=word_steps))

    def elaborate(self, platform):
        m = Module()

        chunks = -(-self.steps // self.word_steps)
        scaled = Signal(range(max(1, self.steps - 1) * 255 + 128))   # (T - 1) (255 - p) + 127
        late   = Signal(range(chunks * self.word_steps))   # the step of the spike
        taken, known = Signal(), Signal()                  # they are those of the pixel offered
        chunk  = Signal(range(chunks))
        begun  = restart(m, self)
        takes  = self.i.valid & begun & ~taken & ~known
        moves  = self.o.valid & self.o.ready
        here   = ((late >> (self.word_steps - 1).bit_length()) == chunk) & self.i.p.data.any()
        within = late[:(self.word_steps - 1).bit_length()]
        m.d.comb += [
            self.o.valid.eq(known), self.some.eq(here),
            self.o.p.train.eq(Mux(here, 1 << within, 0)),
            self.o.p.first.eq(self.i.p.first & (chunk == 0)),
            self.i.ready.eq(moves & (chunk == chunks - 1)),
        ]
        m.d.sync += [
            taken.eq(takes), known.eq(taken | (known & ~self.i.ready)),
            scaled.eq(self.scaled(~self.i.p.data) + 127), late.eq(Mux(known, late, by_255(scaled))),
            self.spikes.eq(moves & here),
        ]
        with m.If(moves):
            m.d.sync += chunk.eq(Mux(chunk == chunks - 1, 0, chunk + 1))

        return m

    def scaled(self, value):
        """(T - 1) value, of 8 bits: floor(2**8 value (T - 1) / 2**8)."""
        return floor_product(value << 8, self.steps - 1, 8) if self.steps > 1 else C(0)


UNIT = Latency
