"""Looks a visit up in the bitmap: which of the trains it reads have spikes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.engine.ops import Op, found_layout, visit_layout
from hw.plan.buffers import WORD

__all__ = ["Look"]


class Look(wiring.Component):
    """One visit a cycle; two cycles later the word, if a train of it counts, or the end.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    y, x : Shape
        Unsigned, of a place on the map, modulo 2**width.

    Members
    -------
    number : In(range(passes))
        The pass; steady while it has visits.
    valid, visit : In(1), In(visit_layout(plan))
    y, x : In
        The visit's place; one that is outside the pass's map finds nothing.
    bitmap_addr, bitmap_data : Out, In(16)
        Read port of the bitmap, one cycle of latency; word w marks trains 16 w to 16 w + 15.
    o : Out(stream.Signature(found_layout(plan), always_ready=True))
    """

    def __init__(self, plan, y, x):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "valid": In(1), "visit": In(visit_layout(plan)), "y": In(y), "x": In(x),
            "bitmap_addr": Out(plan.train_addr - 4),
            "bitmap_data": In(WORD),
            "o": Out(stream.Signature(found_layout(plan), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes, visit = self.plan, self.plan.passes, self.visit
        fixed = lambda values: pass_register(m, self.number, list(values))

        # --- look: the word of the bitmap, if the visit is inside the map -------------------------
        inside = ((self.y < fixed(p.limits[0] for p in passes))
                  & (self.x < fixed(p.limits[1] for p in passes)))
        outer  = fixed((p.window - 1) ^ (WORD - 1) for p in passes)  # address bits above a window
        channels = Cat((visit.address[:4] & outer) == (n & outer) for n in range(WORD))
        header = (Cat(n <= visit.address[:4] for n in range(WORD)) if plan.per_channel
                  else C((1 << plan.header) - 1, WORD))
        marked, marked_visit = Signal(), Signal(visit_layout(plan), reset_less=True)
        mask = Signal(WORD, reset_less=True)
        m.d.comb += self.bitmap_addr.eq(visit.address[4:])
        m.d.sync += [
            marked.eq(self.valid), marked_visit.eq(visit),
            mask.eq(Mux(visit.op == Op.Param, header,
                        Mux(inside & (visit.op == Op.Add), channels, 0))),
        ]

        # --- mark: which trains of the word the visit reads ---------------------------------------
        given = Signal()
        found = Signal(found_layout(plan), reset_less=True)
        params = (marked_visit.op == Op.Param).replicate(WORD)
        m.d.sync += [
            given.eq(marked), found.op.eq(marked_visit.op),
            found.address.eq(marked_visit.address[4:]), found.row.eq(marked_visit.row),
            found.word.eq(mask & (self.bitmap_data | params)),
        ]
        if plan.in_legs:
            m.d.sync += found.leg.eq(marked_visit.leg)

        # --- give ---------------------------------------------------------------------------------
        m.d.comb += [
            self.o.payload.eq(found),
            self.o.valid.eq(given & (found.op.as_value()[1] | found.word.any())),
        ]
        return m
