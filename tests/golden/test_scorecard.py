"""Metrics of explanations: by hand, at their limits, as a whole, and planted faults."""

import numpy as np
import pytest

from golden.explain import faithfulness, localisation, methods, metrics, sanity, scorecard
from golden.explain.faithfulness import area, flipped, flipping_curve, probabilities, sufficiency
from golden.explain.intervals import VERDICTS, bootstrap, chance, holm, over_settings, verdict
from golden.explain.localisation import (
    enlarged,
    localised,
    pointing,
    relevance_mass,
    relevance_rank,
)
from golden.explain.methods.count import Count
from golden.explain.road import imputed, removed, road
from golden.explain.sanity import completeness, max_sensitivity, randomised, similarity
from golden.explain.scorecard import METRICS, Setting, measured
from golden.io.errors import BadInput
from golden.network import load
from tests.helpers.two_sided import masks, pictures, two_sided

# --- faithfulness ---------------------------------------------------------------------------------


def test_flipped_by_hand():
    image, heat = np.array([[[9, 8]]], np.uint8), [[1, 2]]
    found, shares = flipped(image, heat, 3)
    assert found[:, 0, 0].tolist() == [[9, 8], [9, 0], [0, 0]] and shares.tolist() == [0, 0.5, 1]
    found, _ = flipped(image, heat, 3, insertion=True)
    assert found[:, 0, 0].tolist() == [[0, 0], [0, 8], [9, 8]]
    found, _ = flipped(image, heat, 2, fill=7)
    assert found[:, 0, 0].tolist() == [[9, 8], [7, 7]] and image.tolist() == [[[9, 8]]]


def test_a_pixel_goes_in_all_channels_and_steps():
    frames = np.ones((3, 2, 1, 2), np.uint8)
    found, _ = flipped(frames, [[0, 1]], 3)
    assert found[1, ..., 0].all() and not found[1, ..., 1].any()


def test_of_equals_the_upper_left_goes_first():
    found, _ = flipped(np.full((1, 2, 2), 5, np.uint8), np.ones((2, 2)), 5)
    assert found[1, 0].tolist() == [[0, 5], [5, 5]] and found[3, 0].tolist() == [[0, 0], [0, 5]]


def test_curve_and_area_by_hand():
    total = lambda some: some.sum(axis=(1, 2, 3))
    image, heat = np.array([[[9, 8]]], np.uint8), [[1, 2]]
    for insertion, want, size in ((False, [17, 9, 0], 8.75), (True, [0, 8, 17], 8.25)):
        shares, found = flipping_curve(total, image, heat, points=3, insertion=insertion)
        assert found.tolist() == want and area(shares, found) == size


def test_probabilities():
    assert probabilities([[3, 0], [0, 2]], two_sided()) == pytest.approx(
        np.array([[27 / 28, 1 / 28], [1 / 10, 9 / 10]]))


def test_sufficiency_by_hand():
    maps = np.array([0.0, 1, 10])[:, None]
    assert sufficiency(maps, [0, 0, 1]).tolist() == [1, 1, 0]
    assert sufficiency(maps, [0, 1, 1]).tolist() == [0, 0, 0]
    assert sufficiency(maps, [0, 0, 1], threshold=1.0).tolist() == [0.5, 0.5, 0]
    # A pixel that is the same in all maps changes nothing.
    assert sufficiency(np.hstack([maps, np.ones((3, 1))]), [0, 0, 1]).tolist() == [1, 1, 0]


