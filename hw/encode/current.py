"""Encoder "current": the bits of a pixel are its trains."""

from amaranth import *
from amaranth.lib import wiring

from hw.encode.interface import encoder_members, restart

__all__ = ["UNIT", "Current"]

PIXEL_BITS = 8


class Current(wiring.Component):
    """Turns each pixel into words of its bits, in place of steps: all steps are the same.

    A word holds ``word_steps`` bits, or all eight, bit 0 the highest; where there are two, the
    lower four come first. Takes one pixel every ``pixel_cycles``, two more at ``first``. Members as
    in hw.encode.interface; ``seed`` is not used, and ``spikes`` counts the steps at which the pixel
    is not 0.
    """

    @staticmethod
    def pixel_cycles(chunks, word_steps):
        """Cycles of a pixel: those in which its words leave, and all its steps are counted."""
        return max(chunks, PIXEL_BITS // min(word_steps, PIXEL_BITS))

    def __init__(self, *, steps, word_steps):
        self.steps, self.word_steps = steps, word_steps
        super().__init__(encoder_members(width=PIXEL_BITS, word_steps=word_steps))

    def elaborate(self, platform):
        m = Module()

        bits   = min(self.word_steps, PIXEL_BITS)
        words, chunks = PIXEL_BITS // bits, -(-self.steps // self.word_steps)
        cycles = self.pixel_cycles(chunks, self.word_steps)
        turn   = Signal(range(cycles))
        begun  = restart(m, self)
        # Words are offered in the last cycles, so that the image's last word ends it.
        spare  = cycles - words
        gives  = turn >= spare
        moves  = self.i.valid & begun & (self.o.ready | ~gives)
        part   = self.i.p.data.word_select((turn - spare)[:(words - 1).bit_length()], bits)
        rest   = self.steps - (chunks - 1) * self.word_steps
        counted = Mux(turn < chunks - 1, self.word_steps, Mux(turn == chunks - 1, rest, 0))
        m.d.comb += [
            self.o.valid.eq(self.i.valid & begun & gives),
            self.o.p.train.eq(part[::-1]),
            self.some.eq(part.any()),
            self.o.p.first.eq(self.i.p.first & (turn == spare)),
            self.i.ready.eq(moves & (turn == cycles - 1)),
        ]
        m.d.sync += self.spikes.eq(Mux(moves & self.i.p.data.any(), counted, 0))
        with m.If(moves):
            m.d.sync += turn.eq(Mux(turn == cycles - 1, 0, turn + 1))

        return m


UNIT = Current
