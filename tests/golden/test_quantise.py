"""Float networks, their files, and what quantising keeps."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from golden.formats import bits_signed
from golden.importers import float_run
from golden.importers.cli import main
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron, load
from golden.importers.quantise import quantise, quantise_with_report
from golden.io.errors import BadInput
from golden.network import Pool, membrane_range
from golden.run import run
from tests.helpers.float_networks import float_networks, images_for
from verify.float_networks import trained


def dense(weights, *, steps=8, last=None, encoder="frames", **neuron):
    """A network of one spiking dense layer, or of two."""
    weights = np.asarray(weights, dtype=float)
    layers = [FloatLayer(weights, FloatNeuron(**{"reset": "subtract", **neuron}))]
    if last is not None:
        layers.append(FloatLayer(np.asarray(last, dtype=float), FloatNeuron()))
    return FloatNetwork((weights.shape[1], 1, 1), steps, tuple(layers), encoder,
                        "count" if last is None else "membrane")


@settings(max_examples=25, deadline=None, derandomize=True)
@given(float_networks())
def test_files_keep_everything(network):
    """Npz and JSON both come back with every number, and so quantise to the same network."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        for name in ("net.npz", "net.json"):
            network.save(f"{folder}/{name}")
            again = load(f"{folder}/{name}")
            assert again.save(f"{folder}/again.json") is None
            assert quantise(again, membrane_bits=32).digest == quantise(
                network, membrane_bits=32).digest


def test_a_description_by_hand(tmp_path):
    """JSON with only what differs from the defaults."""
    (tmp_path / "net.json").write_text(json.dumps({
        "format": "sam-snn float network", "version": 1, "shape": [1, 4, 4], "steps": 4,
        "readout": "membrane",
        "layers": [{"reset": "subtract", "name": "edges"}, {"pool": "sum", "kernel": 2}, {}],
        "arrays": {"weights_0": [[[[1, -1], [1, -1]]]], "beta_0": 0.5,
                   "weights_2": [[1], [2]]}}))
    made, reasons = quantise_with_report(load(tmp_path / "net.json"))
    assert not any(reasons)
    assert [stage.shape for stage in made.stages] == [(1, 3, 3), (2, 1, 1)]


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.0137, np.float32(0.1), 1 / 3])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_finds_the_scale_of_trained_integers(bits, scale):
    """Weights that are whole multiples of some scale come out as those, float32 or not."""
    rng = np.random.default_rng(bits)
    whole = rng.integers(-2**(bits - 1), 2**(bits - 1), (6, 20))
    whole[0, :2] = -2**(bits - 1), 2**(bits - 1) - 1
    weights = (whole * np.float32(scale)).astype(np.float32)
    network = dense(weights, threshold=np.float64(4 * scale), beta=np.float64(1))
    made, reasons = quantise_with_report(network, bits=bits)
    assert np.array_equal(made.layers[0].weights, whole)
    assert not any("weights" in reason for reason in reasons[0])


def test_thresholds_choose_among_exact_scales():
    """3 and 6 are 1 and 2 times 3, but a threshold of 4 needs steps of 1."""
    made, reasons = quantise_with_report(dense([[3, 6, -3]], threshold=np.float64(4)))
    assert made.layers[0].weights.tolist() == [[3, 6, -3]] and not reasons[0]
    made, reasons = quantise_with_report(dense([[3, 6, -3]], threshold=np.float64(9)))
    assert made.layers[0].weights.tolist() == [[1, 2, -1]] and not reasons[0]


@pytest.mark.parametrize("steps, beta, frac", [(1, 0.5, 0), (5, 0.5, 4), (5, 0.75, 8), (9, 1, 0)])
def test_fraction_bits_make_leaks_exact(steps, beta, frac):
    """A leak of k bits needs k (T - 1) fraction bits, none without a leak."""
    made, reasons = quantise_with_report(dense([[1, 2, 5]], steps=steps, beta=np.float64(beta),
                                    threshold=np.float64(3)))
    assert made.layers[0].frac == frac and not reasons[0]


def test_membranes_stay_narrow_where_they_can():
    """Within 24 bits by default, within what is asked for, and never cut to get there."""
    for limit in (16, 20, 24):
        made = quantise(trained(), membrane_bits=limit)
        for stage in made.stages:
            width = bits_signed(*membrane_range(stage, made.steps))
            assert width <= limit or stage.layer.frac == 0
    assert any(stage.layer.frac for stage in quantise(trained()).stages)


def test_averages_go_into_the_next_threshold():
    """A 2 x 2 average counts to 4: the layer behind it has four times the threshold."""
    layers = (Pool("avg", 2, 2), FloatLayer(np.ones((2, 1, 1, 1)),
                                            FloatNeuron(threshold=np.float64(3), reset="zero")),
              FloatLayer(np.ones((2, 8)), FloatNeuron()))
    made, reasons = quantise_with_report(FloatNetwork((1, 4, 4), 3, layers, "frames"))
    assert made.layers[1].neuron.threshold == 12 and not any(reasons)


