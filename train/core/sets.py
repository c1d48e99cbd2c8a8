"""Labelled pictures by name, with the true mask of the object where there is one."""

from dataclasses import dataclass

import numpy as np

from golden.io.errors import BadInput
from train import data

SETS = {  # name: what the mask of its pictures is
    "fashion": "every pixel that is not black: brightness itself, so no proof of anything",
    "scenes": "the true outline; object and background matched in brightness",
    "scenes-plain": "the true outline; objects as bright as they are",
    "mnist": "every pixel that is not black",
}


@dataclass
class Pictures:
    """N labelled pictures.

    Members
    -------
    images : (N, 1, H, W) uint8
    labels : (N,) uint8
    masks : (N, H, W) bool
    numbers : (N,) int
        Which of the set they are.
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray
    numbers: np.ndarray


def fashion(part):
    """(images, labels) of Fashion-MNIST; its package is installed if that needs no password."""
    try:
        data.find()
    except FileNotFoundError as error:
        if not data.install():
            raise BadInput(error) from None
    return data.load("train" if part == "train" else "t10k")


def pictures(name, part, count, first=0):
    """``count`` pictures of a set from number ``first``, fewer where the set ends.

    Parameters
    ----------
    name : one of ``SETS``
    part : "train" or "test"
    """
    chosen = slice(first, first + count)
    if name.startswith("scenes"):
        from train import scenes
        fashion(part)      # the scenes' items
        found = scenes.make(part, count, first=first, match=name == "scenes")
        return Pictures(found.images[:, None], found.labels[:, 0], found.masks[:, 0],
                        np.arange(first, first + count))
    if name == "fashion":
        images, labels = fashion(part)
    elif name == "mnist":
        from train import dense
        images, labels = dense.digits()
        kept = slice(None, dense.TEST) if part == "test" else slice(dense.TEST, None)
        images, labels = images[kept], labels[kept]
    else:
        raise BadInput(f"pictures must be one of {', '.join(SETS)}, not {name}")
    images = images[chosen, None]
    return Pictures(images, labels[chosen], images[:, 0] > 0, first + np.arange(len(images)))