def test_road_by_hand():
    """Between 9 and 3 lies 6; nine around one give what they weigh; the hottest go first."""
    assert imputed([[[9, 0, 3]]], [[[0, 1, 0]]]).tolist() == [[[[9, 6, 3]]]]
    cross = np.array([[[0, 12, 0], [0, 99, 0], [24, 0, 0]]])
    assert imputed(cross, cross == 99)[0, 0, 1, 1] == pytest.approx(12 / 6 + 24 / 12)
    image, heat = np.array([[[9, 0, 3, 3]]], np.uint8), [[0, 5, 1, 1]]
    found = removed(image, heat, shares=(0.25, 0.5), noise=0)
    assert found[:, 0, 0].tolist() == [[9, 6, 3, 3], [9, 7, 5, 3]]
    assert imputed(image, np.ones((1, 1, 4), bool)).tolist() == [[[[0, 0, 0, 0]]]]
    assert road(lambda some: [7, 7, 1, 1, 7], image, heat, 7) == 3 / 5
    noisy = removed(np.full((1, 40, 40), 100, np.uint8), np.zeros((40, 40)), shares=(0.5,))
    assert 2 < noisy[0, 0, :20].std() < 3.2 and (noisy[0, 0, 20:] == 100).all()


# --- localisation ---------------------------------------------------------------------------------


def test_enlarged_by_hand():
    """Pixels lie at whole strides, and what is behind the last is like it."""
    assert enlarged(np.array([[0.0, 4.0], [8.0, 0.0]]), (4, 4)).tolist() == [
        [0, 2, 4, 4], [4, 3, 2, 2], [8, 4, 0, 0], [8, 4, 0, 0]]
    assert enlarged([[0, 4]], (2, 4), "nearest").tolist() == [[0, 0, 4, 4]] * 2
    assert enlarged([[0, 4]], (1, 5), "nearest").tolist() == [[0, 0, 0, 4, 4]]


def test_localisation_by_hand():
    assert relevance_mass([[3, 1, -5]], [[1, 0, 1]]) == 3 / 4
    assert relevance_rank([[3, 2, 1]], [[1, 0, 1]]) == 1 / 2
    assert relevance_rank([[3, 1, 1]], [[1, 0, 1]]) == 3 / 4
    assert relevance_rank(np.ones((2, 2)), [[1, 0], [0, 0]]) == 1 / 4
    assert pointing([[2, 2, 1]], [[1, 0, 1]]) == 1 / 2 and pointing([[2, 3, 1]], [[1, 0, 1]]) == 0
    assert np.isnan(relevance_mass([[-1, 0]], [[1, 0]]))


def test_localised_is_at_the_masks_resolution():
    """A 1 x 2 map on a 1 x 8 mask: by nearest both halves are equal, by bilinear they are not."""
    mask = [[1, 1, 0, 0, 0, 0, 0, 0]]
    near, line = (localised([[2, 0]], mask, how) for how in ("nearest", "bilinear"))
    assert near == {"AUC": (2 * 4 + 2 * 2 / 2) / 12, "pointing": 0.5, "mass": 0.5, "rank": 0.5}
    assert line["AUC"] == line["pointing"] == line["rank"] == 1


# --- sanity ---------------------------------------------------------------------------------------


def test_randomised_from_the_top():
    network = load("fashion")
    for count in range(len(network.stages) + 1):
        other = randomised(network, count)
        same = [np.array_equal(a.layer.weights, b.layer.weights)
                for a, b in zip(network.stages, other.stages, strict=True)]
        assert same == [True] * (5 - count) + [False] * count
        for a, b in zip(network.stages, other.stages, strict=True):
            assert np.array_equal(np.sort(a.layer.weights, axis=None),
                                  np.sort(b.layer.weights, axis=None))
    one, again, another = (randomised(network, 1, seed).stages[-1].layer.weights
                           for seed in (0, 0, 1))
    assert np.array_equal(one, again) and not np.array_equal(one, another)
    # Cascading: what is shuffled once stays so.
    assert np.array_equal(randomised(network, 3).stages[-1].layer.weights, one)


@pytest.mark.parametrize("name", ["scenes", "digits", "fashion-bntt", "dense784", "mnist-conv"])
def test_any_network_is_randomised(name):
    network = load(name)
    assert randomised(network, len(network.stages)).classes == network.classes


def test_similarity():
    assert similarity([[1, 2, 3]], [[10, 20, 30]]) == 1
    assert similarity([[1, 2, 3]], [[3, 2, 1]]) == -1
    assert similarity([[1, 2, 3]], [[5, 5, 5]]) == 0 and np.isnan(similarity([[1, 1]], [[1, 2]]))


