"""The table of a network file, and the report of what was kept."""

import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from golden.importers import fidelity
from golden.importers.quantise import quantise_with_report
from golden.network import load
from golden.network.__main__ import main
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
    assert [line.verdict for line in report.lines] == ["approximate"] * 3
    assert all(0.9 < line.agreement <= 1 for line in report.lines[:2])
    assert report.lines[2].agreement is None  # it only accumulates
    assert (report.accuracy is not None) is labelled and 0 <= report.predictions <= 1
    with Console().capture() as shown:
        Console().print(report.table())
    assert shown is not None


def test_report_of_an_exact_network_is_faithful():
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
    assert [line.agreement for line in report.lines[:2]] == [1, 1]
