"""Encoder "graded": the image already is numbers of every step, as the bits of events counted."""

from amaranth import *
from amaranth.lib import wiring

from golden.network.encoders import ENCODERS
from hw.encode.interface import encoder_members, restart

__all__ = ["UNIT", "Graded"]


class Graded(wiring.Component):
    """Passes trains on, as hw.encode.frames.Frames, one word a neuron, chunk and bit of a number.

    Members as in hw.encode.interface, with ``word_steps`` bits of a pixel. Bits of steps from
    ``steps`` on must be 0. ``seed`` is not used, and ``spikes`` counts the steps at which the
    number is not 0.
    """

    planes = ENCODERS["graded"].planes

    @classmethod
    def pixel_cycles(cls, chunks, word_steps):
        """Cycles of a pixel."""
        return chunks * cls.planes

    def __init__(self, *, steps, word_steps):
        self.word_steps = word_steps
        super().__init__(encoder_members(width=word_steps, word_steps=word_steps))

    def elaborate(self, platform):
        m = Module()

        plane = Signal(range(self.planes))
        met   = Signal(self.word_steps)                    # steps at which a bit before was 1
        ever  = Signal.like(met)
        last  = Signal()
        begun = restart(m, self)
        moves = self.o.valid & self.o.ready
        here  = Mux(self.i.p.first, 0, plane)              # whatever came before
        m.d.comb += [
            self.o.valid.eq(self.i.valid & begun),
            self.i.ready.eq(self.o.ready & begun),
            self.o.p.train.eq(self.i.p.data),
            self.some.eq(self.i.p.data.any()),
            self.o.p.first.eq(self.i.p.first),
            ever.eq(self.i.p.data | Mux(here == 0, 0, met)),
            last.eq(here == self.planes - 1),
        ]
        m.d.sync += self.spikes.eq(Mux(moves & last, sum(ever), 0))
        with m.If(moves):
            m.d.sync += [met.eq(ever), plane.eq(Mux(last, 0, here + 1))]

        return m


UNIT = Graded
