"""Grad-CAM by name: a method that lives in train, and is there when it is asked for."""

import sys

import numpy as np
import pytest

import sam_snn
from golden.explain.methods import METHODS
from golden.network import load
from sam_snn.command import main
from train.core.explainers import snn_gradcam, tap_gradients


@pytest.fixture(autouse=True)
def unknown():
    """Registered for one test alone."""
    METHODS.pop("gradcam", None)
    yield
    METHODS.pop("gradcam", None)


def test_by_name(tmp_path):
    """The map is that of train.core.explainers, unsigned; against another class it is signed."""
    network, images = load("scenes"), np.load("models/scenes_sample.npz")["images"][1:2, None]
    main(["explain", "--network", "scenes", "--index", "1", "--method", "gradcam", "--class", "5",
          "--out", str(tmp_path / "g.png")])
    want = snn_gradcam(*tap_gradients(network, images, [5], [5])[5])[0]
    with np.load(tmp_path / "g.npz") as found:
        assert np.array_equal(found["heat"], want) and want.any() and found["layer"] == 5
    why = sam_snn.compile("scenes").explain(images[0], method="gradcam", output_neuron=5)
    assert np.array_equal(why.heat, want) and not why.explanation.signed
    why = sam_snn.compile("scenes").explain(images[0], method="gradcam", output_neuron=5, versus=1)
    assert why.explanation.signed and not np.array_equal(why.heat, want)


def test_an_empty_map_says_so(tmp_path, capsys):
    main(["explain", "--network", "digits", "--method=gradcam", "--class", "3", "--out",
          str(tmp_path / "g.png")])
    assert "the map is empty: no channel speaks for the class" in capsys.readouterr().out


def test_without_torch(tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "train.gradcam", raising=False)
    monkeypatch.setitem(sys.modules, "train.core.explainers", None)
    with pytest.raises(SystemExit, match="^2$"):
        main(["explain", "--network", "digits", "--method", "gradcam", "--out",
              str(tmp_path / "g.png")])
    said = capsys.readouterr().err
    assert said.startswith("error: --method gradcam: needs torch and captum") and (
        said.count("\n") == 1 and not list(tmp_path.iterdir()))


def test_others_need_none(tmp_path):
    main(["explain", "--network", "digits", "--method", "count", "--out", str(tmp_path / "g.png")])
    assert "gradcam" not in METHODS
