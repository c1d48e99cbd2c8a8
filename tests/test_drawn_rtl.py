"""The simulated accelerator equals golden bit for bit, on drawn networks and on named ones."""

import numpy as np
import pytest

from golden.formats import MODES
from golden.network import Layer, Network, Neuron, Pool
from golden.run import run
from sim.rtl import Simulation
from tests.networks import draw, drawn_weights, images, pick

SEEDS = [seed for seed in range(3, 48) if seed != 35]  # whose weights no chip holds
STEPS = (1, 3, 4, 8, 15, 16, 17, 20, 33, 40, 64, 255)
ENCODERS = ("bernoulli", "ternary", "current", "frames")
LANES = (1, 2, 4, 8)
WORDS = (4, 8, 16)


def case(seed):
    """(network, options of the Accelerator, options of a run) of a seed."""
    rng = np.random.default_rng((seed, 1))
    network = draw(seed, rich=True, steps=STEPS, encoder=ENCODERS[seed % 4], kernels=7)
    word_steps = WORDS[seed % 3]
    taps = [tap for tap in network.taps if rng.random() < 0.8]
    return (network, {"taps": tuple(taps), "word_steps": word_steps,
                      "lanes": pick(rng, [n for n in LANES if n <= word_steps])},
            {"gamma": float(rng.uniform(0, 2)), "mode": pick(rng, MODES)})


def features(seed):
    """What the case of a seed has, as names."""
    network, options, given = case(seed)
    found = {network.encoder, f"readout {network.readout}", f"lanes {options['lanes']}",
             f"words {options['word_steps']}", given["mode"],
             f"{min(2, len(options['taps']))} taps or more", f"{network.steps} steps"}
    for stage in network.stages:
        layer, neuron = stage.layer, stage.layer.neuron
        found |= {f"pool {pool.kind}" for pool in stage.pools}
        if any(pool.kernel == stage.source[1] == stage.source[2] for pool in stage.pools):
            found.add("global pool")
        found.add("dense" if layer.dense else f"kernel {layer.kernel}")
        if layer.groups > 1:
            found.add("depthwise" if layer.weights.shape[1] == 1 else "groups")
        if layer.padding:
            found.add("padding")
        if layer.channels > 16:
            found.add("wide")
        if layer.dense and layer.spiking and stage is not network.stages[-1]:
            found.add("hidden dense")
        if layer.norm is not None:
            found.add("norm")
        if layer.bias is not None:
            found.add("bias")
        for what in ("threshold", "leak", "v_reset"):
            if np.size(getattr(neuron, what)) > 1:
                found.add(f"{what} a channel")
        found.add((neuron.reset, neuron.compare, neuron.delay) if layer.spiking else "quiet")
    return found


def assert_equal(network, pictures, options, given, *, stall, seed=1, quick=True):
    """Run both and compare every array; returns both Results, golden's first."""
    taps = options.get("taps", network.taps)
    found = Simulation(network, quick=quick, **options).run(
        pictures, stall=stall, seed=seed, **given)
    wanted = run(pictures, network, taps=taps, **given)
    found_arrays, wanted_arrays = found.arrays(), wanted.arrays()
    wrong = [key for key, values in wanted_arrays.items()
             if not np.array_equal(found_arrays[key], values)]
    assert not wrong, f"{network.name}: {', '.join(wrong)} differ"
    return wanted, found


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn(seed):
    network, options, given = case(seed)
    assert_equal(network, images(network, 3, seed), options, given,
                 stall=(0.0, 0.3, 0.6)[seed % 3], seed=seed)


def test_seeds_cover_everything():
    have = set().union(*map(features, SEEDS))
    orders = {(reset, compare, delay) for reset in ("subtract", "subtract_leaked", "zero")
              for compare in ("gt", "ge") for delay in (0, 1)}
    wanted = {
        *ENCODERS, *MODES, *orders, *(f"lanes {n}" for n in LANES), *(f"words {n}" for n in WORDS),
        *(f"{n} steps" for n in STEPS), *(f"kernel {n}" for n in range(1, 8)),
        *(f"readout {name}" for name in ("membrane", "count", "first")),
        *(f"pool {kind}" for kind in ("sum", "avg", "max")), "global pool", "depthwise", "groups",
        "padding", "wide", "dense", "hidden dense", "norm", "bias", "threshold a channel",
        "leak a channel", "v_reset a channel", "quiet", "0 taps or more", "1 taps or more",
        "2 taps or more"}
    assert have >= wanted, f"no seed has {sorted(map(str, wanted - have))}"


