"""Looks a visit up in the bitmap: which of the trains it reads have spikes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.engine.ops import Op, found_layout, visit_layout
from hw.plan.buffers import WORD

__all__ = ["Look", "reached"]


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
    down, across : In
        The place of the visit's leg, of a plan whose legs may lie outside the map of sums; there
        too a visit finds nothing. Modulo 2**width.
    bitmap_addr, bitmap_data : Out, In(16)
        Read port of the bitmap, one cycle of latency; word w marks trains 16 w to 16 w + 15.
    o : Out(stream.Signature(found_layout(plan), always_ready=True))
    """

    def __init__(self, plan, y, x):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "valid": In(1), "visit": In(visit_layout(plan)), "y": In(y), "x": In(x),
            **({name: In(reached(plan.passes, n, name, "leg_limits"))
                for n, name in enumerate(("down", "across"))} if plan.legs_outside else {}),
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
        if plan.joined:
            inside = inside | visit.whole
        if plan.legs_outside:
            leg_inside = ((self.down < fixed(p.leg_limits[0] for p in passes))
                          & (self.across < fixed(p.leg_limits[1] for p in passes)))
            outside, inside = ~leg_inside, inside & leg_inside
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
        if plan.looped:
            with m.If(visit.hidden):
                m.d.sync += mask.eq(0)

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
        if plan.looped:
            m.d.sync += found.own.eq(marked_visit.own)
        if plan.banks:
            m.d.sync += found.frees.eq(marked_visit.frees)
        if plan.legs_outside:
            # Of an end, that of the visit before it.
            marked_outside = Signal(reset_less=True)
            with m.If(self.valid & (visit.op == Op.Add)):
                m.d.sync += marked_outside.eq(outside)
            m.d.sync += found.outside.eq(marked_outside)

        # --- give ---------------------------------------------------------------------------------
        m.d.comb += [
            self.o.payload.eq(found),
            self.o.valid.eq(given & (found.op.as_value()[1] | found.word.any())),
        ]
        return m


def reached(passes, n, field, limits, least=1):
    """Bits, ``least`` or more, that keep apart what is inside a map and what is not.

    Places down (n = 0) or across (1), a walk's and a ``field`` of the visit, modulo 2**bits:
    negative ones are beyond every one of the ``limits``.
    """
    most = 0
    for each in passes:
        places = [getattr(visit, field) for visit in each.program]
        first, last = each.origin[n] + min(places), (each.grid[n] - 1) * each.stride[n]
        most = max(most, each.origin[n] + last + max(places),
                   getattr(each, limits)[n] - min(first, 0) - 1)
    return max(least, most.bit_length())
