"""What a run of the model takes, foretold and shown."""

import io
import itertools

import numpy as np
import pytest

from golden import cost
from golden.encode import states, xorshift32
from golden.io.console import Console
from golden.io.errors import BadInput
from golden.io.text import plain, short
from golden.network import Layer, Network, Neuron, Pool
from golden.progress import watched
from golden.run import run, run_batched
from verify.networks import draw, images

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")


def net(side=4, steps=3):
    """One channel, a convolution of 2, pooling by 2, a class for each of 3."""
    return Network((1, side, side), steps, (
        Layer(np.ones((2, 1, 3, 3), int), 4, Neuron(np.int64(2), np.int64(0)), padding=1),
        Pool("sum", 2, 2),
        Layer(np.ones((3, side * side // 2), int), 4, QUIET)))


def test_operations_by_hand():
    """4 x 4: 16 pixels; 32 neurons of 9 inputs; 8 sums of 4; 3 neurons of 8."""
    assert cost.parts(net()) == [
        ("encoder", 24 * 16), ("layer 1", 32 * (24 + 9)), ("layer 2", 3 * (24 + 8) + 50 * 8 * 4)]
    assert cost.operations(net(), 5) == 5 * 3 * (384 + 1056 + 1696)


@pytest.mark.parametrize("jobs", [1, 3])
def test_all_operations_are_told(jobs):
    network, shown = draw(4), []
    clock = cost.Clock(network, 7, show=lambda share, left: shown.append((share, left)))
    run_batched(images(network, 7), network, batch=2, jobs=jobs, clock=clock)
    shares = [share for share, _ in shown]
    assert shares == sorted(shares) and shares[-1] == 1 and shown[-1][1] == 0
    assert len(shares) == 4 * (1 + network.steps * len(network.stages))


def test_clock_changes_nothing():
    network = draw(4)
    some = images(network, 3)
    plainly, watched_ = (run(some, network, clock=clock).arrays()
                         for clock in (None, cost.Clock(network, 3)))
    assert all(np.array_equal(plainly[key], watched_[key]) for key in plainly)


def test_lines_foretell_and_follow_the_stages(monkeypatch):
    """A clock that goes on 4 seconds a step: what is said first, and at the end of each stage."""
    ticks, lines = itertools.count(0, 4), []
    monkeypatch.setattr(cost.time, "monotonic", lambda: float(next(ticks)))
    network = net()
    clock = cost.Clock(network, 1, tell=lines.append)
    run(np.zeros((1, 4, 4), np.uint8), network, clock=clock)
    assert [line.split(",")[0] for line in lines] == [
        "golden: 9.4e+03 operations of 1 images", "golden: layer 1 done", "golden: layer 2 done"]
    assert lines[0].endswith(" s in all") and lines[-1] == (
        "golden: layer 2 done, 100% of all, about 0 s left")


def test_short_runs_say_nothing():
    out, network = io.StringIO(), draw(4)
    with watched(network, 3, Console(file=out)) as clock:
        run(images(network, 3), network, clock=clock)
    assert out.getvalue() == ""


def test_a_terminal_gets_a_bar():
    out, network = io.StringIO(), draw(4)
    with watched(network, 3, Console(file=out, force_terminal=True, width=80)) as clock:
        run(images(network, 3), network, clock=clock)
    assert "golden" in out.getvalue() and "100%" in out.getvalue()


def test_batches_fit_the_memory(monkeypatch):
    """An image of 1024 x 1024 at 255 steps takes 2 GiB: one at a time.

    Of each are kept 255 steps of 2 bytes a pixel, 2 channels of spikes and 4 bytes of map a pixel,
    8 MiB in all, all of it twice while batches are joined: 9 x 2 x 2 GiB, and 2 GiB of a batch.
    """
    assert cost.batch_of(net()) == 32
    large = net(1024, 255)
    assert cost.batch_bytes(large) > 2**30 and cost.batch_of(large) == 1
    monkeypatch.setattr(cost.os, "sysconf", lambda name: {"SC_PHYS_PAGES": 2**21}.get(name, 4096))
    cost.check_memory(large, 1, (), keep=False, jobs=1)
    with pytest.raises(BadInput, match="network: 9 images take about 38 GiB, this machine has 8: "
                                       r"take fewer at once \(--limit\)"):
        cost.check_memory(large, 9, (1,), keep=True, jobs=1)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 64, 65, 1000, 2**16 - 1, 2**16, 2**17 + 3])
def test_states_are_those_of_steps(count):
    wanted, state = [], 0x2545F491
    for _ in range(count):
        state = xorshift32(state)
        wanted.append(state)
    assert np.array_equal(states(0x2545F491, count), np.array(wanted, dtype=np.uint32))


def test_plain_text():
    assert plain("a b\u00a0ü€") == "a b\u00a0ü€"
    assert plain("\x1b[31m\n\r\t\x9b\u202e\udcff\\") == r"\x1b[31m\n\r\t\x9b\u202e\udcff" + "\\"
    assert short("x" * 200) == "x" * 200 and short("x" * 201) == "x" * 200 + "…"
