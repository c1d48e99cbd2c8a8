"""Scores on their way out of the read-out, of which no more are taken than find room."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DEPTH", "ScoreQueue"]

DEPTH = 4       # cycles from taking a lane to its score's leaving, and one for each of them


class ScoreQueue(wiring.Component):
    """A score a cycle where each leaves at once.

    A score is ``taken``, comes with ``push`` some cycles later, and may leave in the cycle behind.

    Parameters
    ----------
    shape : Shape
        Of a score.

    Members
    -------
    taken, push, i : In(1), In(1), In(shape)
    full : Out(1)
        In the next cycle none must be taken; by what is taken and leaves in this one.
    o : Out(stream.Signature(shape))
    """

    def __init__(self, shape):
        super().__init__({"taken": In(1), "push": In(1), "i": In(shape), "full": Out(1),
                          "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        kept = [Signal.like(self.i, name=f"kept{n}", reset_less=True) for n in range(DEPTH)]
        count, room_for = Signal(range(DEPTH + 1)), Signal(range(DEPTH + 1))
        # Scores that wait here or come: all that were taken and have not left.
        under_way, then = Signal(range(DEPTH + 1)), Signal(range(DEPTH + 1))
        leaves = self.o.valid & self.o.ready
        m.d.comb += [
            then.eq(under_way + self.taken - leaves), self.full.eq(then == DEPTH),
            room_for.eq(count - leaves), self.o.payload.eq(kept[0]),
        ]
        m.d.sync += [
            under_way.eq(then), count.eq(room_for + self.push),
            self.o.valid.eq(self.push | (room_for != 0)),
        ]
        for n, one in enumerate(kept):
            with m.If(self.push & (room_for == n)):
                m.d.sync += one.eq(self.i)
            with m.Elif(leaves):
                m.d.sync += one.eq(kept[min(n + 1, DEPTH - 1)])
        return m
