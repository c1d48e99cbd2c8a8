"""Branches that meet: layers that sum the weighted spikes of several layers, or are read twice."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.explain.contribution import contributions
from golden.explain.paths import network_paths
from golden.explain.perturb import NetworkModel
from golden.importers import float_network, float_run
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.nir_export import real
from golden.importers.outline import outline_of
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput
from golden.kernel import library
from golden.network import Layer, Network, Neuron, Pool, Recurrent, Skip, load, membrane_range
from golden.network.graph import flatten
from golden.network.ops import FloatSkip
from golden.run import run
from golden.stages import Given, sums
from hw.ip.dense_layer import layer_unit
from tests.helpers.compiled import differing

STEPS = 12
READOUT = Neuron(np.int64(0), np.int64(0), reset="none")


def identity(source, channels, weight=1):
    """A skip that adds ``weight`` for each spike of the same neuron of ``source``."""
    return Skip(source, np.full((channels, 1, 1, 1), weight), groups=channels)


def dense(rng, skips=None, behind=None):
    """A 6-5-4-3 network: layer 2 reads layer 1 and, by a skip, the input; the read-out both."""
    lif = lambda: Neuron(np.int64(rng.integers(4, 9)), np.int64(rng.integers(0, 20000)))
    weights = lambda *shape: rng.integers(-6, 8, shape)
    layers = (
        Layer(weights(5, 6), 4, lif()),
        Layer(weights(4, 5), 4, lif(), skips=(Skip(0, weights(4, 6)),) if skips is None else skips),
        Layer(weights(3, 5 if behind == 1 else 4), 4, READOUT, behind=behind,
              skips=(Skip(2, weights(3, 4)),) if behind == 1 else (Skip(1, weights(3, 5)),)))
    return (Network((6, 1, 1), STEPS, layers, encoder="frames"),
            rng.integers(0, 2, (5, STEPS, 6, 1, 1)).astype(np.uint8))


def block(rng, encoder="frames", **options):
    """A residual block: conv, conv, conv with the first's spikes added, strided with a projection,
    and a read-out behind an average pool.
    """
    lif = lambda: Neuron(np.int64(rng.integers(8, 14)), np.int64(4000))
    weights = lambda *shape: rng.integers(-5, 8, shape)
    layers = (
        Layer(weights(4, 2, 3, 3), 4, lif(), padding=1),
        Layer(weights(4, 4, 3, 3), 4, lif(), padding=1),
        Layer(weights(4, 4, 3, 3), 4, lif(), padding=1, skips=(identity(1, 4, 7),)),
        Layer(weights(6, 4, 3, 3), 4, lif(), padding=1, stride=2,
              skips=(Skip(2, weights(6, 4, 1, 1), stride=2), Skip(0, weights(6, 2, 2, 2), 2))),
        Pool("avg", 3, 3),
        Layer(weights(3, 6), 4, READOUT))
    network = Network((2, 6, 6), STEPS, layers, encoder=encoder, **options)
    if encoder == "frames":
        return network, rng.integers(0, 2, (3, STEPS, 2, 6, 6)).astype(np.uint8)
    return network, rng.integers(0, 256, (3, 2, 6, 6)).astype(np.uint8)


def stepped(network, image, late=0, missing=None, swapped=False):
    """[(T, C) spikes of a layer, or membranes of the last] of dense layers, written out.

    ``late``, ``missing`` and ``swapped`` are the faults of tests that must see them.
    """
    given = [image.reshape(STEPS, -1).astype(int)]
    for stage in network.stages:
        layer, neuron = stage.layer, stage.layer.neuron
        u, fired = np.zeros(layer.channels, int), np.zeros(layer.channels, bool)
        found = []
        for t in range(STEPS):
            added = layer.weights @ given[stage.inputs[0]][t]
            for n, each in enumerate(stage.skips):
                if (stage.index, n) == missing or t < late:
                    continue
                spikes = given[each.skip.source][t - late]
                added = added + each.skip.weights @ (spikes[::-1] if swapped else spikes)
            u = u - (u * int(neuron.leak) >> 16) - int(neuron.threshold) * fired + added
            fired = (u > neuron.threshold) & layer.spiking
            found.append(fired.astype(int) if layer.spiking else u)
        given.append(np.array(found))
    return given[1:]


@pytest.mark.parametrize("behind", [None, 1])
@pytest.mark.parametrize("seed", range(4))
def test_equations(seed, behind):
    """A run is the equation step by step, and another one with a planted fault is not."""
    network, images = dense(np.random.default_rng(seed), behind=behind)
    result = run(images, network)
    for n, image in enumerate(images):
        *spikes, membranes = stepped(network, image)
        for tap, wanted in enumerate(spikes, 1):
            assert np.array_equal(result.spikes[tap][n].reshape(STEPS, -1), wanted)
        assert np.array_equal(result.scores[n], membranes)
    for fault in ({"late": 1}, {"missing": (2, 0)}, {"missing": (3, 0)}, {"swapped": True}):
        assert any(not np.array_equal(result.scores[n], stepped(network, image, **fault)[-1])
                   for n, image in enumerate(images)), fault


def test_by_hand():
    """Two spikes of two layers meet in one step: 3 from layer 1 and 2 from the input cross 4."""
    one = Neuron(np.int64(0), np.int64(0), compare="gt")
    first = Layer(np.array([[1]]), 4, replace(one, threshold=np.int64(1), reset="zero"))
    second = Layer(np.array([[3]]), 4, Neuron(np.int64(4), np.int64(0), reset="zero"),
                   skips=(Skip(0, np.array([[2]])),))
    last = Layer(np.array([[1]]), 4, READOUT)
    network = Network((1, 1, 1), 6, (first, second, last), encoder="frames")
    image = np.array([1, 1, 0, 1, 0, 1], np.uint8).reshape(1, 6, 1, 1, 1)
    spikes = run(image, network).spikes
    # Layer 1: membranes 1, 2!, 0, 1, 1, 2!. Layer 2: 2, 2 + 5 = 7!, 0, 2, 2, 2 + 5 = 7!.
    assert spikes[1].ravel().tolist() == [0, 1, 0, 0, 0, 1]
    assert spikes[2].ravel().tolist() == [0, 1, 0, 0, 0, 1]
    chain = network.replace(layers=(first, replace(second, skips=()), last))
    assert run(image, chain).spikes[2].ravel().tolist() == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("encoder", ["frames", "bernoulli", "ternary", "current"])
def test_convolutions(encoder):
    """What meets is the sum of what each term would give alone, also of signed and large inputs."""
    network, images = block(np.random.default_rng(2), encoder)
    given = Given(network, run(images, network).spikes_input)
    spikes = run(images, network).spikes
    for stage in network.stages:
        first, *others = given.to(stage)
        whole = list(sums(first, stage, others))
        parts = list(sums(first, replace(stage, skips=())))
        for each, also in zip(stage.skips, others, strict=True):
            alone = replace(stage, layer=replace(stage.layer, **{
                key: getattr(each.skip, key) for key in (
                    "weights", "stride", "padding", "groups", "dilation")}), skips=(), pools=(),
                top=each.top)
            parts = [a + b for a, b in zip(parts, sums(also, alone), strict=True)]
        assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
        assert max(int(np.abs(each).max()) for each in whole) <= stage.most
        if stage.layer.spiking:
            given.put(stage, spikes[stage.index])
    assert [stage.inputs for stage in network.stages] == [(0,), (1,), (2, 1), (3, 2, 0), (4,)]
    assert len(network.branched) == 2


def test_a_layer_read_twice_is_kept_no_longer():
    """What is handed on is held until the last that reads it, and no longer."""
    network, images = block(np.random.default_rng(2))
    given = Given(network, images)
    held = []
    for stage in network.stages:
        given.to(stage)
        given.put(stage, stage.index)
        held.append(sorted(given.kept))
    assert held == [[0, 1], [0, 1, 2], [0, 2, 3], [4], []]


@pytest.mark.skipif(library() is None, reason="no compiler")
@pytest.mark.parametrize("make", [dense, block])
def test_compiled(make):
    """The compiled kernel's arrays are NumPy's, to which it leaves a stage with skips."""
    network, images = make(np.random.default_rng(8))
    assert differing(network, images) == []


def unleaking(network):
    """The network without leaks and biases, whose membranes are whole weights in both."""
    return network.replace(layers=tuple(
        replace(layer, neuron=replace(layer.neuron, leak=np.int64(0))) if layer.weighted else layer
        for layer in network.layers))


@pytest.mark.parametrize("make", [dense, block])
@pytest.mark.parametrize("seed", range(3))
def test_float_and_back(make, seed):
    """The real network of the same numbers spikes alike, and quantised it is the same again."""
    network, images = make(np.random.default_rng(seed))
    network = unleaking(network)
    result, found = run(images, network), float_run.run(images, real(network))
    for tap, spikes in result.spikes.items():
        assert np.array_equal(spikes, found.spikes[tap - 1])
    again, reasons = quantise_with_report(real(network), bits=4)
    assert not any(reasons)
    more = run(images, again)
    for tap, spikes in result.spikes.items():
        assert np.array_equal(spikes, more.spikes[tap])


def test_the_worth_of_the_input():
    """A skip from an input of another worth than 1 keeps it: halved input, doubled weights."""
    network, images = block(np.random.default_rng(4))
    float_ = real(unleaking(network))
    layers = []
    for layer in float_.layers:
        if layer.weighted:
            skips = tuple(replace(each, weights=2 * each.weights) if each.source == 0 else each
                          for each in layer.skips)
            twice = 1 if layers else 2
            layer = replace(layer, weights=layer.weights * twice, skips=skips)
        layers.append(layer)
    halved = float_.replace(layers=tuple(layers), input_scale=0.5)
    both = [float_run.run(images, each).spikes for each in (float_, halved)]
    assert all(np.array_equal(one, other) for one, other in zip(*both, strict=True))
    made, reasons = quantise_with_report(halved, bits=5)
    assert not any(reasons)
    assert np.array_equal(run(images, made).pred, run(images, network.replace(
        layers=unleaking(network).layers)).pred)
    unscaled = quantise_with_report(float_.replace(layers=tuple(layers)), bits=5)[0]
    assert not np.array_equal(run(images, made).counts, run(images, unscaled).counts)


def test_calibrated_scales():
    """Scales are chosen by what the layers of the float network saw, skips among it."""
    rng = np.random.default_rng(5)
    network, images = block(rng)
    float_ = real(network)
    float_ = float_.replace(layers=tuple(
        replace(layer, weights=layer.weights + rng.normal(0, .3, layer.weights.shape),
                skips=tuple(replace(each, weights=each.weights + rng.normal(
                    0, .3, each.weights.shape)) for each in layer.skips))
        if layer.weighted else layer for layer in float_.layers))
    made, reasons = quantise_with_report(float_, bits=8, calibrate=images)
    assert all("weights rounded to 8 bits" in " ".join(each) for each in reasons)
    wanted, found = float_run.run(images, float_), run(images, made)
    assert np.mean(wanted.spikes[3] == found.spikes[4]) > .97


def test_ranges():
    """No membrane leaves its range, and without a skip's share one would."""
    network, _ = dense(np.random.default_rng(0))
    full = lambda layer: replace(layer, weights=np.full(layer.weights.shape, 7), skips=tuple(
        replace(each, weights=np.full(each.weights.shape, 7)) for each in layer.skips))
    network = network.replace(layers=tuple(map(full, network.layers)))
    spikes = np.ones((1, STEPS, 6, 1, 1), np.uint8)
    last = network.stages[-1]
    most = int(np.abs(run(spikes, network).scores).max())
    assert most <= membrane_range(last, STEPS)[1]
    assert most > membrane_range(replace(last, skips=()), STEPS)[1]


