"""Rounds of all layers, and where the trains of the input that they read are."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Rounds"]


class Rounds(wiring.Component):
    """Counts the rounds of an image (hw.plan.planner.Plan.rounds).

    Parameters
    ----------
    rounds, slices : int
        Of an image; of a word of the input, each of which a round has.
    in_chunk, addr : int
        Trains between the words of an input; bits of a train's address.

    Members
    -------
    advance : In(1)
        The next round begins, behind the last one the first.
    number : Out(range(rounds))
    first, last : Out(1)
    slice, offset : Out(range(slices)), Out(addr)
        The round's slice of its word, and how far that lies behind the first.
    """

    def __init__(self, *, rounds, slices, in_chunk, addr):
        self.rounds, self.slices, self.in_chunk = rounds, slices, in_chunk
        super().__init__({
            "advance": In(1), "number": Out(range(rounds)), "first": Out(1, init=1),
            "last": Out(1, init=rounds == 1), "slice": Out(range(slices)), "offset": Out(addr),
        })

    def elaborate(self, platform):
        m = Module()
        full = self.slice == self.slices - 1
        with m.If(self.advance):
            m.d.sync += [
                self.number.eq(Mux(self.last, 0, self.number + 1)), self.first.eq(self.last),
                self.last.eq(self.number == self.rounds - 2 if self.rounds > 1 else 1),
                self.slice.eq(Mux(full | self.last, 0, self.slice + 1)),
                self.offset.eq(Mux(self.last, 0, self.offset + Mux(full, self.in_chunk, 0))),
            ]
        return m
