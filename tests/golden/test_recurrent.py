"""Loops: a layer that reads its own spikes of the step before."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from golden.explain.paths import network_paths
from golden.explain.perturb import NetworkModel
from golden.explain.saliency import CausalImportance, TemporalSaliency
from golden.importers import float_network, float_run
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.nir_export import real
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput
from golden.kernel import library
from golden.network import Layer, Network, Neuron, Recurrent, input_ranges, load, membrane_range
from golden.network.graph import flatten
from golden.network.ops import FloatRecurrent
from golden.neurons.population import neurons
from golden.run import run, run_batched
from hw.ip.dense_layer import layer_unit
from hw.plan.planner import Plan
from tests.helpers.compiled import differing
from tests.helpers.float_networks import float_networks, images_for

STEPS = 12
RESETS = ("subtract", "subtract_leaked", "zero")


def dense(rng, **loop):
    """A 9-7-3 network whose first layer has a loop; and its images, as frames."""
    found = {"weights": rng.integers(-8, 8, (7, 7)), "bias": rng.integers(-6, 7, 7), **loop}
    first = Layer(rng.integers(-8, 8, (7, 9)), 4,
                  Neuron(np.int64(9), np.int64(5000), reset=str(rng.choice(RESETS)),
                         v_reset=np.int64(1)),
                  bias=rng.integers(-3, 8, 7), recurrent=Recurrent(**found))
    last = Layer(rng.integers(-8, 8, (3, 7)), 4, Neuron(np.int64(0), np.int64(0), reset="none"))
    return (Network((9, 1, 1), STEPS, (first, last), encoder="frames"),
            rng.integers(0, 2, (5, STEPS, 9, 1, 1)).astype(np.uint8))


def mapped(rng, kernel=3):
    """A convolution with a loop on 5 x 5 maps, a second convolution, and a read-out."""
    neuron = Neuron(np.int64(14), np.int64(3000))
    first = Layer(rng.integers(-4, 8, (3, 1, 3, 3)), 4, neuron, padding=1, recurrent=Recurrent(
        rng.integers(-8, 8, (3, 3, kernel, kernel)), None, "weights"))
    second = Layer(rng.integers(-4, 8, (2, 3, 3, 3)), 4, neuron)
    last = Layer(rng.integers(-8, 8, (2, 18)), 4, Neuron(np.int64(0), np.int64(0), reset="none"))
    return (Network((1, 5, 5), STEPS, (first, second, last), encoder="frames"),
            rng.integers(0, 2, (3, STEPS, 1, 5, 5)).astype(np.uint8))


def stepped(layer, trains, late=1, turned=False, cut=None):
    """(T, C) spikes of one dense layer of LIF neurons, written out step by step.

    ``late``, ``turned`` and ``cut`` are the faults of tests that must see them.
    """
    neuron, loop, found = layer.neuron, layer.recurrent, []
    keep = lambda u: u - (u * int(neuron.leak) >> 16)
    u, fired = np.zeros(layer.channels, int), np.zeros(layer.channels, bool)
    weights = loop.weights.T if turned else loop.weights
    for t, train in enumerate(trains):
        own = found[t - late] if late and t >= late else np.zeros(layer.channels, int)
        added = layer.weights @ train + weights @ own + layer.bias
        if t or (cut or loop.cut) == "spikes":
            added = added + loop.bias
        if neuron.reset == "subtract":
            u = keep(u) - neuron.threshold * fired + added
        elif neuron.reset == "subtract_leaked":
            u = keep(u - neuron.threshold * fired) + added
        else:
            u = keep(np.where(fired, neuron.v_reset, u)) + added
        fired = u > neuron.threshold
        found.append(fired.astype(int))
    return np.array(found)


@pytest.mark.parametrize("cut", ["weights", "spikes"])
@pytest.mark.parametrize("seed", range(6))
def test_equations(seed, cut):
    """A run is the equation step by step, and another one with a planted fault is not."""
    network, images = dense(np.random.default_rng(seed), cut=cut)
    result, layer = run(images, network), network.stages[0].layer
    for n, image in enumerate(images):
        spikes = result.spikes[1][n].reshape(STEPS, -1)
        trains = image.reshape(STEPS, -1).astype(int)
        assert np.array_equal(spikes, stepped(layer, trains))
    other = {"weights": "spikes", "spikes": "weights"}[cut]
    for fault in ({"turned": True}, {"late": 2}, {"cut": other}, {"late": 0}):
        assert any(not np.array_equal(
            result.spikes[1][n].reshape(STEPS, -1),
            stepped(layer, image.reshape(STEPS, -1).astype(int), **fault))
            for n, image in enumerate(images)), fault


def test_one_to_one_and_none():
    """A diagonal is one-to-one, and weights of zero are no loop."""
    rng = np.random.default_rng(1)
    network, images = dense(rng, weights=np.diag(rng.integers(-8, 8, 7)), bias=None)
    layer = network.stages[0].layer
    assert layer.recurrent.one_to_one and "one-to-one" in network.stages[0].words()
    empty = network.replace(layers=(replace(layer, recurrent=Recurrent(np.zeros((7, 7), int))),
                                    network.layers[1]))
    chain = network.replace(layers=(replace(layer, recurrent=None), network.layers[1]))
    a, b, c = (run(images, each) for each in (network, empty, chain))
    assert np.array_equal(b.scores, c.scores)
    assert not np.array_equal(a.spikes[1], c.spikes[1])


@pytest.mark.parametrize("kernel", [1, 3])
def test_convolution(kernel):
    """A loop of a convolution is the dense one of all its pixels."""
    network, images = mapped(np.random.default_rng(3), kernel)
    first = network.stages[0].layer
    op = first.recurrent.op
    matrix = op.forward(np.eye(75, dtype=np.uint8).reshape(75, 3, 5, 5), 1).reshape(75, 75).T
    forward = first.op.forward(np.eye(25, dtype=np.uint8).reshape(25, 1, 5, 5), 1)
    wide = replace(first, weights=forward.reshape(25, 75).T, padding=0, bias=np.zeros(75, int),
                   recurrent=Recurrent(matrix, np.zeros(75, int)))
    spikes = run(images, network).spikes[1].reshape(3, STEPS, 75)
    assert 0.02 < spikes.mean() < 0.9
    for n, image in enumerate(images):
        assert np.array_equal(spikes[n], stepped(wide, image.reshape(STEPS, 25).astype(int)))


@pytest.mark.skipif(library() is None, reason="no compiler")
@pytest.mark.parametrize("make", [dense, mapped])
def test_compiled(make):
    """The compiled kernel's arrays are NumPy's, whose stage with a loop it leaves to NumPy."""
    network, images = make(np.random.default_rng(8))
    assert differing(network, images) == []


@pytest.mark.parametrize("seed", range(4))
def test_float(seed):
    """The real network of the same numbers spikes as the integers do where nothing leaks."""
    network, images = dense(np.random.default_rng(seed))
    first, last = network.layers
    network = network.replace(layers=(replace(first, neuron=replace(
        first.neuron, leak=np.int64(0))), last))
    result, found = run(images, network), float_run.run(images, real(network))
    assert np.array_equal(result.spikes[1], found.spikes[0])
    assert np.array_equal(result.logits, found.logits)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(float_networks(orders="BCE", loops=True))
def test_drawn(network):
    """Where nothing is rounded integers spike as real numbers do, compiled or not, in range."""
    images = images_for(network)
    try:
        made, reasons = quantise_with_report(network, membrane_bits=32)
    except BadInput as error:
        assert "at most 32 are kept" in str(error)
        return
    result = run(images, made, taps=made.taps)
    found = float_run.run(images, network)
    for stage, spikes, why in zip(made.stages, found.spikes, reasons, strict=True):
        if why:
            break
        if stage.layer.spiking:
            assert np.array_equal(result.spikes[stage.index], spikes)
    again = run_batched(images, made, kernel="compiled")
    assert np.array_equal(result.scores, again.scores)


@pytest.mark.parametrize("cut", ["weights", "spikes"])
def test_ranges(cut):
    """No input and no membrane leaves its range, and without the loop's share some would."""
    rng = np.random.default_rng(2)
    network, images = dense(rng, weights=np.full((7, 7), 7), bias=np.full(7, 40), cut=cut)
    stage = network.stages[0]
    low, high = input_ranges(stage, STEPS)
    alone, _ = input_ranges(replace(stage, layer=replace(stage.layer, recurrent=None)), STEPS)
    assert np.array_equal(low[1:], alone[1:] + 40)
    assert np.array_equal(low[0], alone[0] + (40 if cut == "spikes" else 0))
    spikes = np.ones((1, STEPS, 9, 1, 1), np.uint8)
    always = network.replace(layers=(replace(stage.layer, weights=np.full((7, 9), 7)),
                                     network.layers[1]))
    top = membrane_range(always.stages[0], STEPS)[1]
    chain = always.replace(layers=(replace(always.layers[0], recurrent=None), always.layers[1]))
    stage = always.stages[0]
    sums = [stage.layer.op.forward(maps, 1) for maps in np.moveaxis(spikes, 1, 0)]
    most = max(int(u.max()) for _, u in neurons(sums, stage.layer, np.int64))
    assert most <= top and most > membrane_range(chain.stages[0], STEPS)[1]


