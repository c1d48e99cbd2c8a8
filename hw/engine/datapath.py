"""The engine: adds weights for all steps at once, drains sums through neurons, stores trains."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.engine.address_generator import Kind
from hw.engine.constants import pass_register
from hw.engine.dispatcher import item_layout
from hw.engine.lane import Lane
from hw.engine.norms import Norms
from hw.engine.readout import Readout
from hw.plan.buffers import WORD

__all__ = ["Datapath"]


class Datapath(wiring.Component):
    """Items of a pass in, trains or scores out.

    An Add is read from both memories, registered, and added one cycle later by every lane. An End
    hands the sums of a walk to the shadows; hw.engine.dispatcher sees to it that those of the walk
    before are drained by then, which takes ``word_steps`` cycles, or ``lanes`` if it is hollow.
    Finished trains leave one a cycle, lane after lane. In a read-out pass each step waits until the
    membranes of its lanes have left as scores, lane after lane, only those of existing classes. A
    merging pass (max pooling) adds nothing; the OR of a walk's trains leaves at its end.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
    start : In(1)
        A pass begins; with the walker's.
    done : Out(1)
        Its last train has left, or its last score is at ``o``.
    i : In(stream.Signature(item_layout(plan), always_ready=True))
        Items of the picker, each taken at once.
    drained : Out(1)
        In a read-out: the last step of a walk is taken.
    train_addr, row_addr, read_en, train, row
        Read ports of trains and weights, one cycle of latency.
    w_en, w_train, w_some, w_jump, w_turn : Out
        Finished trains, as hw.memory.spike_memory takes them.
    pixel_done : Out(1)
        With ``w_en``: the last train of an output pixel.
    spikes : Out
        Spikes of all lanes, two cycles after their step.
    o : Out(stream.Signature(signed(plan.score_bits)))
        Scores, as hw.engine.readout gives them.
    """

    def __init__(self, plan):
        self.plan = plan
        train_shape, row_shape = unsigned(plan.train_addr), unsigned(plan.row_addr)
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "done": Out(1),
            "i": In(stream.Signature(item_layout(plan), always_ready=True)),
            "drained": Out(1),
            "train_addr": Out(train_shape), "row_addr": Out(row_shape), "read_en": Out(1),
            "train": In(plan.word_steps), "row": In(WORD * plan.row_words),
            "w_en": Out(1), "w_train": Out(plan.word_steps), "w_some": Out(1),
            "w_jump": Out(train_shape), "w_turn": Out(1),
            "pixel_done": Out(1),
            "spikes": Out(range(plan.lanes + 1)),
            "o": Out(stream.Signature(signed(plan.score_bits))),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        fixed = lambda values: pass_register(m, self.number, [int(value) for value in values])
        merges = any(p.merging for p in passes)
        merging, storing_pass, speaking = (
            fixed(test(p) for p in passes)
            for test in (lambda p: p.merging, lambda p: p.storing, lambda p: p is passes[-1]))

        lanes = []
        for n in range(plan.lanes):
            lane = Lane(plan)
            m.submodules[f"lane{n}"] = lane
            lanes.append(lane)

        # --- read, then register what was read ----------------------------------------------------
        read = Signal(Kind)
        reads, adds, ends = Signal(), Signal(), Signal()     # of the item read
        hollow_read, load, param = Signal(), Signal(), Signal()
        # After a reset the lanes' sums are cleared as with a load, which drains nothing.
        clear = Signal(init=1)
        wipe  = Signal(init=1)                               # after a reset: membranes too
        train = Signal(plan.word_steps, init=-1)             # steps that add
        row   = Signal(WORD * plan.row_words, reset_less=True)
        hollow, last = Signal(), Signal()                    # with `load`: of its walk
        m.d.comb += [
            self.train_addr.eq(self.i.p.train),
            self.row_addr.eq(self.i.p.row),
            self.read_en.eq(self.i.valid),
            adds.eq(reads & (read == Kind.Add)),
            ends.eq(reads & read.as_value()[1]),
        ]
        m.d.sync += [
            reads.eq(self.i.valid), read.eq(self.i.p.kind), hollow_read.eq(self.i.p.hollow),
            # With `load` all lanes' sums are cleared, by the same enables.
            train.eq(Mux(ends, ~0, Mux(adds, self.train, 0)) if not merges else
                     Mux(ends & ~merging, ~0, Mux(adds & ~merging, self.train, 0))),
            row.eq(self.row), param.eq(reads & (read == Kind.Param)),
            load.eq(ends & ~merging), clear.eq(ends & ~merging), hollow.eq(hollow_read),
            last.eq(read == Kind.Last),
        ]

        # Rows of the header shift in lowest first, which leaves the threshold in the lowest bits.
        threshold = Signal(plan.header * len(row))
        if not plan.per_channel:
            with m.If(param):
                m.d.sync += threshold.eq(Cat(threshold, row)[len(row):])

        # --- drain: one step a cycle from the shadows through the neurons -------------------------
        m.submodules.readout = readout = Readout(plan)
        steps = plan.word_steps
        # A step is handed on, then given to the neurons, then taken by them.
        shift, shifting, handed, feed, stepping, stepped = (Signal(name=n) for n in (
            "shift", "shifting", "handed", "feed", "stepping", "stepped"))
        count, next_step, step = (Signal(range(steps), name=n) for n in (
            "count", "next_step", "step"))
        chunk       = Signal(range(plan.chunks))
        holds       = Signal()                       # the step waits for the read-out
        flags = data.StructLayout({"last": 1, "final": 1, "hollow": 1})
        last_count  = Signal()
        walk        = Signal(flags)                  # final: the walk is the pass's last
        next_flags, now = Signal(flags), Signal(flags)
        last_chunk  = chunk == plan.chunks - 1
        ahead       = Signal(range(plan.chunks))     # chunk of the step given
        live        = Signal(init=1)                 # the step is one of T
        opens       = Signal()                       # the next step handed on is its train's first
        loads       = Signal(range(plan.chunks))     # chunk of the next walk to load
        rest        = plan.network.steps - (plan.chunks - 1) * steps
        lives       = ((ahead != plan.chunks - 1) | (next_step < rest)) if rest < steps else C(1)
        m.d.comb += [
            stepped.eq(stepping & ~holds),
            feed.eq(handed & (~stepping | stepped)),
            shift.eq(shifting & (~handed | feed)),
            self.drained.eq(stepped & now.last & speaking),
        ]
        m.d.sync += wipe.eq(0)
        m.d.sync += [handed.eq(shift | (handed & ~feed)), stepping.eq(feed | (stepping & ~stepped))]
        with m.If(shift):
            m.d.sync += [
                count.eq(count + 1), last_count.eq(count == steps - 2), shifting.eq(~last_count),
                next_step.eq(count), next_flags.eq(walk), next_flags.last.eq(last_count),
                opens.eq(0),
            ]
        with m.If(feed):
            m.d.sync += [
                step.eq(next_step), now.eq(next_flags), live.eq(lives), holds.eq(speaking & lives),
            ]
        with m.Elif(readout.told):
            m.d.sync += holds.eq(0)
        with m.If(load):
            # All sums of a hollow walk are 0, and so are membranes and spikes; what is left is to
            # wait for the stores before.
            m.d.sync += [
                shifting.eq(1), walk.final.eq(last), walk.hollow.eq(hollow),
                count.eq(Mux(hollow, steps - plan.lanes, 0)),
                last_count.eq(hollow & (plan.lanes == 1)),
                opens.eq(loads == 0), loads.eq(Mux(loads == plan.chunks - 1, 0, loads + 1)),
            ]
        with m.If(stepped & now.last):
            m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))
        m.d.comb += ahead.eq(Mux(stepped & now.last, Mux(last_chunk, 0, chunk + 1), chunk))

        for n, lane in enumerate(lanes):
            m.d.comb += [
                lane.number.eq(self.number),
                lane.threshold.eq(threshold[:plan.threshold_bits]),
                lane.train.eq(train),
                lane.weight.eq(row[n * plan.weight_bits:(n + 1) * plan.weight_bits].as_signed()),
                lane.param.eq(param),
                lane.load.eq(clear),
                lane.shift.eq(shift), lane.opens.eq(opens),
                lane.feed.eq(feed),
                lane.step.eq(stepped | wipe),
                lane.last.eq((now.last & last_chunk) | wipe),
            ]

        # --- norms: gain and offset of the step handed on, read one cycle ahead -------------------
        if plan.normed:
            m.submodules.norms = norms = Norms(plan)
            m.d.comb += [
                norms.number.eq(self.number), norms.start.eq(self.start),
                norms.shift.eq(shift), norms.count.eq(count), norms.last_count.eq(last_count),
                *(lane.norm.eq(norms.data[n]) for n, lane in enumerate(lanes)),
            ]

        # --- scores: a read-out's step waits for its lanes ----------------------------------------
        connect(m, readout.o, flipped(self.o))
        told = Signal()                              # the pass's last score is on its way
        m.d.comb += [
            readout.speaking.eq(speaking), readout.speaks.eq(holds),
            readout.step.eq(step), readout.chunk.eq(chunk),
            readout.stepped.eq(stepped), readout.last.eq(now.last & last_chunk),
            *(readout.spikes[n].eq(lane.spike) for n, lane in enumerate(lanes)),
            *(readout.membranes[n].eq(lane.membrane) for n, lane in enumerate(lanes)),
        ]
        m.d.sync += told.eq(
            stepped & now.last & last_chunk & now.final & speaking & ~storing_pass)

        # --- words: trains of the lanes, bit by bit -----------------------------------------------
        words = [Signal(steps, name=f"word{n}", reset_less=True) for n in range(plan.lanes)]
        # A spike has a cycle to come from its lane.
        fired = [Signal(name=f"fired{n}", reset_less=True) for n in range(plan.lanes)]
        fresh = Signal()                             # they are new
        ended, whole = (Signal(flags, name=name) for name in ("ended", "whole"))
        ended_chunk, whole_chunk = Signal(), Signal()
        with m.If(fresh):
            for word, spike in zip(words, fired, strict=True):
                m.d.sync += word.eq(Cat(word[1:], spike))
        m.d.sync += [
            fresh.eq(stepped), self.spikes.eq(Mux(fresh, sum(fired), 0)),
            *(spike.eq(lane.spike & live) for spike, lane in zip(fired, lanes, strict=True)),
            ended.eq(now), ended.last.eq(stepped & now.last & storing_pass), whole.eq(ended),
            ended_chunk.eq(last_chunk), whole_chunk.eq(ended_chunk),
        ]

        # --- store: finished trains, lane after lane ----------------------------------------------
        # What a store needs is settled in the cycle before its first train: stores may follow each
        # other without a gap.
        group   = Signal(range(max(p.groups for p in passes)))   # of the next walk to be stored
        closing = group == fixed(p.groups - 1 for p in passes)   # it is the pixel's last
        tail    = lambda p: (p.shape[0] - 1) % p.span            # last lane in use of that
        begins, begins_chunk = Signal(), Signal()            # a store follows; of the last chunk
        hold    = Signal(steps * plan.lanes, reset_less=True)
        storing, store_final = Signal(), Signal()
        store_chunk = Signal() if plan.chunks > 1 else C(1)
        last_group  = Signal()                               # of the walk being stored
        used    = Mux(last_group, fixed(tail(p) for p in passes), fixed(p.span - 1 for p in passes))
        writer  = Signal(range(plan.lanes))
        at_used = Signal()                                   # the writer is there
        writer_done = storing & at_used
        stored = Signal()                                    # the pass's last train has left
        m.d.sync += [
            at_used.eq(writer + 1 == used),
            stored.eq(writer_done & store_final & storing_pass),
            self.done.eq(stored | told),
        ]
        m.d.comb += [
            begins.eq(whole.last), begins_chunk.eq(whole_chunk),
            self.w_en.eq(storing),
            self.w_train.eq(hold[:steps]),
            self.pixel_done.eq(writer_done & store_chunk & last_group),
        ]
        with m.If(storing):
            m.d.sync += [
                hold.eq(hold >> steps),
                self.w_some.eq(hold[steps:2 * steps].any()),
                writer.eq(Mux(writer_done, 0, writer + 1)),
                storing.eq(~writer_done),
            ]
        with m.If(whole.last):
            m.d.sync += [
                hold.eq(Mux(whole.hollow, 0, Cat(words))),
                self.w_some.eq(words[0].any() & ~whole.hollow),
                store_final.eq(whole.final),
            ]
        if merges:
            merged, came, joins = Signal(steps), Signal(steps), Signal()
            merge_chunk = Signal(range(plan.chunks))
            m.d.sync += [
                came.eq(Mux(adds & merging, self.train, 0)), joins.eq(ends & merging),
                merged.eq(Mux(joins | ~merging, 0, merged | came)),
            ]
            with m.If(joins):
                m.d.comb += [begins.eq(1), begins_chunk.eq(merge_chunk == plan.chunks - 1)]
                m.d.sync += [
                    hold.eq(merged), self.w_some.eq(merged.any()), store_final.eq(last),
                    merge_chunk.eq(Mux(merge_chunk == plan.chunks - 1, 0, merge_chunk + 1)),
                ]

        # From the last train of a group to the first of the next; of one chunk to the next.
        across  = plan.chunks - 1
        stores  = [p if p.storing else passes[0] for p in passes]
        jumps   = lambda distance: fixed(distance(p) % 2**plan.train_addr for p in stores)
        within  = jumps(lambda p: 1 - across * p.out_chunk)
        beyond  = jumps(lambda p: p.out_stride - (p.groups - 1) * p.span - tail(p)
                        - across * p.out_chunk)
        onwards = Mux(closing, jumps(lambda p: p.out_chunk - tail(p)),
                      jumps(lambda p: p.out_chunk - (p.span - 1)))
        jump = Signal.like(self.w_jump, reset_less=True)
        single = Mux(closing, fixed(tail(p) == 0 for p in passes),
                     fixed(p.span == 1 for p in passes))     # the first train is the last, too
        with m.If(begins):
            m.d.sync += [
                storing.eq(1), last_group.eq(closing), at_used.eq(single),
                jump.eq(Mux(begins_chunk, Mux(closing, beyond, within), onwards)),
            ]
            if plan.chunks > 1:
                m.d.sync += store_chunk.eq(begins_chunk)
            with m.If(begins_chunk):
                m.d.sync += group.eq(Mux(closing, 0, group + 1))
        with m.If(self.start):
            m.d.sync += group.eq(0)
        m.d.comb += [
            self.w_turn.eq(writer_done),
            self.w_jump.eq(Mux(writer_done, jump, 1)),
        ]

        return m
