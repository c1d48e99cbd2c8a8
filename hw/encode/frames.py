"""Encoder "frames": the image already is spikes."""

from amaranth import *
from amaranth.lib import wiring

from hw.encode.interface import encoder_members, restart

__all__ = ["UNIT", "Frames"]


class Frames(wiring.Component):
    """Passes trains on: the image already is spikes, one word a neuron and chunk, one a cycle.

    Members as in hw.encode.interface, with ``word_steps`` bits of a pixel. Bits of steps from
    ``steps`` on must be 0. ``seed`` is not used.
    """

    planes = 1  # words of a chunk

    @classmethod
    def pixel_cycles(cls, chunks, word_steps):
        """Cycles of a pixel."""
        return chunks * cls.planes

    def __init__(self, *, steps, word_steps):
        super().__init__(encoder_members(width=word_steps, word_steps=word_steps))

    def counted(self, m, moves):
        """Spikes that the word offered adds to those of its chunk, where it ``moves`` on."""
        return sum(self.i.p.data)

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
        moves = self.o.valid & self.o.ready
        m.d.sync += self.spikes.eq(Mux(moves, self.counted(m, moves), 0))

        return m


UNIT = Frames
