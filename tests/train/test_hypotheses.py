"""The experiment of results/PROTOCOL.md: statistics and verdicts by hand, and planted faults."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.explain.methods.count import Count
from golden.network import load
from tests.helpers.two_sided import masks, pictures, two_sided
from train.paper import comparing, judging

# --- statistics -----------------------------------------------------------------------------------


def check_matched():
    """Every step and channel keeps its count; a neuron's train does not stay together."""
    spikes = np.zeros((8, 3, 4, 4), np.uint8)
    spikes[:, 0, 1, 2] = 1              # one neuron that spikes in every step
    spikes[::2, 1] = 1                  # a channel that is full, or silent
    found = comparing.activity_matched(spikes, 5)
    assert np.array_equal(found.sum(axis=(2, 3)), spikes.sum(axis=(2, 3)))
    assert np.array_equal(found[:, 1], spikes[:, 1]) and not found[:, 2].any()
    where = [int(step[0].argmax()) for step in found]
    assert len(set(where)) > 3
    assert np.array_equal(found, comparing.activity_matched(spikes, 5))
    assert not np.array_equal(found, comparing.activity_matched(spikes, 6))


def test_matched_activity():
    check_matched()


def fault_of_shuffle(kind):
    """``activity_matched`` done wrongly."""
    def found(spikes, seed):
        chance = np.random.default_rng(seed)
        steps, channels, *_ = spikes.shape
        if kind == "one permutation for all steps":
            order = chance.permutation(spikes[0, 0].size)
            return spikes.reshape(steps, channels, -1)[..., order].reshape(spikes.shape)
        if kind == "channels mixed":
            return chance.permuted(spikes.reshape(steps, -1), axis=1).reshape(spikes.shape)
        if kind == "steps mixed":
            return chance.permuted(spikes, axis=0)
        return spikes                   # "nothing moved"
    return found


@pytest.mark.parametrize("kind", ["one permutation for all steps", "channels mixed",
                                  "steps mixed", "nothing moved"])
def test_a_wrong_shuffle_is_seen(kind, monkeypatch):
    monkeypatch.setattr(comparing, "activity_matched", fault_of_shuffle(kind))
    with pytest.raises(AssertionError):
        check_matched()


def test_right_way_round_by_hand():
    heat = np.array([[3.0, 1, 2]])
    first, second = np.array([[1, 0, 0]], bool), np.array([[0, 1, 1]], bool)
    assert comparing.right_way_round(heat, first, second) == 1
    assert comparing.right_way_round(heat, second, first) == 0
    assert comparing.right_way_round(0 * heat, first, second) == 1 / 2
    # The mean and not the sum: a large object is no hot one.
    assert comparing.right_way_round(np.array([[2.5, 2, 2]]), first, second) == 1


def test_two_objects_of_a_scene(monkeypatch):
    """A read-out of two halves, an object in either: the classes lie right, and SAM is even."""
    halves = np.zeros((2, 2, 2, 4), bool)
    halves[:, 0, 0, 0] = halves[:, 1, 1, 3] = True
    both = np.zeros((2, 3, 1, 2, 4), np.uint8)
    both[:, :, 0, 0, 0] = both[:, :, 0, 1, 3] = 1

    class Made:
        images, masks, labels = both, halves, np.array([[0, 1], [1, 0]])

    class Shown:
        network, numbers = two_sided(), np.array([0, 1])

    monkeypatch.setattr(comparing.scenes, "make", lambda *args, **options: Made)
    monkeypatch.setattr(comparing, "two_picture", lambda image: image)
    found = comparing.two_objects(Shown, Shown)
    assert found["contribution"] == [1, 0] and found["sam"] == [1 / 2, 1 / 2]


# --- the whole measurement, by hand ---------------------------------------------------------------


def check_measured():
    """As tests/golden/test_scorecard.py has it by hand: 9/12, and curves of p = 27/28 and 9/10."""
    for image, mask, label, number, p in zip(pictures(), masks(), (0, 0), (4, 7), (27 / 28, 9 / 10),
                                             strict=True):
        found = comparing.measure(image, mask, label, number, two_sided())
        for name in ("sam", "count", "contribution"):
            assert found[f"{name} deletion black"] == pytest.approx((p + 1 / 2) / 16 + 7 / 16)
            assert found[f"{name} insertion black"] == pytest.approx((p + 1 / 2) / 16 + 7 / 8 * p)
            assert found[f"{name} AUC"] == 9 / 12 and found[f"{name} pointing"] == 1
        assert found["count MPRT"] == 1 and found["contribution completeness"] == 0
        assert found["right"] == (number == 4)
        assert "count completeness" not in found


