"""Scenes: the truth that comes with them is the truth."""

from pathlib import Path

import numpy as np
import pytest

from golden.io.errors import BadInput
from train import scenes

SAMPLE = Path(__file__).parents[2] / "models/fashion_sample.npz"


@pytest.fixture
def few(monkeypatch):
    """Items of the committed sample in place of the whole set, which may not be installed."""
    with np.load(SAMPLE) as kept:
        images, labels = kept["images"], kept["labels"]
    inside = np.isin(labels, scenes.LABELS)
    found = images[inside], np.searchsorted(scenes.LABELS, labels[inside]).astype(np.uint8)
    monkeypatch.setattr(scenes, "items", lambda part, folder=None: found)


def auc(values, mask):
    """Chance that a pixel of the object has a larger value than one of the background."""
    order = np.sort(values[~mask])
    below, upto = (np.searchsorted(order, values[mask], side) for side in ("left", "right"))
    return (below + upto).mean() / 2 / len(order)


def test_truth(few):
    """Outside the mask the scene is the photograph, inside it is the object, in every variant."""
    for match in (True, False):
        for objects in (1, 2):
            made = scenes.make("test", 20, match=match, objects=objects)
            images, anywhere = made.images, made.masks.any(axis=1)
            assert np.array_equal(images[~anywhere], made.backgrounds[~anywhere])
            assert np.array_equal(images[anywhere], made.objects.sum(axis=1)[anywhere])
            assert not made.objects[~made.masks].any()
            assert (made.masks.sum(axis=1) <= 1).all()
            assert (made.masks.sum(axis=(2, 3)) > 40).all()


def test_brightness_tells_nothing(few):
    """AUC of brightness and of contrast against the mask: a half if matched, more if plain."""
    for match in (True, False):
        made = scenes.make("test", 60, match=match)
        images, masks = made.images.astype(float), made.masks[:, 0]
        away = np.abs(images - np.median(images, axis=(1, 2), keepdims=True))
        bright, contrast = ([auc(*pair) for pair in zip(maps, masks, strict=True)]
                            for maps in (images, away))
        if match:
            assert np.abs(np.array(bright) - 0.5).max() < 0.01
            assert np.abs(np.array(contrast) - 0.5).max() < 0.05
            assert abs(np.mean(contrast) - 0.5) < 0.005
        else:
            assert np.mean(bright) > 0.6


def test_repeats(few):
    """A scene follows from part, seed and number, wherever a set starts."""
    whole, later = scenes.make("test", 6), scenes.make("test", 2, first=4)
    assert np.array_equal(whole.images[4:], later.images)
    assert not np.array_equal(whole.images, scenes.make("test", 6, seed=2).images)
    plain = scenes.make("test", 6, match=False)
    assert np.array_equal(plain.masks, whole.masks)
    assert np.array_equal(plain.backgrounds, whole.backgrounds)


def test_parts_are_disjoint():
    assert not set(scenes.PHOTOGRAPHS["train"]) & set(scenes.PHOTOGRAPHS["test"])
    assert scenes.SOURCES["train"] != scenes.SOURCES["test"]


def test_two_objects(few):
    """Of different classes, the first on the left and the second on the right."""
    made = scenes.make("test", 20, objects=2)
    assert (made.labels[:, 0] != made.labels[:, 1]).all()
    assert not made.masks[:, 0, :, 32:].any() and not made.masks[:, 1, :, :32].any()


def test_sample():
    """The committed scenes are matched in brightness, and their masks are no noise."""
    images, masks, labels = scenes.load_sample(SAMPLE.with_name("scenes_sample.npz"))
    assert len(images) == len(masks) == len(labels) == 48
    assert all(abs(auc(*pair) - 0.5) < 0.01 for pair in zip(images, masks, strict=True))


def test_says_what_is_wrong():
    with pytest.raises(BadInput, match="part must be one of train, test"):
        scenes.make("valid", 1)
