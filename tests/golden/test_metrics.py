"""Metrics of heatmaps: by hand, at their limits, and on a real network."""

import numpy as np
import pytest

from golden.explain import metrics
from golden.explain.perturb import NetworkModel
from golden.explain.saliency import TemporalSaliency
from golden.network import load
from golden.run import run


def test_display_by_hand():
    shown = metrics.display([[[0, 3], [1, 2]], [[5, 5], [5, 5]]])
    assert np.allclose(shown[0], np.array([[0, 3], [1, 2]]) / 3.001)
    assert not shown[1].any()


def test_localisation_error_by_hand():
    assert metrics.localisation_error([[0.5, 0.5]], [[0.3, 1]]) == pytest.approx(np.log(2))
    assert metrics.localisation_error([[0, 1]], [[0, 1]]) == pytest.approx(1e-6, rel=1e-3)
    # Entirely wrong: held at eps, so finite.
    assert metrics.localisation_error([[1, 0]], [[0, 1]], eps=1e-3) == pytest.approx(-np.log(1e-3))
    # By hand: G = [1, 0], M = [.8, .4]: -(log .8 + log .6) / 2.
    assert metrics.localisation_error([[0.8, 0.4]], [[1, 0]]) == pytest.approx(
        -(np.log(0.8) + np.log(0.6)) / 2)


def test_localisation_error_is_positive_and_least_over_steps():
    rng = np.random.default_rng(0)
    maps, reference = rng.random((5, 4, 3)), rng.random((4, 3))
    each = [metrics.localisation_error(m, reference) for m in maps]
    assert metrics.localisation_error(maps, reference) == min(each) > 0
    # Least, for a given G, at M = G: its entropy.
    assert metrics.localisation_error(reference, reference) <= min(each)


def test_heatmap_variance():
    assert metrics.heatmap_variance([[0, 1]]) == 0.25
    assert metrics.heatmap_variance([[[1, 1]], [[0, 4]], [[0, 1]]]) == 4


def test_l1_distance():
    assert metrics.l1_distance([[0, 1]], [[1, 1]]) == 0.5
    assert metrics.l1_distance([[[0, 1]], [[0, 0]]], [[[0, 1]], [[0, 1]]]) == 0.5
    assert metrics.l1_distance(np.zeros((2, 3, 3)), np.ones((2, 3, 3))) == 1


def test_pointing_game():
    heat = np.array([[1, 2, 0], [0, 0, 0]])
    assert metrics.pointing_game(heat, [[1, 0, 0], [0, 0, 0]]) == 0
    assert metrics.pointing_game(heat, [[1, 0, 0], [0, 0, 0]], tolerance=1) == 1
    assert metrics.pointing_game(heat, [[0, 1, 0], [0, 0, 0]]) == 1
    assert metrics.pointing_game([[1, 1]], [[1, 0]]) == 0.5  # a tie


def test_mask_auc():
    assert metrics.mask_auc([[3, 1, 2]], [[1, 0, 1]]) == 1
    assert metrics.mask_auc([[3, 1, 2]], [[0, 1, 1]]) == 0
    assert metrics.mask_auc([[7, 7, 7]], [[0, 1, 1]]) == 0.5
    assert metrics.mask_auc([[1, 2, 2, 5]], [[0, 1, 0, 0]]) == 0.5    # wins 1, ties 1/2, loses 1
    assert np.isnan(metrics.mask_auc([[1, 2]], [[1, 1]]))
    with pytest.raises(ValueError, match="mask must be"):
        metrics.mask_auc([[1, 2]], [[1], [1]])


def test_mask_auc_counts_pairs():
    """Against the definition, for stacks of maps with one mask, and with one each."""
    rng = np.random.default_rng(0)
    heat, masks = rng.integers(0, 6, (2, 5, 4, 3)), rng.random((2, 5, 4, 3)) < 0.4
    masks[..., 0, 0], masks[..., 1, 1] = True, False

    def slow(one, mask):
        return np.mean(1.0 * (one[mask][:, None] > one[~mask])
                       + 0.5 * (one[mask][:, None] == one[~mask]))
    found = metrics.mask_auc(heat, masks)
    assert found.shape == (2, 5)
    for at in np.ndindex(2, 5):
        assert found[at] == pytest.approx(slow(heat[at], masks[at]))
        assert metrics.mask_auc(heat, masks[0, 0])[at] == pytest.approx(slow(heat[at], masks[0, 0]))


def test_iou_and_energy():
    assert metrics.iou([[4, 2, 1]], [[1, 0, 0]]) == 0.5
    assert metrics.iou([[4, 2, 1]], [[1, 1, 0]]) == 1
    assert metrics.iou([[0, 0]], [[1, 0]]) == 0
    assert metrics.iou([[-2, -1]], [[1, 0]]) == 0
    assert metrics.energy([[3, 1, -5]], [[1, 0, 1]]) == 0.75
    assert np.isnan(metrics.energy([[0, -1]], [[1, 0]]))


