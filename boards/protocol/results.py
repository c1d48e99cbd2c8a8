"""What goes to the chip and comes from it as arrays. Needs NumPy only."""

import numpy as np

from boards.protocol.codec import Kind, MapEncoding, words_of
from golden.io.errors import BadInput
from golden.network.result import Result

__all__ = ["numbers", "pixel_bytes", "result_of", "train_bytes"]


CORRUPT = 1 << 23      # in the count of cycles: hw.accelerator


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
    return image.transpose(1, 2, 0).tobytes()


def train_bytes(told, frames):
    """Bytes of spike frames: for each (y, x, channel) its words, the earliest steps first."""
    frames = np.asarray(frames)
    shape = (told.steps, told.channels, told.height, told.width)
    if frames.shape != shape or not np.isin(frames, (0, 1)).all():
        raise BadInput(f"spike frames must be {shape} of 0 and 1, not {frames.shape}")
    padded = np.zeros((told.frames * told.pixel_bits, *shape[1:]), dtype=np.int64)
    padded[:told.steps] = frames
    words = padded.reshape(told.frames, told.pixel_bits, *shape[1:])
    words = np.tensordot(1 << np.arange(told.pixel_bits), words, (0, 1)).transpose(2, 3, 1, 0)
    return words.astype(">u2" if told.pixel_bits > 8 else np.uint8).tobytes()


def result_of(told, found):
    """Result of an image's result words, bytes by Kind, from a chip of identity ``told``."""
    words = numbers(found[Kind.MAPS], told.map_bits, signed=False)
    scores = numbers(found[Kind.SCORES], told.score_bits, signed=True).astype(np.int32)
    counts = numbers(found[Kind.COUNTS], 24, signed=False)
    maps, sums, at = {}, {}, 0
    for tap in told.taps:
        side = words_of(told.form, steps=told.steps)
        size = side * tap.height * tap.width
        rows = words[at:at + size].reshape(tap.height, tap.width, side)
        at += size
        if told.form == MapEncoding.BYTES:
            rows = rows[..., 1:] << rows[..., :1]
        sums[tap.index] = rows.sum(axis=2)
        if told.form != MapEncoding.SUM:
            maps[tap.index] = rows.transpose(2, 0, 1).astype(np.int32)
    # The last group of lanes may be a part of one, so groups are cut one by one.
    cuts = [told.steps * n for n in range(told.lanes, told.classes, told.lanes)]
    scores = np.concatenate([group.reshape(told.steps, -1)
                             for group in np.split(scores, cuts)], axis=1)
    saturated, waits = None, None
    if told.counters:
        saturated, waits = map(int, counts[-3:-1])
    elif told.form == MapEncoding.FULL:
        saturated = int(np.count_nonzero(words == (1 << told.map_bits) - 1))
    shape = told.trace_height, told.trace_width, told.trace_channels
    traces = (numbers(found[Kind.TRACES], told.trace_bits, signed=False).reshape(shape)
              .transpose(2, 0, 1) if told.traces else None)
    return Result(
        logits=scores[-1].copy(), scores=scores, maps=maps, sums=sums,
        cycles=int(counts[-1]) & CORRUPT - 1, corrupt=bool(int(counts[-1]) & CORRUPT),
        counts=counts[:-3] if told.counters else counts[:-1], traces=traces,
        saturated=saturated, waits=waits)