def test_completeness_by_hand():
    assert completeness(3, 4) == 1 / 4 and completeness(3, -4) == 7 / 4 and completeness(4, 4) == 0
    assert np.isnan(completeness(1, 0))


def test_max_sensitivity_by_hand():
    image = np.array([[100, 0]], np.uint8)
    identity = lambda some: some.astype(float)
    found = max_sensitivity(identity, image, radius=3, draws=500)
    assert found == pytest.approx(np.hypot(3, 3) / 100)
    assert max_sensitivity(lambda some: [[7.0, 1.0]], image) == 0
    assert np.isnan(max_sensitivity(lambda some: [[0.0]], image))


# --- intervals ------------------------------------------------------------------------------------


def test_bootstrap_of_one_network():
    """Equal numbers have no width; of many, the interval is that of the normal distribution."""
    assert bootstrap([[1, 1]]) == (1, 1, 1)
    values = np.random.default_rng(0).normal(5, 1, 400)
    mean, low, high = bootstrap([values])
    half = 1.96 * values.std() / 20
    assert mean == pytest.approx(values.mean())
    assert low == pytest.approx(mean - half, abs=0.01)
    assert high == pytest.approx(mean + half, abs=0.01)


def test_bootstrap_of_networks():
    """Networks that differ widen the interval, however many pictures each has."""
    rng = np.random.default_rng(1)
    networks = [rng.normal(level, 0.01, 200) for level in (0, 1, 2)]
    mean, low, high = bootstrap(networks)
    assert mean == pytest.approx(1, abs=0.01) and high - low > 1
    _, low, high = bootstrap([np.concatenate(networks)])
    assert high - low < 0.2
    # Each network counts alike, and pictures without an answer do not.
    assert bootstrap([[0, 0, 0, np.nan], [1]])[0] == 0.5


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == [True, False, False]
    assert holm([0.01, 0.04, 0.02]) == [True, True, True]
    assert holm([0.2, 0.001]) == [False, True]


def test_chance():
    assert chance([[1, 1]]) == chance([[-1, -1]]) == 1 / 10_000
    assert chance([[-1, 1]]) == 1 and 0.1 < chance([[1, 1, 1, -1]]) < 1
    assert chance([[1] * 9, [1] * 9, [-1] * 9]) > 0.3 > chance([[1] * 9 + [-1] * 2] * 3)


UP, DOWN, NONE = [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0], [float("nan")]


@pytest.mark.parametrize("networks, holds, control, want", [
    ([UP] * 3, True, None, "shown"),
    ([UP] * 3, False, None, "not shown"),
    ([DOWN] * 3, True, None, "contradicted"),
    ([DOWN] * 3, False, None, "not shown"),
    ([UP, UP, DOWN], True, None, "not shown"),              # not in every network
    ([UP] * 3, True, [UP] * 3, "not shown"),                # shuffled weights do the same
    ([UP] * 3, True, [[0.0] * 3] * 3, "shown"),
    ([UP] * 2, True, None, "undecided"),
    ([UP, UP, UP + NONE], True, None, "shown"),
    ([UP, UP, UP + 2 * NONE], True, None, "undecided"),     # 2 of 11 without an answer
    ([10 * UP, 10 * UP, NONE], True, None, "undecided"),
])
def test_verdict(networks, holds, control, want):
    assert verdict(networks, holds, control=control) == want


@pytest.mark.parametrize("verdicts, want", [
    (("shown", "shown"), "shown"), (("shown", "not shown"), "shown in part"),
    (("shown", "undecided"), "shown in part"), (("not shown", "undecided"), "not shown"),
    (("undecided",), "undecided"), (("contradicted", "not shown"), "contradicted"),
    (("shown", "contradicted", "not shown"), "shown and contradicted")])
def test_over_settings(verdicts, want):
    assert over_settings(verdicts) == want and want in VERDICTS


