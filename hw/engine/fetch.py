"""Fetches what a micro-op names, and registers it for the lanes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.ops import Op, op_layout
from hw.memory.ports import ReadPort
from hw.plan.buffers import WORD

__all__ = ["Fetch"]

LEGS = ("leg", "held", "blank", "outside")


class Fetch(wiring.Component):
    """Reads the train and the row of a micro-op; a cycle later they are what the lanes add.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    merges : bool
        Some passes merge (max pooling): their trains do not go to the lanes.

    Members
    -------
    merging : In(1)
        The pass merges; constant while micro-ops come.
    i : In(stream.Signature(op_layout(plan), always_ready=True))
        Micro-ops, each taken at once.
    slice : In(range(word_steps // walk_steps))
        Which steps of a word are the walk's; constant while micro-ops come.
    trains, weights : Out(ReadPort(...))
        Both are read at once.
    now : Out(walk_steps)
        Of ``trains.data``, those steps; all ones of a layer's own trains.
    frees : Out(1)
        Of a plan that streams weights, with ``i``: no row of the oldest block is read any more.
    adds, params, ends, ends_empty, ends_pass : Out(1)
        ``trains.data`` is that of an Add; ``weights.data`` is one of the pass's header; the
        micro-op read is an end, of a walk to which nothing was added, of the pass's last. One cycle
        after ``i``.
    train : Out(walk_steps)
        Steps that add, all ones with ``load``. Two cycles after ``i``, as all that follow.
    row : Out
        Weights of the lanes, lane 0 lowest.
    param : Out(1)
        ``row`` is one of the pass's header.
    load, clear : Out(1)
        The sums are handed on; they are cleared, which is also done after a reset.
    empty_walk, last : Out(1)
        With ``load``: nothing was added; the walk is the pass's last.
    leg, held, blank, outside : Out(1)
        With ``load``, where ``hw.engine.ops.op_layout`` has them: what they say there.
    """

    def __init__(self, plan, merges):
        self.merges, self.walk_steps, self.looped = merges, plan.walk_steps, plan.looped
        self.streamed = bool(plan.banks)
        # What an end tells of its leg.
        self.legs = tuple(name for name in LEGS if name in op_layout(plan).members)
        super().__init__({
            "merging": In(1), "now": Out(plan.walk_steps),
            "slice": In(range(plan.word_steps // plan.walk_steps)),
            "i": In(stream.Signature(op_layout(plan), always_ready=True)),
            "trains": Out(ReadPort(plan.train_addr, plan.word_steps)),
            "weights": Out(ReadPort(plan.row_addr, WORD * plan.row_words)),
            "adds": Out(1), "params": Out(1), "ends": Out(1), "ends_empty": Out(1),
            "ends_pass": Out(1),
            "train": Out(plan.walk_steps, init=-1), "row": Out(WORD * plan.row_words),
            "param": Out(1), "load": Out(1), "clear": Out(1, init=1),
            "empty_walk": Out(1), "last": Out(1),
            **{name: Out(1) for name in self.legs},
            **({"frees": Out(1)} if plan.banks else {}),
        })

    def elaborate(self, platform):
        m = Module()
        read = Signal(Op)
        reads = Signal()                                     # there is such a one
        row = Signal(self.row.shape(), reset_less=True)
        m.d.comb += [
            self.trains.addr.eq(self.i.p.train), self.weights.addr.eq(self.i.p.row),
            self.trains.en.eq(self.i.valid), self.weights.en.eq(self.i.valid),
            self.adds.eq(reads & (read == Op.Add)),
            self.params.eq(reads & (read == Op.Param)),
            self.ends.eq(reads & read.as_value()[1]), self.ends_pass.eq(read == Op.EndPass),
            self.row.eq(row),
        ]
        if self.streamed:
            # Nothing is read for an end: a word of the stream may come in its place.
            m.d.comb += [
                self.frees.eq(self.i.valid & self.i.p.frees),
                self.weights.en.eq(self.i.valid & ~self.i.p.op.as_value()[1]),
            ]
        now = self.trains.data.word_select(self.slice, self.walk_steps)
        if self.looped:
            own = Signal()
            m.d.sync += own.eq(self.i.p.own)
            now = Mux(own, ~C(0, self.walk_steps), now)
        m.d.comb += self.now.eq(now)
        ends, adds = self.ends, self.adds
        if self.merges:
            ends, adds = ends & ~self.merging, adds & ~self.merging
        m.d.sync += [
            reads.eq(self.i.valid), read.eq(self.i.p.op), self.ends_empty.eq(self.i.p.empty_walk),
            # With `load` all lanes' sums are cleared, by the same enables.
            self.train.eq(Mux(ends, ~0, Mux(adds, self.now, 0))),
            row.eq(self.weights.data), self.param.eq(self.params),
            self.load.eq(self.ends & ~self.merging), self.clear.eq(self.ends & ~self.merging),
            self.empty_walk.eq(self.ends_empty), self.last.eq(self.ends_pass),
        ]
        for name in self.legs:
            was = Signal(name=f"ends_{name}")
            m.d.sync += [was.eq(self.i.p[name]), getattr(self, name).eq(was)]
        return m