def test_rank_correlation():
    assert metrics.rank_correlation([1, 2, 3], [1, 9, 4]) == pytest.approx(0.5)
    assert metrics.rank_correlation([1, 2, 3], [-1, -2, -3]) == pytest.approx(-1)
    # Ties share ranks 0.5, 0.5, 2 and 0, 1, 2: 1.5 / sqrt(1.5 * 2).
    assert metrics.rank_correlation([5, 5, 7], [1, 2, 3]) == pytest.approx(1.5 / np.sqrt(3))
    assert np.isnan(metrics.rank_correlation([1, 1], [1, 2]))
    a = np.random.default_rng(0).random((6, 7))
    assert metrics.rank_correlation(a, np.exp(3 * a)) == pytest.approx(1)


def test_spike_activity():
    assert metrics.spike_activity(np.array([[[1, 0], [1, 1]], [[0, 0], [0, 0]]])).tolist() == [
        0.75, 0]


def test_curves_by_hand():
    def model(spikes):
        return np.array([2.0 * spikes[0, 0] + spikes[0, 1]])

    for importance in ([5, 1], [[5, 1]]):
        shares, outputs = metrics.deletion_curve(model, [[1, 1]], importance, 0, points=3)
        assert (shares.tolist(), outputs.tolist()) == ([0, 0.5, 1], [3, 1, 0])
        _, outputs = metrics.deletion_curve(model, [[1, 1]], importance, 0, points=3,
                                            insertion=True)
        assert outputs.tolist() == [0, 2, 3]
    assert metrics.area([0, 1], [2, 4]) == 3


def test_no_order_beats_saliency_where_the_model_is_linear():
    """Before an accumulating read-out spikes add up, so that the salient ones first is best."""
    network = load("models/fashion_small.npz")
    found = run(np.load("models/fashion_sample.npz")["images"][3:4], network)
    model, k = NetworkModel(network, 3), found.pred[0]
    trains = found.spikes[3][0].reshape(16, -1)
    heat = TemporalSaliency(model).explain(trains, k).saliency_map()
    others = [-heat, np.random.default_rng(0).random(heat.shape), trains.sum(axis=0)]
    for insertion, sign in ((False, -1), (True, 1)):
        areas = [sign * metrics.area(*metrics.deletion_curve(
            model, trains, order, k, points=9, insertion=insertion)) for order in (heat, *others)]
        assert areas[0] > max(areas[1:])


@pytest.mark.parametrize("call, message", [
    (lambda: metrics.localisation_error([[2]], [[1]]), "maps must be within 0 to 1, found 2 to 2"),
    (lambda: metrics.localisation_error([[1]], [[-1]]), "reference must be within 0 to 1"),
    (lambda: metrics.localisation_error([[1]], [[1, 1]]), r"reference must be \(1, 1\), not"),
    (lambda: metrics.localisation_error([[1]], [[1]], eps=0), "eps must be above 0"),
    (lambda: metrics.heatmap_variance([1, 2]), r"maps must be \(steps, height, width\)"),
    (lambda: metrics.heatmap_variance([[np.nan]]), "maps must be finite"),
    (lambda: metrics.heatmap_variance(np.ones((0, 2, 2))), "maps must be"),
    (lambda: metrics.l1_distance([[1]], [[1, 1]]), "others must be of shape"),
    (lambda: metrics.pointing_game([[1]], [[0]]), "mask must hold only 0 and 1, and a 1"),
    (lambda: metrics.pointing_game([[1, 1]], [[1]]), r"mask must be \(1, 2\)"),
    (lambda: metrics.pointing_game([[1]], [[1]], tolerance=-1), "tolerance must be 0 to 1"),
    (lambda: metrics.iou([[1]], [[2]]), "mask must hold only 0 and 1"),
    (lambda: metrics.iou([[1]], [[1]], share=0), "share must be above 0"),
    (lambda: metrics.energy([1], [1]), r"heat must be \(height, width\)"),
    (lambda: metrics.rank_correlation([1], [1, 2]), "b must hold 1 numbers"),
    (lambda: metrics.deletion_curve(lambda s: s[0], [[1]], [1, 2], 0), r"importance must be"),
    (lambda: metrics.deletion_curve(lambda s: s[0], [[1]], [1], 1), "output_neuron must be 0 to 0"),
    (lambda: metrics.deletion_curve(lambda s: s[0], [[1]], [1], 0, points=1), "points must be"),
    (lambda: metrics.deletion_curve(lambda s: s, [[1]], [1], 0), "run_fn must return"),
    (lambda: metrics.deletion_curve(lambda s: s[0], [[3]], [1], 0), "input_spikes must hold only"),
    (lambda: metrics.area([1], [1, 2]), "outputs must be one a share"),
])
def test_says_which_argument_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
