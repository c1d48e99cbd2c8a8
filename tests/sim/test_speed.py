"""python -m sim.speed: what it measures is equal, and what it prints adds up."""

import json
from functools import partial

import numpy as np
import pytest

from sim import speed
from verify.networks import draw, images


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A small network and three images; returns a function of more arguments, and its exit code."""
    network = draw(4)
    network.save(tmp_path / "net.npz")
    np.save(tmp_path / "images.npy", images(network, 3))
    monkeypatch.setattr(speed, "Simulation", partial(speed.Simulation, quick=True))

    def run(*more):
        with pytest.raises(SystemExit) as ended:
            speed.main(["--network", str(tmp_path / "net.npz"), "--repeats", "1",
                        "--images", str(tmp_path / "images.npy"), *map(str, more)])
        return ended.value.code
    return run


def test_reports_both_engines(call, tmp_path, capsys):
    assert call("--limit", 2, "--json", tmp_path / "r.json") == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["images"] == 2 and report["equal"] is True
    for name in ("golden", "rtl"):
        assert report[name]["images_per_second"] == pytest.approx(2 / report[name]["seconds"])
        assert report[name]["cpu_seconds"] > 0
    assert "scores, maps and spikes equal" in capsys.readouterr().out


def test_fails_where_the_engines_differ(call, monkeypatch, capsys):
    right = speed.run_batched
    monkeypatch.setattr(speed, "run_batched",
                        lambda pixels, network, **options: right(255 - pixels, network, **options))
    assert call() == 1
    assert "DIFFER" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["limit", "jobs", "repeats"])
def test_refuses_in_one_line(name, call, capsys):
    assert call(f"--{name}", 0) == 2
    assert capsys.readouterr().err == f"error: --{name} must be at least 1, not 0\n"
