"""Gathers the trains of walks into the rows of the walk buffer."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.engine.walks import ROW_BITS, WALKS, piece_layout

__all__ = ["Gatherer"]

PIECE = 64             # rows of a piece of a walk that is too long
QUEUE = 2 * WALKS      # pieces; more than ends and what rows have room for
NO_ROW = -2 % 2**ROW_BITS     # of less_two, where there is none


class Gatherer(wiring.Component):
    """Says where each train of a walk goes, and queues walks, or pieces of long ones, when whole.

    A train takes the next place of its row; parameters take a row each, and a walk ends its row.
    hw.engine.room sees to it that there is a row and a place in the queue.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
    add, param, end, empty_walk, last : In(1)
        As hw.engine.walk_buffer has them.
    at, fills : Out(range(BUFFER_ROWS)), Out(trains)
        Row that is filled, and which of its places.
    o : Out(stream.Signature(piece_layout(plan)))
        Pieces, each three cycles behind its last row at the earliest.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "add": In(1), "param": In(1), "end": In(1), "empty_walk": In(1), "last": In(1),
            "at": Out(ROW_BITS), "fills": Out(plan.trains),
            "o": Out(stream.Signature(piece_layout(plan))),
        })

    def elaborate(self, platform):
        m = Module()
        plan, trains = self.plan, self.plan.trains

        slot  = Signal(range(trains))
        rows  = Signal(ROW_BITS, init=NO_ROW)                # of trains in the piece, less two
        none, one = Signal(init=1), Signal()                 # there is no row, a single one
        leads = Signal()
        whole = self.add & (slot == trains - 1)
        cuts  = C(0)
        if any(map(plan.streams, plan.passes)):
            long = pass_register(m, self.number, [int(plan.streams(p)) for p in plan.passes])
            cuts = long & whole & (rows == PIECE - 3)
        closed = self.end & (slot != 0)                      # a row begun is closed
        fills  = whole | closed
        after  = (rows + fills)[:ROW_BITS]
        m.d.comb += self.fills.eq(Mux(self.add, 1 << slot, self.param))
        with m.If(self.add):
            m.d.sync += slot.eq(Mux(whole, 0, slot + 1))
        with m.If(self.end):
            m.d.sync += slot.eq(0)
        m.d.sync += [
            leads.eq((leads | self.param) & ~(self.end | cuts)),
            none.eq(self.end | cuts | (none & ~fills)),
            one.eq(~(self.end | cuts) & Mux(fills, none, one)),
        ]
        with m.If(fills | self.param):
            m.d.sync += self.at.eq(self.at + 1)
        with m.If(self.end | cuts):
            m.d.sync += rows.eq(NO_ROW)
        with m.Elif(fills):
            m.d.sync += rows.eq(rows + 1)

        # --- pieces in their order ----------------------------------------------------------------
        m.submodules.queue = queue = memory.Memory(
            shape=piece_layout(plan), depth=QUEUE, init=[])
        write, read = queue.write_port(), queue.read_port()
        head, tail = Signal(range(QUEUE)), Signal(range(QUEUE))
        some, fetch = Signal(), Signal()
        m.d.sync += [
            write.en.eq(self.end | cuts),
            write.data.less_two.eq(after), write.data.none.eq(none & ~fills),
            write.data.single.eq(none | (one & ~fills)), write.data.used.eq(Mux(self.end, slot, 0)),
            write.data.leads.eq(leads), write.data.closes.eq(self.end),
            write.data.empty_walk.eq(self.empty_walk), write.data.ends_pass.eq(self.last),
        ]
        m.d.comb += [
            write.addr.eq(head),
            read.addr.eq(tail), read.en.eq(fetch),
            fetch.eq(some & (~self.o.valid | self.o.ready)),
            self.o.payload.eq(read.data),
        ]
        with m.If(write.en):
            m.d.sync += head.eq(head + 1)
        with m.If(fetch):
            m.d.sync += tail.eq(tail + 1)
        m.d.sync += [
            some.eq(Mux(fetch, head != (tail + 1)[:len(tail)], head != tail)),
            self.o.valid.eq(fetch | (self.o.valid & ~self.o.ready)),
        ]

        return m