def test_file(tmp_path):
    """Skips and what a layer stands behind are in the file, its version and its digest."""
    network, images = dense(np.random.default_rng(4), behind=1)
    network.save(tmp_path / "net.npz")
    again = load(tmp_path / "net.npz")
    assert again.digest == network.digest and again.stages[2].inputs == (1, 2)
    assert np.array_equal(run(images, again).scores, run(images, network).scores)
    digests = {network.digest}
    first, second, last = network.layers
    skip = second.skips[0]
    for skips in ((replace(skip, weights=skip.weights[:, ::-1]),), (replace(skip, source=1,
                  weights=skip.weights[:, :5]),), (skip, skip), ()):
        changed = network.replace(layers=(first, replace(second, skips=skips), last))
        digests.add(changed.digest)
        header, arrays = flatten(changed)
        assert header["version"] == 3
        assert sum(key.startswith("skip") for key in arrays) == len(skips) + 1
    assert len(digests) == 5
    chain = network.replace(layers=(first, replace(second, skips=()), Layer(
        np.ones((3, 4), int), 4, READOUT)))
    header, arrays = flatten(chain)
    assert header["version"] == 1 and not any("skip" in key for key in arrays)
    assert not {"skips", "behind"} & set(header["layers"][1])
    wide, images = block(np.random.default_rng(4))
    wide.save(tmp_path / "wide.npz")
    assert np.array_equal(run(images, load(tmp_path / "wide.npz")).scores, run(images, wide).scores)
    for name in ("net.npz", "net.json"):
        real(wide).save(tmp_path / name)
        back = float_network.load(tmp_path / name)
        assert np.array_equal(float_run.run(images, back).logits,
                              float_run.run(images, real(wide)).logits)


