"""Maps in rounds of steps and of words: the RTL gives golden's, of several layers at once."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from golden.formats import MODES, map_top
from golden.network import Layer, Network, Neuron, Pool, Skip
from golden.network.ops import Recurrent
from golden.neurons.cuba import Cuba
from golden.run import run
from hw.explain.sam import score
from sim.rtl import Simulation
from tests.helpers.planted import changed
from verify.networks import images

LIF = Neuron(threshold=np.int64(9), leak=np.int64(1 << 13), reset="subtract")
CUBA = Cuba(threshold=np.int64(12), leak=np.int64(1 << 13), current_leak=np.int64(20000),
            reset="zero")


def tapped(steps, kind):
    """A network with two maps and a vector that can be tapped: of convolutions, with synaptic
    currents, with a skip, or with loops.
    """
    rng = np.random.default_rng(steps)
    draw = lambda *shape: rng.integers(-6, 9, shape)
    neuron = CUBA if kind == "cuba" else LIF
    skips = (Skip(0, draw(5, 2, 1, 1)),) if kind == "skip" else ()
    first = Layer(draw(3, 2, 3, 3), 5, neuron, padding=1)
    second = Layer(draw(5, 3, 3, 3), 5, neuron, padding=1, skips=skips)
    loop = Recurrent(draw(6, 6)) if kind == "loop" else None
    third = Layer(draw(6, 5 * 4), 5, replace(neuron, threshold=np.int64(25)), recurrent=loop)
    last = Layer(draw(4, 6), 5, replace(LIF, reset="none"))
    return Network(shape=(2, 4, 4), steps=steps, encoder="frames", name=f"tapped {kind}",
                   layers=(first, second, Pool("max", 2, 2), third, last))


def check(network, shown=None, *, given=None, stall=0.2, **options):
    """Run both, three images in one simulation; returns golden's Result."""
    shown = images(network, 3, 1) if shown is None else shown
    given = given or {}
    narrow = {"map_bits": options["map_bits"]} if "map_bits" in options else {}
    want = run(shown, network, taps=options.get("taps", network.taps), **given, **narrow)
    got = Simulation(network, quick=True, **options).run(shown, stall=stall, **given)
    found, wanted = got.arrays(), want.arrays()
    # In rounds the spikes of all layers are known, also of those that no map is made of.
    assert wanted.keys() <= found.keys()
    wrong = [key for key, values in wanted.items() if not np.array_equal(found[key], values)]
    assert not wrong, f"{network.name}: {', '.join(wrong)} differ"
    return want


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize(("kind", "schedule", "steps", "lanes", "word"), [
    ("lif", "chunks", 5, 1, 4), ("lif", "steps", 37, 2, 16), ("lif", "chunks", 40, 4, 16),
    ("cuba", "steps", 5, 4, 8), ("cuba", "chunks", 24, 2, 8), ("skip", "chunks", 13, 4, 4),
    ("skip", "steps", 16, 1, 4), ("loop", "auto", 5, 2, 8), ("loop", "auto", 40, 4, 16),
    ("loop", "auto", 13, 1, 4)])
def test_maps_are_golden(kind, schedule, steps, lanes, word):
    network = tapped(steps, kind)
    want = check(network, schedule=schedule, lanes=lanes, word_steps=word,
                 given={"mode": MODES[(steps + lanes) % 3], "gamma": 0.3})
    assert sorted(want.maps) == [1, 2, 3] and all(each.any() for each in want.maps.values())
    assert all(.01 < spikes.mean() < .9 for spikes in want.spikes.values())


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize(("schedule", "taps", "mode"), [
    ("chunks", (1, 3), "paper"), ("steps", (1, 3), "official"), ("steps", (2,), "inclusive")])
def test_some_taps_in_every_mode(schedule, taps, mode):
    """Scores of layers that are not mapped take no place between those that are."""
    check(tapped(21, "lif"), schedule=schedule, lanes=4, word_steps=8, taps=taps,
          given={"mode": mode, "gamma": 0.0})


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["chunks", "steps"])
def test_narrow_maps_hold_at_the_top(schedule):
    """A neuron that always spikes has a score that grows in every step, from round to round."""
    network = tapped(40, "lif")
    shown = np.ones((1, 40, 2, 4, 4), np.uint8)
    want = check(network, shown, schedule=schedule, lanes=4, word_steps=16, map_bits=12,
                 given={"mode": "inclusive", "gamma": 0.0})
    assert (want.maps[2] == map_top(12)).any() and (want.maps[2] < map_top(12)).any()


# what is wrong: (what stands there, what is put there)
FAULTS = {
    "layers share their neurons' scores": ("depth=self.neurons", "depth=2"),
    "the number of spikes is not kept": ("write.data.before.eq(before)", "write.data.before.eq(0)"),
    "a score is written a cycle late": ("present.eq(opening)", "present.eq(present)"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_seen(fault):
    schedule = "steps" if "layers" in fault else "chunks"
    network = tapped(24, "lif")
    shown, given = images(network, 2, 1), {"mode": "official", "gamma": 0.3}
    broken = changed(score, *FAULTS[fault]).ScoreUpdate
    with mock.patch("hw.explain.sam.sam.ScoreUpdate", broken):
        got = Simulation(network, quick=True, schedule=schedule, lanes=4, word_steps=8).run(
            shown, **given)
    want = run(shown, network, taps=network.taps, **given)
    assert np.array_equal(got.scores, want.scores)
    assert any(not np.array_equal(got.maps[tap], want.maps[tap]) for tap in network.taps)
