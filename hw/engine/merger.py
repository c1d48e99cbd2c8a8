"""Max pooling: the OR of a walk's trains."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Merger"]


class Merger(wiring.Component):
    """merged[t] = max over the trains of a walk of their spike in step t.

    Parameters
    ----------
    word_steps, chunks : int
        Steps of a word; words of a train, whose walks follow each other.

    Members
    -------
    merging : In(1)
        The pass merges; otherwise nothing is kept.
    adds, ends, train : In
        Of hw.engine.fetch: ``train`` counts with ``adds``; ``ends`` ends a walk.
    merged : Out(word_steps)
        With ``joins``: the OR of the walk that ended a cycle before.
    joins, last_chunk : Out(1)
        A walk ended; its word is the last of its train.
    """

    def __init__(self, *, word_steps, chunks):
        self.chunks = chunks
        super().__init__({
            "merging": In(1), "adds": In(1), "ends": In(1), "train": In(word_steps),
            "merged": Out(word_steps), "joins": Out(1), "last_chunk": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        came  = Signal.like(self.train)
        chunk = Signal(range(self.chunks))
        m.d.comb += self.last_chunk.eq(chunk == self.chunks - 1)
        m.d.sync += [
            came.eq(Mux(self.adds & self.merging, self.train, 0)),
            self.joins.eq(self.ends & self.merging),
            self.merged.eq(Mux(self.joins | ~self.merging, 0, self.merged | came)),
        ]
        with m.If(self.joins):
            m.d.sync += chunk.eq(Mux(self.last_chunk, 0, chunk + 1))
        return m
