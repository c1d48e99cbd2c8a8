"""Other pictures of the same things are still pictures of these things."""

import numpy as np
import torch

from train.core.augment import bent, shifted


def framed(count=30, size=12):
    """Random pictures with an empty frame of two pixels."""
    images = np.zeros((count, size, size), np.uint8)
    images[:, 2:-2, 2:-2] = np.random.default_rng(0).integers(1, 256, (count, size - 4, size - 4))
    return torch.from_numpy(images)


def test_shifts():
    """Nothing is lost or added, every shift comes, and no mirror unless asked for."""
    images, chance = framed(200), torch.Generator().manual_seed(1)
    assert torch.equal(shifted(images, 0, chance), images)
    for mirror in (False, True):
        found = shifted(images, 2, chance, mirror=mirror)
        corners, turned = set(), 0
        for old, new in zip(images, found, strict=True):
            y, x = (int(n) for n in (new > 0).nonzero().amin(0))
            core = new[y:y + 8, x:x + 8]
            flipped = not torch.equal(core, old[2:-2, 2:-2])
            assert not flipped or torch.equal(core.flip(1), old[2:-2, 2:-2])
            assert new.sum() == old.sum()
            corners.add((y, x))
            turned += flipped
        assert corners == {(y, x) for y in range(5) for x in range(5)}
        assert (60 < turned < 140) if mirror else turned == 0


def test_bends():
    """With nothing to do the picture stays; otherwise it moves by no more than it was told."""
    images, chance = framed(), torch.Generator().manual_seed(1)
    still = {"turn": 0, "scale": 0, "shear": 0, "shift": 0, "bend": 0}
    assert torch.equal(bent(images, chance, **still), images)
    spot = torch.zeros(200, 21, 21, dtype=torch.uint8)
    spot[:, 9:12, 9:12] = 255
    found = bent(spot, chance, **{**still, "shift": 0.3}).double()
    where = torch.arange(21.0, dtype=torch.double)
    rows = (found.sum(2) * where).sum(1) / found.sum((1, 2)) - 10
    assert rows.abs().max() <= 0.3 * 21 / 2 + 0.05 and rows.std() > 1
