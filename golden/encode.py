"""From pixels to spikes: the encoders and their random numbers, bit for bit as on the chip."""

from functools import lru_cache

import numpy as np

WORD_STEPS = 4  # time steps served by one 32-bit random word


def xorshift32(state):
    """Next state of Marsaglia's xorshift32 (13, 17, 5); period 2**32 - 1, never 0."""
    state ^= state << 13 & 0xFFFFFFFF
    state ^= state >> 17
    return state ^ (state << 5 & 0xFFFFFFFF)


def states(seed, count):
    """The ``count`` states of xorshift32 behind ``seed``, (count,) uint32.

    A step is linear in the bits of a state, and so are n of them: a state n steps on is the sum
    modulo 2 of what becomes in n steps of each bit that is set, which a table holds for every byte.
    So known states are taken along, as many at once as are known, up to 2**16.
    """
    found = np.empty(count, dtype=np.uint32)
    found[:1], known = xorshift32(seed), 1
    bits = np.array([xorshift32(1 << b) for b in range(32)], dtype=np.uint32)
    ahead = 1                                   # steps that ``bits`` are taken along
    while known < count:
        table = np.zeros((4, 256), dtype=np.uint32)
        for b, bit in enumerate(bits):
            table[b // 8, np.arange(256) >> b % 8 & 1 == 1] ^= bit
        along = lambda x, t=table: t[0][x & 255] ^ t[1][x >> 8 & 255] ^ t[2][x >> 16 & 255] ^ t[3][
            x >> 24]
        while known < count and (known < 2 * ahead or ahead == 2**16):
            new = found[known - ahead:known][:count - known]
            found[known:known + len(new)] = along(new)
            known += len(new)
        bits, ahead = along(bits), 2 * ahead
    return found


@lru_cache(maxsize=8)
def randoms(seed, count, steps):
    """Random bytes (steps, count) of an image of ``count`` pixels: those the chip draws.

    The generator starts at ``seed`` for every image and is advanced once before each word. A pixel
    takes ceil(steps / 4) words in turn; a word's bytes, lowest first, serve four steps.
    """
    words = -(-steps // WORD_STEPS)
    drawn = states(seed, count * words).astype("<u4", copy=False)
    table = drawn.view(np.uint8).reshape(count, words * WORD_STEPS)[:, :steps].T
    table = np.ascontiguousarray(table)
    table.setflags(write=False)
    return table


def encode(images, network):
    """Activations that the first layer sees.

    "bernoulli": spike iff random < pixel, so that a pixel p spikes with probability p / 256.
    "ternary" (the SAM authors' script): pixels are int8 as uint8 two's complement; where
    random < 2 |x| a spike of x's sign. "current": the pixel itself at every step. "frames": images
    already are spikes.

    Parameters
    ----------
    images : (N, C, H, W) uint8, or (N, T, C, H, W) of 0 and 1 for "frames"

    Returns
    -------
    (N, T, C, H, W) int16
        Order of pixels for the random numbers: (y, x, c). In memory the steps are outermost and the
        images innermost, as golden.run likes it.
    """
    if network.encoder == "frames":
        return images.astype(np.int16)
    pixels = images.transpose(1, 2, 3, 0)
    if network.encoder == "current":
        found = np.repeat(pixels[None].astype(np.int16), network.steps, axis=0)
        return found.transpose(4, 0, 1, 2, 3)
    c, h, w = network.shape
    drawn = randoms(network.seed, c * h * w, network.steps)
    drawn = drawn.reshape(network.steps, h, w, c, 1).transpose(0, 3, 1, 2, 4)
    if network.encoder == "bernoulli":
        found = drawn < pixels
    else:
        signed = pixels.view(np.int8).astype(np.int16)
        found = (drawn < 2 * np.abs(signed)) * np.sign(signed)
    return found.astype(np.int16, copy=False).transpose(4, 0, 1, 2, 3)
