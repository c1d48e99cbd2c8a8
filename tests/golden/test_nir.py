"""NIR graphs, in memory and through HDF5, become networks or one line of complaint."""

import nir
import numpy as np
import pytest

from golden import from_nir
from golden.importers.nir import main
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput
from golden.network import load
from tests.helpers.exits import exit_code
from verify.nir_graphs import conv_net, graph_of, lif

STEP = {"dt": 1e-4, "reset": "subtract"}


def rng():
    return np.random.default_rng(0)


def test_reads_what_snntorch_writes(tmp_path):
    """Edges in any order, names '0' '1', "same", scalar kernels, grouped weights, float32 noise."""
    graph = conv_net(rng())
    nir.write(tmp_path / "net.nir", graph)
    for source in (graph, tmp_path / "net.nir"):
        network = from_nir(source, **STEP)
        layers = [stage.layer for stage in network.stages]
        assert [layer.weights.shape for layer in layers] == [(4, 1, 3, 3), (4, 1, 3, 3), (5, 16)]
        assert [float(layer.neuron.beta) for layer in layers] == [0.75, 1.0, 0.9]
        assert [float(layer.neuron.threshold) for layer in layers] == [2, 3, 2]
        assert np.array_equal(layers[0].weights, graph.nodes["0"].weight)  # a gain of exactly 1
        assert (layers[0].padding, layers[1].padding, layers[1].groups) == (1, 0, 4)
        assert layers[0].bias is None and np.array_equal(layers[2].bias, graph.nodes["6"].bias)
        assert network.readout == "count" and network.steps == 16


@pytest.mark.parametrize("beta", [0.9, 0.95, 0.99, 0.5, 0.8, 1 - 2**-7, 0.123])
def test_float32_noise_snaps(beta):
    """Dt / (1 - beta) and back in float32, as snnTorch goes."""
    beta32 = np.float32(beta)
    tau = (1e-4 / (1 - beta32)).astype(np.float32)
    node = lif((5,))
    node.tau, node.r = np.full(5, tau), np.full(5, tau / np.float32(1e-4))
    graph = graph_of({"0": nir.Linear(np.ones((5, 3))), "1": node}, shape=(3,))
    layer = from_nir(graph, **STEP).layers[0]
    assert float(layer.neuron.beta) == beta and (layer.weights == 1).all()


def test_norse_and_spikingjelly():
    """R = 1 scales inputs by dt / tau; v_leak adds (1 - L) v_leak a step; v_reset is kept."""
    weights = nir.Linear(np.full((2, 3), 8.0))
    norse = graph_of({"a": weights, "b": lif((2,), beta=0.75, dt=1e-3, r=1.0, v_leak=-4.0,
                                             v_reset=-2.0)}, shape=(3,))
    layer = from_nir(norse, dt=1e-3, reset="zero").layers[0]
    assert (layer.weights == 2).all() and (layer.biases == -1).all()
    assert float(layer.neuron.v_reset) == -2
    made, reasons = quantise_with_report(from_nir(norse, dt=1e-3, reset="zero", steps=4))
    assert not any(reasons) and made.layers[0].neuron.reset == "zero"
    jelly = graph_of({"a": weights, "b": lif((2,), beta=0.5, r=2.0)}, shape=(3,))
    layer = from_nir(jelly, reset="subtract_leaked", compare="ge").layers[0]
    assert (layer.weights == 8).all()
    assert (layer.neuron.reset, layer.neuron.compare) == ("subtract_leaked", "ge")


def test_scales_readouts_and_graphs_within():
    """Scale folds; LI accumulates; a nested chain is unfolded; parameters may be scalars."""
    scalar = lif(())
    inner = graph_of({"w": nir.Linear(np.ones((4, 3))), "n": scalar}, shape=(3,), outputs=(4,))
    graph = graph_of({
        "block": inner, "scale": nir.Scale(np.array([1.0, 2, 3, 4])),
        "1": nir.Affine(np.ones((2, 4)), np.array([1.0, 2])),
        "2": nir.LI(tau=np.full(2, 2e-4), r=np.full(2, 2.0), v_leak=np.zeros(2))}, shape=(3,))
    network = from_nir(graph, **STEP)
    assert network.layers[0].name == "node 'block.w' (Linear), node 'block.n' (LIF)"
    assert np.array_equal(network.layers[1].weights, [[1, 2, 3, 4]] * 2)
    assert network.readout == "membrane" and float(network.layers[1].neuron.beta) == 0.5


