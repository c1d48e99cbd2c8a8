"""Cases by name: each once was a network that the RTL did not run as golden does, or its kin."""

import numpy as np

from golden.network import Layer, Network, Neuron, Pool
from golden.network.ops import Greatest
from verify.drawn.cases import Case, pictures, runs, shape_behind

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


def legs(lanes, word_steps, steps, greatest, *between, **place):
    """The greatest of several sums goes to the neurons; of some windows legs are silent."""
    rng = np.random.default_rng(15)
    first = small(rng, 5, 2, 3, 3, threshold=20, padding=1)
    second = small(rng, 6, 5, 3, 3, threshold=12, greatest=greatest, **place)
    shape = shape_behind((2, 9, 8), (first, *between, second))
    network = Network((2, 9, 8), steps, (
        first, *between, second, scores(rng, 4, int(np.prod(shape)))), name="legs")
    what = f"{'padded ' * bool(greatest.outside)}greatest of {'x'.join(map(str, greatest.window))}"
    return Case(f"{what}, lanes {lanes}, {steps} steps", network,
                {"lanes": lanes, "word_steps": word_steps, "taps": (1, 2)},
                pictures(network, 15), runs(15))


def steady(lanes, word_steps, steps, *before, **place):
    """Numbers that are the same in every step, whose bits share their weights: a picture of
    currents.
    """
    rng = np.random.default_rng(17)
    layers = [*before, small(rng, 5, 2, 3, 3, threshold=1500, padding=1, **place),
              small(rng, 6, 5, 3, 3, threshold=14)]
    shape = shape_behind((2, 9, 8), layers)
    network = Network((2, 9, 8), steps, (*layers, scores(rng, 4, int(np.prod(shape)))),
                      encoder="current", name="steady")
    what = "pooled " * bool(before) + "greatest " * ("greatest" in place)
    return Case(f"{what}currents, lanes {lanes}, {steps} steps of {word_steps}", network,
                {"lanes": lanes, "word_steps": word_steps, "taps": (1, 2)},
                pictures(network, 17), runs(17))


def alone(lanes, word_steps, steps):
    """A read-out of currents, and no layer before it."""
    rng = np.random.default_rng(18)
    network = Network((2, 5, 4), steps, (scores(rng, 5, 40),), encoder="current", name="alone")
    return Case(f"read-out of currents, lanes {lanes}, {steps} steps of {word_steps}", network,
                {"lanes": lanes, "word_steps": word_steps, "taps": ()},
                pictures(network, 18), runs(18))


def shaped(name, *between, kernel=(3, 3), **place):
    """Windows of any shape, and poolings whose windows reach beyond the map."""
    rng = np.random.default_rng(16)
    layers = [small(rng, 3, 2, 3, 3, threshold=20, padding=1), *between,
              small(rng, 4, 3, *kernel, threshold=14, **place)]
    shape = shape_behind((2, 11, 10), layers)
    network = Network((2, 11, 10), 16, (
        *layers, scores(rng, 4, int(np.prod(shape)))), name=name)
    return Case(name, network, {"lanes": 4, "word_steps": 16, "taps": (2,)},
                pictures(network, 16), runs(16))


def named():
    """All of them, by name."""
    found = [columns(channels, lanes) for channels in (3, 5, 6) for lanes in (1, 2, 4)]
    found += [depthwise(lanes) for lanes in (1, 2)] + [pooled(lanes) for lanes in (1, 2)]
    found += [remainder(lanes + more, lanes) for lanes in (4, 8, 16)
              for more in range(1, lanes + 1)]
    found += [legs(4, 16, 16, Greatest(2, 2)), legs(8, 8, 8, Greatest(3, 2), padding=1),
              legs(1, 8, 20, Greatest((2, 3), (2, 1))),
              legs(2, 4, 5, Greatest(2, 2), Pool("max", 2, 2)),
              legs(4, 8, 8, Greatest(3, 2, 1), padding=1),
              legs(4, 16, 16, Greatest(2, 2, (1, 0), True), padding=1, stride=(1, 2)),
              legs(2, 4, 8, Greatest((3, 2), (2, 1), 1, True), Pool("sum", 2, 1), bias=np.array(
                  [3, -2, 7, -4, 5, -9])),
              legs(4, 4, 4, Greatest(2, 1), Pool("sum", 2, 1), bias=np.array(
                  [1, -2, 12, 4, 5, -9]))]
    found += [alone(2, 8, 21), steady(4, 16, 16), steady(2, 8, 21), steady(1, 4, 6),
              steady(8, 8, 8, greatest=Greatest(3, 2, 1, True)),
              steady(4, 16, 33, Pool("sum", 2, 1), bias=np.array([200, -300, 900, 0, 100]))]
    found += [shaped("kernel 9 x 7", kernel=(9, 7), padding=(4, 3)),
              shaped("dilated down and across", dilation=(2, 3), padding=2, stride=(1, 2)),
              shaped("OR beyond the map", Pool("max", 3, 2, 1), Pool("max", (2, 3), 2, 0, True),
                     padding=1)]
    by_name = {case.name: case for case in found}
    assert len(by_name) == len(found), "two cases of one name"
    return by_name
