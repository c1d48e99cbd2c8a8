"""Old experiments: masks at full resolution, and references that are no parent."""

import numpy as np
import pytest

from golden.explain.metrics import mask_auc
from train.paper import maps, scoring
from train.paper.subjects import SUBJECTS


def check_full_resolution():
    """A 1 x 2 map on a 1 x 8 mask of one pixel: bilinear it is hottest there, and only there.

    Brought to the grid of the map the mask would be lost: one pixel of four is less than half.
    """
    heat, mask = np.array([[[2.0, 0.0]]]), np.zeros((1, 1, 8), bool)
    mask[0, 0, 0] = True
    wide = maps.widened(heat, (1, 8))
    assert wide[0, 0].tolist() == [2, 1.5, 1, 0.5, 0, 0, 0, 0]
    found = scoring.scores(wide, mask)
    assert found["auc"].tolist() == [1] and found["pointing"].tolist() == [1]


def test_masks_at_full_resolution():
    check_full_resolution()


@pytest.mark.parametrize("fault", ["nearest", "mirrored", "mask negated"])
def test_another_resolution_is_seen(fault, monkeypatch):
    right = maps.widened
    if fault == "mask negated":
        monkeypatch.setattr(scoring.metrics, "mask_auc", lambda heat, mask: mask_auc(heat, ~mask))
    else:
        monkeypatch.setattr(maps, "widened", lambda heats, shape: {
            "nearest": np.repeat(heats, 4, axis=2),
            "mirrored": right(heats, shape)[..., ::-1]}[fault])
    with pytest.raises(AssertionError):
        check_full_resolution()


def test_no_conversion_is_held_against_its_parent():
    """A file of models/ is named after what it was converted from."""
    for subject in SUBJECTS:
        if subject.kind == "conversion":
            parent = subject.file.replace("-conversion.npz", "")
            assert subject.ann_files and parent not in [path.stem for path in subject.ann_files]


def test_controls_are_of_the_picture():
    """Brightness and the middle at full resolution, whatever the layer."""
    class Pictures:
        images = np.arange(2 * 16, dtype=np.uint8).reshape(2, 1, 4, 4)

    found = scoring.controls(Pictures, np.zeros((2, 3, 1, 4, 4), np.uint8))
    assert np.array_equal(found["brightness"], Pictures.images[:, 0])
    assert {heat.shape for heat in found.values()} == {(2, 4, 4)}
    assert found["centre"][0, 1, 1] == found["centre"].max() > found["centre"][0, 0, 0]