def test_fills():
    image = np.zeros((1, 9, 9), np.uint8)
    image[0, 4:, :] = 200
    assert scorecard.fill_of(Setting(), image) == 0
    assert scorecard.fill_of(Setting(fill="mean"), image) == round(200 * 5 / 9)
    soft = scorecard.fill_of(Setting(fill="blur"), image)
    assert soft.dtype == np.uint8 and soft.shape == image.shape
    assert (np.diff(soft[0, :, 0].astype(int)) >= 0).all() and (soft[0] == soft[0, :, :1]).all()
    assert 0 < soft[0, 3, 0] < 100 < soft[0, 4, 0] < 200
    assert (scorecard.blurred(np.full((2, 1, 5, 5), 7, np.uint8)) == 7).all()


def test_fresh_noise():
    """Each picture by a seed of its own: the same picture twice gives two maps."""
    network, image = load("digits"), np.load("models/digits_sample.npz")["images"][:1, None]
    images = np.repeat(image, 2, axis=0)
    for fresh in (False, True):
        row = measured(network, images, ["count"], setting=Setting(points=5, fresh=fresh))["count"]
        assert (row["insertion"][0] != row["insertion"][1]) == fresh


@pytest.mark.parametrize("call, message", [
    (lambda: over_settings([]), "verdicts: must be of shown"),
    (lambda: flipped(np.ones((1, 2, 2), np.uint8), np.ones((2, 2)), 1), "points must be at least"),
    (lambda: flipped(np.ones((1, 2, 2), np.uint8), np.ones((3, 2)), 2), "heat must be"),
    (lambda: flipping_curve(lambda some: [1], np.ones((1, 1, 2), np.uint8), [[0, 1]], points=3),
     "the scores: must be 3"),
    (lambda: removed(np.ones((1, 2, 2)), np.ones((2, 2))), "image: must be (C, H, W) uint8"),
    (lambda: imputed(np.ones((1, 2, 2)), np.ones((2, 2), bool)), "gone: must be (N, 2, 2)"),
    (lambda: sufficiency([[1.0]], [0]), "maps: must be two or more"),
    (lambda: enlarged([[1, 2]], (1, 1)), "heat: of"),
    (lambda: enlarged([[1, 2]], (1, 4), "cubic"), "how: must be one of bilinear, nearest"),
    (lambda: localised([[1]], [[1, 1]]), "mask: holds every pixel"),
    (lambda: localised([[1]], [[0, 0]]), "mask must hold only 0 and 1, and a 1"),
    (lambda: randomised(load("digits"), 4), "count must be 0 to 3, not 4"),
    (lambda: max_sensitivity(None, np.zeros((1, 2))), "image: must be uint8, not float64"),
    (lambda: bootstrap([[np.nan]]), "networks: must each have a number"),
    (lambda: bootstrap([[1]], level=1), "level: must be above 0 and below 1"),
    (lambda: holm([2]), "chances: must be a list of numbers from 0 to 1"),
])
def test_refused_in_one_line(call, message):
    with pytest.raises(BadInput) as error:
        call()
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


# --- the whole, by hand ---------------------------------------------------------------------------

POINTS = Setting(points=9)      # of eight pixels: one after the other


def by_hand(shares):
    """Row of a method that is hottest at the one pixel that spikes, and 0 elsewhere.

    Without it the answer's probability is 1/2. The mask has two pixels, one of them hot: of the 12
    pairs it wins 6 and ties 6; of the seven that tie for the second place one is on the mask.
    """
    return {"deletion": [(p + 1 / 2) / 16 + 7 / 16 for p in shares],
            "insertion": [(p + 1 / 2) / 16 + 7 / 8 * p for p in shares],
            "sufficiency": [0, 0], "AUC": [9 / 12] * 2, "pointing": [1, 1], "mass": [1, 1],
            "rank": [(1 + 1 / 7) / 2] * 2}


