"""The read-out: class scores of every step, from the neurons of the last layer."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.engine.score_queue import ScoreQueue

__all__ = ["Readout", "contribution_members"]


def contribution_members(plan):
    """Members of Readout for the contributions of pixels, where segments are pixels."""
    return {"contribution": Out(stream.Signature(signed(plan.membrane_bits), always_ready=True)),
            "contribution_waits": In(1)} if plan.by_pixel else {}


class Readout(wiring.Component):
    """Scores, for each group of lanes: step after step, lane after lane, of existing classes only.

    A score is the membrane, the count of spikes, or T minus the step of the first spike
    (golden.readout). Where the inputs of the last layer are walked in several segments
    (hw.plan.planner.Plan.segments), the membranes of a class at a step are summed over them and
    leave with the last; the plan does that only where the sum is exact.

    One lane is taken a cycle, and one more for the step; in the last segment, every fifth. So it is
    at the run's last step where the segments are pixels (Plan.by_pixel): what each has summed up
    leaves by itself, pixel after pixel, for each of them class after class. In rounds a lane is
    taken a cycle as long as its score finds room (hw.engine.score_queue).

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    is_readout : In(1)
        The pass is the read-out.
    speaks : In(1)
        A step of it waits to be taken.
    chunk, step : In, In
        The step, within its word, or its round.
    spikes, membranes : In(ArrayLayout(1, lanes)), In(ArrayLayout(signed(membrane_bits), lanes))
        What the neurons give at it.
    all_taken : Out(1)
        With ``speaks``, which ends then: the last of its lanes is taken.
    resume, resumed : In(1), In(data.ArrayLayout(8, lanes))
        Where scores are counted round after round: they go on from these.
    stepped, last : In(1)
        A step is taken, ``last`` the last one of its neurons.
    o : Out(stream.Signature(signed(plan.score_bits)))
        Three cycles after it was taken.
    contribution, contribution_waits : Out(stream.Signature(..., always_ready=True)), In(1)
        Where segments are pixels: the membrane of a class at the last step, in a pixel's segment,
        two cycles after it was taken. No more come while one waits, from a cycle later on.
    """

    def __init__(self, plan):
        self.plan, self.tallies = plan, []
        if plan.rounded and plan.tally_bits:
            self.tallies = [Signal(plan.tally_bits, name=f"tally{n}") for n in range(plan.lanes)]
        super().__init__({
            "is_readout": In(1), "speaks": In(1),
            "chunk": In(range(max(plan.chunks, plan.rounds))), "step": In(range(plan.walk_steps)),
            **({"resume": In(1), "resumed": In(data.ArrayLayout(plan.tally_bits, plan.lanes))}
               if plan.rounded and plan.tally_bits else {}),
            "spikes": In(data.ArrayLayout(1, plan.lanes)),
            "membranes": In(data.ArrayLayout(signed(plan.membrane_bits), plan.lanes)),
            "all_taken": Out(1),
            "stepped": In(1), "last": In(1),
            "o": Out(stream.Signature(signed(plan.score_bits))),
            **contribution_members(plan),
        })

    def elaborate(self, platform):
        m = Module()
        plan, last_pass = self.plan, self.plan.passes[-1]

        # --- take: one lane a cycle ---------------------------------------------------------------
        group, segment = Signal(range(last_pass.groups)), Signal(range(plan.segments))
        speaker    = Signal(range(plan.lanes))
        last_group = group == last_pass.groups - 1
        last_lane  = Mux(last_group, (last_pass.shape[0] - 1) % plan.lanes, plan.lanes - 1)
        closing    = Signal(init=plan.segments == 1)         # scores are complete
        values = self.values(m)
        shape  = values[0].shape()
        value, taken = Signal(shape, reset_less=True), Signal()
        # On its way there: one of each two lanes, and which of these.
        halves = [Signal(shape, name=f"half{n}", reset_less=True)
                  for n in range(-(-plan.lanes // 2))]
        half, came = Signal(range(len(halves)), reset_less=True), Signal()
        closed     = Signal()                                # the value's score is complete
        # Decided a cycle ahead, for the sake of `all_taken`: whether a lane may be taken, and
        # whether it is the step's last. A new group is given a cycle to be seen.
        blocked, at_last, after = Signal(), Signal(), Signal(range(plan.lanes))
        takes, slow = Signal(), closing                      # slow: one lane in five cycles
        if plan.by_pixel:
            last_step = (self.chunk == plan.chunks - 1) & (
                self.step == (plan.network.steps - 1) % plan.word_steps)
            slow = closing | last_step
        ended   = self.stepped & self.last & self.is_readout
        m.d.comb += [
            # Not waiting for `ready`: whoever takes the scores must not slow the lanes' clock.
            takes.eq(self.speaks & ~blocked),
            self.all_taken.eq(takes & at_last),
            after.eq(Mux(takes, Mux(at_last, 0, speaker + 1), speaker)),
        ]
        m.d.sync += [
            came.eq(takes), taken.eq(came), speaker.eq(after), at_last.eq(after == last_lane),
            closing.eq(segment == plan.segments - 1),
            blocked.eq(ended | self.waits(m, takes, came, taken, slow)),
            half.eq(speaker >> 1),
            *(two.eq(Mux(speaker & 1, values[min(2 * n + 1, plan.lanes - 1)], values[2 * n]))
              for n, two in enumerate(halves)),
        ]
        with m.If(came):
            m.d.sync += [value.eq(Array(halves)[half]), closed.eq(closing)]
        with m.If(ended):
            m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            with m.If(last_group):
                m.d.sync += segment.eq(Mux(segment == plan.segments - 1, 0, segment + 1))

        # --- sum over the segments ----------------------------------------------------------------
        total = value
        if plan.segments > 1:
            depth = last_pass.shape[0] * plan.network.steps
            m.submodules.sums = sums = memory.Memory(
                shape=signed(plan.score_bits), depth=depth, init=[])
            read, write = sums.read_port(), sums.write_port()
            place, taken_place, first = Signal(range(depth)), Signal(range(depth)), Signal()
            with m.If(came):
                m.d.sync += [
                    place.eq(Mux(place == depth - 1, 0, place + 1)), taken_place.eq(place),
                    first.eq(segment == 0),
                ]
            total = Mux(first, 0, read.data) + value
            # What is read was written a segment ago.
            m.d.comb += [
                read.addr.eq(place), read.en.eq(came),
                write.addr.eq(taken_place), write.data.eq(total), write.en.eq(taken),
            ]

        # --- give ---------------------------------------------------------------------------------
        if plan.rounded:
            queue = m.submodules.queue
            m.d.comb += [queue.taken.eq(takes), queue.push.eq(taken), queue.i.eq(total)]
            connect(m, queue.o, flipped(self.o))
        else:
            with m.If(self.o.ready):
                m.d.sync += self.o.valid.eq(0)
            with m.If(taken & closed):
                m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(total)]
        if plan.by_pixel:
            # Whether it is a contribution is known with the lane, and used two cycles later.
            of_pixel, counts = Signal(), Signal()
            m.d.comb += of_pixel.eq(last_step & (segment < plan.reading))
            with m.If(takes):
                m.d.sync += counts.eq(of_pixel)
            m.d.comb += self.contribution.payload.eq(value)
            m.d.sync += self.contribution.valid.eq(came & counts)

        return m

    def waits(self, m, takes, came, taken, slow):
        """Whether no lane is to be taken in the next cycle, for the sake of what was taken."""
        if self.plan.rounded:
            m.submodules.queue = queue = ScoreQueue(signed(self.plan.score_bits))
            return queue.full
        return self.o.valid | ((takes | came | taken) & slow) | (
            self.contribution_waits if self.plan.by_pixel else 0)

    def state(self, n):
        """What lane ``n`` keeps of its class between two rounds; nothing of a membrane."""
        return self.tallies[n:n + 1]

    def values(self, m):
        """Score of each lane after the step under way."""
        readout, steps = self.plan.network.readout, self.plan.network.steps
        if readout == "membrane":
            return [self.membranes[n] for n in range(self.plan.lanes)]
        found = []
        to_go = steps - (self.chunk * self.plan.walk_steps + self.step)
        for n in range(self.plan.lanes):
            tally, now = (Signal(self.plan.tally_bits, name=f"{name}{n}")
                          for name in ("tally", "score"))
            tally = self.tallies[n] if self.tallies else tally
            if readout == "count":
                m.d.comb += now.eq(tally + self.spikes[n])
            else:
                m.d.comb += now.eq(Mux((tally == 0) & self.spikes[n], to_go, tally))
            with m.If(self.stepped):
                m.d.sync += tally.eq(now if self.tallies else Mux(self.last, 0, now))
            if self.tallies:
                with m.If(self.resume):
                    m.d.sync += tally.eq(self.resumed[n])
            found.append(now)
        return found
