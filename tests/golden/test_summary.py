"""The table of a network file, and the report of what was kept."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from golden.importers import fidelity
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.quantise import quantise_with_report
from golden.network import load
from golden.network.__main__ import main
from golden.run import run
from tests.helpers.float_networks import images_for
from verify.float_networks import trained


def test_table_names_every_layer(tmp_path, capsys):
    """Kinds, shapes, widths and neurons of each layer."""
    quantise_with_report(trained())[0].save(tmp_path / "net.npz")
    main([str(tmp_path / "net.npz")])
    text = capsys.readouterr().out
    for part in ("1 x 8 x 8, 12 steps", "conv 3x3", "avg pool 2", "g8", "dense 32-4", "accumulates",
                 "8 bit", load(tmp_path / "net.npz").digest):
        assert part in text


def test_runs_as_a_module(tmp_path):
    """Python -m golden.network, without a warning, and one line for what is no network."""
    quantise_with_report(trained())[0].save(tmp_path / "net.npz")
    run = [sys.executable, "-W", "error", "-m", "golden.network"]
    good = subprocess.run([*run, tmp_path / "net.npz"], capture_output=True, text=True)
    assert good.returncode == 0 and not good.stderr
    bad = subprocess.run([*run, tmp_path / "no.npz"], capture_output=True, text=True)
    assert bad.returncode == 2 and bad.stderr.count("\n") == 1


@pytest.mark.parametrize("labelled", [False, True])
def test_report_measures(labelled):
    """Agreement is the share of equal spikes; accuracy needs labels."""
    network = trained()
    made, reasons = quantise_with_report(network)
    images = images_for(network, count=10)
    labels = np.arange(10) % 4 if labelled else None
    report = fidelity.compare(network, made, reasons, images, labels)
    assert [line.verdict for line in report.lines] == ["rounded"] * 3
    assert all(0.9 < line.agreement <= 1 for line in report.lines[:2])
    assert report.lines[2].agreement is None  # it only accumulates
    assert (report.accuracy is not None) is labelled and 0 <= report.predictions <= 1
    with Console().capture() as shown:
        Console().print(report.table())
    assert shown is not None


def test_report_of_an_exact_network_is_exact():
    """No reasons and equal spikes."""
    network = trained()
    exact = network.replace(layers=tuple(
        layer if not hasattr(layer, "weights") else type(layer)(
            np.rint(layer.weights * 4), type(layer.neuron)(
                np.float64(1), np.float64(1), layer.neuron.reset),
            padding=layer.padding, groups=layer.groups) for layer in network.layers))
    made, reasons = quantise_with_report(exact)
    report = fidelity.compare(exact, made, reasons, images_for(exact))
    assert not report.approximate and report.predictions == 1
    assert [line.verdict for line in report.lines] == ["exact"] * 3
    assert [line.agreement for line in report.lines[:2]] == [1, 1]


def test_the_first_line_tells_accuracy_and_agreement():
    """Before any table: how right both are, and what the way in found of the original."""
    network = trained().replace(notes={"agreement": "torch = float network on 9 of 10 predictions"})
    made, reasons = quantise_with_report(network)
    images = images_for(network, count=10)
    report = fidelity.compare(network, made, reasons, images, np.zeros(10, int))
    zeros = np.mean(run(images, made).pred == 0)
    assert report.first.startswith("accuracy float ")
    assert f"integer {zeros:.2%}; same predictions on {report.predictions:.2%} of 10 images; " \
        "torch = float network on 9 of 10 predictions" in report.first
    assert "0 of 3 layers exact" in fidelity.compare(network, made, reasons).first


def test_reasons_are_in_percent():
    """Two bits of a weight of 1 and one of .6: .4 off of root of 1.36 / 2."""
    network = quantise_with_report(FloatNetwork((1, 2, 1), 4, (FloatLayer(
        np.array([[1, 0.6]]), FloatNeuron()),)), bits=2, power_of_two=True)
    assert network[1][0][0].startswith("weights rounded to 2 bits, ")
    assert " % off" in network[1][0][0]


def test_another_rule_is_different():
    """What the way in could not keep."""
    network = trained()
    first, *rest = network.layers
    for changed in (replace(first, approximations=("padding left out",)),):
        other = network.replace(layers=(changed, *rest))
        report = fidelity.compare(other, *quantise_with_report(other))
        assert [line.verdict for line in report.lines] == ["different", "rounded", "rounded"]


def test_a_silent_layer_is_warned_of():
    network = trained()
    first, *rest = network.layers
    deaf = replace(first, neuron=replace(first.neuron, threshold=np.float64(1e6)))
    for layers, silent in ((network.layers, False), ((deaf, *rest), True)):
        other = network.replace(layers=tuple(layers))
        report = fidelity.compare(other, *quantise_with_report(other), images_for(other, count=4))
        assert bool(report.warnings) is silent
        assert not silent or report.warnings[0].startswith("warning: layer 1 (")