def check_by_hand():
    found = measured(two_sided(), pictures(), ["count", "contribution", "brightness"],
                     masks=masks(), setting=POINTS)
    for name in found:
        for metric, want in by_hand((27 / 28, 9 / 10)).items():
            assert found[name][metric].tolist() == pytest.approx(want), (name, metric)
    # Shuffling weights that are all alike, and none of the picture's: the maps stay.
    assert found["count"]["MPRT"].tolist() == [1, 1]
    assert found["brightness"]["MPRT"].tolist() == [1, 1]
    assert found["contribution"]["completeness"].tolist() == [0, 0]
    assert np.isnan(found["count"]["completeness"]).all()
    assert all(np.isnan(row["sensitivity"]).all() for row in found.values())
    assert set(found["count"]) == set(METRICS)


def test_measured_by_hand():
    check_by_hand()


def test_pictures_are_told_and_masks_may_lack():
    ticks = []
    found = measured(two_sided(), pictures(), ["count"], tick=lambda: ticks.append(1))
    assert len(ticks) == 2 and np.isnan(found["count"]["AUC"]).all()


def test_sensitivity_of_pictures():
    """Brightness moves as the picture does; the same for each call."""
    network, images = load("digits"), np.load("models/digits_sample.npz")["images"][:2, None]
    found = measured(network, images, ["brightness", "contribution"], setting=Setting(points=2))
    want = [max_sensitivity(lambda some: some[0], image) for image in images]
    assert found["brightness"]["sensitivity"].tolist() == pytest.approx(want)
    assert found["contribution"]["sensitivity"].min() > 0
    assert found["contribution"]["completeness"].tolist() == pytest.approx([0, 0])


def patched(module, name, change):
    """A fault: ``name`` of a module is changed."""
    return lambda patch: patch.setattr(module, name, change(getattr(module, name)))


def negated(explain):
    """A method whose map has the wrong sign."""
    def found(self, asked):
        right = explain(self, asked)
        return type(right)(right.map, -right.heat, right.unit, right.title, right.lines)
    return found


FAULTS = {
    "wrong object": patched(scorecard, "localised", lambda right: lambda heat, mask, how: right(
        heat, ~mask, how)),
    "wrong class": patched(methods, "class_of", lambda right: lambda *args: 1 - right(*args)),
    "answer of another class": patched(scorecard, "probabilities", lambda right: (
        lambda logits, network: right(logits, network)[..., ::-1])),
    "coldest pixels first": patched(faithfulness, "flipped", lambda right: (
        lambda image, heat, *args, **options: right(image, -heat, *args, **options))),
    "insertion for deletion": patched(faithfulness, "flipped", lambda right: (
        lambda *args, insertion, **options: right(*args, insertion=not insertion, **options))),
    "area without the ends": patched(scorecard, "area", lambda right: lambda shares, values: right(
        shares[1:-1], values[1:-1])),
    "negated count": patched(Count, "explain", negated),
    "ties for the wrong side": patched(localisation, "mask_auc", lambda right: (
        lambda heat, mask: right(heat - 1e-9 * mask, mask))),
    "mask as a map": patched(scorecard, "enlarged", lambda right: (
        lambda heat, shape, how: right(heat[::-1, ::-1], shape, how))),
    "one layer shuffled for all": patched(scorecard, "similarity", lambda right: (
        lambda heat, other: right(heat, -other))),
    "biases left in": patched(scorecard, "completeness", lambda right: lambda total, claim: right(
        total, claim + 1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    FAULTS[fault](monkeypatch)
    with pytest.raises(AssertionError):
        check_by_hand()


def test_mean_for_maximum_is_seen(monkeypatch):
    monkeypatch.setattr(sanity, "max", lambda values: float(np.mean(list(values))), raising=False)
    with pytest.raises(AssertionError):
        test_max_sensitivity_by_hand()


def test_pictures_for_networks_are_seen(monkeypatch):
    """An interval over pictures alone is no interval over networks."""
    monkeypatch.setattr(np, "quantile", lambda values, shares: [np.mean(values)] * 2)
    with pytest.raises(AssertionError):
        test_bootstrap_of_networks()


def test_names_are_those_of_the_metrics():
    assert {name for family in scorecard.FAMILIES.values() for name in family} == set(METRICS)
    assert metrics.mask_auc is localisation.mask_auc