def test_neurons_without_weights_and_images_for_vectors():
    """A LIF on the input gets an identity; --shape turns a vector's input into images."""
    graph = graph_of({"0": lif((12,)), "1": nir.Linear(np.ones((2, 12)))}, shape=(12,))
    network = from_nir(graph, shape=(3, 2, 2), **STEP)
    assert network.shape == (3, 2, 2)
    assert network.layers[0].weights.shape == (3, 1, 1, 1) and network.layers[0].groups == 3


def cuba():
    one = np.ones((4, 8, 8))
    return nir.CubaLIF(tau_syn=one, tau_mem=one, r=one, v_leak=one, v_threshold=one)


def conv(shape=(4, 1, 3, 3), **changes):
    fields = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1, **changes}
    return nir.Conv2d(None, np.ones(shape), bias=np.zeros(shape[0]), **fields)


def nan():
    weights = np.ones((4, 1, 3, 3))
    weights[1, 0, 2, 2] = np.nan
    return nir.Conv2d(None, weights, 1, 1, 1, 1, np.zeros(4))


def changed(**fields):
    node = lif((4, 8, 8))
    for key, value in fields.items():
        setattr(node, key, np.full((4, 8, 8), value))
    return node


def uneven():
    node = lif((4, 8, 8))
    node.v_threshold[1, 2, 3] = 5
    return node


@pytest.mark.parametrize("changes, message", [
    ({"0": nan()}, "node '0' .*weight must be finite"),
    ({"0": conv((4, 1, 13, 13))}, "node '0' .*kernel must be 1 to 11, not 13"),
    ({"0": conv((4, 3, 3, 3))}, "node '0' .*takes 3 channels where 1 come"),
    ({"0": conv(dilation=0)}, "node '0' .*dilation must be at least 1, not 0"),
    ({"0": conv(stride=(1, 2, 3))}, "node '0' .*stride must be one number or two, not 3"),
    ({"0": conv((4, 1, 2, 2), padding="same")}, "node '0' .*same"),
    ({"0": conv(groups=3)}, "node '0' .*groups"),
    ({"1": cuba()}, "node '1' .*v_leak must be 0 where there is a synaptic current"),
    ({"1": None, "3": conv((4, 4, 3, 3))}, "node '3' .*follows node '0'.*no neuron between"),
    ({"1": changed(tau=-1e-4)}, "node '1' .*tau must be positive, not -0.0001"),
    ({"1": changed(tau=np.inf)}, "node '1' .*beta = 1"),
    ({"1": changed(tau=1e9)}, "node '1' .*nothing leaks"),
    ({"1": changed(tau=1e-5)}, "node '1' .*below the time step"),
    ({"1": changed(v_reset=1.0)}, "node '1' .*only reset \"zero\" can keep"),
    ({"1": changed(v_threshold=-1.0)}, "node '1' .*threshold must not be negative"),
    ({"1": uneven()}, "node '1' .*differs within a channel"),
    ({"2": nir.Delay(np.ones(3))}, "node '2' .*is not supported"),
    ({"2": nir.AvgPool2d(np.array([2, 2.5]), 2, 0)}, "node '2' .*kernel_size must be a whole"),
    ({"2": nir.AvgPool2d(99, 2, 0)}, "node '2' .*does not fit a map of 8 x 8"),
    ({"5": None, "6": nir.Linear(np.ones((5, 4)))}, "node '6' .*needs a Flatten"),
    ({"5": nir.Flatten(None, 1, -1)}, "node '5' .*must become a vector"),
    ({"6": nir.Linear(np.ones((5, 15)))}, "node '6' .*takes 15 inputs where 16 come"),
])
def test_refuses_nodes(changes, message):
    """One line that names the node and the rule."""
    with pytest.raises(BadInput, match=f"^{message}") as caught:
        from_nir(conv_net(rng(), **changes), **STEP)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("edges, message", [
    ([("0", "0")], "node '0': feeds itself without weights; a loop must"),
    ([("output", "0")], "node 'output': feeds itself through others; a loop must"),
    ([("input", "1")], "node '1' .*: sums 4 x 8 x 8 and 1 x 8 x 8; what meets must have one shape"),
    ([("0", "output")], "node 'output' .*: sums a neuron's spikes and something else"),
    ([("1", "output")], "node 'output' .*: sums a neuron's spikes and something else"),
    ([("9", "0")], "edge 9 -> 0: there is no node '9'"),
])
def test_refuses_edges(edges, message):
    """Loops, branches whose shapes differ, several outputs and edges to nowhere."""
    graph = conv_net(rng())
    graph.edges += edges
    with pytest.raises(BadInput, match=message):
        from_nir(graph, **STEP)


