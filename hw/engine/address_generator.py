"""Walks the receptive fields of a pass and finds the words of the bitmap that hold spikes."""

from amaranth import *
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.plan.buffers import WORD

__all__ = ["Op", "MARGIN", "AddressGenerator", "found_layout"]

MARGIN = 7  # words that may still come after `flow` has gone


class Op(enum.Enum, shape=2):
    """What a micro-op does: add a train, shift a row of the header in, or end a walk."""

    Add     = 0
    Param   = 1
    EndWalk = 2
    EndPass = 3  # the end of the last walk of the pass


def found_layout(plan):
    """A word of the bitmap in which a visit found spikes, or the end of a walk.

    ``word`` marks them: bit n stands for the train at ``16 address + n``, whose weights are at
    ``row + n``, n counted within the window.
    """
    return data.StructLayout({
        "op": Op, "word": WORD,
        "address": plan.train_addr - 4, "row": plan.row_addr})


class AddressGenerator(wiring.Component):
    """Words of all walks of a pass: pixel after pixel, group after group, chunk after chunk, and
    turn after turn where a walk is walked for each slice (Plan.turns).

    A visit looks at one word of the bitmap (16 trains, or the channels of one pixel), one a cycle;
    an empty one and one outside the map leave nothing. A walk ends with EndWalk or EndPass,
    also if it is empty, and that takes a cycle too. A pass (or with plan.per_channel, a group)
    begins with its Params. Visits wait while ``flow`` is low; at most MARGIN words still come then.

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
        corner, rows = Signal(train_shape, reset_less=True), Signal(row_shape, reset_less=True)
        place  = lambda n: signed(1 + max(
            (p.grid[n] * p.stride + abs(p.origin)).bit_length() for p in passes))
        y, x   = Signal(place(0)), Signal(place(1))

        # Known a cycle after an end, and read two cycles after it at the earliest.
        last_chunk, last_group, last_column, last_line = (Signal(name=name) for name in (
            "last_chunk", "last_group", "last_column", "last_line"))
        far = lambda n: fixed(p.origin + (p.grid[n] - 1) * p.stride for p in passes)
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
        m.d.comb += [
            fetch.addr.eq(pc),
            visit.eq(flows & ~ending),
            end.eq(flows & ending),
        ]
        m.d.sync += [due.eq(ending & ~flows), begin.eq(self.start), visited.eq(visit),
                     flows.eq(active & self.flow)]

        def step(distance, *, shape):
            """From a walk's base to the next one's, by where the walk stands."""
            of = lambda *at: fixed((distance(p, *at) % 2**shape.width for p in passes), shape=shape)
            return Mux(~last_turn, 0, Mux(~last_chunk, of(True, False, False),
                       Mux(~last_group, of(False, False, False),
                           Mux(~last_column, of(False, True, False), of(False, True, True)))))

        origin, stride = fixed(p.origin for p in passes), fixed(p.stride for p in passes)
        first_entry, second_entry = fixed(starts), fixed(firsts)
        base = fixed((p.base % 2**train_shape.width for p in passes), shape=train_shape)
        row_base  = fixed(p.row_base for p in passes)
        to_corner = step(corner_step(plan), shape=train_shape)
        to_rows   = step(row_step, shape=row_shape)
        with m.If(begin):
            m.d.sync += [
                active.eq(1), pc.eq(first_entry), chunk.eq(0), group.eq(0),
                y.eq(origin), x.eq(origin), corner.eq(base), rows.eq(row_base),
            ]
        with m.Elif(visit):
            m.d.sync += pc.eq(pc + 1)
        with m.Elif(end):
            m.d.sync += [
                pc.eq(Mux(last_chunk & last_turn, first_entry, second_entry) if plan.per_channel
                      else second_entry),
                turn.eq(Mux(last_turn, 0, turn + 1)),
                corner.eq(corner + to_corner), rows.eq(rows + to_rows),
            ]
            with m.If(last_turn):
                m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
            with m.If(last_turn & last_chunk):
                m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            with m.If(last_turn & last_chunk & last_group):
                m.d.sync += x.eq(Mux(last_column, origin, x + stride))
                with m.If(last_column):
                    m.d.sync += y.eq(y + stride)
                    with m.If(last_line):
                        m.d.sync += [active.eq(0), flows.eq(0)]

        # --- place: where the visit's word and weights lie ----------------------------------------
        # The bases move on only with an end, when no visit is in this stage.
        looked, looked_op = Signal(), Signal(Op)
        looked_address = Signal(train_shape, reset_less=True)
        looked_row = Signal(row_shape, reset_less=True)
        looked_y, looked_x = (Signal(signed(len(at) + 1), name=f"looked_{name}", reset_less=True)
                              for name, at in (("y", y), ("x", x)))
        last_walk = last_turn & last_chunk & last_group & last_column & last_line
        op = Mux(fetch.data.param & (placed_op == Op.Add), Op.Param, placed_op)
        m.d.sync += [
            placed.eq(visit | end),
            placed_op.eq(Mux(end, Mux(last_walk, Op.EndPass, Op.EndWalk), Op.Add)),
            looked.eq(placed), looked_op.eq(op),
            looked_address.eq(fetch.data.offset + Mux(
                fetch.data.param & int(plan.per_channel), 0, corner)),
            looked_row.eq(rows + fetch.data.row),
            looked_y.eq(y + fetch.data.dy), looked_x.eq(x + fetch.data.dx),
        ]

        # --- look: the word of the bitmap, if the visit is inside the map -------------------------
        inside = ((looked_y.as_unsigned() < fixed(p.limits[0] for p in passes))
                  & (looked_x.as_unsigned() < fixed(p.limits[1] for p in passes)))
        outer  = fixed((p.window - 1) ^ (WORD - 1) for p in passes)  # address bits above a window
        channels = Cat((looked_address[:4] & outer) == (n & outer) for n in range(WORD))
        marked, marked_op = Signal(), Signal(Op)
        mask = Signal(WORD, reset_less=True)
        marked_address = Signal(train_shape.width - 4, reset_less=True)
        marked_row = Signal(row_shape, reset_less=True)
        header = (Cat(n <= looked_address[:4] for n in range(WORD)) if plan.per_channel
                  else C((1 << plan.header) - 1, WORD))
        m.d.comb += self.bitmap_addr.eq(looked_address[4:])
        m.d.sync += [
            marked.eq(looked), marked_op.eq(looked_op),
            marked_address.eq(looked_address[4:]), marked_row.eq(looked_row),
            mask.eq(Mux(looked_op == Op.Param, header,
                        Mux(inside & (looked_op == Op.Add), channels, 0))),
        ]

        # --- mark: which trains of the word the visit reads ---------------------------------------
        given = Signal()
        found = Signal(found_layout(plan), reset_less=True)
        params = (marked_op == Op.Param).replicate(WORD)
        m.d.sync += [
            given.eq(marked), found.op.eq(marked_op), found.address.eq(marked_address),
            found.row.eq(marked_row), found.word.eq(mask & (self.bitmap_data | params)),
        ]

        # --- give ---------------------------------------------------------------------------------
        m.d.comb += [
            self.o.payload.eq(found),
            self.o.valid.eq(given & (found.op.as_value()[1] | found.word.any())),
        ]

        return m

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
                   "param": v.param, "last": n in ends} for n, v in enumerate(entries)])
        return program.read_port(), starts, firsts


def corner_step(plan):
    """From the corner of a walk's receptive field to the next walk's: f(pass, place of the walk).

    The place: whether chunks of the neuron are to come, whether the group was the pixel's last, and
    whether the pixel was its line's.
    """
    def step(each, chunks_left, last_group, last_column):
        if chunks_left:
            return each.in_chunk
        back = (plan.chunks - 1) * each.in_chunk
        if not last_group:
            return each.group_step - back
        back += (each.groups - 1) * each.group_step
        if not last_column:
            return each.pixel_step - back
        return each.line_step - (each.grid[1] - 1) * each.pixel_step - back
    return step


def row_step(each, chunks_left, last_group, _):
    """From the first weight row of a walk to the next walk's; arguments as in ``corner_step``."""
    if chunks_left:
        return 0
    if last_group and not each.runs_on:
        return -(each.groups - 1) * each.rows
    return each.rows
