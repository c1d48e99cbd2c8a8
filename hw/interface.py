"""What passes between an accelerator and its host: spaces, registers, and the order of all words.

The one home of these facts, in plain Python: the hardware, the driver, the simulation and the
protocol's documentation read them here.
"""

import enum

import numpy as np

__all__ = [
    "CORRUPT", "COUNT_BITS", "DATA_BITS", "EXPERIMENT_REGISTERS", "INDEX_BITS", "SPACE_BITS",
    "TRACE_TABLE", "ExperimentRegister", "Output", "Register", "Space", "count_parts",
    "map_arrays", "map_words", "pixel_words", "score_arrays", "score_order",
    "score_words", "trace_arrays", "trace_words", "write_words",
]

DATA_BITS, INDEX_BITS, SPACE_BITS = 16, 16, 2   # of a write
TRACE_TABLE = 256                # Space.TABLE: index of the first entry of the traces' table
EXPERIMENT_REGISTERS = 0x8000    # Space.EXPERIMENT: registers from this index on, marks below it
COUNT_BITS = 24                  # of a count
CORRUPT = 1 << COUNT_BITS - 1    # in the count of cycles: the weights are corrupt


class Space(enum.IntEnum):
    """What a configuration write goes to."""

    WEIGHTS = 0
    TABLE = 1       # of SAM; from TRACE_TABLE on, of the traces
    REGISTERS = 2
    EXPERIMENT = 3  # hw.explain.ablation


class Register(enum.IntEnum):
    """Index of a write to ``Space.REGISTERS``."""

    MODE = 0
    SEED_LOW = 1
    SEED_HIGH = 2


class ExperimentRegister(enum.IntEnum):
    """Index of a write to ``Space.EXPERIMENT`` that is no mark of trains."""

    LAYER = EXPERIMENT_REGISTERS
    STEPS = EXPERIMENT_REGISTERS + 1


class Output(enum.IntEnum):
    """A stream of result words: the low bits of its frames' kind (boards.protocol.codec)."""

    MAPS = 1
    SCORES = 2
    COUNTS = 3
    TRACES = 4


def write_words(writes):
    """Each write (space, index, data) as the one word of a stream: the data lowest."""
    return [data | index << DATA_BITS | space << DATA_BITS + INDEX_BITS
            for space, index, data in np.asarray(writes).tolist()]


def score_order(*, classes, steps, lanes):
    """(steps * classes, 2) of (step, class) in the order of scores: group of lanes, step, lane."""
    order = []
    for first in range(0, classes, lanes):
        for step in range(steps):
            order += [(step, c) for c in range(first, min(first + lanes, classes))]
    return np.array(order)


def score_words(scores, *, lanes):
    """(N, words) of scores (N, T, classes) in the order in which they leave the chip."""
    _, steps, classes = scores.shape
    order = score_order(classes=classes, steps=steps, lanes=lanes)
    return scores[:, order[:, 0], order[:, 1]]


def score_arrays(words, *, classes, steps, lanes):
    """Scores (N, T, classes) from their words (N, steps * classes): inverse of ``score_words``."""
    order = score_order(classes=classes, steps=steps, lanes=lanes)
    scores = np.zeros((len(words), steps, classes), dtype=words.dtype)
    scores[:, order[:, 0], order[:, 1]] = words
    return scores


def map_words(taps, maps):
    """(N, words) of maps {layer: (N, T, H, W)} in the order in which they leave: step last."""
    return np.hstack([maps[tap].transpose(0, 2, 3, 1).reshape(len(maps[tap]), -1)
                      for tap in taps])


def map_arrays(words, sides, *, count):
    """{layer: (N, H, W, count)} of the words (N, words) of maps: tap, y, x, then ``count`` words.

    ``sides`` is {layer: (H, W)} in the order of the taps; ``count`` the words of a pixel, the steps
    where every value leaves.
    """
    found, at = {}, 0
    for tap, (height, width) in sides.items():
        size = height * width * count
        found[tap] = words[:, at:at + size].reshape(len(words), height, width, count)
        at += size
    return found


def trace_words(traces):
    """(N, words) of traces (N, C, H, W), in (y, x, channel) order."""
    return traces.transpose(0, 2, 3, 1).reshape(len(traces), -1)


def trace_arrays(words, shape):
    """Traces (N, C, H, W) from their words (N, C H W): inverse of ``trace_words``."""
    channels, height, width = shape
    return words.reshape(len(words), height, width, channels).transpose(0, 3, 1, 2)


def count_parts(words, *, counters):
    """(spikes, counters, cycles, corrupt) of the counts (N, words) of images.

    The spikes of the input and of each spiking layer, (N, layers + 1); where there are
    ``counters``, map values held at the top and waits for the wire, (N, 2), else (N, 0); then the
    cycles (N,), whose top bit CORRUPT leaves in ``corrupt``.
    """
    end = words.shape[1] - 1 - 2 * bool(counters)
    last = words[:, -1]
    return words[:, :end], words[:, end:-1], last & CORRUPT - 1, (last & CORRUPT) != 0


def pixel_words(images, *, word_steps):
    """(N, words) of images (N, C, H, W), a word a pixel, in (y, x, channel) order.

    Spike frames (N, T, C, H, W) have for each of these ceil(T / word_steps) words, earliest first;
    bit t of a word is step t of its ``word_steps``, and those from T on are 0.
    """
    if images.ndim == 4:
        return images.transpose(0, 2, 3, 1).reshape(len(images), -1)
    count, steps, *shape = images.shape
    chunks = -(-steps // word_steps)
    padded = np.zeros((count, chunks * word_steps, *shape), dtype=np.uint16)
    padded[:, :steps] = images
    words = padded.reshape(count, chunks, word_steps, *shape)
    weights = 1 << np.arange(word_steps, dtype=np.uint16)
    return np.einsum("nqtchw,t->nhwcq", words, weights).reshape(count, -1)