def test_file(tmp_path):
    """A loop is in the file, its version and its digest; a chain is as it was."""
    network, images = dense(np.random.default_rng(4))
    network.save(tmp_path / "loop.npz")
    again = load(tmp_path / "loop.npz")
    assert again.digest == network.digest
    assert np.array_equal(run(images, again).scores, run(images, network).scores)
    first = network.layers[0]
    loop = first.recurrent
    digests = {network.digest}
    for other in (None, replace(loop, cut="spikes"), replace(loop, weights=loop.weights.T),
                  replace(loop, bias=loop.bias + 1), replace(loop, bias=None)):
        changed = network.replace(layers=(replace(first, recurrent=other), network.layers[1]))
        digests.add(changed.digest)
        header, arrays = flatten(changed)
        assert header["version"] == (1 if other is None else 2)
        assert ("recurrent_0" in arrays) is (other is not None)
        assert ("recurrent" in header["layers"][0]) is (other is not None)
    assert len(digests) == 6
    float_ = real(network)
    for name in ("net.npz", "net.json"):
        float_.save(tmp_path / name)
        back = float_network.load(tmp_path / name).layers[0].recurrent
        assert np.array_equal(back.weights, loop.weights) and np.array_equal(back.bias, loop.bias)
        assert back.cut == loop.cut


