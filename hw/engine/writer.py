"""Writes the finished trains of a walk, lane after lane, each to its place."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import pass_register
from hw.engine.drain import flags_layout
from hw.memory.ports import SpikeWrite

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Stores one train a cycle, the words of lane 0 first; only lanes of existing channels.

    What a store needs is settled in the cycle before its first train, so that stores may follow
    each other without a gap. ``increment`` goes from a train to the next, also from the last of a
    group to the first of the next, and from one chunk to the next.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    merges : bool
        Some passes merge.

    Members
    -------
    number, start : In
        The pass; it begins.
    storing : In(1)
        The pass stores trains.
    words, full, full_chunk : In
        A walk's words, as hw.engine.packer gives them.
    merged, joins, merged_chunk, merged_final : In
        Those of hw.engine.merger, and whether the walk is the pass's last; where ``merges``.
    write : Out(SpikeWrite(train_addr, word_steps))
        To hw.memory.spike_memory.
    pixel_done : Out(1)
        With ``write.en``: the last train of an output pixel.
    stored : Out(1)
        A cycle after the pass's last train.
    """

    def __init__(self, plan, merges):
        self.plan, self.merges = plan, merges
        steps = plan.walk_steps
        super().__init__({
            "number": In(range(len(plan.passes))), "start": In(1), "storing": In(1),
            "words": In(data.ArrayLayout(steps, plan.lanes)), "full": In(flags_layout),
            "full_chunk": In(1),
            **({"merged": In(steps), "joins": In(1), "merged_chunk": In(1), "merged_final": In(1)}
               if merges else {}),
            "write": Out(SpikeWrite(plan.train_addr, plan.word_steps)),
            "pixel_done": Out(1), "stored": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes, steps = self.plan, self.plan.passes, self.plan.walk_steps
        fixed = lambda values: pass_register(m, self.number, [int(value) for value in values])
        tail  = lambda p: (p.shape[0] - 1) % p.span          # last lane in use of a pixel's last

        moves   = C(1)                                       # with a neuron's last store: the group
        group   = Signal(range(max(p.groups for p in passes)))   # of the next walk to be stored
        closing = group == fixed(p.groups - 1 for p in passes)   # it is the pixel's last
        begins, chunk = Signal(), Signal()                   # a store follows; of the last chunk
        hold    = Signal(steps * plan.lanes, reset_less=True)
        busy, final = Signal(), Signal()
        last_chunk = Signal() if plan.chunks > 1 else C(1)   # of the walk being stored
        last_group = Signal()
        used    = Mux(last_group, fixed(tail(p) for p in passes), fixed(p.span - 1 for p in passes))
        writer  = Signal(range(plan.lanes))
        at_used = Signal()                                   # the writer is there
        ends    = busy & at_used
        m.d.sync += [
            at_used.eq(writer + 1 == used),
            self.stored.eq(ends & final & self.storing),
        ]
        m.d.comb += [
            begins.eq(self.full.last), chunk.eq(self.full_chunk),
            self.write.en.eq(busy), self.write.train.eq(hold[:steps]),
            self.pixel_done.eq(ends & last_chunk & last_group),
        ]
        with m.If(busy):
            m.d.sync += [
                hold.eq(hold >> steps), self.write.nonzero.eq(hold[steps:2 * steps].any()),
                writer.eq(Mux(ends, 0, writer + 1)), busy.eq(~ends),
            ]
        with m.If(self.full.last):
            m.d.sync += [
                hold.eq(Mux(self.full.empty_walk, 0, self.words.as_value())),
                self.write.nonzero.eq(self.words[0].any() & ~self.full.empty_walk),
                final.eq(self.full.final),
            ]
        if self.merges:
            with m.If(self.joins):
                m.d.comb += [begins.eq(1), chunk.eq(self.merged_chunk)]
                m.d.sync += [
                    hold.eq(self.merged), self.write.nonzero.eq(self.merged.any()),
                    final.eq(self.merged_final),
                ]

        across  = plan.chunks - 1
        stores  = [p if p.storing else passes[0] for p in passes]
        jumps   = lambda distance: fixed(distance(p) % 2**plan.train_addr for p in stores)
        within  = jumps(lambda p: (p.out_stride - (p.span - 1) if p.groups_outermost else 1)
                        - across * p.out_chunk)
        beyond  = jumps(lambda p: p.out_stride - (0 if p.groups_outermost else
                                                  (p.groups - 1) * p.span)
                        - tail(p) - across * p.out_chunk)
        onward  = Mux(closing, beyond, within)
        if plan.groups_outermost:
            moves, back = self.pixels(m, begins & chunk)
            to_first = jumps(lambda p: 1 - (p.shape[1] * p.shape[2] - 1) * p.out_stride
                             - across * p.out_chunk)
            onward = Mux(back & ~closing, to_first, onward)
        onwards = Mux(closing, jumps(lambda p: p.out_chunk - tail(p)),
                      jumps(lambda p: p.out_chunk - (p.span - 1)))
        jump = Signal(plan.train_addr, reset_less=True)
        single = Mux(closing, fixed(tail(p) == 0 for p in passes),
                     fixed(p.span == 1 for p in passes))     # the first train is the last, too
        with m.If(begins):
            m.d.sync += [
                busy.eq(1), last_group.eq(closing), at_used.eq(single),
                jump.eq(Mux(chunk, onward, onwards)),
            ]
            if plan.chunks > 1:
                m.d.sync += last_chunk.eq(chunk)
            with m.If(chunk & moves):
                m.d.sync += group.eq(Mux(closing, 0, group + 1))
        with m.If(self.start):
            m.d.sync += group.eq(0)
        m.d.comb += [
            self.write.next_chunk.eq(ends), self.write.increment.eq(Mux(ends, jump, 1))]
        return m

    def pixels(self, m, counted):
        """Whether the group goes on with the pixel that is ``counted``, and so its neuron's last
        store goes back to the first pixel, since groups are outermost.
        """
        passes = self.plan.passes
        fixed = lambda values: pass_register(m, self.number, list(values))
        sizes = [p.shape[1] * p.shape[2] if p.groups_outermost else 1 for p in passes]
        pixel = Signal(range(max(sizes)))
        last  = pixel == fixed(size - 1 for size in sizes)
        outermost = fixed(int(p.groups_outermost) for p in passes)
        with m.If(counted):
            m.d.sync += pixel.eq(Mux(last, 0, pixel + 1))
        with m.If(self.start):
            m.d.sync += pixel.eq(0)
        return last | ~outermost, last & outermost
