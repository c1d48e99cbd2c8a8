# amaranth: UnusedElaboratable=no
"""Spike Activation Map of a layer: what its spikes contribute, summed over a pixel's channels."""

from amaranth import *
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, connect, flipped

from golden.formats import SCORE_FRAC
from golden.formats import map_bits as exact_bits
from hw.explain.interface import explanation
from hw.explain.sam.map import PixelMap
from hw.explain.sam.scanner import SpikeScanner
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

    Members
    -------
    mode : In(2)
        A Mode; steady while words are taken.
    clear : In(1)
        Only while no word is offered and ``busy`` is low.
    table, busy, i, o :
        As hw.explain.interface.explanation has them. The table is E[d] = exp(-gamma d) in units of
        2**-15. ``busy`` is high while a word, a pixel or a clearing is under way. The words given
        are M(t), t = 0 .. T - 1, in units of 2**-8.
    """

    SKIPS_SILENT = True

    def __init__(self, *, steps, word_steps, map_width, held=False, table=()):
        self.steps, self.word_steps, self.map_width, self.held = steps, word_steps, map_width, held
        self.entries = table
        super().__init__({
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
        unit = cls(steps=steps, word_steps=plan.word_steps, map_width=width, held=width < exact,
                   table=table)
        return unit, Output(
            "maps", ("y", "x", "step"), {layer: (*shape[1:], steps)
                                         for layer, shape in shapes.items()},
            width, frac=SCORE_FRAC, meaning="SAM, unsigned in 2**-8: layer, pixel, step")

    def elaborate(self, platform):
        m = Module()

        m.submodules.scanner = scanner = SpikeScanner(steps=self.steps, word_steps=self.word_steps)
        m.submodules.score = score = ScoreUpdate(steps=self.steps, table=self.entries)
        m.submodules.map = pixel_map = PixelMap(
            steps=self.steps, width=self.map_width, held=self.held)
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


UNIT = Sam
