"""Faults planted into the walk buffer and what feeds it, and into walks that have legs: beside
golden each is seen.
"""

import re

import numpy as np
import pytest

from golden.io.errors import Fault
from golden.network import Layer, Network, Neuron
from golden.network.ops import Greatest
from hw.engine import (
    address_generator,
    datapath,
    dispatcher,
    engine,
    greatest,
    look,
    player,
    room,
    steady,
    walk_buffer,
)
from hw.plan import planner, programs
from tests.helpers.equal import assert_equal
from tests.helpers.planted import changed

pytestmark = pytest.mark.slow

OPTIONS = {"lanes": 4, "word_steps": 16, "trains": 3}
IN_LEGS = {"lanes": 4, "word_steps": 16}

QUIET = Neuron(np.int64(0), np.int64(0), reset="none")


def sparse():
    """Walks of few trains, empty ones among them, of lengths that do not fill their rows."""
    rng = np.random.default_rng(1)
    spiking = Neuron(np.int64(6), np.int64(1 << 12))
    return Network((1, 6, 6), 16, (
        Layer(rng.integers(-3, 8, (8, 1, 3, 3)), 4, spiking),
        Layer(rng.integers(-3, 8, (8, 8, 1, 1)), 4, spiking),
        Layer(rng.integers(-7, 8, (3, 128)), 4, QUIET)), encoder="bernoulli", name="sparse")


def full():
    """Walks that each nearly fill the walk buffer."""
    rng = np.random.default_rng(1)
    return Network((720, 1, 1), 16, (
        Layer(rng.integers(-7, 8, (12, 720)), 4, Neuron(np.int64(40), np.int64(1 << 12))),
        Layer(rng.integers(-7, 8, (3, 12)), 4, QUIET)), encoder="bernoulli", name="full")


def legs():
    """Walks of four legs, some of which are silent, of neurons that fire where those count."""
    rng = np.random.default_rng(1)
    spiking = Neuron(np.int64(6), np.int64(1 << 12))
    return Network((1, 6, 6), 16, (
        Layer(rng.integers(-3, 8, (8, 1, 1, 1)), 4, spiking),
        Layer(rng.integers(-5, 6, (8, 8, 1, 1)), 4, spiking, greatest=Greatest(2, 2),
              bias=np.full(8, 2)),
        Layer(rng.integers(-7, 8, (3, 72)), 4, QUIET)), encoder="bernoulli", name="legs")


def padded():
    """Windows that reach beyond the map on every side, of sums of which many are below 0."""
    rng = np.random.default_rng(1)
    layers = (
        Layer(rng.integers(-3, 8, (8, 1, 1, 1)), 4, Neuron(np.int64(6), np.int64(1 << 12))),
        Layer(rng.integers(-6, 4, (8, 8, 3, 3)), 4,
              Neuron(np.int64(3), np.int64(1 << 12)), padding=1, bias=np.full(8, 5),
              greatest=Greatest(3, 2, 1, True)),
        Layer(rng.integers(-7, 8, (3, 128)), 4, QUIET))
    return Network((1, 6, 6), 16, layers, encoder="bernoulli", name="padded")


def currents():
    """Numbers that are the same in all steps, of two words."""
    rng = np.random.default_rng(1)
    return Network((1, 6, 6), 20, (
        Layer(rng.integers(-3, 8, (8, 1, 3, 3)), 4, Neuron(np.int64(900), np.int64(1 << 12))),
        Layer(rng.integers(-7, 8, (3, 128)), 4, QUIET)), encoder="current", name="currents")


def pictures():
    """A bright image, two of single pixels, and a dark one."""
    found = np.zeros((4, 1, 6, 6), dtype=np.uint8)
    found[0], found[1, :, ::4, 1], found[2, :, 1::4, 1] = 250, 200, 200
    return found


