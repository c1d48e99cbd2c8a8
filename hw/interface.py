"""What passes between an accelerator and its host: spaces, registers, and the order of all words.

The one home of these facts, in plain Python: the hardware, the driver, the simulation and the
protocol's documentation read them here.
"""

import enum
import math
from dataclasses import dataclass

import numpy as np

__all__ = [
    "AXES", "COUNT_BITS", "DATA_BITS", "EXPERIMENT_REGISTERS", "EXPLANATIONS", "INDEX_BITS",
    "SPACE_BITS", "ExperimentRegister", "Flag", "Output", "Register", "Space", "code_of",
    "count_output", "pixel_words", "score_arrays", "score_output", "score_words", "streams",
    "table_space", "write_words",
]

DATA_BITS, INDEX_BITS, SPACE_BITS = 16, 16, 4   # of a write
EXPERIMENT_REGISTERS = 0x8000    # Space.EXPERIMENT: registers from this index on, marks below it
COUNT_BITS = 32                  # of a count


class Space(enum.IntEnum):
    """What a configuration write goes to."""

    WEIGHTS = 0
    REGISTERS = 1
    EXPERIMENT = 2  # hw.explain.ablation
    TABLE = 8       # of the first explanation; see ``table_space`` for those of the others


class Register(enum.IntEnum):
    """Index of a write to ``Space.REGISTERS``."""

    MODE = 0
    SEED_LOW = 1
    SEED_HIGH = 2


class Flag(enum.IntEnum):
    """Bit of the flags that stand before the cycles of an image."""

    CORRUPT = 0     # the weight memory no longer holds what was written (hw.memory.scrub)
    DAMAGED = 1     # weights came damaged from flash: nothing counts (boards.link.weight_feed)


class ExperimentRegister(enum.IntEnum):
    """Index of a write to ``Space.EXPERIMENT`` that is no mark of trains."""

    LAYER = EXPERIMENT_REGISTERS
    STEPS = EXPERIMENT_REGISTERS + 1


EXPLANATIONS = {"maps": "hw.explain.sam", "traces": "hw.explain.traces",
                "contributions": "hw.explain.contribution"}
"""Streams of explanations, and the module whose UNIT gives each. A new one comes last."""

AXES = ("step", "channel", "y", "x", "word", "class", "count")
"""Order of the axes of an array of results, behind that of the images (golden.network.result)."""


@dataclass(frozen=True)
class Output:
    """A stream of result words: what an image's words are, in the order in which they leave.

    The one description of a stream: ports, frames, records of a simulation, exports and the arrays
    of a Result follow from it.

    Parameters
    ----------
    name : str
        One of ``streams``. The port is ``o_NAME``, the kind of its frames NAME in capitals.
    order : tuple of str
        Axes of a part as its words leave, slowest first, each of AXES.
    shape : dict of part -> tuple of int
        Length of each axis, part after part: of each layer, group of classes or kind of count.
    bits : int
        Of a word.
    signed : bool
    frac : int
        A word is in units of 2**-frac.
    meaning : str
        For people: what a word is, and what the parts are.
    round_steps : None or int
        So many steps of all parts leave before those that follow; None for all steps of a part
        before the next part.
    """

    name: str
    order: tuple[str, ...]
    shape: dict
    bits: int
    signed: bool = False
    frac: int = 0
    meaning: str = ""
    round_steps: int | None = None

    @property
    def port(self) -> str:
        """Name of the accelerator's port."""
        return f"o_{self.name}"

    @property
    def code(self) -> int:
        """The low bits of the kind of its frames (boards.protocol.codec), and of its records."""
        return code_of(self.name)

    @property
    def count(self) -> int:
        """Words of an image."""
        return sum(map(math.prod, self.shape.values()))

    @property
    def axes(self) -> list[int]:
        """For each axis of an array of results, its place in ``order``."""
        return sorted(range(len(self.order)), key=lambda n: AXES.index(self.order[n]))

    def blocks(self) -> list[tuple]:
        """(part, shape, first step, step behind the last) of words that leave together, in turn."""
        if self.round_steps is None:
            return [(part, shape, 0, None) for part, shape in self.shape.items()]
        place = self.order.index("step")
        steps = max(shape[place] for shape in self.shape.values()) if self.shape else 0
        return [(part, (*shape[:place], min(at + self.round_steps, steps) - at, *shape[place + 1:]),
                 at, at + self.round_steps)
                for at in range(0, steps, self.round_steps) for part, shape in self.shape.items()]

    def arrays(self, words: np.ndarray) -> dict:
        """{part: (N, axes in the order of AXES)} of the words (N, count) of N images."""
        parts, at = {part: [] for part in self.shape}, 0
        for part, shape, _, _ in self.blocks():
            size = math.prod(shape)
            block = words[:, at:at + size].reshape(len(words), *shape)
            parts[part].append(block.transpose(0, *(n + 1 for n in self.axes)))
            at += size
        # Steps come first of all AXES.
        return {part: blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
                for part, blocks in parts.items()}

    def words(self, arrays: dict) -> np.ndarray:
        """(N, count) of {part: array}: inverse of ``arrays``."""
        back = [0, *(n + 1 for n in np.argsort(self.axes))]
        of = lambda array, first, end: array if end is None else array[:, first:end]
        return np.hstack([of(arrays[part], first, end).transpose(back)
                          .reshape(len(arrays[part]), -1)
                          for part, _, first, end in self.blocks()])

    def values(self, words: np.ndarray) -> np.ndarray:
        """Numbers of raw words: those of a signed stream from two's complement, int64."""
        raw = np.asarray(words).astype(np.int64) & (1 << self.bits) - 1
        return raw - (raw >> self.bits - 1 << self.bits) if self.signed else raw


