"""Whether a micro-op may go: when the lanes, or the walk buffer before them, have room for it."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.engine.ops import Op
from hw.engine.walks import WALKS, Freed
from hw.plan.buffers import KEPT_ROWS

__all__ = ["NEXT", "BufferRoom", "LaneRoom", "empty_drain"]

NEXT = 2          # cycles from an end to the next at the least
LATE = 4          # micro-ops that go before one is counted, and it


def empty_drain(lanes):
    """Cycles a walk without a train takes to drain: the stores of the walk before are over then."""
    return max(lanes, NEXT)


def members(plan):
    """Members of what says whether a micro-op may go.

    number : In(range(passes))
        The pass; steady while it has words.
    gives, op : In(1), In(Op)
        A micro-op goes.
    adds, ends : Out(1)
        In the next cycle one that is no end may go; an end may.
    empty_walk : Out(1)
        Nothing was added since the last end, and nothing can spike.

    Of a plan whose walks have legs:

    leg, drops : In(1)
        ``op`` is the end of a leg; one that is not handed on goes, whose sums were 0.
    idle : Out(1)
        Nothing was added since the last end.
    of_legs : Out({"held": 1, "blank": 1})
        Sums of legs of the walk are held; some, that were not handed on, were 0.
    """
    in_legs = {"leg": In(1), "drops": In(1), "idle": Out(1),
              "of_legs": Out(data.StructLayout({"held": 1, "blank": 1}))}
    return {**(in_legs if plan.in_legs else {}),
            "number": In(range(len(plan.passes))), "gives": In(1), "op": In(Op),
            "adds": Out(1, init=1), "ends": Out(1, init=1), "empty_walk": Out(1)}


def follow_walk(m, room, plan):
    """Drive ``empty_walk``; whether an end goes in this cycle."""
    added = Signal()
    skips = pass_register(m, room.number, [int(plan.can_skip(p)) for p in plan.passes])
    ends = room.gives & room.op.as_value()[1]
    m.d.comb += room.empty_walk.eq(~added & skips)
    if plan.in_legs:
        found = room.of_legs
        m.d.comb += [room.idle.eq(~added), room.empty_walk.eq(~added & ~found.held & skips)]
        with m.If(room.drops):
            m.d.sync += found.blank.eq(1)
        with m.Elif(ends):
            m.d.sync += [found.held.eq(room.leg), found.blank.eq(found.blank & room.leg)]
    with m.If(ends):
        m.d.sync += added.eq(0)
    with m.Elif(room.gives & (room.op == Op.Add)):
        m.d.sync += added.eq(1)
    return ends


class LaneRoom(wiring.Component):
    """Of lanes that take micro-ops at once: an end goes when they will be drained as it arrives.

    The sums of a walk take ``walk_steps`` cycles to drain, or ``lanes`` where those are more, for
    which it has words to store (three more with plan.per_channel or plan.rounded, and
    plan.steady_bits more in a steady pass), or ``lanes``, two at least, if nothing was added and
    nothing can spike, and in a read-out as long as ``drained`` says.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    Those of ``members``, and

    drained : In(1)
        Of a read-out: the walk ended last has left no sums in the lanes.
    held : In(1)
        No end should go.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({**members(plan), "drained": In(1), "held": In(1)})

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        fixed = lambda values: pass_register(m, self.number, [int(value) for value in values])

        drains  = [max(plan.walk_steps, plan.lanes) + 3 * (plan.per_channel or plan.rounded)
                   + plan.steady_bits * p.steady
                   for p in passes]
        full    = fixed(n - 1 for n in drains)
        short   = empty_drain(plan.lanes)
        cooling = Signal(range(max(drains)))
        cool    = Signal(init=1)                             # cooling is 0: the next end may go
        scoring = Signal()                                   # a read-out's sums are draining
        merging = fixed(p.merging for p in passes)
        speaks  = fixed(p is passes[-1] for p in passes)
        ended   = follow_walk(m, self, plan)
        m.d.comb += self.adds.eq(1)
        m.d.sync += self.ends.eq(
            (cool | (cooling == 1)) & (~scoring | self.drained) & ~self.held)
        with m.If(ended):
            m.d.sync += self.ends.eq(0)
            m.d.sync += [
                cooling.eq(Mux(merging, NEXT - 1, Mux(self.empty_walk, short - 1, full))),
                cool.eq(0), scoring.eq(speaks),
            ]
        with m.Else():
            with m.If(~cool):
                m.d.sync += [cooling.eq(cooling - 1), cool.eq(cooling == 1)]
            with m.If(self.drained):
                m.d.sync += scoring.eq(0)

        return m


class BufferRoom(wiring.Component):
    """Of a walk buffer: a train or parameters go where a row is free, an end where a walk is.

    What goes is counted here, some micro-ops late, for which there is always room. An end leaves
    ``NEXT`` cycles to the next, as merging passes need it.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    Those of ``members``, and

    freed : In(Freed)
        Rows and walks that the lanes have done with, counted round.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({**members(plan), "freed": In(Freed)})

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        merging = pass_register(m, self.number, [int(p.merging) for p in plan.passes])
        ended = follow_walk(m, self, plan)

        # --- what went: a row with every first train of one, a walk with every end ----------------
        went, went_op = Signal(), Signal(Op)                 # in the last cycle
        slot, last = Signal(range(plan.trains)), plan.trains - 1
        rows, walks = Signal(len(self.freed.rows)), Signal(len(self.freed.walks))
        m.d.sync += [went.eq(self.gives), went_op.eq(self.op)]
        with m.If(went & ~merging):
            with m.If(went_op == Op.Add):
                m.d.sync += [slot.eq(Mux(slot == last, 0, slot + 1)),
                             rows.eq(rows + (slot == 0))]
            with m.Elif(went_op == Op.Param):
                # Those of a pass go to the lanes at once.
                m.d.sync += rows.eq(rows + int(plan.per_channel))
            with m.Else():
                m.d.sync += [slot.eq(0), walks.eq(walks + 1)]

        # --- what is free -------------------------------------------------------------------------
        used_rows, used_walks = Signal(rows.shape()), Signal(walks.shape())
        m.d.sync += [
            used_rows.eq(rows - self.freed.rows), used_walks.eq(walks - self.freed.walks),
            self.adds.eq(used_rows < KEPT_ROWS), self.ends.eq((used_walks < WALKS - LATE) & ~ended),
        ]

        return m