# fault: (module, what stands there, what is put there, where it is used, name, network)
FAULTS = {
    "the stores of the walk before are always over": (
        player, "self.stored.eq(over(steps + plan.lanes - 1, max(plan.lanes, 2)) & cool)",
        "self.stored.eq(1)", walk_buffer, "Player", "sparse"),
    "all trains of a walk's last row count": (
        player, "last & piece.closes, Cat(n < used for n in range(plan.trains)), ~0)",
        "last & piece.closes, ~0, ~0)", walk_buffer, "Player", "sparse"),
    "sums never begin anew": (
        player, "self.now.first.eq(opens & ~param)", "self.now.first.eq(0)",
        walk_buffer, "Player", "sparse"),
    "rows are filled that are still to be read": (
        room, "self.adds.eq(used_rows < KEPT_ROWS)", "self.adds.eq(1)",
        dispatcher, "BufferRoom", "full"),
    "a leg's sums are not compared with those held": (
        greatest, "Mux(held & (outside | (before > own)), before, own)", "own", datapath,
        "Greatest", "legs"),
    "the sums of the walk before are held": (
        greatest, "held & (outside | (before > own))", "outside | (before > own)", datapath,
        "Greatest", "legs"),
    "a silent leg does not count as 0": (
        greatest, "Mux(blank & more[-1], 0, more)", "more", datapath, "Greatest", "legs"),
    "a silent leg of this walk counts in the next": (
        room, "found.blank.eq(found.blank & room.leg)", "found.blank.eq(found.blank)",
        dispatcher, "LaneRoom", "legs"),
    "a last leg outside the map counts as 0": (
        greatest, "(outside | (before > own))", "(before > own)", datapath, "Greatest", "padded"),
    "a leg outside the map counts as 0": (
        dispatcher, "gives & dropped & ~outside", "gives & dropped", engine, "Dispatcher",
        "padded"),
    "visits of a leg outside the map add": (
        look, "outside, inside = ~leg_inside, inside & leg_inside", "outside = ~leg_inside",
        address_generator, "Look", "padded"),
    "a bit counts as much as the one before": (
        steady, "(total << 1) + own", "total + own", datapath, "Steady", "currents"),
    "the current of the walk before is kept": (
        steady, "m.d.sync += total.eq(0)", "m.d.sync += total.eq(total)", datapath, "Steady",
        "currents"),
    "the next walk ends before the bits are taken": (
        room, "+ plan.steady_bits * p.steady", "", dispatcher, "LaneRoom", "currents"),
    "words of another chunk are read": (
        programs, "in_chunk = 0 if steady else", "in_chunk =", planner, "Programs", "currents"),
    "a leg moves the walk on": (
        address_generator, "with m.Elif(end & closing):", "with m.Elif(end):", engine,
        "AddressGenerator", "legs"),
}


# network: (what makes it, its images, how it is built)
NETWORKS = {
    "sparse": (sparse, pictures(), OPTIONS),
    "full": (full, np.full((2, 720, 1, 1), 255, dtype=np.uint8), OPTIONS),
    "legs": (legs, pictures(), IN_LEGS), "padded": (padded, pictures(), IN_LEGS),
    "currents": (currents, pictures(), IN_LEGS)}


def run_with(size):
    """Golden and RTL of one network are equal, or AssertionError or Fault."""
    chosen, images, options = NETWORKS[size]
    assert_equal(chosen(), images, options, {}, stall=0)


@pytest.mark.parametrize("size", NETWORKS)
def test_green_without_a_fault(size):
    run_with(size)


@pytest.mark.rotated
@pytest.mark.parametrize("fault", FAULTS)
def test_red_with(fault, monkeypatch):
    module, old, new, user, name, size = FAULTS[fault]
    monkeypatch.setattr(user, name, getattr(changed(module, old, new), name))
    with pytest.raises((AssertionError, Fault)) as caught:
        run_with(size)
    assert re.search("differ|failed", str(caught.value)), caught.value
