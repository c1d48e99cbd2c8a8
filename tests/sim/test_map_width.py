"""Maps hold every sum, in golden and in the simulated RTL; and what a narrower format costs."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from flow.build import configured
from flow.design import design
from golden.formats import MODES, SCORE_FRAC
from golden.images import load_images
from golden.io.errors import BadInput
from golden.network import load
from golden.run import run
from hw.accelerator import Accelerator
from sim.rtl import Simulation
from sim.run import main
from tests.helpers.direct_sam import bound, direct
from verify.networks import loud

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parents[2] / "models"
ONE = 1 << SCORE_FRAC


def frames(network, *rates, seed=0):
    """An image of spikes for each rate, 1 for all of them."""
    drawn = np.random.default_rng(seed).random((len(rates), network.steps, *network.shape))
    return (drawn < np.reshape(rates, (-1, 1, 1, 1, 1))).astype(np.uint8)


@pytest.mark.rotated
@pytest.mark.parametrize("channels, steps, lanes, word_steps", [
    (64, 16, 4, 16), (64, 255, 8, 16), (300, 20, 4, 8)])
def test_rtl_holds_every_sum_at_gamma_0(channels, steps, lanes, word_steps):
    """All neurons in every step: the sums that are known, the first above 65,535 among them."""
    network = loud(channels, steps)
    simulation = Simulation(network, lanes=lanes, word_steps=word_steps, quick=True)
    some = frames(network, 1, 0.9, 0.1)
    for mode in MODES:
        wanted = run(some, network, gamma=0, mode=mode)
        most = channels * ONE * (np.arange(steps) + (mode != "paper"))
        assert (wanted.maps[1][0] == most[:, None, None]).all() and most.max() > 65535
        assert channels != 64 or 65536 in most
        found = simulation.run(some, gamma=0, mode=mode)
        assert np.array_equal(found.maps[1], wanted.maps[1])
        assert np.array_equal(found.scores, wanted.scores) and found.saturated is None


def test_a_narrower_map_is_the_same_up_to_its_top():
    """In golden and RTL alike, and both count what stayed there; 19 bits are enough for all."""
    network = loud(64, 16)
    some = frames(network, 1, 0.8, 0)
    exact = run(some, network, gamma=0).maps[1]
    for bits in (16, 12, 19):
        wanted = run(some, network, gamma=0, map_bits=bits)
        assert np.array_equal(wanted.maps[1], np.minimum(exact, 2**bits - 1))
        lost = (exact > 2**bits - 1).sum(axis=(1, 2, 3))
        assert np.array_equal(wanted.saturated, lost) and (lost[0] > 0) == (bits < 19)
    for bits in (16, 32):
        simulation = Simulation(network, map_bits=bits, quick=True)
        assert simulation.accelerator.map_width == min(bits, 19)
        wanted = run(some, network, gamma=0, map_bits=bits).arrays()
        found = simulation.run(some, gamma=0).arrays()
        assert all(np.array_equal(found[key], wanted[key]) for key in wanted)


@cache
def scenes(gamma, mode):
    """Golden's run of four pictures, of which the last has the largest sum."""
    network = load(MODELS / "scenes.npz")
    return run(load_images(MODELS / "scenes_sample.npz", network)[0][:4], network, gamma=gamma,
               mode=mode)


@pytest.mark.rotated
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("gamma", [0, 0.1, 0.5, 1.0])
def test_maps_of_scenes_are_the_real_sums(gamma, mode):
    """No value is off by more than the scores in it are rounded by, which at gamma 0 is nothing."""
    result = scenes(gamma, mode)
    for tap, spikes in result.spikes.items():
        moved = np.moveaxis(spikes, 1, -1).astype(int)               # (N, C, H, W, T)
        trains = moved.reshape(-1, moved.shape[-1])
        real = direct(trains, gamma, mode)[0] * ONE
        limit = bound(trains, gamma, mode) * trains if gamma else np.zeros(trains.shape)
        real, limit = (np.moveaxis(each.reshape(moved.shape).sum(axis=1), -1, 1)
                       for each in (real, limit))
        assert (np.abs(result.maps[tap] - real) <= limit + 1e-6).all()
    if gamma == 0:
        most = {"paper": 344, "inclusive": 381, "official": 630}[mode]
        assert max(maps.max() for maps in result.maps.values()) == most * ONE


def test_sim_run_at_gamma_0(tmp_path, capsys):
    """The command, on the RTL: what golden gives; with fewer bits, and what those cost."""
    made = tmp_path / "r.npz"
    call = ["--network", str(MODELS / "scenes.npz"), "--images", str(MODELS / "scenes_sample.npz"),
            "--limit", "4", "--gamma", "0", "--mode", "official", "--out", str(made)]
    main([*call, "--engine", "rtl"])
    wanted = scenes(0, "official").maps
    assert "top of" not in capsys.readouterr().out
    with np.load(made) as found:
        assert all(np.array_equal(found[f"sam_{tap}"], maps) for tap, maps in wanted.items())
    main([*call, "--map-bits", "16"])
    lost = sum((maps > 65535).sum() for maps in wanted.values())
    values = sum(maps.size for maps in wanted.values())
    assert f"map values at the top of 16 bits {lost} of {values}" in capsys.readouterr().out
    with np.load(made) as found:
        assert found["saturated"].sum() == lost > 0


def test_the_report_says_what_maps_hold():
    """All of it, or where they end; and a form whose words would be wider than any is refused."""
    from flow.report import map_sums
    network = load(MODELS / "fashion.npz")
    said = lambda **options: map_sums(Accelerator(network, taps=(2, 3, 4), **options))
    assert said() == "all exact, at every gamma and in every mode, in 19 bits"
    assert said(map_bits=24) == said()
    assert said(map_bits=16) == (
        "exact below 255.996, where larger ones stay: 16 bits, and all would need 19")
    for options, message in ((["--map-bits", "7"], "^--map-bits must be 8 to 32, not 7$"),
                             (["--maps", "sum", "--map-bits", "32"], None)):
        config = configured(["ice40", *options])
        if message is None:
            design(network, config)
        else:
            with pytest.raises(BadInput, match=message):
                design(network, config)
    with pytest.raises(BadInput, match="--maps sum: its words have 34 bits here, and at most 32"):
        design(loud(1000, 255, 1), configured(["ice40", "--maps", "sum", "--tap", "1"]))