def test_words():
    network, _ = block(np.random.default_rng(0))
    assert network.stages[3].words() == ("conv 3x3 4-6 s2 p1, + conv 1x1 4-6 s2 p0 from layer 2, "
                                         "+ conv 2x2 2-6 s2 p0 from the input")
    network, _ = dense(np.random.default_rng(0), behind=1)
    assert network.stages[2].words() == "behind layer 1, dense 5-3, + dense 4-3 from layer 2"


@pytest.mark.parametrize(("skip", "says"), [
    (Skip(0, np.zeros((3, 6), int)), "from the input gives 3 channels where 4 are summed"),
    (Skip(1, np.zeros((4, 6), int)), "skip from layer 1: dense weights take 6 inputs where"),
    (Skip(2, np.zeros((4, 4), int)), "reads layer 2, which is not before it; only its own spikes"),
    (Skip(7, np.zeros((4, 4), int)), "reads layer 7, which is not before it"),
    (Skip(-1, np.zeros((4, 4), int)), "a skip must read a layer by its number, not -1"),
    (Skip(True, np.zeros((4, 4), int)), "a skip must read a layer by its number, not True"),
    (Skip(0, np.full((4, 6), 8)), "weights of a skip must lie in -8..7 for 4 bits"),
    (Skip(0, np.full((4, 6), .5)), "whole number"),
    (Skip(0, np.zeros((4, 6, 1), int)), "must have 2 (dense) or 4 (convolution) dimensions"),
    (Skip(0, np.zeros((4, 6, 1, 1), int), stride=0), "stride must be 1 to 64, not 0"),
    (Skip(0, np.zeros((4, 6, 1, 1), int), padding=1), "padding must be 0 to kernel - 1, not 1"),
])
def test_rules(skip, says):
    with pytest.raises(BadInput, match="layer 2 of 3") as error:
        dense(np.random.default_rng(0), (skip,))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_rules_of_places():
    network, _ = block(np.random.default_rng(0))
    layers = list(network.layers)
    with pytest.raises(BadInput, match="layer 3 of 6: the skip from layer 1 gives 4 x 3 x 3 where "
                                       "4 x 6 x 6 are summed"):
        network.replace(layers=(*layers[:2], replace(layers[2], skips=(
            replace(identity(1, 4), stride=2),)), *layers[3:]))
    with pytest.raises(BadInput, match="nothing reads the spikes of weighted layer 2; a network "
                                       "has one output"):
        network.replace(layers=(*layers[:2], replace(layers[2], behind=1), replace(
            layers[3], skips=()), *layers[4:]))
    with pytest.raises(BadInput, match="layer 2 of 6: reads layer 2, which is not before it"):
        network.replace(layers=(layers[0], replace(layers[1], behind=2), *layers[2:]))
    with pytest.raises(BadInput, match="behind must be the number of a layer, not -1"):
        network.replace(layers=(layers[0], replace(layers[1], behind=-1), *layers[2:]))
    with pytest.raises(BadInput, match="there may be up to 7 skips to one layer"):
        network.replace(layers=(*layers[:2], replace(layers[2], skips=(identity(1, 4),) * 8),
                                *layers[3:]))
    with pytest.raises(BadInput, match="a layer with a skip has no norm over time"):
        network.replace(layers=(*layers[:2], replace(layers[2], norm=(
            np.ones((STEPS, 4), int), np.zeros((STEPS, 4), int), 0)), *layers[3:]))


