"""Explanations on the chip: one description of each stream of words, and a third explanation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.run import run
from hw.accelerator import Accelerator
from hw.interface import (
    AXES,
    EXPLANATIONS,
    Flag,
    Output,
    Space,
    code_of,
    count_output,
    streams,
    table_space,
)
from hw.plan.packing import configuration
from sim.rtl import Simulation
from tests.helpers.tally import Tally
from verify.networks import draw, images


@given(st.lists(st.sampled_from(AXES), min_size=1, max_size=4, unique=True), st.data())
def test_words_and_arrays_are_inverse(order, data):
    """Whatever the order and however many parts; an array has its axes in the order of AXES."""
    length = st.integers(1, 4)
    shape = {part: tuple(data.draw(length) for _ in order) for part in range(data.draw(length))}
    output = Output("maps", tuple(order), shape, 9)
    words = np.arange(2 * output.count).reshape(2, output.count)
    arrays = output.arrays(words)
    assert np.array_equal(output.words(arrays), words)
    for part, array in arrays.items():
        assert array.shape == (2, *(shape[part][order.index(axis)]
                                    for axis in sorted(order, key=AXES.index)))
    first = arrays[0][0]
    last = dict.fromkeys(order, 0) | {order[-1]: shape[0][-1] - 1}
    assert first[tuple(last[axis] for axis in sorted(order, key=AXES.index))] == shape[0][-1] - 1


def test_values_have_the_sign_of_their_stream():
    raw = np.array([[0, 3, 4, 7]])
    assert Output("maps", ("word",), {0: (4,)}, 3).values(raw).tolist() == [[0, 3, 4, 7]]
    assert Output("scores", ("word",), {0: (4,)}, 3, signed=True).values(raw).tolist() == [
        [0, 3, -4, -1]]


def test_counts_by_part():
    output = count_output(layers=2, counters=True, flags=True)
    arrays = output.arrays(np.array([[1, 2, 3, 10, 20, 0, 2**32 - 1], [1, 2, 3, 10, 20, 1, 99]]))
    assert arrays["spikes"].tolist() == [[1, 2, 3]] * 2
    assert arrays["counters"].tolist() == [[10, 20]] * 2
    assert arrays["flags"].tolist() == [[0], [1 << Flag.CORRUPT]]
    assert arrays["cycles"].tolist() == [[2**32 - 1], [99]]
    plain = count_output(layers=2)
    assert list(plain.shape) == ["spikes", "cycles"] and plain.bits == 32


def test_codes_and_tables_stay_as_the_wire_has_them(monkeypatch):
    assert [code_of(name) for name in (
        "maps", "scores", "counts", "traces", "contributions")] == [1, 2, 3, 4, 5]
    assert [table_space(name) for name in ("maps", "traces", "contributions")] == [8, 9, 10]
    monkeypatch.setitem(EXPLANATIONS, "tallies", "tests.helpers.tally")
    assert streams()[5:] == ("tallies",) and table_space("tallies") == 11
    for n in range(4):
        monkeypatch.setitem(EXPLANATIONS, f"more{n}", "tests.helpers.tally")
    assert table_space("more3") == 15
    monkeypatch.setitem(EXPLANATIONS, "one too many", "tests.helpers.tally")
    with pytest.raises(ValueError, match="must be at most 8, and one too many is one more"):
        table_space("one too many")


@pytest.mark.slow
@pytest.mark.parametrize("options", [
    {"explain": {"tallies": (1, 2)}, "taps": ()},
    {"explain": {"tallies": (2,)}, "taps": (1, 2), "attribution": 1, "word_steps": 8}])
def test_a_third_explanation(options, monkeypatch):
    """Its file and its line of EXPLANATIONS; its words are right, and nothing else changes."""
    monkeypatch.setitem(EXPLANATIONS, "tallies", "tests.helpers.tally")
    network = draw(20)
    assert len(network.taps) >= 2
    simulation = Simulation(network, quick=True, **options)
    outputs = simulation.accelerator.outputs
    assert outputs["tallies"].code == 6 and list(outputs)[-1] == "tallies"
    pictures = images(network, 3, 2)
    found = simulation.run(pictures, stall=0.2, tables={"tallies": [5, 0]})
    wanted = run(pictures, network, taps=options["taps"])
    spikes = run(pictures, network).spikes
    for layer in options["explain"]["tallies"]:
        tallies = found.explained["tallies", layer]
        assert np.array_equal(tallies, 16 * spikes[layer].sum(axis=1, dtype=np.int64) + 5)
        assert np.array_equal(found.arrays()[f"tallies_{layer}"], tallies)
    assert np.array_equal(found.scores, wanted.scores)
    for tap in options["taps"]:
        assert np.array_equal(found.maps[tap], wanted.maps[tap])


def test_tables_go_where_their_explanation_looks(monkeypatch):
    monkeypatch.setitem(EXPLANATIONS, "tallies", "tests.helpers.tally")
    accelerator = Accelerator(draw(20), taps=(1,), explain={"tallies": (1,)})
    assert isinstance(accelerator.explained["tallies"].unit, Tally)
    writes = configuration(accelerator.plan, table=[7], mode="paper", tallies=[8, 9])
    assert writes[writes[:, 0] >= Space.TABLE].tolist() == [[8, 0, 7], [11, 0, 8], [11, 1, 9]]
