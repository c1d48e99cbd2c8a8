"""Fig. 6 by hand: distances, joined pictures, whose class is attacked; and planted faults."""

import numpy as np
import pytest

from golden.network import load
from train.core import sets
from train.paper import fig6ab, fig6c, maps


def check_distances():
    """One of four pixels in the first step, none in the second: 1/8 in the mean, 1/4 at most."""
    ours, theirs = np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 2))
    theirs[0, 0, 0, 0] = -1
    found = fig6ab.distances(ours, theirs)
    assert found["mean"].tolist() == [1 / 8] and found["most"].tolist() == [1 / 4]


def test_distances_by_hand():
    check_distances()


FAULTS = {
    "mean for maximum": lambda right: lambda a, b: {**right(a, b), "most": right(a, b)["mean"]},
    "sign kept": lambda right: lambda a, b: {
        "mean": (a - b).mean(axis=(2, 3)).mean(axis=1), "most": right(a, b)["most"] * 0},
    "squares": lambda right: lambda a, b: right(np.sqrt(abs(a)), np.sqrt(abs(2 * b))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_distance_is_seen(fault, monkeypatch):
    monkeypatch.setattr(fig6ab, "distances", FAULTS[fault](fig6ab.distances))
    with pytest.raises(AssertionError):
        check_distances()


def test_references_that_are_empty_are_known():
    some, none = np.ones((2, 1, 2, 2)), np.zeros((2, 1, 2, 2))
    half = np.stack([some[0], none[0]])
    assert fig6ab.unknown(some, half).tolist() == [False, True]
    assert fig6ab.unknown(some, some).tolist() == [False, False]
    assert fig6ab.unknown(none, some).all()


def of(labels):
    """Pictures whose left column is 10 n and right column 10 n + 4, the object on the left."""
    count = len(labels)
    images = np.array([[[[10 * n, 10 * n, 10 * n + 4, 10 * n + 4]] * 4] for n in range(count)],
                      np.uint8)
    masks = np.zeros((count, 4, 4), bool)
    masks[:, :, :2] = True
    return sets.Pictures(images, np.array(labels), masks, 50 + np.arange(count))


def check_joined():
    """Each with the next of another class; columns in pairs; the masks in their halves."""
    found = fig6c.joined(None, of([3, 3, 5]))
    assert found.images[:, 0].tolist() == [[0, 4, 20, 24], [10, 14, 20, 24], [20, 24, 0, 4]]
    assert found.labels.tolist() == [[3, 5], [3, 5], [5, 3]]
    assert found.numbers.tolist() == [50, 51, 52]
    assert found.masks[0, 0, 0].tolist() == [True, False, False, False]
    assert found.masks[0, 1, 0].tolist() == [False, False, True, False]
    assert not (found.masks[:, 0] & found.masks[:, 1]).any()


def test_joined_by_hand():
    check_joined()
    assert len(fig6c.joined(None, of([2, 2])).images) == 0, "one class alone cannot be joined"


@pytest.mark.parametrize("fault", ["wrong object", "sides changed"])
def test_wrongly_joined_is_seen(fault, monkeypatch):
    right = fig6c.joined

    def wrong(subject, pictures):
        found = right(subject, pictures)
        if fault == "wrong object":
            found.masks = found.masks[:, ::-1]
        else:
            found.images = found.images[..., ::-1]
        return found
    monkeypatch.setattr(fig6c, "joined", wrong)
    with pytest.raises(AssertionError):
        check_joined()


@pytest.mark.slow
def test_an_attack_leaves_the_class_that_was_answered(monkeypatch):
    """Not the label: both gradients are of the clean answer, and eps has noise of its own."""
    from train.core import explainers
    network = load("fashion_small")
    with np.load("models/fashion_sample.npz") as sample:
        images = sample["images"][:2, None]
    asked, seeds = [], []

    class Shown:
        images, labels, numbers = None, np.array([9, 9]), np.arange(2)

    class Subject:
        anns, depths = [None], network.taps[-1:]

    Shown.images, Subject.network = images, network
    ran = fig6ab.run
    monkeypatch.setattr(fig6ab, "run", lambda some, net, **options: seeds.append(net.seed) or ran(
        some, net, **options))
    clean = ran(images, network, taps=network.taps)
    monkeypatch.setattr(fig6ab, "watched", lambda *args: clean)
    monkeypatch.setattr(explainers, "encoded", lambda net: "snn")
    monkeypatch.setattr(explainers, "ann_scores", lambda net: lambda some: np.eye(10)[[4, 5]])
    monkeypatch.setattr(explainers, "against", lambda by, some, classes: asked.append(
        list(classes)) or np.ones(some.shape, int))
    monkeypatch.setattr(explainers, "gradcam", lambda net, some, classes, tap: asked.append(
        list(classes)) or np.stack([np.eye(2), np.zeros((2, 2))]))
    found = fig6ab.attacked(Subject, Shown, [0, fig6ab.PAPER])
    answered = clean.pred.tolist()
    assert asked[:2] == [[4, 5], answered] and asked[2:] == [[4, 5]] * 2
    assert {fig6ab.FRESH, fig6ab.FRESH + fig6ab.PAPER} <= set(seeds)
    ann = found["distance"][str(network.taps[-1])]["ann"]
    assert ann["most"][0] == 0 and np.isnan(ann["most"][1]), "an empty reference has no answer"
    assert np.array_equal(maps.unit(np.eye(2)[None])[0], np.eye(2))
