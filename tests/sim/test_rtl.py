"""The trained network on real images, simulated and in golden: the same in every array."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.formats import exp_table
from golden.images import load_images
from golden.network import load
from golden.run import run
from golden.synapses import weighted
from sim.rtl import Simulation
from sim.run import main

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def fashion():
    """The network, four test images, and the simulated accelerator."""
    network = load(MODELS / "fashion.npz")
    images, _ = load_images(MODELS / "fashion_sample.npz", network)
    return network, images[:4], Simulation(network, quick=True)


def different(found, wanted):
    """Names of arrays that are not equal, or there on one side only."""
    found, wanted = found.arrays(), wanted.arrays()
    cycles = found.pop("cycles")
    assert (cycles > 0).all() and found.keys() == wanted.keys()
    return [key for key in wanted if not np.array_equal(found[key], wanted[key])]


@pytest.mark.parametrize("options, stall", [
    ({}, 0.0),
    ({"gamma": 0.0, "mode": "inclusive"}, 0.3),
    ({"gamma": 0.3, "mode": "official"}, 0.7),
    ({"table": exp_table(1.5, 16) // 3}, 0.1),
], ids=["paper", "inclusive", "official", "table"])
def test_equals_golden_on_real_images(options, stall, fashion):
    network, images, simulation = fashion
    found = simulation.run(images, stall=stall, **options)
    wanted = run(images, network, **options)
    assert different(found, wanted) == []
    assert all(maps.any() for maps in wanted.maps.values())


def test_images_do_not_influence_each_other(fashion):
    """Backwards, and spread over two simulations: the same maps, scores and cycles for each."""
    network, images, simulation = fashion
    forwards, backwards = simulation.run(images), simulation.run(images[::-1])
    parallel = simulation.run_parallel(images, jobs=2).arrays()
    for key, values in forwards.arrays().items():
        if not key.startswith("sam_frac"):
            assert np.array_equal(values, backwards.arrays()[key][::-1]), key
        assert np.array_equal(values, parallel[key]), key


def test_speed_is_what_is_claimed(fashion):
    """Cycles and weights added because of a spike: to each of these images as in results.json.

    Both are of the chip that hw.build makes and do not depend on chance; the README's figures are
    those of the file (tests/project/test_readme.py).
    """
    network, images, _ = fashion
    found = Simulation(network, quick=True, taps=network.default_taps).run(images)
    golden = run(images, network)
    useful, active = 0, golden.spikes_input
    for stage in network.stages:
        ones = replace(stage.layer, weights=np.ones_like(stage.layer.weights))
        added = weighted(active.reshape(-1, *active.shape[2:]), ones, 1)
        useful = useful + added.reshape(len(images), -1).sum(axis=1)
        active = golden.spikes.get(stage.index)
    claimed = json.loads((MODELS.parent / "bench/results.json").read_text())["measured"]["images"]
    assert claimed["digest"] == network.digest and claimed["equal"]
    assert found.cycles.tolist() == claimed["cycles"][:len(images)]
    assert useful.tolist() == claimed["operations"][:len(images)]


def test_command_gives_the_same_from_both_engines(fashion, tmp_path, monkeypatch):
    """What --engine rtl and --engine golden write."""
    _, _, simulation = fashion
    # The program that was built above in place of one that is as fast as can be.
    monkeypatch.setattr("sim.rtl.Simulation", lambda network, **options: simulation)
    for engine in ("rtl", "golden"):
        main(["--network", str(MODELS / "fashion.npz"), "--limit", "2", "--engine", engine,
              "--images", str(MODELS / "fashion_sample.npz"),
              "--out", str(tmp_path / f"{engine}.npz")])
    with np.load(tmp_path / "rtl.npz") as found, np.load(tmp_path / "golden.npz") as wanted:
        assert set(found.files) == {*wanted.files, "cycles"}
        assert all(np.array_equal(found[key], wanted[key]) for key in wanted.files)