@pytest.fixture
def nine(monkeypatch):
    """A curve takes the eight pixels one after the other."""
    monkeypatch.setattr(comparing, "SETTING", replace(comparing.SETTING, points=9))


@pytest.mark.usefixtures("nine")
def test_measured_by_hand():
    check_measured()


def negated(explain):
    """A method whose map has the wrong sign."""
    return lambda self, asked: replace(explain(self, asked), heat=-explain(self, asked).heat)


def patched(where, name, change):
    """A fault: ``name`` of a module or class is changed."""
    return lambda patch: patch.setattr(where, name, change(getattr(where, name)))


FAULTS = {
    "wrong object": patched(comparing, "localised", lambda right: lambda heat, mask, how: right(
        heat, ~mask, how)),
    "negated count": patched(Count, "explain", negated),
    "insertion for deletion": patched(comparing, "flipped", lambda right: (
        lambda *args, insertion, **options: right(*args, insertion=not insertion, **options))),
    "coldest pixels first": patched(comparing, "flipped", lambda right: (
        lambda image, heat, *args, **options: right(image, -heat, *args, **options))),
    "another class": patched(comparing, "probabilities", lambda right: (
        lambda logits, network: right(logits, network)[..., ::-1])),
    "another fill": patched(comparing, "fill_of", lambda right: lambda setting, image: 1),
    "maximum for mean": patched(comparing, "area", lambda right: lambda at, values: max(values)),
    "biases left in": patched(comparing, "completeness", lambda right: lambda total, claim: right(
        total, claim + 1)),
}


@pytest.mark.usefixtures("nine")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    FAULTS[fault](monkeypatch)
    with pytest.raises(AssertionError):
        check_measured()


def test_noise_is_fresh_and_maps_without_values_have_no_answer():
    network = load("digits")
    assert comparing.seeded(network, 1000).seed == 2001
    assert comparing.seeded(network, 1000).digest != comparing.seeded(network, 1001).digest
    found = comparing.measure(np.zeros((1, 8, 8), np.uint8), np.eye(8, dtype=bool), 0, 3, network)
    assert "brightness AUC" not in found and "brightness deletion black" not in found
    assert "centre AUC" in found


# --- verdicts -------------------------------------------------------------------------------------


def numbers(**changes):
    """Three networks of 40 pictures in which H1 to H9 are all shown, but for ``changes``."""
    rng = np.random.default_rng(0)
    level = {}
    for fill in judging.FILLS:
        for name, gap in (("contribution", 0.6), ("sam", 0.4), ("count", 0.2), ("zplus", 0.7)):
            for prefix in ("", "shuffled "):
                level[f"{prefix}{name} insertion {fill}"] = gap if not prefix else 0.1
                level[f"{prefix}{name} deletion {fill}"] = 0.0
    level |= {"sam AUC": 0.8, "contribution AUC": 0.7, "count AUC": 0.75, "centre AUC": 0.6,
              "matched AUC": 0.5, "zplus AUC": 0.81, "tsa AUC": 0.55}
    level |= {f"shuffled {name} AUC": 0.5 for name in ("sam", "contribution", "count", "tsa",
                                                       "matched")}
    level |= {"count MPRT": 0.7, "contribution MPRT": 0.2, "zplus MPRT": 0.3, "tsa MPRT": 0.1}
    level |= {"pair contribution": 0.95, "pair sam": 0.5, "pair shuffled contribution": 0.5}
    level |= changes
    return {f"net-{n}": {name: value + rng.normal(0, 0.001, 40) for name, value in level.items()}
            for n in range(3)}


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    """Enough for levels of .05 / 19; the committed numbers are judged by all 10,000."""
    monkeypatch.setattr(judging, "DRAWS", 1000)


def verdicts_of(**changes):
    return judging.verdicts({"here": numbers(**changes)})[1]