def streams() -> tuple[str, ...]:
    """Names of all streams of result words; the place of a name, from 1, is its code."""
    first, *others = EXPLANATIONS
    return (first, "scores", "counts", *others)


def code_of(name: str) -> int:
    """The code of a stream."""
    return streams().index(name) + 1


def table_space(name: str) -> int:
    """The space of an explanation's table, whose entry n has the index n.

    Space.TABLE for the first explanation, and one more for each that follows.
    """
    space = Space.TABLE + list(EXPLANATIONS).index(name)
    if space >> SPACE_BITS:
        raise ValueError(f"explanations with tables must be at most "
                         f"{(1 << SPACE_BITS) - Space.TABLE}, and {name} is one more")
    return space


def score_output(*, classes: int, steps: int, lanes: int, bits: int,
                 round_steps: int | None = None) -> Output:
    """Output of the class scores: groups of ``lanes`` classes, each step after step.

    So every ``round_steps`` steps, where rounds of all layers have so many.
    """
    return Output("scores", ("step", "class"),
                  {first: (steps, min(lanes, classes - first))
                   for first in range(0, classes, lanes)}, bits, signed=True,
                  meaning="class scores, signed: lanes of classes, step, class",
                  round_steps=round_steps)


def count_output(*, layers: int, counters: bool = False, flags: bool = False) -> Output:
    """Output of the counts: spikes of the input and ``layers`` layers, then cycles.

    Before the cycles stand with ``counters`` map values held at the top and waits for the wire,
    and with ``flags``, as on the wire, the bits of Flag.
    """
    shape = {"spikes": (layers + 1,), **({"counters": (2,)} if counters else {}),
             **({"flags": (1,)} if flags else {}), "cycles": (1,)}
    return Output("counts", ("count",), shape, COUNT_BITS,
                  meaning="spikes of the input and of each layer; then cycles")


def score_words(output: Output, scores: np.ndarray) -> np.ndarray:
    """(N, words) of scores (N, T, classes) in the order in which they leave."""
    return output.words({first: scores[:, :, first:first + classes]
                         for first, (_, classes) in output.shape.items()})


def score_arrays(output: Output, words: np.ndarray) -> np.ndarray:
    """Scores (N, T, classes) from their words (N, steps * classes): inverse of ``score_words``."""
    return np.concatenate(list(output.arrays(words).values()), axis=2)


def write_words(writes):
    """Each write (space, index, data) as the one word of a stream: the data lowest."""
    return [data | index << DATA_BITS | space << DATA_BITS + INDEX_BITS
            for space, index, data in np.asarray(writes).tolist()]


def pixel_words(images, *, word_steps, planes=1):
    """(N, words) of images (N, C, H, W), a word a pixel, in (y, x, channel) order.

    Frames (N, T, C, H, W) have for each of these ceil(T / word_steps) words, earliest first; bit t
    of a word is step t of its ``word_steps``, and those from T on are 0. Frames of ``planes`` bits
    have for each of those one word for each bit, lowest first.
    """
    if images.ndim == 4:
        return images.transpose(0, 2, 3, 1).reshape(len(images), -1)
    count, steps, *shape = images.shape
    chunks = -(-steps // word_steps)
    padded = np.zeros((count, chunks * word_steps, *shape), dtype=np.uint16)
    padded[:, :steps] = images
    words = padded.reshape(count, chunks, word_steps, *shape)
    bits = words[..., None] >> np.arange(planes, dtype=np.uint16) & 1
    weights = 1 << np.arange(word_steps, dtype=np.uint16)
    return np.einsum("nqtchwp,t->nhwcqp", bits, weights).reshape(count, -1)
