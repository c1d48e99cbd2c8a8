"""Reads the rows of the walk buffer for the lanes: walk after walk, slice after slice."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.engine.walks import Freed, now_layout, piece_layout, summed
from hw.plan.buffers import BUFFER_ROWS

__all__ = ["Player"]


class Player(wiring.Component):
    """A row a cycle. The last row of a slice waits until the lanes can take its sums.

    They take those of a slice ``slice_steps`` cycles after those before, those of an empty walk
    when the stores of the walk before will be over, and in a read-out when ``drained`` says so. So
    a slice takes as many cycles as a walk has rows, ``slice_steps`` at least; an empty walk takes
    one, or ``lanes`` behind another. A walk without a row takes one for each slice, of no trains.

    Of a walk too long to be kept whole (Plan.streams) every piece is read once: the front walks it
    for each slice.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
    i : In(stream.Signature(piece_layout(plan)))
    drained, held : In(1)
        As hw.engine.walk_buffer has them.
    at, reads, now : Out(range(BUFFER_ROWS)), Out(1), Out(now_layout(plan))
        A row is read, and what it is.
    waits : Out(1)
        A row waits for the lanes.
    freed : Out(Freed)
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "i": In(stream.Signature(piece_layout(plan))), "drained": In(1), "held": In(1),
            "at": Out(range(BUFFER_ROWS)), "reads": Out(1), "now": Out(now_layout(plan)),
            "waits": Out(1), "freed": Out(Freed),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        fixed = lambda values: pass_register(m, self.number, [int(value) for value in values])
        once = C(0)                                          # the front has a turn for each slice
        if any(map(plan.streams, passes)):
            once = fixed(map(plan.streams, passes))

        # --- which row of which slice -------------------------------------------------------------
        piece = self.i.p
        begin = Signal(len(self.freed.rows))                 # the piece's first row of trains
        row   = Signal(len(piece.less_two))                  # counted from there
        heads = Signal(init=1)                               # the piece's first row in the slice
        ends  = Signal()                                     # its last, where that is not `heads`
        slice = Signal(range(plan.slices))
        opens = Signal(init=1)                               # the first row of a slice
        param = self.params(m, begin) if plan.per_channel else C(0)
        last  = Mux(heads, piece.single, ends)
        closes = last & piece.closes & ~param
        go, done = Signal(), Signal()                        # a row is read; its piece is done
        used  = Mux(piece.used == 0, plan.trains, piece.used)
        m.submodules.pace = pace = Pace(plan)
        able  = Mux(piece.empty_walk, pace.stored, pace.cool)
        m.d.comb += [
            go.eq(self.i.valid & Mux(param, pace.settled, ~closes | able)),
            self.reads.eq(go), self.waits.eq(self.i.valid & ~go),
            self.at.eq(begin + row),
            self.now.slice.eq(slice), self.now.param.eq(param),
            self.now.live.eq(Mux(param | piece.none, 0, Mux(
                last & piece.closes, Cat(n < used for n in range(plan.trains)), ~0))),
            self.now.first.eq(opens & ~param), self.now.load.eq(closes),
            self.now.ends_empty.eq(piece.empty_walk), self.now.ends_pass.eq(piece.ends_pass),
            done.eq(go & last & ~param
                    & (once | (slice == plan.slices - 1) | piece.empty_walk)),
            self.i.ready.eq(done), self.freed.rows.eq(begin),
        ]
        with m.If(go & ~param):
            m.d.sync += [
                row.eq(Mux(last, 0, row + 1)), heads.eq(last), ends.eq(row == piece.less_two),
                opens.eq(closes),
            ]
            with m.If(closes & ~piece.empty_walk):
                m.d.sync += slice.eq(slice + 1)
        with m.If(done):
            m.d.sync += [
                begin.eq(begin + row + ~piece.none),
                self.freed.walks.eq(self.freed.walks + piece.closes),
            ]
        m.d.comb += [
            pace.ends.eq(go & closes), pace.empty_walk.eq(piece.empty_walk),
            pace.drained.eq(self.drained), pace.held.eq(self.held),
            pace.is_readout.eq(fixed(each is passes[-1] for each in passes)),
        ]

        return m

    def params(self, m, begin):
        """Whether the row to be read is one of parameters; drives how they are passed by."""
        left, header = Signal(range(self.plan.header), init=self.plan.header - 1), self.plan.header
        passed = Signal()
        param  = self.i.p.leads & ~passed
        with m.If(self.reads & param):
            m.d.sync += [begin.eq(begin + 1), left.eq(left - 1)]
            with m.If(left == 0):
                m.d.sync += [passed.eq(1), left.eq(header - 1)]
        with m.If(self.i.ready):
            m.d.sync += passed.eq(0)
        return param


class Pace(wiring.Component):
    """When the lanes can take the sums of a slice, from the ends of slices alone.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    ends, empty_walk : In(1)
        Sums are handed on behind this row, those of an empty walk.
    is_readout, drained, held : In(1)
        As hw.engine.player has them.
    cool, stored : Out(1)
        Those of a slice can be taken; those of an empty walk.
    settled : Out(1)
        All that were handed on are in the lanes.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "ends": In(1), "empty_walk": In(1),
            "is_readout": In(1), "drained": In(1), "held": In(1),
            "cool": Out(1, init=1), "stored": Out(1, init=1), "settled": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        plan, steps = self.plan, self.plan.slice_steps

        def over(full, empty):
            """Whether in the next cycle so many have passed since an end; two at least."""
            count, passed, after = Signal(range(max(full, empty))), Signal(init=1), Signal()
            m.d.comb += after.eq(~self.ends & (passed | (count == 0)))
            m.d.sync += passed.eq(after)
            with m.If(self.ends):
                m.d.sync += count.eq(Mux(self.empty_walk, empty - 2, full - 2))
            with m.Elif(~passed):
                m.d.sync += count.eq(count - 1)
            return after

        scoring, taken = Signal(), Signal()                  # taken: in the next cycle none scores
        m.d.comb += taken.eq((~scoring | self.drained) & ~self.held)
        with m.If(self.ends):
            m.d.sync += scoring.eq(self.is_readout)
        with m.Elif(self.drained):
            m.d.sync += scoring.eq(0)
        # Parameters of a channel must outlive its last step. An empty walk drains in one step, and
        # its stores begin three cycles earlier than those of a slice that comes at its time.
        outlive = 3 if plan.per_channel else 0
        cool = Signal()
        m.d.comb += cool.eq(over(steps + outlive, 2) & taken)
        m.d.sync += [
            self.cool.eq(cool),
            self.stored.eq(over(steps + plan.lanes - 1, max(plan.lanes, 2)) & cool),
        ]
        if plan.per_channel:
            m.d.sync += self.settled.eq(over(summed(plan.trains) + 1, 2))

        return m
