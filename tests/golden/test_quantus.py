"""Metrics against numbers that quantus 0.6.0 gave; where it is installed, against quantus itself.

The inputs follow from the formula of ``numbers``, so that both sides have them without a file.
"""

import numpy as np
import pytest

from golden.explain.faithfulness import flipping_curve, sufficiency
from golden.explain.localisation import pointing, relevance_mass, relevance_rank
from golden.explain.metrics import mask_auc, rank_correlation
from golden.explain.road import imputed
from golden.explain.sanity import max_sensitivity


def numbers(count, a, m):
    i = np.arange(count)
    return (a * i * i + 3 * i + 1) % m


HEAT = np.stack([numbers(20, a, m) for a, m in ((7, 97), (5, 101), (11, 89))]).reshape(3, 4, 5)
MASK = np.stack([numbers(20, a, m) % 2 == 0 for a, m in ((7, 19), (5, 23), (3, 31))]
                ).reshape(3, 4, 5)
IMAGE = np.stack([numbers(20, a, m) for a, m in ((13, 50), (17, 60), (19, 70))]).reshape(3, 4, 5)
WEIGHTS = np.stack([numbers(20, 3, 13) - 6, numbers(20, 5, 11) - 5], axis=1)
MAPS = np.stack([numbers(6, 7, 23), numbers(6, 5, 19), numbers(6, 3, 17), numbers(6, 7, 23) + 1,
                 numbers(6, 5, 19) + 2])
ANSWERS = np.array([0, 1, 0, 0, 0])

# What quantus 0.6.0 gave, with abs=False and normalise=False (``quantus_gives``).
LOCALISED = {
    "AUC": [0.4725274725274725, 0.4375, 0.40404040404040403],
    "PointingGame": [0.0, 0.0, 0.0],
    "RelevanceMassAccuracy": [0.34303912647861695, 0.36590662323561346, 0.3886178861788618],
    "RelevanceRankAccuracy": [0.2857142857142857, 0.25, 0.3333333333333333],
}
FLIPPED = [[304, 118, 258, 174, 2], [-445, -123, -253, 71, -19], [342, 340, 556, 192, 2]]
SUFFICIENT = {0.3: [1, 0, 0, 1, 0], 0.6: [2 / 3, 0, 1, 1 / 2, 0],
              0.9: [3 / 4, 0, 2 / 3, 3 / 4, 2 / 3]}
SPEARMAN = [0.31127819548872177, 0.05201676606360708, 0.1168492570994072]
# noisy_linear_imputation(IMAGE[:1], where MASK[0] is set, noise=0), the pixels of the mask.
IMPUTED = [19.28166718, 17.41577499, 20.71089371, 24.05197187, 21.7758076, 24.6, 21.9439519]
SENSITIVITY = 0.5563483655112957
OURS = {"AUC": mask_auc, "PointingGame": pointing, "RelevanceMassAccuracy": relevance_mass,
        "RelevanceRankAccuracy": relevance_rank}


@pytest.mark.parametrize("name", OURS)
def test_localisation(name):
    found = [float(OURS[name](heat, mask)) for heat, mask in zip(HEAT, MASK, strict=True)]
    assert found == pytest.approx(LOCALISED[name])


def test_pixel_flipping():
    """PixelFlipping(features_in_step=4, perturb_baseline="black"), its black the least pixel."""
    for image, heat, target, want in zip(IMAGE, HEAT, (0, 1, 0), FLIPPED, strict=True):
        scores = lambda some, target=target: some.reshape(len(some), -1) @ WEIGHTS[:, target]
        shares, found = flipping_curve(scores, image[None], heat, points=6,
                                       fill=image.min())
        assert found[1:].tolist() == want and shares.tolist() == pytest.approx(np.arange(6) / 5)


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9])
def test_sufficiency(threshold):
    assert sufficiency(MAPS, ANSWERS, threshold).tolist() == pytest.approx(SUFFICIENT[threshold])


def test_rank_correlation():
    found = [rank_correlation(HEAT[a], HEAT[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert found == pytest.approx(SPEARMAN)


def test_max_sensitivity():
    """The Frobenius norm of the difference over that of the first map."""
    maps = iter((HEAT[0], HEAT[1]))
    found = max_sensitivity(lambda image: next(maps), np.zeros((1, 4, 5), np.uint8), draws=1)
    assert found == pytest.approx(SENSITIVITY)


def test_imputation():
    """ROAD's: pixels that are removed, of all pictures at once and each as if alone."""
    found = imputed(IMAGE[:1], MASK)
    assert found[0, 0][MASK[0]] == pytest.approx(IMPUTED, abs=1e-6)
    for mask, each in zip(MASK, found, strict=True):
        assert np.allclose(each, imputed(IMAGE[:1], mask[None])[0], atol=1e-6)
        assert np.array_equal(each[0][~mask], IMAGE[0][~mask])


def test_the_numbers_are_those_of_quantus():
    """Where it is installed, which the project does not ask for."""
    quantus = pytest.importorskip("quantus")
    options = {"disable_warnings": True, "abs": False, "normalise": False}
    for name, want in LOCALISED.items():
        found = getattr(quantus, name)(**options).evaluate_batch(
            a_batch=HEAT[:, None].astype(float), s_batch=MASK[:, None])
        assert np.asarray(found, float).tolist() == pytest.approx(want)

    class Model:
        """What quantus asks of a model."""

        def shape_input(self, x, *args, **kwargs):
            return x

        def predict(self, x, **kwargs):
            return np.reshape(x, (len(x), -1)) @ WEIGHTS

    metric = quantus.PixelFlipping(features_in_step=4, perturb_baseline="black", **options)
    assert metric.evaluate_batch(Model(), IMAGE[:, None].astype(float), np.array([0, 1, 0]),
                                 HEAT[:, None].astype(float)) == FLIPPED
    filled = quantus.functions.perturb_func.noisy_linear_imputation(
        IMAGE[:1].astype(float), np.flatnonzero(MASK[0]), noise=0.0)
    assert filled[0][MASK[0]] == pytest.approx(IMPUTED)
