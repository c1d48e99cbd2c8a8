"""Ranges of weights and sums as the engine has them, and what they cost."""

from math import prod

import numpy as np

from golden.formats import bits_signed
from hw.plan.buffers import aligned, channel_stride

__all__ = ["bits_of", "held_bits", "product_blocks", "segment_range", "stored_factors",
           "stored_weights"]


def bits_of(ends):
    """Bits of the two's complement format that holds all of some (low, high), arrays or not."""
    return bits_signed(min(int(np.min(low)) for low, _ in ends),
                       max(int(np.max(high)) for _, high in ends))


def product_blocks(*widths):
    """Multipliers of 16 x 16 bits that Yosys takes for one product of two signed widths.

    It cuts what is wider into pieces of 16 bits and the rest; a piece of one bit, and a product of
    pieces that has fewer than 11 bits, is made of logic.
    """
    pieces = lambda width: [16] * ((width - 1) // 16) + [width - (width - 1) // 16 * 16]
    return sum(min(a, b) > 1 and a + b > 10 for a in pieces(widths[0]) for b in pieces(widths[1]))


def held_bits(encoder, word_steps):
    """Bits of a number that a train of the input holds in place of steps, where an Encoder is
    steady; 0 where trains hold steps.
    """
    return min(word_steps, encoder.planes) if encoder.steady else 0


def stored_factors(encoder, word_steps):
    """What each train of an input channel is worth: of one that holds bits, its lowest."""
    return encoder.factors[::held_bits(encoder, word_steps) or 1]


def stored_weights(stage, factors):
    """Weights (out, in / groups, taps) of a stage, one for each of the ``factors`` of the input.

    A current's bit p counts 2**p times; a negative spike counts -1 times.
    """
    layer = stage.layer
    _, height, width = stage.pooled
    taps = height * width if layer.dense else prod(layer.window)
    weights = layer.weights.reshape(layer.channels, -1, taps).astype(np.int64)
    if stage.index > 1:
        return weights
    return (weights[:, :, None] * np.array(factors)[:, None]).reshape(layer.channels, -1, taps)


def segment_range(weights, shape, segments):
    """(low, high) of the sums of a dense stage whose inputs, (C, H, W), are cut into segments.

    These are as many as its pixels, or cut whole words of the bitmap.
    ``weights`` are those of ``stored_weights``. Each is (out, segments).
    """
    channels, height, width = shape
    weights = weights.reshape(-1, channels, height * width).transpose(0, 2, 1)
    places = np.arange(height * width)[:, None] * channel_stride(channels) + np.arange(channels)
    size = places.shape[0] * channel_stride(channels)
    parts = np.zeros((len(weights), size if segments == height * width
                      else aligned(places[-1, -1] + 1)), dtype=np.int64)
    parts[:, places] = weights
    parts = parts.reshape(len(weights), segments, -1)
    return np.minimum(parts, 0).sum(axis=2), np.maximum(parts, 0).sum(axis=2)