@pytest.mark.parametrize(("changes", "says"), [
    ({"weights": np.zeros((7, 6), int)}, "lead from 7 outputs to 7, not be of shape (7, 6)"),
    ({"weights": np.zeros((7, 7, 1, 1), int)}, "recurrent weights must have 2 dimensions"),
    ({"weights": np.full((7, 7), 8)}, "recurrent weights must lie in -8..7 for 4 bits"),
    ({"weights": np.full((7, 7), .5)}, "whole number"),
    ({"bias": np.zeros(6, int)}, "recurrent bias must be one number a channel"),
    ({"cut": "membrane"}, "cut must be one of weights, spikes, not membrane"),
])
def test_rules(changes, says):
    with pytest.raises(BadInput, match="layer 1 of 2") as error:
        dense(np.random.default_rng(0), **changes)
    assert says in str(error.value)


@pytest.mark.parametrize(("changes", "says"), [
    ({"neuron": Neuron(np.int64(1), np.int64(0), delay=1)}, "must hand on its spikes at once"),
    ({"norm": (np.ones((STEPS, 7), int), np.zeros((STEPS, 7), int), 0)}, "no norm over time"),
])
def test_rules_of_the_layer(changes, says):
    network, _ = dense(np.random.default_rng(0))
    with pytest.raises(BadInput) as error:
        network.replace(layers=(replace(network.layers[0], **changes), network.layers[1]))
    assert says in str(error.value)


