"""Paces the drain of a walk's sums through the neurons: one time step a cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DrainSequencer", "flags_layout"]

# Of a step that drains. last: of its word; turns: of its slice; final: its walk is the pass's last;
# empty_walk: nothing was added to it.
flags_layout = data.StructLayout({"last": 1, "turns": 1, "final": 1, "empty_walk": 1})


class DrainSequencer(wiring.Component):
    """Hands steps from the shadows to the neurons, a cycle behind each other.

    A step is handed on (``shift``), then given to the neurons (``feed``), then taken by them
    (``stepped``). In a read-out it is taken once its scores have left. The sums of a word come
    slice after slice; of an empty walk only some steps drain, as those of the word's last slice.
    Of a leg of a walk all steps are handed on (``shift``), and none to the neurons. Of steady
    walks the sums of bits are taken before (hw.engine.steady), one a cycle.

    Parameters
    ----------
    word_steps, slices, chunks, steps : int
        Steps of a word; slices it is cut into; words of a train; steps of a run.
    empty_steps : int
        Steps of an empty walk that drain.
    steady_bits : int
        Sums of bits of a steady walk; 0 where there is none.
    resumes : bool
        A walk goes on where another left its neurons; ``steps`` are then those of the last round.

    Members
    -------
    load, empty_walk, last, leg : In(1)
        Sums of a slice are in the shadows; those of an empty walk; of the pass's last walk; of a
        leg of a walk.
    is_readout : In(1)
        The pass is a read-out.
    of_bits : In(1)
        Walks of the pass have sums of bits.
    all_taken : In(1)
        The scores of the step that waits have left.
    fresh, closes : In(1)
        Where it ``resumes``: the round is the first; it is the last.
    shift, opens : Out(1)
        A step is handed on; it is the first of its train.
    takes : Out(1)
        The sums of a bit are taken.
    gives : Out(1)
        A step is handed on to the neurons.
    count, last_count : Out
        Number of the step that is handed on next; it is the word's last.
    feed, stepped : Out(1)
    step, chunk, last_chunk : Out
        Of the step at the neurons: its number in the word, its word, and whether that is the last.
    now : Out(flags_layout)
        Of that step.
    live : Out(1)
        It is one of the run's steps.
    holds : Out(1)
        It waits for ``all_taken``.
    wipe : Out(1)
        The cycle after a reset, in which membranes are cleared.
    """

    def __init__(self, *, word_steps, slices, chunks, steps, empty_steps, steady_bits=0,
                 resumes=False):
        self.word_steps, self.slices, self.chunks = word_steps, slices, chunks
        self.steps, self.empty_steps, self.steady_bits = steps, empty_steps, steady_bits
        self.resumes = resumes
        super().__init__({
            **({"fresh": In(1), "closes": In(1)} if resumes else {}),
            "load": In(1), "empty_walk": In(1), "last": In(1), "leg": In(1),
            "is_readout": In(1), "of_bits": In(1), "all_taken": In(1),
            "shift": Out(1), "opens": Out(1), "takes": Out(1), "gives": Out(1),
            "count": Out(range(word_steps)), "last_count": Out(1, init=word_steps == 1),
            "feed": Out(1), "stepped": Out(1),
            "step": Out(range(word_steps)), "chunk": Out(range(chunks)), "last_chunk": Out(1),
            "now": Out(flags_layout), "live": Out(1, init=1), "holds": Out(1),
            "wipe": Out(1, init=1),
        })

    def elaborate(self, platform):
        m = Module()
        steps, chunks, part = self.word_steps, self.chunks, self.word_steps // self.slices
        shifting, handed, stepping = Signal(), Signal(), Signal()
        next_step = Signal(range(steps))
        walk, next_flags = Signal(flags_layout), Signal(flags_layout)
        turning = Signal(init=part == 1)                     # the step is its slice's last
        held    = Signal()                                   # it is one of a leg
        ahead   = Signal(range(chunks))                      # chunk of the step given
        loads   = Signal(range(chunks * self.slices))        # slice of the train to load next
        rest    = self.steps - (chunks - 1) * steps
        lives   = ((ahead != chunks - 1) | (next_step < rest)) if rest < steps else C(1)
        if self.resumes and rest < steps:
            lives = ~self.closes | (next_step < rest)
        m.d.comb += [
            self.stepped.eq(stepping & ~self.holds),
            self.feed.eq(handed & (~stepping | self.stepped)),
            self.shift.eq(shifting & (~handed | self.feed)),
            self.last_chunk.eq(self.chunk == chunks - 1),
            ahead.eq(self.chunk),
            self.gives.eq(self.shift & ~held),
        ]
        m.d.sync += [
            self.wipe.eq(0),
            handed.eq(self.gives | (handed & ~self.feed)),
            stepping.eq(self.feed | (stepping & ~self.stepped)),
        ]
        with m.If(self.shift):
            m.d.sync += [
                self.count.eq(self.count + 1), self.last_count.eq(
                    self.count == steps - 2 if steps > 1 else 1),
                turning.eq(self.count % part == part - 2 if part > 1 else 1), shifting.eq(~turning),
                next_step.eq(self.count), next_flags.eq(walk),
                next_flags.last.eq(self.last_count), next_flags.turns.eq(turning),
                self.opens.eq(0),
            ]
        with m.If(self.feed):
            m.d.sync += [
                self.step.eq(next_step), self.now.eq(next_flags), self.live.eq(lives),
                self.holds.eq(self.is_readout & lives),
            ]
        with m.Elif(self.all_taken):
            m.d.sync += self.holds.eq(0)
        if self.steady_bits:
            left = Signal(range(self.steady_bits))
            with m.If(self.takes):
                m.d.sync += [left.eq(left - 1), self.takes.eq(left != 0), shifting.eq(left == 0)]
            with m.If(self.load & self.of_bits & ~self.empty_walk):
                m.d.sync += [left.eq(self.steady_bits - 1), self.takes.eq(1)]
        with m.If(self.load):
            # The count goes on from slice to slice, and from the last step of a word to the next.
            m.d.sync += [
                shifting.eq(~self.of_bits | self.empty_walk), held.eq(self.leg),
                walk.final.eq(self.last), walk.empty_walk.eq(self.empty_walk),
                self.opens.eq(self.fresh if self.resumes else loads == 0),
            ]
            # All sums of an empty walk are 0, and so are membranes and spikes; what is left is
            # to wait for the stores before.
            with m.If(self.empty_walk):
                m.d.sync += [
                    self.count.eq(steps - self.empty_steps),
                    self.last_count.eq(self.empty_steps == 1), turning.eq(self.empty_steps == 1),
                ]
            with m.Elif(~self.leg):
                m.d.sync += loads.eq(Mux(loads == chunks * self.slices - 1, 0, loads + 1))
        with m.If(self.stepped & self.now.last):
            m.d.comb += ahead.eq(Mux(self.last_chunk, 0, self.chunk + 1))
            m.d.sync += self.chunk.eq(Mux(self.last_chunk, 0, self.chunk + 1))
        return m
