"""Walks between the dispatcher and the lanes: several trains in a row, read slice after slice."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.engine.gatherer import Gatherer
from hw.engine.player import Player
from hw.engine.walks import Freed, summed
from hw.plan.buffers import BUFFER_ROWS, WORD

__all__ = ["WalkBuffer"]


class WalkBuffer(wiring.Component):
    """Keeps the trains of walks with their weights, ``plan.trains`` in a row, and hands rows on.

    hw.engine.gatherer fills rows, a train a cycle; hw.engine.player reads them, a row a cycle: each
    walk as often as a word has slices, each time another slice of its trains. Filling and reading
    go on at once, of different walks, or of a walk too long to be kept whole (Plan.streams).

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady while it has micro-ops.
    add, param, end, empty_walk, last : In(1)
        What comes in this cycle, at most one of the first three: a train with its weights, a row of
        parameters, the end of a walk, to which nothing was added; it is the pass's last.
    train, row : In(word_steps), In(16 * row_words)
    drained : In(1)
        Of a read-out: the slice handed on last has left no sums in the lanes.
    held : In(1)
        No slice should end.
    freed : Out(Freed)
        What may be filled again, counted round.
    rows : Out(data.ArrayLayout(16 * row_words, trains))
        Weights of the trains of a row, lane 0 lowest; of parameters the first alone.
    param : Out(1)
        With ``rows``: they are parameters.
    steps : Out(data.ArrayLayout(slice_steps, trains))
        With ``rows``: the slice of their trains; 0 of trains that are none.
    first, load, ends_empty, ends_pass : Out(1)
        The sums of a slice begin; they are handed on: hw.engine.walks.summed(trains) and one more
        cycle behind ``rows``; with ``load``, of an empty walk; of the pass's last walk.
    reads, reads_param, waits, ends : Out(1)
        For simulation: a row is read; it is one of parameters; a row waits for the lanes; the row
        is the pass's last.
    """

    def __init__(self, plan):
        self.plan = plan
        row = WORD * plan.row_words
        super().__init__({
            "number": In(range(len(plan.passes))),
            "add": In(1), "i_param": In(1), "end": In(1), "empty_walk": In(1), "last": In(1),
            "train": In(plan.word_steps), "row": In(row),
            "drained": In(1), "held": In(1), "freed": Out(Freed),
            "rows": Out(data.ArrayLayout(row, plan.trains)), "param": Out(1),
            "steps": Out(data.ArrayLayout(plan.slice_steps, plan.trains)),
            "first": Out(1), "load": Out(1), "ends_empty": Out(1), "ends_pass": Out(1),
            "reads": Out(1), "reads_param": Out(1), "waits": Out(1), "ends": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        plan = self.plan

        m.submodules.gatherer = gatherer = Gatherer(plan)
        m.submodules.player = player = Player(plan)
        connect(m, gatherer.o, player.i)
        m.d.comb += [
            gatherer.number.eq(self.number), player.number.eq(self.number),
            gatherer.add.eq(self.add), gatherer.param.eq(self.i_param), gatherer.end.eq(self.end),
            gatherer.empty_walk.eq(self.empty_walk), gatherer.last.eq(self.last),
            player.drained.eq(self.drained), player.held.eq(self.held), self.freed.eq(player.freed),
            self.reads.eq(player.reads), self.reads_param.eq(player.now.param),
            self.waits.eq(player.waits), self.ends.eq(player.now.ends_pass & player.now.load),
        ]

        # The trains of a row are read a cycle before its weights, and their slice is registered.
        now = Signal(player.now.shape())                     # of the trains that were read
        at, reads = Signal.like(player.at, reset_less=True), Signal()
        m.d.sync += [
            now.eq(Mux(player.reads, player.now, 0)), self.param.eq(now.param),
            at.eq(player.at), reads.eq(player.reads),
        ]
        for n in range(plan.trains):
            fills = gatherer.at, gatherer.fills[n]
            train = kept(m, f"trains{n}", fills, self.train, player.at, player.reads)
            part  = train.word_select(now.slice, plan.slice_steps)
            m.d.comb += self.rows[n].eq(kept(m, f"rows{n}", fills, self.row, at, reads))
            m.d.sync += self.steps[n].eq(Mux(now.live[n], part, 0))

        def later(signal, cycles):
            for n in range(cycles):
                m.d.sync += (after := Signal(name=f"{signal.name}_{n + 1}")).eq(signal)
                signal = after
            return signal
        names = ("first", "load", "ends_empty", "ends_pass")
        marks = {name: Signal(name=f"now_{name}") for name in names}
        m.d.comb += [mark.eq(getattr(now, name)) for name, mark in marks.items()]
        depth = summed(plan.trains) + 1
        m.d.comb += self.first.eq(later(marks.pop("first"), depth))
        m.d.comb += [getattr(self, name).eq(later(mark, depth + 1)) for name, mark in marks.items()]

        return m


def kept(m, name, fills, value, at, reads):
    """Memory of rows, as submodule ``name``; what it shows a cycle after it is read."""
    m.submodules[name] = mem = memory.Memory(shape=len(value), depth=BUFFER_ROWS, init=[])
    write, read = mem.write_port(), mem.read_port()
    m.d.comb += [
        write.addr.eq(fills[0]), write.en.eq(fills[1]), write.data.eq(value),
        read.addr.eq(at), read.en.eq(reads),
    ]
    return read.data
