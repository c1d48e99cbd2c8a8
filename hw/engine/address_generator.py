"""Walks the receptive fields of a pass and finds the words of the bitmap that hold spikes."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.engine.constants import pass_register
from hw.engine.look import Look, reached
from hw.engine.ops import Op, found_layout, visit_layout
from hw.plan.buffers import WORD
from hw.plan.loops import loop_place

__all__ = ["MARGIN", "AddressGenerator"]

MARGIN = 7  # words that may still come after `flow` has gone


class AddressGenerator(wiring.Component):
    """Words of all walks of a pass: pixel after pixel, group after group, chunk after chunk, turn
    after turn where a walk is walked for each slice (Plan.turns), leg after leg where it has some.

    A visit looks at one word of the bitmap (16 trains, or the channels of one pixel), one a cycle;
    an empty one and one outside the map leave nothing. A walk ends with EndWalk or EndPass,
    also if it is empty, and that takes a cycle too; so does each of its legs but the last, with
    an EndWalk that is marked. A pass (or with plan.per_channel, a group) begins with its Params.
    Visits wait while ``flow`` is low; at most MARGIN words still come then.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady from ``start`` on.
    start : In(1)
        Begin the pass; only after the EndPass of the one before was taken.
    bitmap_addr, bitmap_data : Out, In(16)
        Read port of the bitmap, one cycle of latency; word w marks trains 16 w to 16 w + 15.
    flow : In(1)
        There is room for MARGIN more words.
    offset : In(train_addr)
        Where Plan.rounded: how far behind the input's first words those of the round are.
    fresh, odd : In(1)
        Where Plan.looped: the round is the first; its number is odd.
    full, bank, onward : In(1), In(1), Out(1)
        Where weights are streamed: those of hw.memory.weight_stream.StreamedWeights. Visits of a
        block wait until it is ``full``.
    waits : Out(1)
        They do.
    o : Out(stream.Signature(found_layout(plan), always_ready=True))
        Never waits, since ``flow`` promises the room.
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "bitmap_addr": Out(plan.train_addr - 4),
            "bitmap_data": In(WORD),
            "flow": In(1),
            **({"offset": In(plan.train_addr)} if plan.rounded else {}),
            **({"fresh": In(1), "odd": In(1)} if plan.looped else {}),
            **({"full": In(1), "bank": In(1), "onward": Out(1), "waits": Out(1)}
               if plan.banks else {}),
            "o": Out(stream.Signature(found_layout(plan), always_ready=True)),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        train_shape, row_shape = unsigned(plan.train_addr), unsigned(plan.row_addr)
        fixed = lambda values, **kw: pass_register(m, self.number, list(values), **kw)

        fetch, starts, firsts = self.program(m)

        # --- count: which visit of which walk -----------------------------------------------------
        begin  = Signal()                                   # constants of the pass are held
        active = Signal()
        flows  = Signal()                                   # active, and there was room
        due    = Signal()                                   # the walk's last visit was counted
        visit, end = Signal(), Signal()                     # what is counted in this cycle
        placed, placed_op = Signal(), Signal(Op)            # what was in the last
        visited = Signal()                                  # it was a visit
        pc     = Signal(range(plan.program_length))
        turn   = Signal(range(most_turns := max(map(plan.turns, passes))))
        chunk  = Signal(range(plan.chunks))
        group  = Signal(range(max(p.groups for p in passes)))
        # Of the trains of a visit's term, from which its offset counts.
        corners = [Signal(train_shape, reset_less=True, name=f"corner_{n}")
                   for n in range(1 + plan.joined)]
        rows = Signal(row_shape, reset_less=True)
        place  = lambda n: signed(1 + max(
            (p.grid[n] * p.stride[n] + abs(p.origin[n])).bit_length() for p in passes))
        y, x   = Signal(place(0)), Signal(place(1))
        visited_at = Signal(visit_layout(plan), reset_less=True)

        # Known a cycle after an end, and read two cycles after it at the earliest.
        last_chunk, last_group, last_column, last_line = (Signal(name=name) for name in (
            "last_chunk", "last_group", "last_column", "last_line"))
        far = lambda n: fixed(p.origin[n] + (p.grid[n] - 1) * p.stride[n] for p in passes)
        last_turn = C(1)
        if most_turns > 1:
            last_turn = Signal()
            m.d.sync += last_turn.eq(turn == fixed(plan.turns(p) - 1 for p in passes))
        if plan.chunks == 1:
            last_chunk = C(1)
        else:
            m.d.sync += last_chunk.eq(chunk == plan.chunks - 1)
        m.d.sync += [
            last_group.eq(group == fixed(p.groups - 1 for p in passes)),
            last_column.eq(x == far(1)),
            last_line.eq(y == far(0)),
        ]
        ending = due | (visited & fetch.data.last)
        closing = C(1)                                      # an end is that of its walk
        if plan.in_legs:
            ending = due | (visited & (fetch.data.last | fetch.data.leg))
            closing, closed = Signal(), Signal()
            m.d.comb += closing.eq(Mux(due, closed, fetch.data.last))
            m.d.sync += closed.eq(closing)
        m.d.comb += [
            fetch.addr.eq(pc),
            visit.eq(flows & ~ending),
            end.eq(flows & ending),
        ]
        m.d.sync += [due.eq(ending & ~flows), begin.eq(self.start), visited.eq(visit),
                     flows.eq(active & self.flow)]

        grouped, inner_last, outer_last = self.loops(m, last_group, last_column, last_line)
        whole, last_pixel = last_turn & last_chunk, last_column & last_line
        last_walk = whole & last_group & last_pixel

        def step(distance, *, shape):
            """From a walk's base to the next one's, by where the walk stands."""
            of = lambda *at: fixed((distance(p, *at) % 2**shape.width for p in passes), shape=shape)
            return Mux(~last_turn, 0, Mux(~last_chunk, of(0), Mux(
                ~inner_last, of(1), Mux(~outer_last, of(2), of(3)))))

        (top, left), (down, across) = (
            [fixed(getattr(p, name)[n] for p in passes) for n in range(2)]
            for name in ("origin", "stride"))
        first_entry, second_entry = fixed(starts), fixed(firsts)
        places = lambda place: fixed((place(p) % 2**train_shape.width for p in passes),
                                     shape=train_shape)
        row_first = fixed(p.row_base for p in passes)
        to_corner = [step(corner_step(plan, term), shape=train_shape)
                     for term in range(len(corners))]
        row_next  = rows + step(row_step, shape=row_shape)
        if plan.banks:
            self.gate(m, active, flows, end & closing & whole & (~grouped | last_pixel), visited_at)
            row_first, row_next = self.in_bank(m, row_first, row_next)
        with m.If(begin):
            m.d.sync += [
                active.eq(1), pc.eq(first_entry), chunk.eq(0), group.eq(0),
                y.eq(top), x.eq(left), rows.eq(row_first),
                *(corner.eq(self.base(m, places, term)) for term, corner in enumerate(corners)),
            ]
        with m.Elif(visit):
            m.d.sync += pc.eq(pc + 1)
        with m.Elif(end & closing):
            m.d.sync += [
                pc.eq(Mux(last_chunk & last_turn, first_entry, second_entry) if plan.per_channel
                      else second_entry),
                turn.eq(Mux(last_turn, 0, turn + 1)), rows.eq(row_next),
                *(corner.eq(corner + to) for corner, to in zip(corners, to_corner, strict=True)),
            ]
            with m.If(last_turn):
                m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
            with m.If(whole & (~grouped | last_pixel)):
                m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            with m.If(whole & (grouped | last_group)):
                m.d.sync += x.eq(Mux(last_column, left, x + across))
                with m.If(last_column):
                    m.d.sync += y.eq(Mux(grouped & last_line, top, y + down))
            with m.If(last_walk):
                m.d.sync += [active.eq(0), flows.eq(0)]
        # --- place: where the visit's word and weights lie ----------------------------------------
        # The bases move on only with an end, when no visit is in this stage.
        looked = Signal()
        looked_y, looked_x = (
            Signal(unsigned(reached(passes, n, f"d{name}", "limits", len(at) + 1)),
                   name=f"looked_{name}", reset_less=True)
            for n, (name, at) in enumerate((("y", y), ("x", x))))
        reference = self.reference(places, corners, fetch.data)
        if plan.joined:
            m.d.sync += visited_at.whole.eq(fetch.data.whole)
        if plan.looped:
            m.d.sync += [
                visited_at.own.eq(fetch.data.later),
                visited_at.hidden.eq(Mux(self.fresh, fetch.data.later, fetch.data.first)
                                     & (placed_op == Op.Add)),
            ]
        m.d.sync += [
            placed.eq(visit | end),
            placed_op.eq(Mux(end, Mux(last_walk & closing, Op.EndPass, Op.EndWalk), Op.Add)),
            looked.eq(placed),
            visited_at.op.eq(Mux(fetch.data.param & (placed_op == Op.Add), Op.Param, placed_op)),
            visited_at.address.eq(fetch.data.offset + Mux(
                fetch.data.param & int(plan.per_channel), 0, reference)),
            visited_at.row.eq(rows + fetch.data.row),
            looked_y.eq(y + fetch.data.dy), looked_x.eq(x + fetch.data.dx),
        ]
        if plan.in_legs:
            placed_leg = Signal()
            m.d.sync += [placed_leg.eq(end & ~closing), visited_at.leg.eq(placed_leg)]

        m.submodules.look = look = Look(plan, looked_y.shape(), looked_x.shape())
        m.d.comb += [
            look.number.eq(self.number), look.valid.eq(looked), look.visit.eq(visited_at),
            look.y.eq(looked_y), look.x.eq(looked_x),
            self.bitmap_addr.eq(look.bitmap_addr), look.bitmap_data.eq(self.bitmap_data),
        ]
        if plan.legs_outside:
            m.d.sync += [look.down.eq(y + fetch.data.down), look.across.eq(x + fetch.data.across)]
        connect(m, look.o, flipped(self.o))

        return m

    def loops(self, m, last_group, last_column, last_line):
        """Whether groups are outermost in the pass, and whether the innermost and the second loop
        over walks are at their end: those over groups and columns, or over columns and lines.
        """
        if not self.plan.groups_outermost:
            return C(0), last_group, last_column
        grouped = pass_register(m, self.number, [
            int(p.groups_outermost) for p in self.plan.passes])
        return (grouped, Mux(grouped, last_column, last_group),
                Mux(grouped, last_line, last_column))

    def streamed(self, m):
        """Whether the weights of the pass are streamed."""
        return pass_register(m, self.number, [int(p.streamed) for p in self.plan.passes])

    def gate(self, m, active, flows, block_ends, visited_at):
        """Nothing ``flows`` of a block before it is there. The end of its last walk, which goes two
        cycles later into ``visited_at``, frees its bank.
        """
        streamed, frees = self.streamed(m), Signal()
        m.d.comb += [self.onward.eq(block_ends & streamed),
                     self.waits.eq(active & streamed & ~self.full)]
        m.d.sync += [frees.eq(self.onward), visited_at.frees.eq(frees)]
        with m.If(self.waits | self.onward):
            m.d.sync += flows.eq(0)

    def in_bank(self, m, first, following):
        """The first row of a pass and of its next walk, as given where its weights are resident."""
        plan, streamed = self.plan, self.streamed(m)
        rows = lambda bank: Mux(bank, *(C(at + plan.lead_rows, plan.row_addr)
                                        for at in reversed(plan.banks)))
        return (Mux(streamed, rows(self.bank), first),
                Mux(streamed, rows(self.bank ^ self.onward), following))

    def base(self, m, places, term):
        """Where the first walk's field begins in the trains of a term."""
        plan = self.plan
        at = lambda p, odd: plan.source_at(p, odd, term) + getattr(term_of(p, term), "base", 0)
        found = places(lambda p: at(p, False))
        if plan.looped:
            found = Mux(self.odd, places(lambda p: at(p, True)), found)
        if plan.rounded:
            found = found + Mux(pass_register(m, self.number, [
                int(p.inputs[term:term + 1] == (0,)) for p in plan.passes]), self.offset, 0)
        return found

    def reference(self, places, corners, entry):
        """From where the offset of an entry of the program counts."""
        plan = self.plan
        found = Array(corners)[entry.term] if plan.joined else corners[0]
        if not plan.looped:
            return found
        place = lambda odd: places(lambda p: loop_place(plan, p, odd))
        return Mux(entry.later, Mux(self.odd, place(True), place(False)), found)

    def program(self, m):
        """Memory of the parameters and visits of each pass, as submodule ``program``.

        Returns its read port, and where the passes begin: with their parameters, behind them.
        """
        entries, starts, firsts, ends = [], [], [], set()
        for each in self.plan.passes:
            starts.append(len(entries))
            firsts.append(len(entries) + len(each.headers))
            entries += [*each.headers, *each.program]
            ends.add(len(entries) - 1)
        entry = data.StructLayout(self.plan.program_fields)
        row_mask = (1 << Shape.cast(entry["row"].shape).width) - 1
        # In block RAM, however small.
        m.submodules.program = program = memory.Memory(
            shape=entry, depth=len(entries), attrs={"rom_style": "block"},
            init=[{"offset": v.offset, "row": v.row & row_mask, "dy": v.dy, "dx": v.dx,
                   "param": v.param, "last": n in ends,
                   **{name: getattr(v, name) for name in (
                       "leg", "down", "across", "first", "later", "term", "whole")
                      if name in entry.members}}
                  for n, v in enumerate(entries)])
        return program.read_port(), starts, firsts


def term_of(each, term):
    """What says how walks of a pass go over the trains of a term: the pass itself of term 0, None
    where there is no such one.
    """
    return (each, *each.terms)[term] if term <= len(each.terms) else None


def corner_step(plan, term):
    """From the corner of a walk's receptive field to the next walk's: f(pass, loops that are over).

    Loops, from the innermost one: chunks, groups, columns, lines; or chunks, columns, lines, groups
    (Pass.groups_outermost).
    """
    def step(each, over):
        term_over = term_of(each, term)
        if term_over is None:
            return 0
        groups = (each.groups, term_over.group_step)
        columns, lines = zip(each.grid[::-1], (term_over.pixel_step, term_over.line_step),
                             strict=True)
        loops = [(plan.chunks, term_over.in_chunk), *(
            [columns, lines, groups] if each.groups_outermost else [groups, columns, lines])]
        return loops[over][1] - sum((count - 1) * gap for count, gap in loops[:over])
    return step


def row_step(each, over):
    """From the first weight row of a walk to the next walk's; arguments as in ``corner_step``."""
    if over == 0:
        return 0
    if over > 1 and not each.runs_on:
        return -(each.groups - 1) * each.rows
    return each.rows
