"""Cases by name: each once was a network that the RTL did not run as golden does, or its kin."""

import numpy as np

from golden.network import Layer, Network, Neuron, Pool
from verify.drawn.cases import Case, pictures, runs

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")


def small(rng, *shape, bits=4, threshold=4, leak=1 << 12, **place):
    """A layer of weights of ``shape``; a spike subtracts the threshold."""
    return Layer(rng.integers(-2**(bits - 1), 2**(bits - 1), shape), bits,
                 Neuron(np.int64(threshold), np.int64(leak)), **place)


def scores(rng, classes, inputs, bits=4):
    """A read-out of membranes."""
    return Layer(rng.integers(-2**(bits - 1), 2**(bits - 1), (classes, inputs)), bits, QUIET)


def columns(channels, lanes):
    """White and black columns under a kernel of one pixel: a walk that adds nothing follows one
    that is full, in a layer whose channels do not fill their stride.
    """
    rng = np.random.default_rng((channels, 11))
    network = Network((1, 4, 6), 16, (
        Layer(rng.integers(1, 8, (channels, 1, 1, 1)), 4,
              Neuron(np.int64(5), np.int64(1 << 12))),
        scores(rng, 3, channels * 24)), name=f"columns, {channels} channels")
    images = np.zeros((4, 1, 4, 6), np.uint8)
    images[0, :, :, ::2], images[1, :, ::2] = 230, 230
    images[2] = rng.choice([0, 240], (1, 4, 6))
    images[3, :, :, 1::2] = 255
    return Case(f"columns {channels}, lanes {lanes}", network,
                {"lanes": lanes, "word_steps": 16, "taps": (1,)}, images, runs(channels))


def remainder(channels, lanes):
    """As many lanes as steps in a word, and a last group of channels - lanes."""
    rng = np.random.default_rng((channels, lanes, 12))
    network = Network((1, 4, 4), 16, (
        small(rng, channels, 1, 1, 1, threshold=5),
        scores(rng, 7, channels * 16)), name=f"remainder {channels}")
    return Case(f"remainder {channels} of {lanes} x {lanes}", network,
                {"lanes": lanes, "word_steps": lanes, "taps": (1,)},
                pictures(network, channels), runs(channels))


def depthwise(lanes):
    """Six channels, each with a kernel of its own, of ternary input."""
    rng = np.random.default_rng(13)
    network = Network((3, 5, 5), 16, (
        small(rng, 6, 3, 3, 3, bits=8, threshold=150, padding=1),
        small(rng, 6, 1, 3, 3, bits=8, threshold=90, padding=1, groups=6),
        scores(rng, 3, 150, bits=8)), encoder="ternary", name="depthwise 6")
    return Case(f"depthwise 6, lanes {lanes}", network,
                {"lanes": lanes, "word_steps": 16, "taps": (1, 2)}, pictures(network, 13),
                runs(13))


def pooled(lanes):
    """Its relative: 13 x 13 pixels, max pooling between, which is a pass of empty walks."""
    rng = np.random.default_rng(14)
    network = Network((2, 13, 13), 16, (
        small(rng, 6, 2, 3, 3, bits=8, threshold=130, padding=1), Pool("max", 2, 2),
        small(rng, 6, 1, 3, 3, bits=8, threshold=90, padding=1, groups=6), Pool("max", 2, 2),
        scores(rng, 3, 54, bits=8)), name="pooled depthwise 6")
    return Case(f"13 x 13 pooled depthwise 6, lanes {lanes}", network,
                {"lanes": lanes, "word_steps": 16, "taps": (1, 2)}, pictures(network, 14),
                runs(14))


def named():
    """All of them, by name."""
    found = [columns(channels, lanes) for channels in (3, 5, 6) for lanes in (1, 2, 4)]
    found += [depthwise(lanes) for lanes in (1, 2)] + [pooled(lanes) for lanes in (1, 2)]
    found += [remainder(lanes + more, lanes) for lanes in (4, 8, 16)
              for more in range(1, lanes + 1)]
    return {case.name: case for case in found}