def test_pools_behind_the_input():
    """Pools before a layer that stands behind the input are the input's: no max of currents."""
    network, images = block(np.random.default_rng(3), "current")
    layers = list(network.layers)
    again = lambda kind: (layers[0], Pool(kind, 2, 2), Layer(
        np.ones((2, 2, 1, 1), int), 4, layers[0].neuron, behind=0), Layer(
            np.ones((3, 18), int), 4, READOUT, skips=(Skip(1, np.ones((3, 144), int)),)))
    made = network.replace(layers=again("sum"))
    assert made.stages[1].top == 4 * 255 and made.stages[1].source == (2, 6, 6)
    with pytest.raises(BadInput, match="max pooling needs spikes"):
        network.replace(layers=again("max"))


def test_with_a_loop():
    """A layer may read itself and others: the skip's sums join the loop's."""
    network, images = dense(np.random.default_rng(6))
    loop = Recurrent(np.full((4, 4), -7))
    looped = network.replace(layers=(network.layers[0], replace(
        network.layers[1], recurrent=loop), network.layers[2]))
    a, b = run(images, looped), run(images, network)
    assert np.array_equal(a.spikes[2][:, 0], b.spikes[2][:, 0])
    assert not np.array_equal(a.spikes[2], b.spikes[2])


def test_explanations_say_why_not():
    network, images = dense(np.random.default_rng(0))
    for call, says in (
            (lambda: network_paths(network, 0), "path weights go through chains alone"),
            (lambda: NetworkModel(network), "experiments with deleted spikes go through chains"),
            (lambda: contributions(run(images, network).spikes[2], network),
             "the read-out reads other layers than the one before it")):
        with pytest.raises(BadInput, match=says):
            call()
    assert outline_of(network) is None
    with pytest.raises(BadInput, match="layer 2 reads other layers than the one before it"):
        layer_unit(network.stages[1], STEPS, "net")


