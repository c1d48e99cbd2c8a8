"""The engine: adds weights for all steps at once, drains sums through neurons, stores trains."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.engine.constants import pass_register
from hw.engine.drain import DrainSequencer
from hw.engine.fetch import Fetch
from hw.engine.greatest import Greatest
from hw.engine.lane import Lane
from hw.engine.merger import Merger
from hw.engine.norms import Norms
from hw.engine.ops import op_layout
from hw.engine.packer import Packer
from hw.engine.readout import Readout, contribution_members
from hw.engine.state import StateMemory
from hw.engine.steady import Steady
from hw.engine.walk_buffer import WalkBuffer
from hw.engine.walks import Freed
from hw.engine.writer import Writer
from hw.memory.held import Held, shares
from hw.memory.ports import ReadPort, SpikeWrite
from hw.plan.buffers import WORD

__all__ = ["Datapath", "kept_in_products", "round_members"]


def round_members(plan):
    """What the engine is told of the round, where Plan.rounded."""
    if not plan.rounded:
        return {}
    return {"round": In(range(plan.rounds)), "fresh": In(1), "closes": In(1),
            "slice": In(range(plan.word_steps // plan.walk_steps))}


def kept_in_products(plan):
    """Bits that multipliers may hold behind a walk buffer: words of the packer, sums of a slice's
    last step.
    """
    return (plan.lanes * plan.walk_steps * plan.buffered,
            plan.lanes * plan.sum_bits * plan.buffered)


class Datapath(wiring.Component):
    """Micro-ops of a pass in, trains or scores out.

    An Add is read from both memories, registered, and added one cycle later by every lane, or kept
    in a walk buffer (Plan.buffered), whose rows the lanes add. An end hands sums to the shadows;
    hw.engine.room, or the walk buffer, sees to it that those before are drained by then. Finished
    trains leave one a cycle, lane after lane. In a read-out pass each step waits until the
    membranes of its lanes have left as scores, lane after lane, only those of existing classes. A
    merging pass (max pooling) adds nothing; the OR of a walk's trains leaves at its end.

    Parameters
    ----------
    plan : hw.plan.planner.Plan
    products : int
        Multipliers (hw.memory.held) that may hold words and sums.

    Members
    -------
    number : In(range(passes))
    start : In(1)
        A pass begins; with the address generator's.
    done : Out(1)
        Its last train has left, or its last score is at ``o``.
    i : In(stream.Signature(op_layout(plan), always_ready=True))
        Micro-ops of the dispatcher, each taken at once.
    drained : Out(1)
        In a read-out, without a walk buffer: the last step of a walk is taken.
    held : In(1)
        With one: no slice should end.
    frees : Out(1)
        That of hw.engine.fetch, of a plan that streams weights.
    freed, reads, reads_param, waits, ends
        Those of hw.engine.walk_buffer, where there is one.
    trains, weights : Out(ReadPort(...))
        Both are read at once.
    write : Out(SpikeWrite(train_addr, word_steps))
        Finished trains.
    pixel_done : Out(1)
        With ``write.en``: the last train of an output pixel.
    spikes : Out
        Spikes of all lanes, two cycles after their step.
    o : Out(stream.Signature(signed(plan.score_bits)))
        Scores, as hw.engine.readout gives them.
    contribution, contribution_waits
        Those of hw.engine.readout, where there are.
    round, fresh, closes, slice : In
        Of hw.control.rounds, where Plan.rounded: its number; it is the first, the last; which steps
        of a word of the pass are the round's.
    """

    def __init__(self, plan, *, products=0):
        self.plan = plan
        self._packed, self._summed = shares(products, *kept_in_products(plan))
        super().__init__({
            "number": In(range(len(plan.passes))),
            "start": In(1),
            "done": Out(1),
            "i": In(stream.Signature(op_layout(plan), always_ready=True)),
            **({"freed": Out(Freed), "reads": Out(1), "reads_param": Out(1), "waits": Out(1),
                "ends": Out(1), "held": In(1)} if plan.buffered else {"drained": Out(1)}),
            **({"frees": Out(1)} if plan.banks else {}),
            "trains": Out(ReadPort(plan.train_addr, plan.word_steps)),
            "weights": Out(ReadPort(plan.row_addr, WORD * plan.row_words)),
            "write": Out(SpikeWrite(plan.train_addr, plan.word_steps)),
            "pixel_done": Out(1),
            "spikes": Out(range(plan.lanes + 1)),
            "o": Out(stream.Signature(signed(plan.score_bits))),
            **contribution_members(plan),
            **round_members(plan),
        })

    def elaborate(self, platform):
        m = Module()
        plan, passes = self.plan, self.plan.passes
        fixed = lambda values: pass_register(m, self.number, [int(value) for value in values])
        merges = any(p.merging for p in passes)
        merging, storing, is_readout = (
            fixed(test(p) for p in passes)
            for test in (lambda p: p.merging, lambda p: p.storing, lambda p: p is passes[-1]))

        m.submodules.fetch = fetch = Fetch(plan, merges)
        m.submodules.drain = drain = DrainSequencer(
            word_steps=plan.walk_steps, slices=plan.slices, chunks=plan.chunks,
            steps=plan.network.steps - (plan.rounds - 1) * plan.walk_steps, resumes=plan.rounded,
            empty_steps=1 if plan.buffered else plan.lanes,
            steady_bits=plan.steady_bits)
        m.submodules.readout = readout = Readout(plan)
        m.submodules.packer = packer = Packer(
            lanes=plan.lanes, word_steps=plan.walk_steps, products=self._packed)
        m.submodules.writer = writer = Writer(plan, merges)
        connect(m, flipped(self.i), fetch.i)
        connect(m, fetch.trains, flipped(self.trains))
        connect(m, fetch.weights, flipped(self.weights))
        if plan.banks:
            m.d.comb += self.frees.eq(fetch.frees)
        connect(m, writer.write, flipped(self.write))
        connect(m, readout.o, flipped(self.o))
        if plan.by_pixel:
            connect(m, readout.contribution, flipped(self.contribution))
            m.d.comb += readout.contribution_waits.eq(self.contribution_waits)
        scored = Signal()                                    # the pass's last score is on its way
        m.d.comb += [
            fetch.merging.eq(merging),
            drain.is_readout.eq(is_readout),
            drain.all_taken.eq(readout.all_taken),
            readout.is_readout.eq(is_readout),
            readout.speaks.eq(drain.holds),
            readout.step.eq(drain.step),
            readout.chunk.eq(self.round if plan.rounded else drain.chunk),
            readout.stepped.eq(drain.stepped),
            readout.last.eq(drain.now.last & drain.last_chunk),
            packer.stepped.eq(drain.stepped),
            packer.live.eq(drain.live),
            packer.now.eq(drain.now),
            packer.last_chunk.eq(drain.last_chunk),
            packer.storing.eq(storing),
            writer.number.eq(self.number),
            writer.start.eq(self.start),
            writer.storing.eq(storing),
            writer.words.eq(packer.words),
            writer.full.eq(packer.full),
            writer.full_chunk.eq(packer.full_chunk),
            self.pixel_done.eq(writer.pixel_done),
            self.spikes.eq(packer.fired),
        ]
        m.d.sync += [
            scored.eq(drain.stepped & drain.now.last & drain.last_chunk & drain.now.final
                      & is_readout & ~storing),
            self.done.eq(writer.stored | scored),
        ]
        if merges:
            m.submodules.merger = merger = Merger(word_steps=plan.walk_steps, chunks=plan.chunks)
            m.d.comb += [
                merger.merging.eq(merging), merger.adds.eq(fetch.adds), merger.ends.eq(fetch.ends),
                merger.train.eq(fetch.now),
                writer.merged.eq(merger.merged), writer.joins.eq(merger.joins),
                writer.merged_chunk.eq(merger.last_chunk), writer.merged_final.eq(fetch.last),
            ]

        digits, load = fetch.param, fetch.clear
        ended  = drain.stepped & is_readout & drain.now.turns
        if plan.buffered:
            buffer = self.buffer(m, fetch, drain, ended)
            digits, load = buffer.param, buffer.load
        else:
            m.d.comb += [
                drain.load.eq(fetch.load), drain.empty_walk.eq(fetch.empty_walk),
                drain.last.eq(fetch.last), self.drained.eq(ended),
            ]
        # Rows of the header shift in lowest first, which leaves the parameters in the lowest bits.
        shared = Signal(plan.header * len(fetch.row))
        if not plan.per_channel:
            comes, row = fetch.param, fetch.row
            if plan.buffered:
                comes, row = fetch.params, self.weights.data
            with m.If(comes):
                m.d.sync += shared.eq(Cat(shared, row)[len(row):])
        if plan.normed:
            m.submodules.norms = norms = Norms(plan)
            m.d.comb += [
                norms.number.eq(self.number), norms.start.eq(self.start),
                norms.shift.eq(drain.gives), norms.count.eq(drain.count),
                norms.last_count.eq(drain.last_count),
            ]
        if plan.buffered:
            m.submodules.last_sums = last_sums = Held(
                plan.lanes * plan.sum_bits, products=self._summed)
            m.d.comb += last_sums.load.eq(load)
        sums, currents = self.currents(m, fetch, drain)
        if plan.rounded:
            state = self.state(m, fetch, drain, readout)
        for n in range(plan.lanes):
            m.submodules[f"lane{n}"] = lane = Lane(plan)
            own = slice(n * plan.weight_bits, (n + 1) * plan.weight_bits)
            if plan.buffered:
                m.d.comb += [
                    *(weight.eq(buffer.rows[k][own].as_signed())
                      for k, weight in enumerate(lane.weights)),
                    lane.steps.eq(buffer.steps), lane.first.eq(buffer.first),
                    last_sums.d.word_select(n, plan.sum_bits).eq(lane.last_sum),
                    lane.last_held.eq(last_sums.q.word_select(n, plan.sum_bits)),
                ]
            else:
                m.d.comb += [lane.train.eq(fetch.train), lane.weight.eq(fetch.row[own].as_signed())]
            m.d.comb += [
                lane.param.eq(digits), lane.load.eq(load),
                lane.number.eq(self.number),
                lane.shared.eq(shared[:lane.shared.shape().size]),
                lane.shift.eq(drain.shift | drain.takes), lane.opens.eq(drain.opens),
                lane.feed.eq(drain.feed),
                lane.step.eq(drain.stepped | drain.wipe),
                lane.last.eq(drain.wipe if plan.rounded else
                             (drain.now.last & drain.last_chunk) | drain.wipe),
                packer.spikes[n].eq(lane.spike),
                readout.spikes[n].eq(lane.spike), readout.membranes[n].eq(lane.membrane),
            ]
            if plan.combines:
                m.d.comb += [
                    lane.gives.eq(drain.gives), sums[n].eq(lane.sum), lane.current.eq(currents[n]),
                ]
            if plan.normed:
                m.d.comb += lane.norm.eq(norms.data[n])
            if plan.rounded:
                m.d.comb += [
                    lane.resume.eq(state.load), lane.resumed.eq(state.resumed[n]),
                    state.states[n].eq(Cat(lane.state, *readout.state(n))),
                ]
        return m

    def currents(self, m, fetch, drain):
        """(sums, currents): what the lanes hand on, which is to be driven, and what their neurons
        take of it.
        """
        plan = self.plan
        sums = currents = Signal(data.ArrayLayout(signed(plan.sum_bits), plan.lanes))
        if plan.steady_bits:
            m.submodules.steady = steady = Steady(
                lanes=plan.lanes, sum_bits=plan.sum_bits, current_bits=plan.current_bits)
            of_bits = pass_register(m, self.number, [int(p.steady) for p in plan.passes])
            m.d.comb += [
                steady.load.eq(fetch.load), steady.takes.eq(drain.takes),
                steady.of_bits.eq(of_bits), drain.of_bits.eq(of_bits), steady.sums.eq(currents),
            ]
            currents = steady.currents
        if plan.in_legs:
            m.submodules.greatest = greatest = Greatest(
                lanes=plan.lanes, word_steps=plan.walk_steps, sum_bits=plan.current_bits)
            m.d.comb += [
                drain.leg.eq(fetch.leg), greatest.load.eq(fetch.load),
                *(getattr(greatest, name).eq(getattr(fetch, name)) for name in fetch.legs),
                greatest.shift.eq(drain.shift), greatest.count.eq(drain.count),
                greatest.sums.eq(currents),
            ]
            currents = greatest.currents
        return sums, currents

    def state(self, m, fetch, drain, readout):
        """The memory of the neurons between two rounds, whose ``states`` are to be driven."""
        plan = self.plan
        m.submodules.state = state = StateMemory(
            lanes=plan.lanes, bits=plan.state_bits, walks=plan.state_walks)
        m.d.sync += state.saves.eq(drain.stepped & drain.now.last)
        m.d.comb += [
            state.fresh.eq(self.fresh), drain.fresh.eq(self.fresh), drain.closes.eq(self.closes),
            state.load.eq(fetch.load & ~(fetch.leg if plan.in_legs else 0)),
            fetch.slice.eq(self.slice),
        ]
        if plan.tally_bits:
            m.d.comb += readout.resume.eq(state.load)
            for n in range(plan.lanes):
                m.d.comb += readout.resumed[n].eq(state.resumed[n][-plan.tally_bits:])
        return state

    def buffer(self, m, fetch, drain, ended):
        """The walk buffer between what is fetched and the lanes."""
        m.submodules.buffer = buffer = WalkBuffer(self.plan)
        m.d.comb += [
            buffer.number.eq(self.number),
            buffer.add.eq(fetch.adds & ~fetch.merging), buffer.end.eq(fetch.ends & ~fetch.merging),
            buffer.i_param.eq(fetch.params if self.plan.per_channel else 0),
            buffer.empty_walk.eq(fetch.ends_empty), buffer.last.eq(fetch.ends_pass),
            buffer.train.eq(self.trains.data), buffer.row.eq(self.weights.data),
            buffer.drained.eq(ended), buffer.held.eq(self.held),
            drain.load.eq(buffer.load), drain.empty_walk.eq(buffer.ends_empty),
            drain.last.eq(buffer.ends_pass), self.freed.eq(buffer.freed),
            self.reads.eq(buffer.reads), self.reads_param.eq(buffer.reads_param),
            self.waits.eq(buffer.waits), self.ends.eq(buffer.ends),
        ]
        return buffer
