"""Spikes taken away on the chip: scores equal golden's for whole images."""

import re

import numpy as np
import pytest

from golden.explain.perturb import NetworkModel
from golden.io.errors import BadInput
from golden.network import load
from golden.run import run
from hw.accelerator import Accelerator
from hw.explain.ablation import mask_writes
from hw.interface import Space
from hw.plan.planner import Plan
from sim.rtl import Simulation
from verify.networks import deep, draw, images

pytestmark = pytest.mark.slow

SPACE = Space.EXPERIMENT.value


@pytest.fixture(scope="module")
def fashion():
    """The network, an image, its run, and its simulation."""
    network = load("models/fashion_small.npz")
    image = np.load("models/fashion_sample.npz")["images"][3:4]
    return network, image[0], run(image, network), Simulation(network, taps=(), experiments=True)


@pytest.mark.parametrize("layer", [0, 1, 3])
def test_neurons_and_spikes(fashion, layer):
    """Neurons silenced and single spikes deleted, each undone by the next."""
    network, image, result, simulation = fashion
    model, rng = NetworkModel(network, layer), np.random.default_rng(layer)
    spikes = (result.spikes[layer] if layer else result.spikes_input)[0]
    trains = spikes.reshape(network.steps, -1)
    found = np.argwhere(trains)
    chosen = found[rng.choice(len(found), 20, replace=False)]
    neurons = {0, trains.shape[1] - 1, *chosen[:, 1].tolist()}
    deletions = [(None, n) for n in sorted(neurons)] + [tuple(pair) for pair in chosen.tolist()]
    scores, cycles = simulation.without_each(image, layer, deletions, batch=24)
    want = model.without_each(trains, deletions)
    assert np.array_equal(scores, want)
    assert len(np.unique(want, axis=0)) > 10
    assert 0 < cycles.min() and cycles.max() < 1.02 * simulation.run(image[None]).cycles[0]


def test_channels(fashion):
    """Causal importance of the channels of the last hidden layer."""
    network, image, result, simulation = fashion
    model = NetworkModel(network, 3)
    trains = result.spikes[3][0].reshape(network.steps, -1)
    groups = model.channels()
    scores, _ = simulation.without_each(image, 3, [(None, group) for group in groups], batch=16)
    for group, got in zip(groups, scores, strict=True):
        left = trains.copy()
        left[:, group] = 0
        assert np.array_equal(got, model(left))


@pytest.mark.parametrize("seed, lanes, word_steps", [
    (20, 4, 16), (47, 2, 4), (41, 8, 8), (57, 1, 16)])
def test_drawn_chains(seed, lanes, word_steps):
    """Every layer of chains of any kind, with trains of several words among them."""
    network, rng = draw(seed), np.random.default_rng(seed)
    image = images(network, 1, seed)
    result = run(image, network)
    simulation = Simulation(network, taps=(), lanes=lanes, word_steps=word_steps, experiments=True)
    for layer in range(len(network.stages)):
        spikes = result.spikes[layer] if layer else result.spikes_input
        trains = spikes[0].reshape(network.steps, -1)
        count = trains.shape[1]
        deletions = [(None, int(n)) for n in {0, count - 1, *rng.integers(0, count, 4).tolist()}]
        found = np.argwhere(trains)
        deletions += [tuple(found[n].tolist()) for n in rng.integers(0, len(found), 6)
                      ] if len(found) else []
        scores, _ = simulation.without_each(image[0], layer, deletions)
        assert np.array_equal(scores, NetworkModel(network, layer).without_each(trains, deletions))


@pytest.mark.parametrize("lanes, word_steps", [(4, 16), (2, 4)])
def test_numbers_of_an_input(lanes, word_steps):
    """Of a constant current all bits are taken away at once, as of a picture with a black pixel."""
    network, rng = draw(9, encoder="current", steps=(20,)), np.random.default_rng(1)
    image = images(network, 1, 9)
    simulation = Simulation(network, taps=(), lanes=lanes, word_steps=word_steps, experiments=True)
    chosen = rng.choice(image.size, 40, replace=False)
    scores, _ = simulation.without_each(image[0], 0, [(None, int(n)) for n in chosen])
    black = np.repeat(image, 40, axis=0).reshape(40, -1)
    black[np.arange(40), chosen] = 0
    wanted = run(black.reshape(40, *network.shape), network)
    assert np.array_equal(scores, wanted.scores[:, -1])
    assert len(np.unique(scores, axis=0)) > 2
    with pytest.raises(BadInput, match="current has one number for all steps of an input: a step"):
        mask_writes(simulation.accelerator.plan, 0, [1], 2)


