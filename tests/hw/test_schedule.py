"""Schedules: the RTL gives golden's arrays, whatever is outermost, and refuses what it has not."""

from dataclasses import replace

import numpy as np
import pytest

from golden.formats import MODES
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron
from golden.neurons.cuba import Cuba
from golden.run import run
from hw.accelerator import Accelerator
from hw.plan.planner import Plan
from sim.rtl import Simulation
from sim.run import main
from tests.helpers.exits import exit_code
from verify.networks import draw, images


def dense(sizes, steps):
    """A network of dense layers that leak, and a read-out of membranes."""
    rng, layers = np.random.default_rng(steps), []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        reset = "none" if len(layers) == len(sizes) - 2 else "subtract"
        layers.append(Layer(
            weights=rng.integers(-8, 9, (outputs, inputs)), bits=5,
            neuron=Neuron(threshold=np.int64(12), leak=np.int64(1 << 13), reset=reset)))
    return Network(shape=(sizes[0], 1, 1), steps=steps, layers=tuple(layers), encoder="frames",
                   name="dense")


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("schedule", ["chunks", "steps"])
@pytest.mark.parametrize(("network", "lanes"), [
    (dense((6, 9, 7), 5), 1), (dense((6, 9, 7), 16), 2), (dense((6, 9, 7), 20), 4),
    (dense((6, 9, 7), 40), 4), (draw(41), 4), (draw(42), 2), (draw(45), 4)],
    ids=["5", "16", "20", "40", "drawn41", "drawn42", "drawn45"])
def test_rounds_are_golden(schedule, network, lanes):
    some = images(network, 2, 1)
    mode = MODES[lanes % 3]
    want = run(some, network, taps=network.taps, mode=mode)
    got = Simulation(network, quick=True, schedule=schedule, lanes=lanes).run(some, mode=mode)
    np.testing.assert_array_equal(got.scores, want.scores)
    np.testing.assert_array_equal(got.counts, want.counts)
    np.testing.assert_array_equal(got.spikes_input, want.spikes_input)
    for tap in network.taps:
        np.testing.assert_array_equal(got.spikes[tap], want.spikes[tap])
        np.testing.assert_array_equal(got.maps[tap], want.maps[tap])


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("schedule", ["chunks", "steps"])
@pytest.mark.parametrize("reset", ["subtract", "subtract_now", "clear", "zero"])
def test_currents_wait_too(schedule, reset):
    """A neuron with a synaptic current waits with current, membrane and flags."""
    network = dense((6, 9, 7), 20)
    first = replace(network.layers[0], neuron=Cuba(
        threshold=np.int64(30), leak=np.int64(1 << 13), current_leak=np.int64(20000), reset=reset))
    network = network.replace(layers=(first, *network.layers[1:]))
    some = images(network, 2, 1)
    want = run(some, network, taps=network.taps)
    assert .02 < want.spikes[1].mean() < .9
    got = Simulation(network, quick=True, schedule=schedule, lanes=4).run(some)
    np.testing.assert_array_equal(got.scores, want.scores)
    np.testing.assert_array_equal(got.spikes[1], want.spikes[1])


def test_a_command_takes_rounds(tmp_path, capsys):
    """sim.run gives golden's scores and counts in rounds, and refuses what rounds do not have."""
    network, out = dense((6, 9, 7), 20), tmp_path / "r.npz"
    network.save(tmp_path / "net.npz")
    np.save(tmp_path / "in.npy", images(network, 2, 1))
    words = ["--network", str(tmp_path / "net.npz"), "--images", str(tmp_path / "in.npy"),
             "--schedule", "steps"]
    main([*words, "--engine", "rtl", "--jobs", "1", "--out", str(out)])
    found, want = np.load(out), run(images(network, 2, 1), network, taps=network.taps)
    assert np.array_equal(found["scores"], want.scores)
    assert np.array_equal(found["counts"], want.counts)
    assert np.array_equal(found["sam_1"], want.maps[1])
    capsys.readouterr()
    for more, rule in ((["--engine", "golden"], "--schedule is for --engine rtl"),
                       (["--engine", "rtl", "--trains", "2"], "--schedule steps adds one train")):
        assert exit_code(main, *words, *more) == 2
        assert rule in capsys.readouterr().err


def test_what_rounds_do_not_have_is_refused(monkeypatch):
    network = dense((6, 9, 7), 20)
    with pytest.raises(BadInput, match="--schedule chunks adds one train a cycle: --trains 1"):
        Plan(network, trains=2, schedule="chunks")
    with pytest.raises(BadInput, match="--schedule must be auto, .*, steps, not pixels"):
        Plan(network, schedule="pixels")
    with pytest.raises(BadInput, match="--schedule steps has maps, and no traces, contribution"):
        Accelerator(network, taps=(1,), experiments=True, schedule="steps")
    monkeypatch.setattr("hw.plan.planner.STATE_BITS", 100)
    with pytest.raises(BadInput, match="memory of waiting neurons, bits needs"):
        Plan(network, schedule="steps")