def conv(rng, outputs, inputs, kernel=3, *, bits=4, frac=2, threshold=None, norm=None, **place):
    """A convolution of drawn weights, order B, with a threshold that some inputs reach."""
    shape = (outputs, inputs, kernel, kernel) if kernel else (outputs, inputs)
    fan_in = inputs * max(1, kernel)**2
    if threshold is None:
        threshold = max(1, int(fan_in**0.5 * 2.0**(bits - 3))) << frac
    return Layer(drawn_weights(rng, shape, bits), bits,
                 Neuron(np.int64(threshold), np.int64(1 << 12)),
                 norm=norm, frac=0 if norm else frac, **place)


def dense(rng, outputs, inputs, **options):
    """A spiking dense layer."""
    return conv(rng, outputs, inputs, 0, **options)


def accumulating(rng, outputs, inputs, bits=4):
    """A read-out layer."""
    return Layer(drawn_weights(rng, (outputs, inputs), bits), bits,
                 Neuron(np.int64(0), np.int64(0), reset="none"))


def lenet(rng):
    return Network((1, 28, 28), 8, (
        conv(rng, 6, 1, 5, padding=2), Pool("avg", 2, 2), conv(rng, 16, 6, 5), Pool("avg", 2, 2),
        dense(rng, 120, 400), dense(rng, 84, 120), accumulating(rng, 10, 84)), name="LeNet"), {
            "lanes": 8, "word_steps": 8}


def dense784(rng):
    return Network((1, 28, 28), 25, (
        dense(rng, 128, 784, threshold=100), accumulating(rng, 10, 128)), name="784-128-10"), {
            "lanes": 8, "word_steps": 16}


def separable(rng):
    return Network((3, 16, 16), 16, (
        conv(rng, 8, 3, padding=1), conv(rng, 8, 1, padding=1, groups=8),
        conv(rng, 16, 8, 1), conv(rng, 16, 1, padding=1, stride=2, groups=16),
        conv(rng, 24, 16, 1), Pool("avg", 8, 8), accumulating(rng, 10, 24)), name="separable"), {}


def vgg(rng):
    return Network((3, 64, 64), 4, (
        conv(rng, 4, 3, padding=1), conv(rng, 4, 4, padding=1), Pool("max", 2, 2),
        conv(rng, 8, 4, padding=1), conv(rng, 8, 8, padding=1), Pool("max", 2, 2),
        conv(rng, 12, 8, padding=1), conv(rng, 12, 12, padding=1), Pool("max", 2, 2),
        dense(rng, 32, 768, threshold=20), accumulating(rng, 10, 32)), name="VGG"), {
            "lanes": 4, "word_steps": 4}


def bntt(rng):
    def norm(channels):
        return rng.integers(16, 64, (20, channels)), rng.integers(-4, 20, (20, channels)), 3

    return Network((2, 12, 12), 20, (
        conv(rng, 8, 2, padding=1, norm=norm(8)), conv(rng, 12, 8, stride=2, norm=norm(12)),
        dense(rng, 30, 300, norm=norm(30)), accumulating(rng, 10, 30)), name="BNTT",
        encoder="ternary"), {}


def two_taps(rng):
    return Network((1, 20, 20), 16, (
        conv(rng, 4, 1, padding=1), conv(rng, 8, 4, stride=2), conv(rng, 8, 8, padding=1),
        conv(rng, 12, 8, stride=2), accumulating(rng, 10, 192)), name="two taps"), {
            "taps": (2, 4)}


NAMED = (lenet, dense784, separable, vgg, bntt, two_taps)


@pytest.mark.parametrize("make", NAMED, ids=lambda make: make.__name__)
def test_named(make):
    network, options = make(np.random.default_rng(7))
    wanted, found = assert_equal(
        network, images(network, 2, 1), options, {"gamma": 0.5}, stall=0.2,
        quick=network.shape[1] < 28)
    counts = wanted.counts.max(axis=0)
    assert counts.all(), f"{network.name}: a layer is silent: {counts.tolist()}"
    assert sorted(found.maps) == sorted(options.get("taps", network.taps))
