"""What goes to the chip and comes from it as arrays. Needs NumPy only."""

import numpy as np

from boards.protocol.codec import Kind
from boards.protocol.identity import MapEncoding, words_of
from golden.io.errors import BadInput
from golden.network.result import Result
from hw.interface import (
    COUNT_BITS,
    count_parts,
    map_arrays,
    pixel_words,
    score_arrays,
    trace_arrays,
)

__all__ = ["numbers", "pixel_bytes", "result_of", "train_bytes"]


def numbers(payload, bits, *, signed):
    """Numbers of ``bits`` bits from their bytes, each in the fewest that hold it."""
    size = (bits + 7) // 8
    rows = np.frombuffer(payload, np.uint8).reshape(-1, size).astype(np.int64)
    values = rows @ (1 << 8 * np.arange(size)[::-1])
    return np.where(values >> 8 * size - 1, values - (1 << 8 * size), values) if signed else values


def pixel_bytes(told, image):
    """Bytes of ``image`` in (y, x, channel) order for a chip of identity ``told``."""
    shape = (told.channels, told.height, told.width)
    image = np.asarray(image)
    if image.ndim == 2 and told.channels == 1:
        image = image[None]
    if image.shape != shape:
        raise BadInput(f"image must be {shape} for this network, not {image.shape}")
    if image.dtype != np.uint8:
        raise BadInput(f"image must be of uint8, not {image.dtype}")
    return pixel_words(image[None], word_steps=told.pixel_bits).tobytes()


def train_bytes(told, frames):
    """Bytes of spike frames: for each (y, x, channel) its words, the earliest steps first."""
    frames = np.asarray(frames)
    shape = (told.steps, told.channels, told.height, told.width)
    if frames.shape != shape or not np.isin(frames, (0, 1)).all():
        raise BadInput(f"spike frames must be {shape} of 0 and 1, not {frames.shape}")
    words = pixel_words(frames[None], word_steps=told.pixel_bits)
    return words.astype(">u2" if told.pixel_bits > 8 else np.uint8).tobytes()


def result_of(told, found):
    """Result of an image's result words, bytes by Kind, from a chip of identity ``told``."""
    words = numbers(found[Kind.MAPS], told.map_bits, signed=False)
    scores = numbers(found[Kind.SCORES], told.score_bits, signed=True).astype(np.int32)
    scores = score_arrays(scores[None], classes=told.classes, steps=told.steps,
                          lanes=told.lanes)[0]
    spikes, counters, cycles, corrupt = count_parts(
        numbers(found[Kind.COUNTS], COUNT_BITS, signed=False)[None], counters=told.counters)
    maps, sums = {}, {}
    sides = {tap.index: (tap.height, tap.width) for tap in told.taps}
    for tap, rows in map_arrays(words[None], sides,
                                count=words_of(told.form, steps=told.steps)).items():
        rows = rows[0]
        if told.form == MapEncoding.BYTES:
            rows = rows[..., 1:] << rows[..., :1]
        sums[tap] = rows.sum(axis=2)
        if told.form != MapEncoding.SUM:
            maps[tap] = rows.transpose(2, 0, 1).astype(np.int32)
    saturated, waits = None, None
    if told.counters:
        saturated, waits = map(int, counters[0])
    elif told.form == MapEncoding.FULL:
        saturated = int(np.count_nonzero(words == (1 << told.map_bits) - 1))
    shape = told.trace_channels, told.trace_height, told.trace_width
    traces = None
    if told.traces:
        words = numbers(found[Kind.TRACES], told.trace_bits, signed=False)
        traces = trace_arrays(words[None], shape)[0]
    return Result(
        logits=scores[-1].copy(), scores=scores, maps=maps, sums=sums, cycles=int(cycles[0]),
        corrupt=bool(corrupt[0]), counts=spikes[0], traces=traces, saturated=saturated, waits=waits)
