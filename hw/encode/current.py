"""Encoder "current": the bits of a pixel are its trains."""

from amaranth import *
from amaranth.lib import wiring

from hw.encode.interface import encoder_members, restart

__all__ = ["Current"]


class Current(wiring.Component):
    """Turns each pixel into a constant input: bit p of it is a train of its own, all 1 or all 0.

    For each chunk the words of bits 0 to 7 leave in turn, one a cycle. Members
    as in hw.encode.interface; ``seed`` is not used, and ``spikes`` counts the steps at which the
    pixel is not 0.
    """

    @staticmethod
    def pixel_cycles(chunks, word_steps):
        """Cycles of a pixel."""
        return chunks * 8

    def __init__(self, *, steps, word_steps):
        self.steps, self.word_steps = steps, word_steps
        super().__init__(encoder_members(width=8, word_steps=word_steps))

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
