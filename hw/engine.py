"""The engine: adds weights for all steps at once, drains sums through neurons, stores trains."""

import numpy as np
from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.constants import per_pass
from hw.lane import Lane, norm_layout
from hw.plan import WORD
from hw.walker import Kind

__all__ = ["Engine"]


class Engine(wiring.Component):
    """Items of a pass in, trains or scores out; one item a cycle while lanes keep up.

    An Add is read from both memories, registered, and added one cycle later by every lane. An End
    hands the sums of a walk to the shadows, waiting until those of the walk before are drained,
    which takes ``word_steps`` cycles, or ``lanes`` if it added nothing. Finished
    trains leave one a cycle, lane after lane. In a read-out pass each step waits until the
    membranes of its lanes have left as scores, lane after lane, only those of existing classes. A
    merging pass (max pooling) adds nothing; the OR of a walk's trains leaves at its end.

    Parameters
    ----------
    plan : hw.plan.Plan

    Members
    -------
    number : In(range(passes))
    start : In(1)
        A pass begins; with the walker's.
    done : Out(1)
        Its last train has left, or its last score is at ``o``.
    i : In(stream)
        Items of the walker.
    train_addr, row_addr, read_en, train, row
        Read ports of trains and weights, one cycle of latency, held without ``read_en``.
    w_en, w_train, w_jump, w_turn : Out
        Finished trains, as hw.trains takes them.
    pixel_done : Out(1)
        With ``w_en``: the last train of an output pixel.
    spikes : Out
        Spikes of all lanes, two cycles after their step.
    o : Out(stream.Signature(signed(plan.score_bits)))
        Scores: for each group of lanes, step after step, lane after lane.
    stalled : Out(1)
        An item waits for the drain.
    """

    def __init__(self, plan):
        self.plan = plan
        train_shape, row_shape = unsigned(plan.train_addr), unsigned(plan.row_addr)
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "done": Out(1),
            "i": In(stream.Signature(data.StructLayout({
                "kind": Kind, "train": train_shape, "row": row_shape}))),
            "train_addr": Out(train_shape), "row_addr": Out(row_shape), "read_en": Out(1),
            "train": In(plan.word_steps), "row": In(WORD * plan.row_words),
            "w_en": Out(1), "w_train": Out(plan.word_steps),
            "w_jump": Out(train_shape), "w_turn": Out(1),
            "pixel_done": Out(1),
            "spikes": Out(range(plan.lanes + 1)),
            "o": Out(stream.Signature(signed(plan.score_bits))),
            "stalled": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        const = lambda values: per_pass(self.number, list(values))
        last_pass = passes[-1]
        merging, storing_pass, speaking = (Signal(name=n) for n in (
            "merging", "storing_pass", "speaking"))
        m.d.sync += [
            merging.eq(const(int(p.merging) for p in passes)),
            storing_pass.eq(const(int(p.storing) for p in passes)),
            speaking.eq(const(int(p is last_pass) for p in passes)),
        ]

        lanes = []
        for n in range(plan.lanes):
            lane = Lane(plan)
            m.submodules[f"lane{n}"] = lane
            lanes.append(lane)

        # --- read, then register what was read ----------------------------------------------------
        read, read_kind = Signal(), Signal(Kind)
        there, kind = Signal(), Signal(Kind)
        train   = Signal(plan.word_steps)
        row     = Signal(WORD * plan.row_words)
        go, end = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(go),
            self.train_addr.eq(self.i.p.train),
            self.row_addr.eq(self.i.p.row),
            self.read_en.eq(go),
            end.eq(there & kind.as_value()[1]),
        ]
        with m.If(go):
            m.d.sync += [
                read.eq(self.i.valid), read_kind.eq(self.i.p.kind),
                there.eq(read), kind.eq(read_kind),
                train.eq(Mux(read & (read_kind == Kind.Add), self.train, 0)),
                row.eq(self.row),
            ]
        param = there & (kind == Kind.Param)

        # Rows of the header shift in lowest first, which leaves the threshold in the lowest bits.
        threshold = Signal(plan.header * len(row))
        if not plan.per_channel:
            with m.If(param):
                m.d.sync += threshold.eq(Cat(threshold, row)[len(row):])

        # --- drain: one step a cycle from the shadows through the neurons -------------------------
        steps = plan.word_steps
        load, shift, shifting, stepping, stepped, advance = (Signal(name=n) for n in (
            "load", "shift", "shifting", "stepping", "stepped", "advance"))
        count, step = Signal(range(steps)), Signal(range(steps))  # handed on; taken by the neurons
        chunk       = Signal(range(plan.chunks))
        last_count  = Signal()                       # known from a register, for `load`
        final, final_step   = Signal(), Signal()     # the walk is the pass's last
        hollow, hollow_step = Signal(), Signal()     # nothing was added in it
        added       = Signal()
        last_step   = step == steps - 1
        last_chunk  = chunk == plan.chunks - 1
        live        = ~last_chunk | (step < plan.network.steps - (plan.chunks - 1) * steps)
        # Parameters of a channel must outlive its last step.
        free        = ~shifting & ~stepping if plan.per_channel else last_count & ~speaking
        # All sums are 0 where nothing was added, and so are membranes and spikes; what is left is
        # to wait for the stores before.
        skips       = ~added & const(int(self.can_skip(p)) for p in passes)
        m.d.comb += [
            load.eq(end & ~merging & (free if plan.per_channel else ~shifting | free)),
            go.eq(~end | load | merging),
            self.stalled.eq(~go),
            shift.eq(shifting & (~stepping | advance)),
            stepped.eq(stepping & advance),
        ]
        with m.If(shift):
            m.d.sync += [
                count.eq(count + 1), last_count.eq(count == steps - 2), shifting.eq(~last_count),
                stepping.eq(1), step.eq(count), final_step.eq(final), hollow_step.eq(hollow),
            ]
        with m.Elif(advance):
            m.d.sync += stepping.eq(0)
        with m.If(load):
            m.d.sync += [
                shifting.eq(1), final.eq(kind == Kind.Last), hollow.eq(skips),
                count.eq(Mux(skips, steps - plan.lanes, 0)),
                last_count.eq(skips & (plan.lanes == 1)),
            ]
        with m.If(load | merging):
            m.d.sync += added.eq(0)
        with m.Elif(train.any()):
            m.d.sync += added.eq(1)
        with m.If(stepped & last_step):
            m.d.sync += chunk.eq(Mux(last_chunk, 0, chunk + 1))

        for n, lane in enumerate(lanes):
            m.d.comb += [
                lane.number.eq(self.number),
                lane.threshold.eq(threshold[:plan.threshold_bits]),
                lane.train.eq(Mux(merging, 0, train)),
                lane.weight.eq(row[n * plan.weight_bits:(n + 1) * plan.weight_bits].as_signed()),
                lane.param.eq(param),
                lane.load.eq(load),
                lane.shift.eq(shift),
                lane.step.eq(stepped),
                lane.last.eq(last_step & last_chunk),
            ]

        # --- norms: gain and offset of the step handed on, read one cycle ahead -------------------
        if plan.normed:
            layout = data.ArrayLayout(norm_layout(plan), plan.lanes)
            m.submodules.norms = norms = memory.Memory(
                shape=layout, depth=len(plan.norm_rows),
                init=[[{"gain": int(gain), "offset": int(offset)} for gain, offset in row]
                      for row in plan.norm_rows])
            read_norm = norms.read_port()
            spans  = [0 if p.merging else p.groups * plan.network.steps for p in passes]
            starts = np.cumsum([0, *spans]).tolist()
            entry  = Signal(range(len(plan.norm_rows)))
            after  = Signal.like(entry)
            handed = Signal(range(plan.chunks))              # chunk handed on
            with m.If(shift & last_count):
                m.d.sync += handed.eq(Mux(handed == plan.chunks - 1, 0, handed + 1))
            real   = ((handed != plan.chunks - 1)
                      | (count < plan.network.steps - (plan.chunks - 1) * steps))
            with m.If(shift & real):
                # The groups of a pixel follow one another; the next pixel begins again.
                m.d.comb += after.eq(Mux(entry == const(max(n - 1, 0) for n in starts[1:]),
                                         const(starts[:-1]), entry + 1))
            with m.Else():
                m.d.comb += after.eq(entry)
            m.d.sync += entry.eq(Mux(self.start, const(starts[:-1]), after))
            m.d.comb += read_norm.addr.eq(after)
            for n, lane in enumerate(lanes):
                m.d.comb += lane.norm.eq(read_norm.data[n])

        # --- scores: a read-out's step waits for its lanes ----------------------------------------
        ended   = stepped & last_step & last_chunk   # a group's last step
        classes = range(last_pass.groups)
        group_told, speaker = Signal(classes), Signal(range(plan.lanes))
        last_lane = Mux(group_told == last_pass.groups - 1,
                        (last_pass.shape[0] - 1) % plan.lanes, plan.lanes - 1)
        with m.If(ended & speaking):
            m.d.sync += group_told.eq(Mux(group_told == last_pass.groups - 1, 0, group_told + 1))
        told, tells = Signal(), Signal()
        m.d.comb += [
            # Not waiting for `ready`: whoever takes the scores must not slow the lanes' clock.
            tells.eq(stepping & speaking & live & ~self.o.valid),
            told.eq(tells & (speaker == last_lane)),
            advance.eq(~speaking | ~live | told),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        scores = Array(self.scores(m, lanes, chunk, step, stepped))
        with m.If(tells):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.eq(scores[speaker]),
                speaker.eq(Mux(told, 0, speaker + 1)),
            ]

        # --- words: trains of the lanes, bit by bit -----------------------------------------------
        words = [Signal(steps, name=f"word{n}") for n in range(plan.lanes)]
        fresh = Signal()                             # their last bits are new
        whole, whole_final, whole_hollow, whole_chunk = (Signal(name=n) for n in (
            "whole", "whole_final", "whole_hollow", "whole_chunk"))
        with m.If(stepped):
            for word, lane in zip(words, lanes, strict=True):
                m.d.sync += word.eq(Cat(word[1:], lane.spike & live))
        m.d.sync += [
            fresh.eq(stepped), self.spikes.eq(Mux(fresh, sum(word[-1] for word in words), 0)),
            whole.eq(stepped & last_step & storing_pass), whole_final.eq(final_step),
            whole_hollow.eq(hollow_step), whole_chunk.eq(last_chunk),
        ]
        merged = Signal(steps)                       # OR of the window's trains
        with m.If(end | ~merging):
            m.d.sync += merged.eq(0)
        with m.Else():
            m.d.sync += merged.eq(merged | train)

        # --- store: finished trains, lane after lane ----------------------------------------------
        group   = Signal(range(max(p.groups for p in passes)))
        last_group = group == const(p.groups - 1 for p in passes)
        used    = Mux(last_group, const((p.shape[0] - 1) % p.span for p in passes),
                      const(p.span - 1 for p in passes))     # last lane in use
        hold    = Signal(steps * plan.lanes)
        storing, store_final, store_chunk = Signal(), Signal(), Signal()
        writer = Signal(range(plan.lanes))
        writer_done = storing & (writer == used)
        merge_chunk = Signal(range(plan.chunks))
        m.d.comb += [
            self.w_en.eq(storing),
            self.w_train.eq(hold[:steps]),
            self.pixel_done.eq(writer_done & store_chunk & last_group),
            self.done.eq(Mux(storing_pass, writer_done & store_final, ended & final_step)),
        ]
        with m.If(storing):
            m.d.sync += [
                hold.eq(hold >> steps),
                writer.eq(Mux(writer_done, 0, writer + 1)),
                storing.eq(~writer_done),
            ]
        with m.If(writer_done & store_chunk):
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
        with m.If(whole):
            m.d.sync += [
                hold.eq(Mux(whole_hollow, 0, Cat(words))),
                storing.eq(1), store_final.eq(whole_final), store_chunk.eq(whole_chunk),
            ]
        if any(p.merging for p in passes):
            with m.If(end & merging):
                m.d.sync += [
                    hold.eq(merged), storing.eq(1), store_final.eq(kind == Kind.Last),
                    store_chunk.eq(merge_chunk == plan.chunks - 1),
                    merge_chunk.eq(Mux(merge_chunk == plan.chunks - 1, 0, merge_chunk + 1)),
                ]
        with m.If(self.start):
            m.d.sync += group.eq(0)

        # From the last train of a group to the first of the next; of one chunk to the next.
        across  = plan.chunks - 1
        jumps   = lambda distance: per_pass(
            self.number, [distance(p) % 2**plan.train_addr for p in passes])
        tail    = lambda p: (p.shape[0] - 1) % p.span
        within  = jumps(lambda p: 1 - across * p.out_chunk)
        beyond  = jumps(lambda p: p.out_stride - (p.groups - 1) * p.span - tail(p)
                        - across * p.out_chunk)
        onwards = Mux(last_group, jumps(lambda p: p.out_chunk - tail(p)),
                      jumps(lambda p: p.out_chunk - (p.span - 1)))
        m.d.comb += [
            self.w_turn.eq(writer_done),
            self.w_jump.eq(Mux(writer_done, Mux(store_chunk, Mux(last_group, beyond, within),
                                                onwards), 1)),
        ]

        return m

    def can_skip(self, each):
        """Whether a walk that adds nothing gives no spike."""
        if each.merging or self.plan.chunks > 1 or self.plan.per_channel or self.plan.normed:
            return False
        lowest = int(np.min(each.neuron.threshold)) - (each.neuron.compare == "ge")
        return each is not self.plan.passes[-1] and lowest >= 0

    def scores(self, m, lanes, chunk, step, stepped):
        """Score of each lane after the step under way (golden.readout)."""
        readout, steps = self.plan.network.readout, self.plan.network.steps
        if readout == "membrane":
            return [lane.membrane for lane in lanes]
        found = []
        to_go = steps - (chunk * self.plan.word_steps + step)
        for n, lane in enumerate(lanes):
            tally, now = Signal(8, name=f"tally{n}"), Signal(8, name=f"score{n}")
            if readout == "count":
                m.d.comb += now.eq(tally + lane.spike)
            else:
                m.d.comb += now.eq(Mux((tally == 0) & lane.spike, to_go, tally))
            with m.If(stepped):
                m.d.sync += tally.eq(Mux(lane.last, 0, now))
            found.append(now)
        return found