@pytest.mark.parametrize("layers, pool, silenced", [
    (17, None, (15, 16, 17)), (40, None, (8, 16, 17, 31, 40)), (15, 15, (14, 15)),
    (33, 16, (16, 17, 32, 33))])
def test_more_layers_than_four_bits_number(layers, pool, silenced):
    """All spikes, maps and counts of long chains; and of each layer named, silent neurons.

    Trains of a pooling are those of no layer, though the layer behind it has their addresses.
    """
    network = deep(layers, pool)
    some = images(network, 3)
    result = run(some, network)
    simulation = Simulation(network, experiments=True, quick=True)
    found = simulation.run(some).arrays()
    wanted = result.arrays()
    assert wanted.keys() == found.keys() - {"cycles"}
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    for layer in silenced:
        trains = result.spikes[layer][0].reshape(network.steps, -1)
        deletions = [(None, n) for n in range(trains.shape[1])]
        scores, _ = simulation.without_each(some[0], layer, deletions)
        assert np.array_equal(scores, NetworkModel(network, layer).without_each(trains, deletions))
        assert any((row != result.logits[0]).any() for row in scores)


def test_layers_that_are_none_lose_nothing():
    """Marks without a layer, and a layer that the chip does not have, of any number."""
    network = deep(3)
    some = images(network, 1)
    simulation = Simulation(network, taps=(), experiments=True, quick=True)
    done, undone = mask_writes(simulation.accelerator.plan, 1, [0, 1, 2])
    assert done[-2].tolist() == [SPACE, 0x8000, 1]
    assert undone[-1].tolist() == [SPACE, 0x8000, 0x8000]
    whole = run(some, network).logits[0]
    for layer in (0x8000, 0xFFFF, 4, 5, 9, 31, 257):
        done[-2] = SPACE, 0x8000, layer
        assert np.array_equal(simulation.run(some, writes=[done]).logits[0], whole)
    done[-2] = SPACE, 0x8000, 1
    assert not np.array_equal(simulation.run(some, writes=[done]).logits[0], whole)


def test_marks_by_hand():
    """28 x 28 of 8 channels: neuron (c 2, y 1, x 3) lies at (28 + 3) 8 + 2 = 250 = 16 * 15 + 10."""
    plan = Plan(load("models/fashion_small.npz"))
    done, undone = mask_writes(plan, 1, [2 * 784 + 28 + 3], 5)
    assert done.tolist() == [[SPACE, 15, 1 << 10], [SPACE, 0x8000, 1], [SPACE, 0x8001, 1 << 5]]
    assert undone.tolist() == [[SPACE, 15, 0], [SPACE, 0x8000, 0x8000]]
    done, _ = mask_writes(plan, 1, [2 * 784 + 28 + 3, 784 + 28 + 3])
    assert done.tolist() == [[SPACE, 15, 3 << 9], [SPACE, 0x8000, 1], [SPACE, 0x8001, 0xFFFF]]


@pytest.mark.parametrize("arguments, message", [
    ((4, [0]), "layer must be 0 or one of 1, 2, 3, not 4"),
    ((3, [1568]), "neurons must be a list of 0 to 1567"),
    ((3, []), "neurons must be a list of 0 to 1567"),
    ((3, [0], 16), "step must be 0 to 15, not 16"),
])
def test_refuses(arguments, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        mask_writes(Plan(load("models/fashion_small.npz")), *arguments)


def test_costs_nothing_when_left_out():
    """Nothing of it is in an accelerator without."""
    from amaranth.back import verilog
    network = load("models/fashion_small.npz")
    texts = [verilog.convert(Accelerator(network, taps=(3,), **options), emit_src=False)
             for options in ({}, {"experiments": True, "attribution": 3})]
    assert [("experiments" in text, "traces" in text) for text in texts] == [
        (False, False), (True, True)]
