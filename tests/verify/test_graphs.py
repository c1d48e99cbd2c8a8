"""Graphs with loops beside their equations, Norse, integers and RTL; a fault in any is seen."""

from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

from golden.importers.nir import from_nir
from golden.io.errors import BadInput
from tests.golden.importers.test_loops import braille
from tests.helpers.exits import exit_code
from verify.graphs import checked, equations, flat, holds, main

GIVEN = Path(__file__).parents[2].parent / "shared" / "nir"
pytestmark = pytest.mark.filterwarnings("ignore")


def written(folder, *, nested=False, bias=True):
    path = folder / "graph.nir"
    nir.write(path, braille(nested, bias))
    return path


@pytest.mark.slow
def test_all_as_it_must_be(tmp_path):
    """The size and the schedule are found by themselves."""
    found = checked(written(tmp_path, nested=True), reset="zero", steps=40, count=2)
    assert holds(found) and found["rtl"] and found["norse"] == found["equations"] == 1
    assert min(found["spikes"]) > .005 and found["cycles"] > 40 * 30


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(GIVEN.glob("braille_*.nir")), ids=lambda path: path.stem)
def test_those_that_are_given(path):
    reset = "subtract" if path.stem.endswith("subtract") else "zero"
    assert holds(checked(path, reset=reset, count=1, steps=128))


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_without_rtl(tmp_path, reset):
    found = checked(written(tmp_path), reset=reset, steps=60, rtl=False)
    assert holds(found) and (found["norse"] is None) == (reset != "zero")


@pytest.mark.parametrize("what", ["transposed", "none", "cut"])
def test_a_planted_fault_is_seen(tmp_path, what, monkeypatch):
    def wrong(path, **options):
        network = from_nir(path, **options)
        first, *rest = network.layers
        loop = first.recurrent
        loop = {"transposed": replace(loop, weights=loop.weights.T), "none": None,
                "cut": replace(loop, cut="spikes")}[what]
        return network.replace(layers=(replace(first, recurrent=loop), *rest))
    monkeypatch.setattr("verify.graphs.from_nir", wrong)
    found = checked(written(tmp_path), reset="zero", steps=60, rtl=False)
    assert not holds(found) and found["equations"] < 1 and found["norse"] < 1


def test_what_is_under_the_bounds_fails():
    good = {"equations": 1.0, "norse": None, "integers": [.999, .5], "spikes": [], "rtl": None,
            "cycles": None}
    assert holds(good)
    for change in ({"equations": .9999}, {"norse": .9999}, {"integers": [.997, 1]},
                   {"rtl": False}):
        assert not holds({**good, **change})


def test_nested_and_flat_are_the_same_graph():
    (one, pairs), (two, more) = flat(braille(True)), flat(braille())
    assert set(one) == set(two) and set(pairs) == set(more)
    active = (np.random.default_rng(0).random((2, 30, 12)) < .2).astype(np.uint8)
    for a, b in zip(equations(braille(True), active, "zero"), equations(braille(), active, "zero"),
                    strict=True):
        assert np.array_equal(a, b)


def test_a_command_prints_it(tmp_path, capsys):
    path = written(tmp_path)
    assert exit_code(main, str(path), "--no-rtl", "--steps", "30", "--count", "1") == 0
    assert "all as it must be" in capsys.readouterr().out
    assert exit_code(main, str(path), "--count", "0") == 2
    assert exit_code(main, str(tmp_path / "none.nir")) == 2


def test_what_leaks_to_another_level_is_refused():
    """srnn.nir, whose weights are 0 and whose membranes leak to their threshold."""
    with pytest.raises(BadInput, match=r"node 'lif2' \(CubaLIF\): v_leak must be 0 where there is "
                                       r"a synaptic current, not 1"):
        graph = braille()
        graph.nodes["lif2"].v_leak[:] = 1
        from_nir(graph, reset="zero", steps=9)