def test_dead_channels():
    """Weights of zeros, in one channel or in all, leave the rest as it was."""
    made = quantise(dense([[0, 0], [1, 2]], threshold=np.float64(1)), per_channel=True)
    assert made.layers[0].weights.tolist() == [[0, 0], [1, 2]]
    assert not quantise(dense([[0.0, 0.0]], threshold=np.float64(1))).layers[0].weights.any()


@pytest.mark.parametrize("options", [
    {}, {"bits": 4}, {"bits": [8, 4, 3]}, {"per_channel": True, "bits": 4},
    {"power_of_two": True}, {"power_of_two": True, "per_channel": True, "bits": 5},
    {"calibrated": True, "bits": 3}])
def test_integers_follow_real_numbers(options):
    """Every option: the widths asked for, scales of two where asked, and most spikes equal."""
    network = trained()
    images = images_for(network, count=12)
    if options.pop("calibrated", False):
        options = {**options, "calibrate": images}
    made, reasons = quantise_with_report(network, **options)
    widths = np.broadcast_to(options.get("bits", 8), 3)
    assert [stage.layer.bits for stage in made.stages] == list(widths) and all(reasons)
    wanted, got = float_run.run(images, network), run(images, made)
    least = 0.97 if min(widths) == 8 else 0.85
    assert (got.spikes[1] == wanted.spikes[0]).mean() > least
    if options.get("power_of_two"):
        last = made.stages[-1].layer
        assert np.log2(last.scale * 2.0**last.frac) % 1 == 0


def test_calibration_does_not_lose():
    """Scales chosen on images give at least as many equal spikes there, layer by layer."""
    network = trained(3)
    images = images_for(network, count=24, seed=3)
    plain, tuned = (quantise(network, bits=3, calibrate=c) for c in (None, images))
    wanted = float_run.run(images, network).spikes[0]
    equal = [(run(images, made).spikes[1] == wanted).mean() for made in (plain, tuned)]
    assert equal[1] >= equal[0]


def test_per_channel_keeps_one_scale_where_membranes_compete():
    """A read-out of membranes has one scale; spiking layers one a channel."""
    network = dense(np.diag([1.0, 100.0]) + 0.37, last=[[1.3, 0.2], [0.01, 0.5]])
    made, _ = quantise_with_report(network, per_channel=True)
    first = made.layers[0]
    assert np.ndim(first.neuron.threshold) == 1  # the same real threshold in units of a channel
    assert np.abs(first.weights).max(axis=1).tolist() == [127, 127]
    assert np.abs(made.layers[1].weights).max(axis=1).tolist() != [127, 127]


@pytest.mark.parametrize("options, message", [
    ({"bits": 9}, "bits must be 2 to 8, not 9"), ({"bits": [8, 8]}, "3 weighted layers, not 2"),
    ({"membrane_bits": 40}, "membrane bits must be 8 to 32"),
    ({"calibrate": np.zeros((2, 3, 3), np.uint8)}, "calibration images: images must be"),
])
def test_refuses_options(options, message):
    """Options out of range, named."""
    with pytest.raises(BadInput, match=message):
        quantise(trained(), **options)


@pytest.mark.parametrize("changes, message", [
    ({"neuron": FloatNeuron(beta=np.float64(1.1))}, "beta must be 0 to 1"),
    ({"neuron": FloatNeuron(threshold=np.float64(-1), reset="zero")}, "threshold must not be neg"),
    ({"weights": np.full((2, 3), np.nan)}, "weights must be finite"),
    ({"weights": np.ones((2, 4))}, "take 4 inputs"),
    ({"norm": (np.ones((3, 2)), np.ones((3, 2)))}, "norm gain must be one number a step"),
    ({"neuron": FloatNeuron(reset="subtract")}, "readout"),
])
def test_refuses_layers(changes, message):
    """Layers that break a rule, by name."""
    fields = {"weights": np.ones((2, 3)), "neuron": FloatNeuron(), "name": "fc", **changes}
    with pytest.raises(BadInput, match=f"^fc: .*{message}"):
        FloatNetwork((3, 1, 1), 4, (FloatLayer(**fields),))


def test_command(tmp_path, capsys):
    """From a float network's file to a network's, with steps and encoder changed."""
    trained().save(tmp_path / "net.json")
    main([str(tmp_path / "net.json"), "--bits", "8,4,4", "--per-channel", "--steps", "5",
          "--encoder", "current", "--out", str(tmp_path / "net.npz")])
    assert "rounded" in capsys.readouterr().out
    with pytest.raises(SystemExit) as done:
        main([str(tmp_path / "net.json"), "--bits", "8,x", "--out", str(tmp_path / "no.npz")])
    assert done.value.code == 2 and not (tmp_path / "no.npz").exists()
    assert capsys.readouterr().err == "error: --bits: must be whole numbers with commas, not 8,x\n"
