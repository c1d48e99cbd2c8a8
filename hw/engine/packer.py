"""Packs the spikes of the lanes into trains, a step a cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.drain import flags_layout
from hw.memory.held import Held

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Shifts each lane's spikes into its word, first step lowest.

    A spike has a cycle to come from its lane, so the word is full two cycles after its last step.

    Parameters
    ----------
    lanes, word_steps : int
    products : int
        Multipliers that may hold the words.

    Members
    -------
    stepped, live, now, last_chunk : In
        As hw.engine.drain gives them.
    spikes : In(data.ArrayLayout(1, lanes))
        Of the lanes, with ``stepped``.
    storing : In(1)
        The pass stores its trains.
    words : Out(data.ArrayLayout(word_steps, lanes))
    full : Out(flags_layout)
        Of the walk in ``words``; ``last`` for one cycle, in which the words are full.
    full_chunk : Out(1)
        They are the last of their trains.
    fired : Out(range(lanes + 1))
        Spikes of all lanes, two cycles after their step.
    """

    def __init__(self, *, lanes, word_steps, products=0):
        self.lanes = lanes
        self._held = Held(lanes * word_steps, products=products)
        super().__init__({
            "stepped": In(1), "live": In(1), "now": In(flags_layout), "last_chunk": In(1),
            "spikes": In(data.ArrayLayout(1, lanes)), "storing": In(1),
            "words": Out(data.ArrayLayout(word_steps, lanes)),
            "full": Out(flags_layout), "full_chunk": Out(1), "fired": Out(range(lanes + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.held = held = self._held
        fired = [Signal(name=f"fired{n}", reset_less=True) for n in range(self.lanes)]
        fresh, ended, ended_chunk = Signal(), Signal(flags_layout), Signal()
        m.d.comb += [
            held.load.eq(fresh), self.words.eq(held.q),
            held.d.eq(Cat(Cat(self.words[n][1:], spike) for n, spike in enumerate(fired))),
        ]
        m.d.sync += [
            fresh.eq(self.stepped), self.fired.eq(Mux(fresh, sum(fired), 0)),
            *(spike.eq(self.spikes[n] & self.live) for n, spike in enumerate(fired)),
            ended.eq(self.now), ended.last.eq(self.stepped & self.now.last & self.storing),
            self.full.eq(ended),
            ended_chunk.eq(self.last_chunk), self.full_chunk.eq(ended_chunk),
        ]
        return m
