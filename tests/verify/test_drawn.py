"""The simulated accelerator equals golden bit for bit, on drawn networks and on named ones.

A part of the covering array of tests.drawn, another one with each commit, and all of its cases by
name; ``python -m tests.drawn --pairs`` runs the whole.
"""

import subprocess
import time

import numpy as np
import pytest

from golden.network import Layer, Network, Neuron, Pool
from tests.helpers.commit import commit
from tests.helpers.equal import assert_equal
from verify.drawn.__main__ import array, arrays, drawn_choice, fault, soaked
from verify.drawn.cases import FACTORS, RULES, case_of
from verify.drawn.named import named
from verify.drawn.pairs import Rule, Rules, covering, pairs_of
from verify.drawn.planted import dies, other, raises, sleeps
from verify.drawn.trial import described, trials
from verify.networks import drawn_weights, images

pytestmark = pytest.mark.slow

PART = 10        # networks of the array that are run here
MAKERS, POSSIBLE, IMPOSSIBLE = arrays()
NAMES = list(named())
PAIRS = [name for name in MAKERS if name not in NAMES]


def part():
    """Names of the networks of the array that this commit runs."""
    parts = -(-len(PAIRS) // PART)
    return PAIRS[commit() % parts::parts]


@pytest.mark.parametrize("name", [*part(), *(
    pytest.param(name, marks=pytest.mark.rotated) for name in NAMES)])
def test_drawn(name):
    case = MAKERS[name]()
    (_, found), = trials([(name, case)])
    assert found.get("wrong") == [], fault({"name": name, **described(case), **found})


# --- the array ------------------------------------------------------------------------------------


def test_every_pair_is_there_or_cannot_be():
    """Counted anew from the networks' own choices; what is not there breaks a rule."""
    everything = {((one, a), (two, b)) for n, one in enumerate(FACTORS)
                  for two in list(FACTORS)[n + 1:] for a in FACTORS[one] for b in FACTORS[two]}
    have = set()
    rows, _, _ = array()
    assert len(rows) == len(PAIRS)
    for choice in rows:
        assert RULES.broken(choice) is None
        have.update(pairs_of(choice, list(FACTORS)))
    assert have == POSSIBLE and everything - have == set(IMPOSSIBLE)
    assert all(IMPOSSIBLE.values()), "a pair that cannot be has a rule that says so"
    lanes = {(lanes, word, channels % lanes) for (_, (lanes, word)), (other, channels) in (
        pair for pair in have if pair[0][0] == "engine") if other == "channels"}
    assert lanes == {(lanes, word, rest) for lanes, word in FACTORS["engine"]
                     for rest in range(lanes)}, "every remainder at all lanes and steps"


def test_covering_by_hand():
    """Two switches that are never both on, and one of three: six pairs of nothing wanted."""
    factors = {"a": (0, 1), "b": (0, 1), "c": (0, 1, 2)}
    rules = Rules([Rule(("a", "b"), lambda a, b: not (a and b), "one at a time")])
    rows, possible, impossible = covering(factors, rules)
    assert impossible == {(("a", 1), ("b", 1)): ["one at a time"]}
    assert len(possible) == 3 + 6 + 6 and len(rows) >= 6
    assert possible == {pair for row in rows for pair in pairs_of(row, list(factors))}


def test_a_pair_that_two_rules_rule_out():
    """No rule is about both, but each level of what is between them breaks one."""
    rules = Rules([Rule(("a", "c"), lambda a, c: not a or c == 0, "a needs c 0"),
                   Rule(("b", "c"), lambda b, c: not b or c == 1, "b needs c 1")])
    _, possible, impossible = covering({"a": (0, 1), "b": (0, 1), "c": (0, 1)}, rules)
    assert set(impossible[("a", 1), ("b", 1)]) == {"a needs c 0", "b needs c 1"}
    assert (("a", 1), ("b", 0)) in possible


def test_a_soak_draws_what_the_rules_allow():
    first = [soaked(n, 5) for n in range(6)]
    assert [case.network.digest for case in first] == [
        soaked(n, 5).network.digest for n in range(6)]
    assert len({case.network.digest for case in first}) == 6
    assert len({str(drawn_choice(f"5 {n}")) for n in range(500)}) == 500


# --- the check itself -----------------------------------------------------------------------------


def test_what_does_not_end_is_killed():
    before = time.monotonic()
    found = dict(trials([(0, None), (1, None)], timeout=3, test=sleeps))
    assert [found[n]["error"] for n in (0, 1)] == ["no end within 3 s"] * 2
    assert time.monotonic() - before < 60
    left = subprocess.run(["pgrep", "-f", "^sleep 1000$"], text=True, capture_output=True).stdout
    assert left == ""


def test_what_fails_is_an_answer():
    (_, found), = trials([(0, None)], test=raises)
    assert found["error"] == "ValueError: as asked for"
    (_, found), = trials([(0, None)], test=dies)
    assert found["error"] == "the process died"


def test_a_difference_is_seen():
    case = named()["columns 3, lanes 4"]
    (_, found), = trials([(0, case)], test=other)
    assert {word.split(" ")[0] for word in found["wrong"]} >= {"spikes_input", "counts"}


def test_a_broken_rule_is_refused():
    choice = drawn_choice("7")
    with pytest.raises(ValueError, match="a dense layer has no stride"):
        case_of({**choice, "kernel": "dense", "stride": 2, "padding": "none",
                 "grouping": "none", "pool last": "none"}, 1, "x")


# --- networks of some size ------------------------------------------------------------------------


def conv(rng, outputs, inputs, kernel=3, *, bits=4, frac=2, threshold=None, norm=None, **place):
    """A convolution of drawn weights, order B, with a threshold that some inputs reach."""
    shape = (outputs, inputs, kernel, kernel) if kernel else (outputs, inputs)
    fan_in = inputs * max(1, kernel)**2
    if threshold is None:
        threshold = max(1, int(fan_in**0.5 * 2.0**(bits - 3))) << frac
    return Layer(drawn_weights(rng, shape, bits), bits,
                 Neuron(np.int64(threshold), np.int64(1 << 12)),
                 norm=norm, frac=0 if norm else frac, **place)


def dense(rng, outputs, inputs, **options):
    """A spiking dense layer."""
    return conv(rng, outputs, inputs, 0, **options)


def accumulating(rng, outputs, inputs, bits=4):
    """A read-out layer."""
    return Layer(drawn_weights(rng, (outputs, inputs), bits), bits,
                 Neuron(np.int64(0), np.int64(0), reset="none"))


def lenet(rng):
    return Network((1, 28, 28), 8, (
        conv(rng, 6, 1, 5, padding=2), Pool("avg", 2, 2), conv(rng, 16, 6, 5), Pool("avg", 2, 2),
        dense(rng, 120, 400), dense(rng, 84, 120), accumulating(rng, 10, 84)), name="LeNet"), {
            "lanes": 8, "word_steps": 8}


def dense784(rng):
    return Network((1, 28, 28), 25, (
        dense(rng, 128, 784, threshold=100), accumulating(rng, 10, 128)), name="784-128-10"), {
            "lanes": 8, "word_steps": 16}


def separable(rng):
    return Network((3, 16, 16), 16, (
        conv(rng, 8, 3, padding=1), conv(rng, 8, 1, padding=1, groups=8),
        conv(rng, 16, 8, 1), conv(rng, 16, 1, padding=1, stride=2, groups=16),
        conv(rng, 24, 16, 1), Pool("avg", 8, 8), accumulating(rng, 10, 24)), name="separable"), {}


def vgg(rng):
    return Network((3, 64, 64), 4, (
        conv(rng, 4, 3, padding=1), conv(rng, 4, 4, padding=1), Pool("max", 2, 2),
        conv(rng, 8, 4, padding=1), conv(rng, 8, 8, padding=1), Pool("max", 2, 2),
        conv(rng, 12, 8, padding=1), conv(rng, 12, 12, padding=1), Pool("max", 2, 2),
        dense(rng, 32, 768, threshold=20), accumulating(rng, 10, 32)), name="VGG"), {
            "lanes": 4, "word_steps": 4}


def bntt(rng):
    def norm(channels):
        return rng.integers(16, 64, (20, channels)), rng.integers(-4, 20, (20, channels)), 3

    return Network((2, 12, 12), 20, (
        conv(rng, 8, 2, padding=1, norm=norm(8)), conv(rng, 12, 8, stride=2, norm=norm(12)),
        dense(rng, 30, 300, norm=norm(30)), accumulating(rng, 10, 30)), name="BNTT",
        encoder="ternary"), {}


def two_taps(rng):
    return Network((1, 20, 20), 16, (
        conv(rng, 4, 1, padding=1), conv(rng, 8, 4, stride=2), conv(rng, 8, 8, padding=1),
        conv(rng, 12, 8, stride=2), accumulating(rng, 10, 192)), name="two taps"), {
            "taps": (2, 4)}


NAMED = (lenet, dense784, separable, vgg, bntt, two_taps)


@pytest.mark.rotated
@pytest.mark.parametrize("make", NAMED, ids=lambda make: make.__name__)
def test_named(make):
    network, options = make(np.random.default_rng(7))
    wanted, found = assert_equal(
        network, images(network, 2, 1), options, {"gamma": 0.5}, stall=0.2,
        quick=network.shape[1] < 28)
    counts = wanted.counts.max(axis=0)
    assert counts.all(), f"{network.name}: a layer is silent: {counts.tolist()}"
    assert sorted(found.maps) == sorted(options.get("taps", network.taps))
