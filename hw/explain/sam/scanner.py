"""From words of trains to one step a cycle: those with a spike, and those whose value leaves."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.arithmetic import first_of_four
from hw.explain.interface import train_words
from hw.memory.ports import NamedSignature

__all__ = ["QUAD", "Scan", "SpikeScanner", "step_shape"]

QUAD = 4                                                     # steps looked at in a cycle


def step_shape(steps):
    """Shape of a step, at least one bit."""
    return range(max(2, steps))


class Scan(NamedSignature):
    """The step that a scanner has come to.

    Members
    -------
    opens : Out(1)
        The word taken in the cycle before was its neuron's first. Its spikes come from the next
        cycle on, those of the neuron before have all come.
    step : Out(step_shape(steps))
        t.
    spike : Out(1)
        The neuron spikes at t.
    ghost : Out(1)
        With ``spike``: t comes a second time, two cycles after the first.
    leaves : Out(1)
        The pixel's value of t is to be given; never with ``spike``.
    """

    def __init__(self, steps):
        super().__init__({"opens": Out(1), "step": Out(step_shape(steps)), "spike": Out(1),
                          "ghost": Out(1), "leaves": Out(1)})


class SpikeScanner(wiring.Component):
    """Spikes of each word, the earliest first; after a pixel's last word all steps, in order.

    In rounds each word is a neuron's of this round, and those steps leave that are the round's.

    A word takes one cycle, and one more for each spike (three with ``twice``) and for each four
    steps without one before another. ``scan`` is a register: the first step of a word comes two
    cycles after the word was taken.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps of a word, a multiple of 4.
    rounded : bool
        Words come in rounds of all layers.

    Members
    -------
    chunk, live : In(range(chunks)), In(word_steps)
        Where ``rounded``: which word of a train the round's steps are in, and which they are there.
    twice : In(1)
        Each spike comes twice; steady while words are taken.
    clear : In(1)
        All steps leave at once and ``mute`` is set; only while no word is offered or under way.
    advance : In(1)
        ``scan`` may change: its step was seen. Low only while steps leave.
    leaving : In(1)
        A step that leaves is on its way.
    mute : Out(1)
        The steps that leave are those of a clearing.
    busy : Out(1)
        Spikes of a word remain, or steps are leaving.
    i : In(hw.explain.interface.train_words(word_steps))
    scan : Out(Scan(steps))
    """

    def __init__(self, *, steps, word_steps, rounded=False):
        self.steps, self.word_steps, self.rounded = steps, word_steps, rounded
        super().__init__({
            **({"chunk": In(range(-(-steps // word_steps))), "live": In(word_steps)} if rounded
               else {}),
            "twice": In(1), "clear": In(1), "advance": In(1), "leaving": In(1),
            "mute": Out(1), "busy": Out(1),
            "i": In(train_words(word_steps)),
            "scan": Out(Scan(steps)),
        })

    def elaborate(self, platform):
        m = Module()

        chunks = -(-self.steps // self.word_steps)
        m.submodules.word = word = WordScanner(word_steps=self.word_steps)
        takes = self.i.valid & self.i.ready
        chunk = Signal(range(chunks), reset_less=True)
        step  = Signal(step_shape(self.steps), reset_less=True)
        gives = Signal()                                     # the steps are those that leave
        twice = Signal()
        phase = Signal(2)                                    # of a spike: t, a pause, t again
        # Steps of a chunk, of the last one as many as there are.
        live = [(1 << min(self.word_steps, self.steps - at)) - 1
                for at in (0, (chunks - 1) * self.word_steps)]
        fill = Signal(self.word_steps)                       # steps to leave, as if spikes
        # Of a clearing all steps leave, in rounds else those of the round.
        place, first, others = chunk, live[0], C(1)
        if self.rounded:
            place, first = Mux(self.mute, chunk, self.chunk), Mux(self.mute, live[0], self.live)
            others = self.mute
        m.d.comb += [
            # A word comes, and steps are filled in, only where none is left.
            word.load.eq(takes | fill.any()), word.i.eq(Mux(takes, self.i.p.train, 0) | fill),
            word.done.eq(~(twice & word.some) | phase[1]), word.advance.eq(self.advance),
            self.scan.step.eq(step),
        ]
        m.d.sync += [
            phase.eq(Mux(word.done, 0, phase + 1)),
            self.scan.opens.eq(takes & self.i.p.first),
            self.scan.spike.eq(word.some & ~phase[0] & ~gives),
            self.scan.ghost.eq(phase[1]),
            twice.eq(self.twice),
        ]
        with m.If(self.advance):
            m.d.sync += [step.eq(Cat(word.index, place)), self.scan.leaves.eq(word.some & gives)]
        with m.If(takes):
            m.d.sync += chunk.eq(Mux(self.i.p.first, 0, chunk + 1))

        with m.FSM():
            with m.State("Words"):
                m.d.comb += [self.i.ready.eq(word.none), self.busy.eq(~word.none)]
                with m.If(takes & self.i.p.last):
                    m.next = "Last"
                m.d.sync += self.mute.eq(self.clear)
                with m.If(self.clear):
                    m.next = "Last"

            with m.State("Last"):
                m.d.comb += self.busy.eq(1)
                with m.If(word.none):
                    m.d.comb += fill.eq(first)
                    m.d.sync += [chunk.eq(0), twice.eq(0)]
                    m.next = "Give"

            with m.State("Give"):
                m.d.comb += [self.busy.eq(1), gives.eq(1)]
                m.d.sync += twice.eq(0)
                with m.If(word.none & self.advance):
                    with m.If((chunk != chunks - 1) & others):
                        m.d.comb += fill.eq(Mux(chunk == chunks - 2, live[-1], live[0]))
                        m.d.sync += chunk.eq(chunk + 1)
                    with m.Elif(~self.leaving):
                        m.next = "Words"

        return m


class WordScanner(wiring.Component):
    """The ones of a word, four bits after four, the lowest first.

    Parameters
    ----------
    word_steps : int
        Bits of the word, a multiple of 4.

    Members
    -------
    load : In(1)
        ``i`` is taken; only where ``none``.
    i : In(word_steps)
        The next word; 0 without ``load``.
    done, advance : In(1), In(1)
        With both, what is shown was seen: the next follows in the next cycle.
    some : Out(1)
        A one is shown; else four bits without any, or nothing is left.
    index : Out(range(word_steps))
        Where it is.
    none : Out(1)
        Nothing is left.
    """

    def __init__(self, *, word_steps):
        self.word_steps = word_steps
        super().__init__({
            "load": In(1), "i": In(word_steps), "done": In(1), "advance": In(1),
            "some": Out(1), "index": Out(range(word_steps)), "none": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        rest = Signal(self.word_steps, reset_less=True)      # what is left of the word
        quad = Signal(range(self.word_steps // QUAD), reset_less=True)  # the one in ``low``
        low  = rest[:QUAD]
        others, first = first_of_four(low)
        m.d.comb += [
            self.some.eq(low.any()), self.none.eq(~rest.any()), self.index.eq(Cat(first, quad)),
        ]
        shows = self.done & self.advance
        with m.If(shows):
            m.d.sync += low.eq(
                others | Mux(others.any(), 0, rest[QUAD:2 * QUAD]) | self.i[:QUAD])
        with m.If(shows & ~others.any()):
            m.d.sync += [
                rest[QUAD:].eq(rest[2 * QUAD:] | self.i[QUAD:]),
                quad.eq(Mux(self.load, 0, quad + 1)),
            ]

        return m
