"""Picks the trains out of the words that a walker finds, one a cycle."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.constants import held
from hw.plan import WORD
from hw.walker import MARGIN, Kind, found_layout

__all__ = ["Picker", "item_layout"]

QUEUE_DEPTH = 32  # words; more would cost no block RAM and gain nothing
PAUSE = 2         # cycles that the engine's store needs to tell one group of lanes from the next


def item_layout(plan):
    """A train and its weight row by their addresses, a row of parameters, or an end.

    ``hollow``, with an end: nothing was added since the last one, and nothing can spike.
    """
    return data.StructLayout({
        "kind": Kind, "hollow": 1, "train": plan.train_addr, "row": plan.row_addr})


class Picker(wiring.Component):
    """Items of a pass: each train of each word becomes one Add, lowest first, one a cycle.

    Words wait in a queue, so that visits run ahead and empty ones cost nothing. An End waits until
    the lanes can take it when it arrives, which is known here: the sums of a walk take
    ``word_steps`` cycles to drain (two more with plan.per_channel), or ``lanes`` and two if nothing
    was added and nothing can spike, and in a read-out as long as ``drained`` says. Behind it
    nothing ever waits.

    Parameters
    ----------
    plan : hw.plan.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady while it has words.
    flow : Out(1)
        There is room for MARGIN more words.
    i : In(stream.Signature(found_layout(plan), always_ready=True))
        Words; ``flow`` promises the room.
    drained : In(1)
        Of a read-out: the walk ended last has left no sums in the lanes.
    o : Out(stream.Signature(item_layout(plan), always_ready=True))
        Items, taken at once.
    waits : Out(1)
        An End waits.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "flow": Out(1),
            "i": In(stream.Signature(found_layout(plan), always_ready=True)),
            "drained": In(1),
            "o": Out(stream.Signature(item_layout(plan), always_ready=True)),
            "waits": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        fixed = lambda values: held(m, self.number, [int(value) for value in values])
        found = found_layout(plan)

        # --- queue --------------------------------------------------------------------------------
        # A word is read in the cycle after its write at the earliest.
        m.submodules.queue = queue = memory.Memory(
            shape=Shape.cast(found), depth=QUEUE_DEPTH, init=[])
        write, read = queue.write_port(), queue.read_port()
        head, tail = Signal(range(QUEUE_DEPTH)), Signal(range(QUEUE_DEPTH))  # written; read next
        level   = Signal(range(QUEUE_DEPTH + 1))
        some    = Signal()                                   # level is not 0
        came    = Signal()                                   # one more was written
        fetched = Signal()                                   # a word is at the read port
        fetch, take = Signal(), Signal()
        after   = level + came - fetch
        m.d.comb += [
            write.addr.eq(head), write.data.eq(self.i.payload), write.en.eq(self.i.valid),
            read.addr.eq(tail), read.en.eq(fetch),
            fetch.eq(some & (~fetched | take)),
        ]
        m.d.sync += [
            head.eq(head + self.i.valid), tail.eq(tail + fetch), came.eq(self.i.valid),
            level.eq(after), some.eq(after != 0),
            fetched.eq(fetch | (fetched & ~take)),
            self.flow.eq(level < QUEUE_DEPTH - MARGIN - 3),
        ]

        # --- pick: one train a cycle --------------------------------------------------------------
        taken = data.View(found, read.data)
        picking, rest = Signal(), Signal(WORD, reset_less=True)
        left    = Signal(range(WORD + 1), reset_less=True)
        alone   = Signal()                                   # one train is left
        kind    = Signal(Kind)
        address = Signal(plan.train_addr - 4, reset_less=True)
        row     = Signal(plan.row_addr, reset_less=True)
        fewer   = rest & (rest - 1)[:WORD]
        ends    = Signal()
        room    = Signal()                                   # lanes take an end that goes now
        gives   = Signal()
        m.d.comb += [
            ends.eq(kind.as_value()[1]),
            gives.eq(picking & (~ends | room)),
            take.eq(fetched & (~picking | Mux(ends, room, alone))),
            self.waits.eq(picking & ends & ~room),
        ]
        with m.If(take):
            m.d.sync += [
                picking.eq(1), kind.eq(taken.kind), rest.eq(taken.word),
                left.eq(taken.count), alone.eq(taken.count == 1),
                address.eq(taken.address), row.eq(taken.row),
            ]
        with m.Elif(gives):
            m.d.sync += [
                rest.eq(fewer), left.eq(left - 1), alone.eq(left == 2),
                picking.eq(~ends & ~alone),
            ]

        # --- room: when the lanes have drained what they had --------------------------------------
        steps   = plan.word_steps
        full    = steps + 2 * plan.per_channel
        cooling = Signal(range(max(full, plan.lanes + PAUSE)))
        cool    = Signal(init=1)                             # cooling is 0: the next end may go
        told    = Signal()                                   # a read-out's sums are draining
        added   = Signal()
        skips   = fixed(plan.can_skip(p) for p in passes)
        merging = fixed(p.merging for p in passes)
        speaks  = fixed(p is passes[-1] for p in passes)
        hollow  = ~added & skips
        m.d.comb += room.eq(cool & ~told)
        with m.If(gives & ends):
            m.d.sync += [
                cooling.eq(Mux(merging, PAUSE, Mux(hollow, plan.lanes + PAUSE - 1, full - 1))),
                cool.eq(0), told.eq(speaks), added.eq(0),
            ]
        with m.Else():
            with m.If(~cool):
                m.d.sync += [cooling.eq(cooling - 1), cool.eq(cooling == 1)]
            with m.If(self.drained):
                m.d.sync += told.eq(0)
            with m.If(gives & (kind == Kind.Add)):
                m.d.sync += added.eq(1)

        # --- code: from one-hot to addresses ------------------------------------------------------
        coded, coded_kind, coded_hollow = Signal(), Signal(Kind), Signal()
        coded_address, coded_row = Signal.like(address), Signal.like(row)
        lowest = Signal(WORD, reset_less=True)
        given = Signal(item_layout(plan), reset_less=True)
        index = Signal(4)
        inner = Mux(coded_kind == Kind.Param, WORD - 1, fixed(p.window - 1 for p in passes))
        m.d.comb += index.eq(Cat(
            Cat(lowest[n] for n in range(WORD) if n >> bit & 1).any() for bit in range(4)))
        m.d.sync += [
            coded.eq(gives), coded_kind.eq(kind), lowest.eq(rest & ~fewer),
            coded_address.eq(address), coded_row.eq(row), coded_hollow.eq(hollow),
            self.o.valid.eq(coded), given.kind.eq(coded_kind), given.hollow.eq(coded_hollow),
            given.train.eq(Cat(index, coded_address)),
            given.row.eq(coded_row + (index & inner)),
        ]
        m.d.comb += self.o.payload.eq(given)

        return m
