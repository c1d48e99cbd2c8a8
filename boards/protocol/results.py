"""What goes to the chip and comes from it as arrays. Needs NumPy only."""

import numpy as np

from boards.protocol.codec import kind_of
from boards.protocol.identity import MapEncoding
from golden.io.errors import BadInput
from golden.network.result import Result
from hw.interface import cycles_of, pixel_words, score_arrays

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
    outputs = told.outputs
    words = {name: numbers(found[kind_of(output)], output.bits, signed=output.signed)[None]
             for name, output in outputs.items()}
    arrays = {name: output.arrays(words[name]) for name, output in outputs.items()}
    scores = score_arrays(outputs["scores"], words["scores"])[0].astype(np.int32)
    cycles, corrupt = cycles_of(arrays["counts"])
    maps, sums = {}, {}
    for tap, rows in arrays["maps"].items():
        rows = rows[0]
        if told.form == MapEncoding.BYTES:
            rows = rows[..., 1:] << rows[..., :1]
        sums[tap] = rows.sum(axis=2)
        if told.form != MapEncoding.SUM:
            maps[tap] = rows.transpose(2, 0, 1).astype(np.int32)
    saturated, waits = None, None
    if told.counters:
        saturated, waits = map(int, arrays["counts"]["counters"][0])
    elif told.form == MapEncoding.FULL:
        saturated = int(np.count_nonzero(words["maps"] == (1 << told.map_bits) - 1))
    traces = next((each[0] for each in arrays.get("traces", {}).values()), None)
    return Result(
        logits=scores[-1].copy(), scores=scores, maps=maps, sums=sums, cycles=int(cycles[0]),
        corrupt=bool(corrupt[0]), counts=arrays["counts"]["spikes"][0], traces=traces,
        saturated=saturated, waits=waits)