def check_verdicts():
    """All shown; and each by what breaks it."""
    assert set(verdicts_of().values()) == {"shown"}
    one = {"contribution insertion blur": 0.35}
    assert verdicts_of(**one)["H1"] == "not shown"          # three fills must agree
    less = {f"contribution insertion {fill}": 0.3 for fill in judging.FILLS}
    assert verdicts_of(**less)["H1"] == "contradicted"
    assert verdicts_of(**{"count AUC": 0.8})["H4"] == "not shown"
    assert verdicts_of(**{"count AUC": 0.9})["H4"] == "contradicted"
    assert verdicts_of(**{"centre AUC": 0.9})["H5"] == "contradicted"       # the least counts
    assert verdicts_of(**{"matched AUC": 0.9})["H5"] == "contradicted"
    assert verdicts_of(**{"shuffled sam AUC": 0.9})["H5"] == "contradicted"
    assert verdicts_of(**{"shuffled sam AUC": 0.7})["H3"] == "not shown"    # the control, too
    assert verdicts_of(**{"zplus AUC": 0.79})["H7"] == "shown"              # within .02
    assert verdicts_of(**{"zplus AUC": 0.77})["H7"] == "contradicted"
    assert verdicts_of(**{"tsa MPRT": 0.9})["H9"] == "contradicted"
    assert verdicts_of(**{"pair contribution": 0.5})["H6"] == "not shown"
    assert verdicts_of(**{"pair shuffled contribution": 0.95})["H6"] == "not shown"


def test_verdicts_by_hand():
    check_verdicts()


def test_the_fill_nearest_to_0_is_tested():
    test, = (each for each in judging.verdicts({"here": numbers(
        **{"contribution insertion mean": 0.45})})[0] if each.hypothesis == "H1")
    assert test.what.endswith("mean") and test.mean == pytest.approx(0.05, abs=0.001)


def test_settings_are_joined_and_the_family_is_one():
    made = {"here": numbers(), "there": numbers(**{"count AUC": 0.9})}
    for networks in made["there"].values():
        del networks["pair contribution"]
    tests, joined = judging.verdicts(made)
    assert joined["H4"] == "shown and contradicted" and joined["H3"] == "shown"
    assert [test.setting for test in tests if test.hypothesis == "H6"] == ["here"]
    assert len(tests) == 10 + 9


def test_lost_pictures_and_few_networks_are_undecided():
    made = numbers()
    for networks in made.values():
        networks["sam AUC"][:5] = np.nan
    tests, joined = judging.verdicts({"here": made})
    assert joined["H3"] == "undecided" and joined["H1"] == "shown"
    assert next(test for test in tests if test.hypothesis == "H3").lost == 15
    two = dict(list(numbers().items())[:2])
    assert set(judging.verdicts({"here": two})[1].values()) == {"undecided"}


JUDGING_FAULTS = {
    "sign of a difference": ("less", lambda right: lambda networks, a, b: right(networks, b, a)),
    "the largest for the least": ("least", lambda right: lambda tests: max(
        tests, key=lambda each: judging.mean_of(each.values))),
    "signs of fills not asked": ("more_faithful", lambda right: (
        lambda *args: replace(right(*args), one_sign=True))),
    "no control": ("localises", lambda right: lambda *args: replace(right(*args), control=None)),
    "another allowance": ("WORSE", lambda right: 0.0),
    "not corrected": ("holm", lambda right: lambda chances, level: [True] * len(chances)),
    "either for both": ("both", lambda right: lambda found: "shown" if "shown" in found
                        else found[0]),
}


@pytest.mark.parametrize("fault", JUDGING_FAULTS)
def test_a_fault_in_judging_is_seen(fault, monkeypatch):
    name, change = JUDGING_FAULTS[fault]
    monkeypatch.setattr(judging, name, change(getattr(judging, name)))
    with pytest.raises(AssertionError):
        check_verdicts()


# --- what is committed ----------------------------------------------------------------------------

KEPT = Path("results/hypotheses")


@pytest.mark.skipif(not (KEPT / "results.json").is_file(), reason="not made yet")
def test_verdicts_follow_from_the_committed_numbers(monkeypatch):
    monkeypatch.setattr(judging, "DRAWS", 10_000)
    made = json.loads((KEPT / "results.json").read_text())
    found = {}
    with np.load(KEPT / "numbers.npz") as kept:
        for key in kept.files:
            setting, network, name = key.split("/")
            found.setdefault(setting, {}).setdefault(network, {})[name] = kept[key]
    tests, joined = judging.verdicts(found)
    assert joined == made["verdicts"]
    assert [(test.what, test.verdict) for test in tests] == [
        (each["what"], each["verdict"]) for each in made["tests"]]
    assert [test.mean for test in tests] == pytest.approx(
        [each["mean"] for each in made["tests"]], rel=1e-3, abs=1e-6)
    assert all(len(values) == made["pictures"] for networks in found.values()
               for columns in networks.values() for values in columns.values())
