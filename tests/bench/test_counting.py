"""What bench counts as operations, and divides them by, on a network by hand; planted faults."""

import pytest

from bench import rows
from golden import activity
from golden.run import run
from sim import throughput
from tests.helpers.two_sided import pictures, two_sided


def check_counted():
    """Three spikes and two. Each meets one weight of layer 1, which hands it to two classes."""
    network = two_sided()
    result = run(pictures(), network)
    assert throughput.operations(network, result).tolist() == [3 + 3 * 2, 2 + 2 * 2]


def check_divided():
    """30 operations in 12 cycles are 2.5 a cycle, 24 effective ones 2; a run that is not golden's
    has no grade.
    """
    row = rows.per_cycle("images", 2, 3)
    given = {"operations": [10, 20], "effective": [9, 15], "cycles": [4, 8], "images": 2,
             "taps": [1], "equal": True}
    said, grade = row({"images": given})
    assert said.startswith("**2.50** = 30 operations / 12 cycles of 2 images") and grade == "must"
    assert said.endswith("2.00 without those of weights of 0")
    said, grade = row({"images": given | {"equal": False}})
    assert "NOT EQUAL" in said and grade == "no"


def test_operations_by_hand():
    check_counted()


def test_operations_a_cycle_by_hand():
    check_divided()


FAULTS = {
    "zero weights left out": (throughput, "of_result", lambda right: lambda *given: right(
        *given)[:, ::-1]),
    "doubled": (throughput, "of_result", lambda right: lambda *given: 2 * right(*given)),
    "one picture for all": (throughput, "of_result", lambda right: lambda *given: right(
        *given)[[0, 0]]),
    "fan-out of one": (activity, "fan", lambda right: lambda *given: (right(*given) > 0) * 1.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_in_counting_is_seen(fault, monkeypatch):
    where, name, change = FAULTS[fault]
    monkeypatch.setattr(where, name, change(getattr(where, name)))
    with pytest.raises(AssertionError):
        check_counted()


@pytest.mark.parametrize("fault", ["mean of the quotients", "the largest of the cycles"])
def test_a_planted_fault_in_dividing_is_seen(fault, monkeypatch):
    total = sum
    wrong = {"mean of the quotients": lambda values: total(values) / len(values),
             "the largest of the cycles": max}[fault]
    monkeypatch.setattr(rows, "sum", wrong, raising=False)
    with pytest.raises(AssertionError):
        check_divided()
