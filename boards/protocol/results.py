"""What goes to the chip and comes from it as arrays. Needs NumPy only."""

import numpy as np

from boards.protocol.codec import kind_of
from boards.protocol.identity import FIRST_FURTHER, MapEncoding
from golden.io.errors import BadInput
from golden.network.result import Result
from hw.interface import Flag, pixel_words, score_arrays

__all__ = ["numbers", "pixel_bytes", "result_of", "train_bytes", "void"]


def numbers(payload, bits, *, signed):
    """Numbers of ``bits`` bits from their bytes, each in the fewest that hold it."""
    size = (bits + 7) // 8
    rows = np.frombuffer(payload, np.uint8).reshape(-1, size).astype(np.int64)
    values = rows @ (1 << 8 * np.arange(size)[::-1])
    return np.where(values >> 8 * size - 1, values - (1 << 8 * size), values) if signed else values


def pixel_bytes(identity, image: np.ndarray):
    """Bytes of ``image`` in (y, x, channel) order for a chip of this ``identity``."""
    shape = (identity.channels, identity.height, identity.width)
    image = np.asarray(image)
    if image.ndim == 2 and identity.channels == 1:
        image = image[None]
    if image.shape != shape:
        raise BadInput(f"image must be {shape} for this network, not {image.shape}")
    if image.dtype != np.uint8:
        raise BadInput(f"image must be of uint8, not {image.dtype}")
    return pixel_words(image[None], word_steps=identity.pixel_bits).tobytes()


def train_bytes(identity, frames):
    """Bytes of frames: for each (y, x, channel) its words, as hw.interface.pixel_words has them."""
    frames = np.asarray(frames)
    shape = (identity.steps, identity.channels, identity.height, identity.width)
    top = 2**identity.planes - 1
    if frames.shape != shape or not np.isin(frames, np.arange(top + 1)).all():
        raise BadInput(f"{'spike ' * (top == 1)}frames must be {shape} of "
                       f"{'0 and 1' if top == 1 else f'0 to {top}'}, not {frames.shape}")
    words = pixel_words(frames[None], word_steps=identity.pixel_bits, planes=identity.planes)
    return words.astype(">u2" if identity.pixel_bits > 8 else np.uint8).tobytes()


def void(identity, found) -> bool:
    """Whether result words, bytes by Kind, are of no use, since weights came damaged from flash."""
    output = identity.outputs["counts"]
    words = numbers(found[kind_of(output)], output.bits, signed=output.signed)[None]
    return bool(output.arrays(words)["flags"][0, 0] >> Flag.DAMAGED & 1)


def result_of(identity, found):
    """Result of an image's result words, bytes by Kind, from a chip of this ``identity``."""
    outputs = identity.outputs
    words = {name: numbers(found[kind_of(output)], output.bits, signed=output.signed)[None]
             for name, output in outputs.items()}
    arrays = {name: output.arrays(words[name]) for name, output in outputs.items()}
    scores = score_arrays(outputs["scores"], words["scores"])[0].astype(np.int32)
    counts = {part: array[0] for part, array in arrays["counts"].items()}
    maps, sums = {}, {}
    for tap, rows in arrays["maps"].items():
        rows = rows[0].transpose(1, 2, 0) if identity.round_steps else rows[0]
        if identity.form == MapEncoding.BYTES:
            rows = rows[..., 1:] << rows[..., :1]
        sums[tap] = rows.sum(axis=2)
        if identity.form != MapEncoding.SUM:
            maps[tap] = rows.transpose(2, 0, 1).astype(np.int32)
    saturated, waits = None, None
    if "counters" in counts:
        saturated, waits = map(int, counts["counters"])
    elif identity.form == MapEncoding.FULL:
        saturated = int(np.count_nonzero(words["maps"] == (1 << outputs["maps"].bits) - 1))
    traces = next((each[0] for each in arrays.get("traces", {}).values()), None)
    explained = {(name, layer): each[0] for name, parts in arrays.items()
                 if outputs[name].code >= FIRST_FURTHER for layer, each in parts.items()}
    return Result(
        explained=explained, logits=scores[-1].copy(), scores=scores, maps=maps, sums=sums,
        cycles=int(counts["cycles"][0]), corrupt=bool(counts["flags"][0] >> Flag.CORRUPT & 1),
        counts=counts["spikes"],
        traces=traces, saturated=saturated, waits=waits)