def test_explanations_of_the_chain_behind():
    """Behind the last branch all explanations are as of any chain."""
    network, images = block(np.random.default_rng(5))
    assert network_paths(network, 1, layer=4).any()
    spikes = run(images, network).spikes[4][0].reshape(STEPS, -1)
    assert np.array_equal(NetworkModel(network, 4)(spikes), run(images, network).logits[0])


@pytest.mark.parametrize("entry, array", [
    (5, None), ("ab", None), ([5], None), ([{}], None), ([{"source": 0}], None), ({}, None),
    (None, None), ([[]], None), ("source", None), ("many", None), ("text", None),
    ("kept", "missing"), ("kept", np.zeros(7, np.int8)), ("kept", np.int8(1)),
    ("kept", np.zeros((0, 6), np.int8)), ("kept", np.zeros((4, 6)) + .5)])
def test_damaged_files(entry, array, tmp_path):
    """Each is refused in one line that names the file."""
    network, _ = dense(np.random.default_rng(0))
    header, arrays = flatten(network)
    kept, = header["layers"][1]["skips"]
    header["layers"][1]["skips"] = {
        "source": [{**kept, "source": 9}], "many": [kept] * 9, "kept": [kept],
        "text": [{**kept, "source": "x"}]}.get(entry if isinstance(entry, str) else "", entry)
    if isinstance(array, str):
        del arrays["skip0_1"]
    elif array is not None:
        arrays["skip0_1"] = array
    path = tmp_path / "damaged.npz"
    np.savez(path, header=json.dumps(header), **arrays)
    with pytest.raises(BadInput, match=f"^{path}: ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_float_rules():
    """A real network keeps the same rules, with real numbers."""
    neuron = FloatNeuron(reset="subtract")
    layer = FloatLayer(np.eye(2), neuron, skips=(FloatSkip(0, np.full((2, 2), np.inf)),))
    with pytest.raises(BadInput, match="weights of a skip"):
        FloatNetwork((2, 1, 1), 3, (layer,), readout="count")
