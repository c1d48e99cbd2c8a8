"""Picks the trains out of the words that the address generator finds, one a cycle."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.address_generator import MARGIN
from hw.engine.constants import pass_register
from hw.engine.ops import Op, found_layout, op_layout
from hw.engine.room import BufferRoom, LaneRoom
from hw.engine.walks import Freed
from hw.plan.buffers import WORD

__all__ = ["Dispatcher"]

QUEUE_DEPTH = 32  # words; more would cost no block RAM and gain nothing


def ones(word):
    """How many bits of ``word`` are 1, as a balanced tree."""
    if len(word) == 1:
        return word
    half = len(word) // 2
    return ones(word[:half]) + ones(word[half:])


class Dispatcher(wiring.Component):
    """Micro-ops of a pass: each train of each word becomes one Add, lowest first, one a cycle.

    Words wait in a queue, so that visits run ahead and empty ones cost nothing. A micro-op waits
    until there is room for it when it arrives (hw.engine.room). Behind it nothing ever waits.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady while it has words.
    flow : Out(1)
        There is room for MARGIN more words.
    i : In(stream.Signature(found_layout(plan), always_ready=True))
        Words; ``flow`` promises the room.
    drained, held : In(1)
        Of lanes that take micro-ops at once: in a read-out, the walk ended last has left no sums;
        no end should go.
    freed : In(Freed)
        Of a walk buffer, where there is one: what the lanes have done with.
    o : Out(stream.Signature(op_layout(plan), always_ready=True))
        Micro-ops, taken at once.
    waits : Out(1)
        An end waits.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "flow": Out(1),
            "i": In(stream.Signature(found_layout(plan), always_ready=True)),
            **({"freed": In(Freed)} if plan.buffered else {"drained": In(1), "held": In(1)}),
            "o": Out(stream.Signature(op_layout(plan), always_ready=True)),
            "waits": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        fixed = lambda values: pass_register(m, self.number, [int(value) for value in values])
        found = found_layout(plan)

        # --- queue --------------------------------------------------------------------------------
        # The count of a word, quarter by quarter first, is written two cycles after it, and both
        # are read a cycle later at the earliest.
        m.submodules.queue = queue = memory.Memory(
            shape=Shape.cast(found), depth=QUEUE_DEPTH, init=[])
        write, read = queue.write_port(), queue.read_port()
        m.submodules.counts = counts = memory.Memory(
            shape=range(WORD + 1), depth=QUEUE_DEPTH, init=[])
        w_count, r_count = counts.write_port(), counts.read_port()
        head, tail = Signal(range(QUEUE_DEPTH)), Signal(range(QUEUE_DEPTH))  # written; read next
        level   = Signal(range(QUEUE_DEPTH))
        came, came_at = Signal(), Signal(range(QUEUE_DEPTH))
        quarters = [Signal(range(5), name=f"quarter{n}", reset_less=True) for n in range(4)]
        some    = Signal()                                   # a word can be fetched
        fetched = Signal()                                   # a word is at the read port
        fetch, take = Signal(), Signal()
        m.d.comb += [
            write.addr.eq(head), write.data.eq(self.i.payload), write.en.eq(self.i.valid),
            read.addr.eq(tail), read.en.eq(fetch), r_count.addr.eq(tail), r_count.en.eq(fetch),
            fetch.eq(some & (~fetched | take)),
        ]
        m.d.sync += [
            head.eq(head + self.i.valid), came.eq(self.i.valid), came_at.eq(head),
            *(quarter.eq(ones(self.i.p.word[4 * n:4 * n + 4]))
              for n, quarter in enumerate(quarters)),
            w_count.addr.eq(came_at), w_count.data.eq(sum(quarters)), w_count.en.eq(came),
            some.eq(Mux(fetch, w_count.addr != (tail + 1)[:len(tail)], w_count.addr != tail)),
            fetched.eq(fetch | (fetched & ~take)),
            level.eq(head - tail), self.flow.eq(level < QUEUE_DEPTH - MARGIN - 4),
        ]
        with m.If(fetch):
            m.d.sync += tail.eq(tail + 1)

        # --- pick: one train a cycle --------------------------------------------------------------
        taken = data.View(found, read.data)
        picking, rest = Signal(), Signal(WORD, reset_less=True)
        left    = Signal(range(WORD + 1), reset_less=True)
        alone   = Signal(reset_less=True)                    # one train is left
        op      = Signal(Op, reset_less=True)
        address = Signal(plan.train_addr - 4, reset_less=True)
        row     = Signal(plan.row_addr, reset_less=True)
        fewer   = rest & (rest - 1)[:WORD]
        ends    = Signal()
        gives   = Signal()
        m.submodules.room = room = BufferRoom(plan) if plan.buffered else LaneRoom(plan)
        leg     = Signal(reset_less=True)                    # the end is that of a leg
        outside = Signal(reset_less=True)                    # which lay outside the map of sums
        dropped = Signal()                                   # of which nothing is to be kept
        free    = Mux(ends & ~dropped, room.ends, room.adds)  # it may go now
        m.d.comb += [
            ends.eq(op.as_value()[1]),
            gives.eq(picking & free),
            take.eq(fetched & (~picking | (free & (ends | alone)))),
            self.waits.eq(picking & ends & ~free),
            room.number.eq(self.number), room.gives.eq(gives & ~dropped), room.op.eq(op),
        ]
        if plan.in_legs:
            m.d.comb += [dropped.eq(leg & room.idle), room.leg.eq(leg),
                         room.drops.eq(gives & dropped & ~outside)]
        if plan.buffered:
            m.d.comb += room.freed.eq(self.freed)
        else:
            m.d.comb += [room.drained.eq(self.drained), room.held.eq(self.held)]
        m.d.sync += picking.eq(take | (picking & ~(free & (ends | alone))))
        # Of no meaning behind an end, or while nothing is picked.
        with m.If(gives if plan.buffered else C(1)):
            m.d.sync += [rest.eq(fewer), left.eq(left - 1), alone.eq(left == 2)]
        with m.If(take):
            m.d.sync += [
                op.eq(taken.op), rest.eq(taken.word),
                left.eq(r_count.data), alone.eq(r_count.data == 1),
                address.eq(taken.address), row.eq(taken.row),
                *([leg.eq(taken.leg)] if plan.in_legs else []),
                *([outside.eq(taken.outside)] if plan.legs_outside else []),
            ]
        if plan.looped:
            own, coded_own = Signal(), Signal()
            with m.If(take):
                m.d.sync += own.eq(taken.own)

        if plan.banks:
            frees, coded_frees = Signal(), Signal()
            with m.If(take):
                m.d.sync += frees.eq(taken.frees)

        # --- code: from one-hot to addresses ------------------------------------------------------
        coded, coded_op, coded_empty_walk = Signal(), Signal(Op), Signal()
        coded_address, coded_row = Signal.like(address), Signal.like(row)
        lowest = Signal(WORD, reset_less=True)
        given = Signal(op_layout(plan), reset_less=True)
        index = Signal(4)
        inner = Mux(coded_op == Op.Param, WORD - 1, fixed(p.window - 1 for p in passes))
        m.d.comb += index.eq(Cat(
            Cat(lowest[n] for n in range(WORD) if n >> bit & 1).any() for bit in range(4)))
        m.d.sync += [
            coded.eq(gives & ~dropped),
            coded_op.eq(op),
            lowest.eq(rest & ~fewer),
            coded_address.eq(address),
            coded_row.eq(row),
            coded_empty_walk.eq(room.empty_walk),
            self.o.valid.eq(coded),
            given.op.eq(coded_op),
            given.empty_walk.eq(coded_empty_walk),
            given.train.eq(Cat(index, coded_address)),
            # The rows of a word begin at a multiple of its window.
            given.row.eq(coded_row | (index & inner)),
        ]
        if plan.in_legs:
            coded_legs = Signal(room.of_legs.shape())
            coded_leg = Signal()
            m.d.sync += [
                coded_leg.eq(leg), given.leg.eq(coded_leg),
                coded_legs.eq(room.of_legs), given.held.eq(coded_legs.held),
                given.blank.eq(coded_legs.blank),
            ]
        if plan.legs_outside:
            coded_outside = Signal()
            m.d.sync += [coded_outside.eq(outside), given.outside.eq(coded_outside)]
        if plan.looped:
            m.d.sync += [coded_own.eq(own), given.own.eq(coded_own)]
        if plan.banks:
            m.d.sync += [coded_frees.eq(frees), given.frees.eq(coded_frees)]
        m.d.comb += self.o.payload.eq(given)

        return m
