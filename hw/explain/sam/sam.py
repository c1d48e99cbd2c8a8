# amaranth: UnusedElaboratable=no
"""Spike Activation Map of a layer: what its spikes contribute, summed over a pixel's channels."""

import math

from amaranth import *
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, connect, flipped

from golden.formats import SCORE_FRAC, score_bits
from golden.formats import map_bits as exact_bits
from hw.explain.interface import explanation
from hw.explain.sam.map import PixelMap
from hw.explain.sam.scanner import QUAD, SpikeScanner, step_shape
from hw.explain.sam.score import ScoreUpdate
from hw.interface import Output

__all__ = ["UNIT", "Mode", "Sam"]


class Mode(enum.Enum, shape=2):
    """Which spikes count (golden.sam.scores)."""

    Paper     = 0
    Inclusive = 1
    Official  = 2


class Sam(wiring.Component):
    """Map of each pixel from the trains of its channels.

    Kim & Panda 2021 (arXiv:2103.14441), eq. 3-6, as in golden.sam: at a spike, d steps after the
    neuron's previous one, A <- 1 + E[d] A, and the pixel's map at that step grows by A - 1 (paper),
    A (inclusive) or A + z E[t] (official), z being the silent steps so far.

    Takes the words of a pixel channel after channel, chunk after chunk. A word takes one cycle, and
    one more for each spike (three in official mode) and for each four steps without one before
    another; after the pixel's last word come ``steps`` values, one a cycle. The map buffer clears
    as it is read; ``clear`` starts the same without giving anything, for a buffer in an unknown
    state.

    Parameters
    ----------
    steps : int
        T.
    word_steps : int
        Steps of a word, a multiple of 4.
    map_width : int
        Width of a map value, wide enough for every sum (golden.formats.map_bits).
    held : bool
        It is not: a sum that does not fit stays at golden.formats.map_top.
    table : sequence of int
        E[d] until others are written.
    rounds : None or (int, int)
        Where words come in rounds of all layers: steps of a round, and neurons of all of its words.
        Then each word is one of the round, and the values are those of its steps.

    Members
    -------
    mode : In(2)
        A Mode; steady while words are taken.
    round : In(range(rounds of T))
        In rounds: its number; steady while words are taken and values leave.
    clear : In(1)
        Only while no word is offered and ``busy`` is low.
    table, busy, i, o :
        As hw.explain.interface.explanation has them. The table is E[d] = exp(-gamma d) in units of
        2**-15. ``busy`` is high while a word, a pixel or a clearing is under way. The words given
        are M(t), t = 0 .. T - 1, in units of 2**-8.
    """

    SKIPS_SILENT = True
    PRODUCTS = ("SAM", 1)

    def __init__(self, *, steps, word_steps, map_width, held=False, table=(), rounds=None):
        self.steps, self.word_steps, self.map_width, self.held = steps, word_steps, map_width, held
        self.entries, (self.round_steps, self.neurons) = table, rounds or (None, 0)
        super().__init__({
            **({"round": In(range(-(-steps // self.round_steps)))} if rounds else {}),
            "mode": In(2), "clear": In(1),
            **explanation(word_steps=word_steps, word=unsigned(map_width)),
        })

    @classmethod
    def built(cls, plan, layers, *, bits=None, table=()):
        """(Sam, Output) of ``layers``: pixel after pixel each step's value.

        ``bits`` is the width of a map value at most; None for one that holds every sum.
        """
        steps = plan.network.steps
        shapes = {layer: plan.network.stages[layer - 1].shape for layer in layers}
        exact = max(exact_bits(channels, steps) for channels, _, _ in shapes.values())
        width = min(exact, bits or exact)
        rounds = (plan.walk_steps, sum(math.prod(each) for each in shapes.values()))
        unit = cls(steps=steps, word_steps=plan.word_steps, map_width=width, held=width < exact,
                   table=table, rounds=rounds if plan.rounded else None)
        return unit, Output(
            "maps", ("y", "x", "step"), {layer: (*shape[1:], steps)
                                         for layer, shape in shapes.items()},
            width, frac=SCORE_FRAC, meaning="SAM, unsigned in 2**-8: layer, pixel, step",
            round_steps=plan.walk_steps if plan.rounded else None)

    def elaborate(self, platform):
        m = Module()

        rounded = self.round_steps is not None
        width = max(QUAD, self.round_steps) if rounded else self.word_steps
        m.submodules.scanner = scanner = SpikeScanner(
            steps=self.steps, word_steps=width, rounded=rounded)
        m.submodules.score = score = ScoreUpdate(
            steps=self.steps, table=self.entries, neurons=self.neurons)
        m.submodules.map = pixel_map = PixelMap(
            steps=self.steps, width=self.map_width, held=self.held)
        if rounded:
            self.take(m, scanner, width)
            m.d.comb += score.fresh.eq(self.round == 0)
        else:
            connect(m, flipped(self.i), scanner.i)
        connect(m, flipped(self.table), score.table)
        connect(m, scanner=scanner.scan, score=score.scan, map=pixel_map.scan)
        connect(m, score.o, pixel_map.score)
        connect(m, pixel_map.o, flipped(self.o))
        m.d.comb += [
            scanner.twice.eq(self.mode == Mode.Official.value), scanner.clear.eq(self.clear),
            scanner.advance.eq(pixel_map.advance), scanner.leaving.eq(pixel_map.leaving),
            score.paper.eq(self.mode == Mode.Paper.value),
            pixel_map.mute.eq(scanner.mute),
            self.busy.eq(scanner.busy),
        ]

        return m

    @property
    def neuron_bits(self):
        """Bits of a neuron between two rounds: its score, its last spike, how many it fired."""
        return score_bits(self.steps) + 2 * Shape.cast(step_shape(self.steps)).width

    def take(self, m, scanner, width):
        """Hand the words of a round on, each where its steps are in a word of ``width``."""
        parts = width // self.round_steps                    # rounds whose steps share a word
        part, many = Signal(range(parts)), -(-self.steps // self.round_steps)
        last = (1 << self.steps - (many - 1) * self.round_steps) - 1
        every = (1 << self.round_steps) - 1
        steps = Mux(self.round == many - 1, last, every)
        m.d.comb += [
            part.eq(self.round % parts), scanner.chunk.eq(self.round // parts),
            scanner.live.eq(steps << part), scanner.i.valid.eq(self.i.valid),
            scanner.i.p.train.eq((self.i.p.train & steps) << part),
            scanner.i.p.first.eq(1), scanner.i.p.last.eq(self.i.p.last),
            self.i.ready.eq(scanner.i.ready),
        ]


UNIT = Sam
