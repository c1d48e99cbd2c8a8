"""Walks the receptive fields of a pass and names each train that is not all zero."""

from amaranth import *
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from hw.constants import per_pass
from hw.plan import WORD

__all__ = ["Kind", "Walker"]

QUEUE_DEPTH = 16  # words; more would cost no block RAM and gain nothing


class Kind(enum.Enum, shape=2):
    """What an item is: a train and its weights, a row of the header, or the end of a walk."""

    Add   = 0
    Param = 1
    End   = 2
    Last  = 3  # the end of the last walk of the pass


class Walker(wiring.Component):
    """Items of all walks of a pass: pixel after pixel, group after group, chunk after chunk.

    A visit looks at one word of the bitmap (16 trains, or the channels of one pixel), one a cycle;
    each train marked there becomes one Add, one a cycle; an empty visit and one outside the map
    become nothing, and cost nothing while earlier ones still give items. A walk ends with End or
    Last, also if it is empty. A pass (or with plan.per_channel, a group) begins with its Params.

    Parameters
    ----------
    plan : hw.plan.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady from ``start`` on.
    start : In(1)
        Begin the pass; only after the Last item of the one before was taken.
    bitmap_addr : Out, bitmap_en : Out(1), bitmap_data : In(16)
        Read port of the bitmap, one cycle of latency; word w marks trains 16 w to 16 w + 15.
    o : Out(stream.Signature({"kind": Kind, "train": 14 bits, "row": 14 bits}))
        Addresses of a train and of its weights.
    """

    def __init__(self, plan):
        self.plan = plan
        self.train_shape = unsigned(plan.train_addr)
        self.row_shape = unsigned(plan.row_addr)
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "bitmap_addr": Out(self.train_shape.width - 4),
            "bitmap_en": Out(1),
            "bitmap_data": In(WORD),
            "o": Out(stream.Signature(data.StructLayout({
                "kind": Kind, "train": self.train_shape, "row": self.row_shape}))),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        const = lambda values, **kw: per_pass(self.number, list(values), **kw)

        # --- the program: parameters and visits of each pass --------------------------------------
        entries, starts, firsts, lasts = [], [], [], []
        for each in passes:
            starts.append(len(entries))
            firsts.append(len(entries) + len(each.headers))
            entries += [*each.headers, *each.program]
            lasts.append(len(entries) - 1)
        size  = lambda values: max(1, max(values).bit_length())
        entry = data.StructLayout({
            "offset": size(v.offset for v in entries),
            "row":    self.row_shape if any(v.row < 0 for v in entries)
                      else size(v.row for v in entries),
            "dy":     size(v.dy for v in entries),
            "dx":     size(v.dx for v in entries),
            "param":  1,
        })
        row_mask = (1 << Shape.cast(entry["row"].shape).width) - 1
        m.submodules.program = program = memory.Memory(
            shape=entry, depth=len(entries),
            init=[{"offset": v.offset, "row": v.row & row_mask, "dy": v.dy, "dx": v.dx,
                   "param": v.param} for v in entries])
        fetch = program.read_port()

        # --- count: which visit of which walk -----------------------------------------------------
        flow   = Signal()                                   # the visits advance
        active = Signal()
        pending = Signal(Kind)                              # what comes next: Add, End or Last
        pc     = Signal(range(len(entries)))
        chunk  = Signal(range(plan.chunks))
        group  = Signal(range(max(p.groups for p in passes)))
        line, column = (Signal(range(max(p.shape[n] for p in passes))) for n in (1, 2))
        corner, line_corner = Signal(self.train_shape), Signal(self.train_shape)
        rows   = Signal(self.row_shape)                     # first row of the group
        place  = lambda n: signed(1 + max(
            (p.shape[n] * p.stride + abs(p.origin)).bit_length() for p in passes))
        y, x   = Signal(place(1)), Signal(place(2))

        address = lambda values: const(
            (value % 2**self.train_shape.width for value in values), shape=self.train_shape)
        last_visit  = pc == const(lasts)
        last_chunk  = chunk == plan.chunks - 1
        last_group  = group == const(p.groups - 1 for p in passes)
        last_column = column == const(p.shape[2] - 1 for p in passes)
        last_line   = line == const(p.shape[1] - 1 for p in passes)
        origin, stride = const(p.origin for p in passes), const(p.stride for p in passes)
        chunks_back = lambda p: -(plan.chunks - 1) * p.in_chunk
        groups_back = lambda p: chunks_back(p) - (p.groups - 1) * p.group_step
        # From the last walk of a pixel: to the next pixel, or from its row's start to the next row.
        next_corner = (Mux(last_column, line_corner, corner)
                       + Mux(last_column, address(p.line_step for p in passes),
                             address(p.pixel_step + groups_back(p) for p in passes)))

        m.d.comb += fetch.addr.eq(pc)
        with m.If(self.start):
            m.d.sync += [
                active.eq(1), pending.eq(Kind.Add), pc.eq(const(starts)),
                chunk.eq(0), group.eq(0), column.eq(0), line.eq(0),
                y.eq(origin), x.eq(origin),
                corner.eq(address(p.base for p in passes)),
                line_corner.eq(address(p.base for p in passes)),
                rows.eq(const(p.row_base for p in passes)),
            ]
        with m.Elif(active & flow):
            with m.If(pending == Kind.Add):
                m.d.sync += pc.eq(pc + 1)
                with m.If(last_visit):
                    m.d.sync += [
                        pc.eq(Mux(last_chunk & int(plan.per_channel), const(starts),
                                  const(firsts))),
                        pending.eq(Mux(last_chunk & last_group & last_column & last_line,
                                       Kind.Last, Kind.End)),
                    ]
            with m.Else():
                m.d.sync += [pending.eq(Kind.Add), chunk.eq(Mux(last_chunk, 0, chunk + 1))]
                if plan.chunks > 1:
                    m.d.sync += corner.eq(corner + Mux(
                        last_chunk, address(chunks_back(p) + p.group_step for p in passes),
                        address(p.in_chunk for p in passes)))
                elif any(p.group_step for p in passes):
                    m.d.sync += corner.eq(corner + address(p.group_step for p in passes))
                with m.If(last_chunk):
                    m.d.sync += [
                        group.eq(Mux(last_group, 0, group + 1)),
                        rows.eq(Mux(last_group, const(p.row_base for p in passes),
                                    rows + const(p.rows for p in passes))),
                    ]
                with m.If(last_chunk & last_group):
                    m.d.sync += [
                        corner.eq(next_corner),
                        column.eq(Mux(last_column, 0, column + 1)),
                        x.eq(Mux(last_column, origin, x + stride)),
                    ]
                    with m.If(last_column):
                        m.d.sync += [
                            line_corner.eq(next_corner), line.eq(line + 1), y.eq(y + stride)]
                with m.If(pending == Kind.Last):
                    m.d.sync += active.eq(0)

        # --- place: where the visit's word and weights lie ----------------------------------------
        # The counting stage moves its bases on only with an end, when no visit is in this stage.
        placed, placed_kind = Signal(), Signal(Kind)
        kind = Mux(fetch.data.param & (placed_kind == Kind.Add), Kind.Param, placed_kind)
        looked, looked_kind = Signal(), Signal(Kind)
        looked_address, looked_row = Signal(self.train_shape), Signal(self.row_shape)
        looked_y, looked_x = (Signal(signed(len(at) + 1), name=f"looked_{name}")
                              for name, at in (("y", y), ("x", x)))
        m.d.comb += fetch.en.eq(flow)
        with m.If(flow):
            m.d.sync += [
                placed.eq(active), placed_kind.eq(pending),
                looked.eq(placed), looked_kind.eq(kind),
                looked_address.eq(fetch.data.offset + Mux(
                    fetch.data.param & int(plan.per_channel), 0, corner)),
                looked_row.eq(rows + fetch.data.row),
                looked_y.eq(y + fetch.data.dy), looked_x.eq(x + fetch.data.dx),
            ]

        # --- look: the word of the bitmap, if the visit is inside the map -------------------------
        inside = ((looked_y.as_unsigned() < const(p.limits[0] for p in passes))
                  & (looked_x.as_unsigned() < const(p.limits[1] for p in passes)))
        outer  = const((p.window - 1) ^ (WORD - 1) for p in passes)  # address bits above a window
        channels = Cat((looked_address[:4] & outer) == (n & outer) for n in range(WORD))
        marked, marked_kind, mask = Signal(), Signal(Kind), Signal(WORD)
        marked_address, marked_row = Signal(self.train_shape.width - 4), Signal(self.row_shape)
        header = (Cat(n <= looked_address[:4] for n in range(WORD)) if plan.per_channel
                  else C((1 << plan.header) - 1, WORD))
        m.d.comb += [
            self.bitmap_addr.eq(looked_address[4:]),
            self.bitmap_en.eq(flow),
        ]
        with m.If(flow):
            m.d.sync += [
                marked.eq(looked), marked_kind.eq(looked_kind),
                marked_address.eq(looked_address[4:]), marked_row.eq(looked_row),
                mask.eq(Mux(looked_kind == Kind.Param, header,
                            Mux(inside & (looked_kind == Kind.Add), channels, 0))),
            ]

        # --- queue: words with something in them --------------------------------------------------
        # Visits run ahead, so that empty ones cost nothing, and the engine's stall does not reach
        # back to the counters in the same cycle.
        found = data.StructLayout({
            "kind": Kind, "word": WORD, "address": self.train_shape.width - 4,
            "row": self.row_shape})
        m.submodules.queue = queue = SyncFIFOBuffered(
            width=Shape.cast(found).width, depth=QUEUE_DEPTH)
        offer, taken = Signal(found), Signal(found)
        word = mask & (self.bitmap_data | (marked_kind == Kind.Param).replicate(WORD))
        m.d.comb += [
            offer.kind.eq(marked_kind), offer.word.eq(word),
            offer.address.eq(marked_address), offer.row.eq(marked_row),
            queue.w_data.eq(offer),
            queue.w_en.eq(marked & (marked_kind.as_value()[1] | word.any())),
            flow.eq(queue.w_rdy),
            taken.eq(queue.r_data),
        ]

        # --- pick: one train a cycle, lowest first ------------------------------------------------
        go = Signal()
        picking, pick_kind, rest = Signal(), Signal(Kind), Signal(WORD)
        pick_address, pick_row = Signal.like(marked_address), Signal(self.row_shape)
        fewer = Signal(WORD)
        m.d.comb += [
            go.eq(~self.o.valid | self.o.ready),
            fewer.eq(rest & (rest - 1)[:WORD]),
            queue.r_en.eq(~picking | (go & (fewer == 0))),
        ]
        with m.If(queue.r_en):
            m.d.sync += [
                picking.eq(queue.r_rdy), pick_kind.eq(taken.kind), rest.eq(taken.word),
                pick_address.eq(taken.address), pick_row.eq(taken.row),
            ]
        with m.Elif(go):
            m.d.sync += rest.eq(fewer)

        # --- code: from one-hot to addresses ------------------------------------------------------
        coded, coded_kind, lowest = Signal(), Signal(Kind), Signal(WORD)
        coded_address, coded_row = Signal.like(marked_address), Signal(self.row_shape)
        index = Signal(4)
        m.d.comb += index.eq(Cat(
            Cat(lowest[n] for n in range(WORD) if n >> bit & 1).any() for bit in range(4)))
        inner = Mux(coded_kind == Kind.Param, WORD - 1, const(p.window - 1 for p in passes))
        with m.If(go):
            m.d.sync += [
                coded.eq(picking), coded_kind.eq(pick_kind), lowest.eq(rest & ~fewer),
                coded_address.eq(pick_address), coded_row.eq(pick_row),
                self.o.valid.eq(coded), self.o.p.kind.eq(coded_kind),
                self.o.p.train.eq(Cat(index, coded_address)),
                self.o.p.row.eq(coded_row + (index & inner)),
            ]

        return m
