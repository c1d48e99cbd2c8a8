"""A network written as NIR is a NIR file, and is read back as it was."""

import tempfile
from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from golden import from_nir
from golden.importers import float_run
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.nir_export import real, write_nir
from golden.importers.quantise import quantise
from golden.io.errors import BadInput
from golden.network import Pool
from golden.neurons.cuba import FloatCuba
from golden.run import run
from tests.helpers.float_networks import float_networks, images_for


def expressible(network):
    """Whether NIR has nodes for all of it."""
    for layer in network.layers:
        if not layer.weighted:
            if layer.kind == "max":
                return False
        elif layer.norm is not None or layer.neuron.delay or (
                len(set(np.ravel(layer.neuron.beta == 1).tolist())) > 1):
            return False
    return True


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_read_back_equal(data):
    """Weights, neurons, encoder, steps, read-out: spikes and scores of drawn networks."""
    network = data.draw(float_networks(orders="BCE", loops=data.draw(st.booleans())))
    assume(expressible(network))
    again = written(network)
    images = images_for(network)
    assert (again.steps, again.encoder, again.readout, again.seed, again.shape) == (
        network.steps, network.encoder, network.readout, network.seed, network.shape)
    for a, b in zip(again.stages, network.stages, strict=True):
        assert np.array_equal(a.layer.weights, b.layer.weights)
        assert np.array_equal(a.layer.per_channel(a.layer.neuron.beta),
                              b.layer.per_channel(b.layer.neuron.beta))
        assert a.pools == b.pools
    got, wanted = float_run.run(images, again), float_run.run(images, network)
    assert np.array_equal(got.logits, wanted.logits)
    assert all(map(np.array_equal, got.spikes, wanted.spikes))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.data())
def test_integers_written_and_read_back_are_the_same_integers(data):
    """What a chip computes, through NIR and the quantiser: the same spikes."""
    network = data.draw(float_networks(orders="BCE"))
    assume(expressible(network))
    made = quantise(network, membrane_bits=32)
    again = quantise(written(made), membrane_bits=32)
    images = images_for(network)
    got, wanted = run(images, again), run(images, made)
    assert all(np.array_equal(got.spikes[tap], wanted.spikes[tap]) for tap in made.taps)
    assert np.array_equal(got.pred, wanted.pred)


def written(network):
    """A network through a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.nir"
        write_nir(network, path)
        return from_nir(path)


def small(**options):
    rng = np.random.default_rng(0)
    neuron = FloatNeuron(beta=np.float64(0.9), threshold=np.array([1.0, 2, 3]), reset="subtract")
    layers = (FloatLayer(rng.normal(size=(3, 1, 3, 3)), neuron, padding=1, **options),
              Pool("avg", 2, 2), FloatLayer(rng.normal(size=(4, 48)), FloatNeuron()))
    return FloatNetwork((1, 8, 8), 7, layers, "frames")


def test_other_programs_read_it(tmp_path):
    """``nir.read`` takes the file; its nodes are NIR's, with full parameters."""
    write_nir(small(), tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir")
    kinds = [type(node).__name__ for node in graph.nodes.values()]
    assert sorted(kinds) == sorted(
        ["Input", "Conv2d", "LIF", "AvgPool2d", "Flatten", "Affine", "I", "Output"])
    lif = next(node for node in graph.nodes.values() if isinstance(node, nir.LIF))
    assert lif.tau.shape == (3, 8, 8) and np.allclose(lif.tau, 1e-3)
    assert np.allclose(lif.r * 1e-4 / lif.tau, 1)


def test_what_is_told_goes_before_the_file(tmp_path):
    write_nir(small(), tmp_path / "net.nir")
    network = from_nir(tmp_path / "net.nir", steps=9)
    assert network.steps == 9 and network.encoder == "frames"
    assert network.layers[0].neuron.reset == "subtract"
    other = from_nir(tmp_path / "net.nir", producer="spikingjelly")
    assert other.layers[0].neuron.reset == "zero" and other.layers[0].neuron.compare == "ge"


def test_integers_are_written_as_they_are():
    """One weight step is 1; thresholds and leaks to the last bit."""
    made = quantise(small(), bits=4)
    found = real(made)
    assert np.array_equal(found.layers[0].weights, made.layers[0].weights)
    assert np.array_equal((1 - found.layers[0].neuron.beta) * 2**16, made.layers[0].neuron.leak)


@pytest.mark.parametrize("change, message", [
    ({"norm": (np.ones((7, 3)), np.zeros((7, 3)))}, "a norm over time"),
])
def test_refuses(change, message, tmp_path):
    """One line that names the layer; nothing is written."""
    with pytest.raises(BadInput, match=message):
        write_nir(small(**change), tmp_path / "net.nir")
    network = small()
    layers = (network.layers[0], Pool("max", 2, 2), network.layers[2])
    with pytest.raises(BadInput, match="max pooling has no node in NIR"):
        write_nir(network.replace(layers=layers), tmp_path / "net.nir")
    assert not (tmp_path / "net.nir").exists()


def with_currents(reset, readout="zero"):
    """A network of neurons with a synaptic current, read out by one or by membranes."""
    rng = np.random.default_rng(3)
    each = lambda low, high: rng.uniform(low, high, 4)
    neuron = FloatCuba(alpha=each(.2, .8), beta=each(.5, .95), threshold=each(.5, 2), reset=reset,
                       v_reset=each(-1, 0) if reset == "zero" else np.float64(0))
    last = FloatCuba(alpha=np.float64(.5), beta=np.float64(.75), reset=readout)
    return FloatNetwork(shape=(2, 3, 3), steps=12, encoder="frames", name="currents",
                        readout="membrane" if readout == "none" else "count", layers=(
                            FloatLayer(rng.normal(size=(4, 2, 2, 2)), neuron),
                            FloatLayer(rng.normal(size=(3, 16)), last)))


@pytest.mark.parametrize("reset", ["subtract", "subtract_leaked", "zero", "subtract_now"])
@pytest.mark.parametrize("readout", ["zero", "none"])
def test_synaptic_currents_are_read_back_equal(reset, readout, tmp_path):
    """In real numbers, and as integers; NIR itself reads the nodes."""
    network = with_currents(reset, readout)
    images = images_for(network)
    got, wanted = float_run.run(images, written(network)), float_run.run(images, network)
    assert np.array_equal(got.logits, wanted.logits) and .02 < wanted.spikes[0].mean() < .9
    made = quantise(network)
    write_nir(made, tmp_path / "net.nir")
    kinds = [type(node).__name__ for node in nir.read(tmp_path / "net.nir").nodes.values()]
    assert kinds.count("CubaLIF") == 1 + (readout == "zero")
    assert kinds.count("CubaLI") == (readout == "none")
    again = float_run.run(images, from_nir(tmp_path / "net.nir"))
    assert np.array_equal(again.logits, float_run.run(images, real(made)).logits)


def test_currents_without_a_node_are_refused():
    with pytest.raises(BadInput, match="loses the step's input has no node in NIR"):
        written(with_currents("clear"))
    network = with_currents("zero")
    first = replace(network.layers[0], neuron=replace(
        network.layers[0].neuron, beta=np.float64(1)))
    with pytest.raises(BadInput, match="keeps everything has no node in NIR"):
        written(network.replace(layers=(first, *network.layers[1:])))