def test_a_read_out_has_no_loop():
    network, _ = dense(np.random.default_rng(0))
    last = replace(network.layers[1], recurrent=Recurrent(np.zeros((3, 3), int)))
    with pytest.raises(BadInput, match="a recurrent layer must spike"):
        network.replace(layers=(network.layers[0], last))


def test_an_even_kernel_is_refused():
    network, _ = mapped(np.random.default_rng(0))
    loop = Recurrent(np.zeros((3, 3, 2, 2), int))
    with pytest.raises(BadInput, match="a recurrent kernel must have odd sides, not 2 x 2"):
        network.replace(layers=(replace(network.layers[0], recurrent=loop), *network.layers[1:]))


@pytest.mark.parametrize("make", [dense, mapped])
def test_experiments(make):
    """Spikes that are deleted and neurons that are silenced are full runs of the loop."""
    network, images = make(np.random.default_rng(5))
    model = NetworkModel(network)
    spikes = images[0].reshape(STEPS, -1)
    plain = lambda one: model(one)
    for kind in (TemporalSaliency, CausalImportance):
        fast, slow = (kind(each).explain(spikes, 0) for each in (model, plain))
        assert fast.replaced and not slow.replaced
        assert np.array_equal(fast.map, slow.map) and fast.map.any()


def test_paths_are_refused():
    """A path through a loop has no weight; one behind it has."""
    network, _ = dense(np.random.default_rng(0))
    with pytest.raises(BadInput, match="layer 1 reads its own spikes: explain a layer behind it"):
        network_paths(network, 0)
    assert np.array_equal(network_paths(network, 1, layer=1), network.layers[1].weights[1])


def test_hardware_refuses():
    network, _ = dense(np.random.default_rng(0))
    with pytest.raises(BadInput, match="layer 1 reads its own spikes of the step before: "
                       "--schedule steps"):
        Plan(network, schedule="layers")
    with pytest.raises(BadInput, match="net: layer 1 reads its own spikes, which the unit does"):
        layer_unit(network.stages[0], STEPS, "net")


def test_float_rules():
    """A real network keeps the same rules, with real numbers."""
    neuron = FloatNeuron(reset="subtract")
    loop = FloatRecurrent(np.full((2, 2), np.inf))
    layer = FloatLayer(np.eye(2), neuron, recurrent=loop)
    with pytest.raises(BadInput, match="recurrent weights"):
        FloatNetwork((2, 1, 1), 3, (layer,), readout="count")


@pytest.mark.parametrize("entry, array", [
    (5, None), ("spikes", None), ({}, None), ({"cut": []}, None), ({"cut": {}}, None), ([], None),
    (True, None), ({"cut": "weights"}, "missing"), ({"cut": "weights"}, np.zeros(7, np.int8)),
    ({"cut": "weights"}, np.zeros((0, 0), np.int8)), ({"cut": "weights"}, np.int8(1)),
    ({"cut": "weights"}, np.zeros((7, 7, 1, 1), np.int8)),
    ({"cut": "weights"}, np.zeros((7, 7)) + .5)])
def test_damaged_files(entry, array, tmp_path):
    """Each is refused in one line that names the file."""
    network, _ = dense(np.random.default_rng(0))
    header, arrays = flatten(network)
    header["layers"][0]["recurrent"] = entry
    if isinstance(array, str):
        del arrays["recurrent_0"]
    elif array is not None:
        arrays["recurrent_0"] = array
    path = tmp_path / "damaged.npz"
    np.savez(path, header=json.dumps(header), **arrays)
    with pytest.raises(BadInput, match=f"^{path}: ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_later_versions_are_refused(tmp_path):
    network, _ = dense(np.random.default_rng(0))
    header, arrays = flatten(network)
    header["version"] = 4
    np.savez(tmp_path / "later.npz", header=json.dumps(header), **arrays)
    with pytest.raises(BadInput, match="network format version 4; this program reads version 3"):
        load(tmp_path / "later.npz")