@pytest.mark.parametrize("options, message", [
    ({"steps": 0}, "steps: must be 1 to 1023"),
    ({"steps": 1024}, "steps: must be 1 to 1023"),
    ({"dt": 0}, "dt: must be a positive"), ({"dt": float("nan")}, "dt: must be a positive"),
    ({"reset": "none"}, "reset: must be one of"), ({"compare": "eq"}, "compare: must be one of"),
    ({"shape": (1, 4, 4)}, "node 'input'"),
])
def test_refuses_options(options, message):
    """Options out of range."""
    with pytest.raises(BadInput, match=message):
        from_nir(conv_net(rng()), **{**STEP, **options})


# --- the command ----------------------------------------------------------------------------------


def test_command_writes_and_reports(tmp_path, capsys):
    """With images: the report, the agreement, and the file."""
    nir.write(tmp_path / "net.nir", conv_net(rng()))
    images = rng().integers(0, 256, (12, 1, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(12) % 5)
    out = tmp_path / "net.npz"
    assert exit_code(main, tmp_path / "net.nir", "--reset", "subtract", "--bits", 8, "--steps", 8,
                   "--calibrate", tmp_path / "images.npz", "--out", out) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "rounded" in text and "same predictions on" in text and "accuracy float" in text
    network = load(out)
    assert network.steps == 8 and network.notes["fidelity"][1] == "exact"


def test_command_refuses_in_one_line(tmp_path, capsys):
    """Exit 2, one line on stderr, no output file; what was fine is in the report."""
    bad, out = tmp_path / "bad.nir", tmp_path / "net.npz"
    nir.write(bad, conv_net(rng(), **{"6": nir.Linear(np.ones((5, 15)))}))
    assert exit_code(main, bad, "--reset", "subtract", "--out", out) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1 and "node '6'" in shown.err and "unsupported" in shown.out
    for broken in (b"", b"not HDF5 at all", bad.read_bytes()[:2000]):
        bad.write_bytes(broken)
        assert exit_code(main, bad, "--reset", "subtract", "--out", out) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert exit_code(main, tmp_path / "missing.nir", "--reset", "subtract", "--out", out) == 2
    assert not out.exists()


def test_strict_fails_on_anything_approximate(tmp_path, capsys):
    """And passes where every number is kept."""
    out = tmp_path / "net.npz"
    nir.write(tmp_path / "a.nir", conv_net(rng()))
    assert exit_code(main, tmp_path / "a.nir", "--reset", "subtract", "--strict", "--out", out) == 2
    assert "layer 1, 3" in capsys.readouterr().err and not out.exists()
    nir.write(tmp_path / "b.nir", conv_net(rng(), **{"7": lif((5,), beta=0.5)}))
    assert exit_code(main, tmp_path / "b.nir", "--reset", "subtract", "--strict", "--steps", 6,
                   "--out", out) == 0
    assert set(load(out).notes["fidelity"]) == {"exact"}
