"""When streamed weights are there: what the walks of a layer wait for (hw.plan.streaming)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from boards.protocol.flash_blocks import BLOCK, CONTENTS
from hw.plan.buffers import SPRAM_WORDS

if TYPE_CHECKING:
    from hw.plan.passes import Pass
    from hw.plan.planner import Plan

__all__ = ["PERIOD", "Bound", "WeightFlow", "bounds"]

PERIOD = 8 * BLOCK / CONTENTS    # cycles of a word by four lines: a byte in 4, its checks included
LATENCY = 60   # from the first pixel to the first word: rest, command, address of the flash
BETWEEN = 3    # from a block's last word until the next block is filled
LEAVES = 6     # from the last visit of a block, counted, until its bank is free


class WeightFlow:
    """The banks of ``plan`` for N images, followed from block to block: times from the first pixel.

    A block comes when the one before it has come and its bank is free; a word every ``period``
    cycles. Where both banks lie in one SPRAM, a word waits while a row is read.
    """

    def __init__(self, plan: "Plan", count: int, period: float = PERIOD):
        self.period, self.row_words, self._sizes = period, plan.row_words, []
        for each in plan.blocks:
            self._sizes += [each.lead + each.rows] + [each.rows] * (each.count - 1)
        self.shared = len({at // SPRAM_WORDS for at in plan.banks}) == 1
        self._due = np.full(count, float(LATENCY))
        self._come = np.zeros(count)
        self._freed = [np.zeros(count)] * 2              # of the two blocks before
        self._lost = np.zeros(count)
        self._at = 0

    def full(self) -> np.ndarray:
        """(N,) when the next block is there."""
        words = self._sizes[self._at] * self.row_words
        begin = np.maximum(np.maximum(self._due, self._come + BETWEEN), self._freed[0] + 1)
        if self.shared:                                  # by the reads of the block before
            begin = begin + self._lost
        self._come = begin + (words - 1) * self.period
        self._due = self._come + self.period
        self._at += 1
        return self._come + 1

    def freed(self, when: np.ndarray, reads: np.ndarray, turns: int = 1) -> None:
        """The block that came last was counted to its end; ``reads`` (N, walks) are the rows of it
        that each of its walks read, one a cycle, in each of its ``turns``.
        """
        self._freed = [self._freed[1], when + LEAVES]
        self._lost = turns * np.maximum(0, reads - self.period / 2).sum(axis=1)


@dataclass(frozen=True)
class Bound:
    """What bounds a weighted layer.

    Members
    -------
    layer : int
    streamed : bool
    megabytes : float
        Of its weights, an image, from flash; 0 where they stay on the chip.
    stream, cycles : float
        Cycles that those take to come, and that the layer takes.
    """

    layer: int
    streamed: bool
    megabytes: float
    stream: float
    cycles: float

    @property
    def by_memory(self) -> bool:
        """Whether it waits for its weights most of the time."""
        return self.stream > self.cycles / 2

    @property
    def why(self) -> str:
        """What bounds it, in a word."""
        return "memory" if self.by_memory else "adders"

    def data(self, hz: float) -> dict[str, Any]:
        """Plain data, at a clock; ``mb_s`` is what the flash gives on average while it walks."""
        return {"layer": self.layer, "weights": "streamed" if self.streamed else "resident",
                "mb": round(self.megabytes, 4), "cycles": round(self.cycles),
                "mb_s": round(self.megabytes * hz / self.cycles, 2), "bound": self.why,
                "ms": round(1000 * self.cycles / hz, 3)}


def bounds(plan: "Plan", cycles: np.ndarray, period: float = PERIOD) -> list[Bound]:
    """A Bound for each weighted layer; ``cycles`` are those of the passes of an image, as
    flow.estimate.cycles.image_cycles gives them.
    """
    found, passes = [], zip(plan.passes, cycles[1:].tolist(), strict=True)
    for each, took in passes:
        if not each.merging:
            words = words_of(plan, each) if each.streamed else 0
            found.append(Bound(each.stage.index, each.streamed, 2e-6 * words, period * words, took))
    return found


def words_of(plan: "Plan", each: "Pass") -> int:
    """Words of a streamed pass, an image."""
    blocks = plan.blocks_of(each)
    return plan.row_words * (blocks.lead + blocks.count * blocks.rows)
