"""From pixels to spikes: the encoders and their random numbers, bit for bit as on the chip."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from golden.importers.float_network import FloatNetwork
    from golden.network.encoders import Encoder
    from golden.network.graph import Network

__all__ = ["WORD_STEPS", "encode", "randoms", "states", "trains_by_plane", "xorshift32"]

WORD_STEPS = 4  # time steps served by one 32-bit random word


def xorshift32(state: int) -> int:
    """Next state of Marsaglia's xorshift32 (13, 17, 5); period 2**32 - 1, never 0."""
    state ^= state << 13 & 0xFFFFFFFF
    state ^= state >> 17
    return state ^ (state << 5 & 0xFFFFFFFF)


def states(seed: int, count: int) -> np.ndarray:
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
def randoms(seed: int, count: int, steps: int):
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


def drawn(network: "FloatNetwork | Network") -> np.ndarray:
    """Random bytes of an image, (T, C, H, W, 1); their order is (y, x, c)."""
    c, h, w = network.shape
    found = randoms(network.seed, c * h * w, network.steps)
    return found.reshape(network.steps, h, w, c, 1).transpose(0, 3, 1, 2, 4)


def bernoulli(images, network):
    """A spike iff random < pixel: a pixel p spikes with probability p / 256."""
    return drawn(network) < images.transpose(1, 2, 3, 0)


def ternary(images, network):
    """As the SAM authors' script: pixels are int8 as uint8 two's complement; where
    random < 2 |x| a spike of x's sign.
    """
    signed = images.transpose(1, 2, 3, 0).view(np.int8).astype(np.int16)
    return (drawn(network) < 2 * np.abs(signed)) * np.sign(signed)


def current(images, network):
    """The pixel itself at every step."""
    pixels = images.transpose(1, 2, 3, 0)[None].astype(np.int16)
    return np.broadcast_to(pixels, (network.steps, *pixels.shape[1:]))


def latency(images, network):
    """Time to first spike: a pixel p > 0 spikes once, at step round((T - 1)(255 - p) / 255).

    As snntorch.spikegen.latency(p / 255, T, normalize=True, linear=True, clip=True) with a
    threshold below 1 / 255. (T - 1)(255 - p) / 255 is never half way between two steps, so that
    it is floor(((T - 1)(255 - p) + 127) / 255).
    """
    pixels = images.transpose(1, 2, 3, 0)[None].astype(np.int32)
    late = ((network.steps - 1) * (255 - pixels) + 127) // 255
    steps = np.arange(network.steps).reshape(-1, 1, 1, 1, 1)
    return (steps == late) & (pixels > 0)


def frames(images, network):
    """The images are the activations."""
    return images.transpose(1, 2, 3, 4, 0)


# By the encoder's name: f(images, network) gives whole numbers that broadcast to (T, C, H, W, N).
STEPS = {"bernoulli": bernoulli, "frames": frames, "ternary": ternary, "current": current,
         "latency": latency, "graded": frames}


def encode(images: np.ndarray, network: "FloatNetwork | Network") -> np.ndarray:
    """Activations that the first layer sees, as the network's Encoder says.

    Parameters
    ----------
    images : (N, C, H, W) uint8, or (N, T, C, H, W) of whole numbers where the encoder takes frames

    Returns
    -------
    (N, T, C, H, W) int16
        In memory the steps are outermost and the images innermost, as golden.run likes it.
    """
    found = STEPS[network.encoder](images, network)
    return np.ascontiguousarray(found, dtype=np.int16).transpose(4, 0, 1, 2, 3)


def trains_by_plane(active: np.ndarray, encoder: "Encoder") -> np.ndarray:
    """Spikes (N, T, C planes, H, W) of activations (N, T, C, H, W): those of each factor."""
    parts = [np.maximum(np.sign(factor) * active, 0) & abs(factor) for factor in encoder.factors]
    found = np.stack(parts, axis=3) != 0
    return found.reshape(*active.shape[:2], -1, *active.shape[3:])
