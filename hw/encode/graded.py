"""Encoder "graded": the image already is numbers of every step, as the bits of events counted."""

from amaranth import *

from golden.network.encoders import ENCODERS
from hw.encode.frames import Frames

__all__ = ["UNIT", "Graded"]


class Graded(Frames):
    """As Frames, but one word a neuron, chunk and bit of a number, the lowest bit first.

    ``spikes`` counts the steps at which the number is not 0.
    """

    planes = ENCODERS["graded"].planes

    def counted(self, m, moves):
        plane = Signal(range(self.planes))
        met   = Signal.like(self.i.p.data)                 # steps at which a bit before was 1
        ever  = Signal.like(met)
        here  = Mux(self.i.p.first, 0, plane)              # whatever came before
        last  = here == self.planes - 1
        m.d.comb += ever.eq(self.i.p.data | Mux(here == 0, 0, met))
        with m.If(moves):
            m.d.sync += [met.eq(ever), plane.eq(Mux(last, 0, here + 1))]
        return Mux(last, sum(ever), 0)


UNIT = Graded
