"""Pictures with known truth: clothes on real photographs at 64 x 64, the object's exact mask kept.

Items of Fashion-MNIST are cut out, scaled to 28 to 45 pixels and laid on crops of the photographs
that ship with scikit-image and scikit-learn. Items and photographs of "train" and "test" are
disjoint; a scene follows from (part, seed, number) alone. ``python -m train.scenes`` writes
``models/scenes_sample.npz``, the first test scenes; see models/README.md for origin and licences.
"""

import argparse
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from golden.io.arguments import whole
from golden.io.errors import BadInput, command
from golden.io.files import output, replacing
from train import data

SIDE = 64
CLASSES = ("T-shirt", "trouser", "dress", "sneaker", "bag", "boot")
LABELS = tuple(data.CLASSES.index(name) for name in CLASSES)
SOURCES = {"train": "train", "test": "t10k"}      # of the items
PHOTOGRAPHS = {  # package and file; none of them forbids the use, see models/README.md
    "train": (("skimage", "data/astronaut.png"), ("skimage", "data/brick.png"),
              ("skimage", "data/chelsea.png"), ("skimage", "data/clock_motion.png"),
              ("skimage", "data/coins.png"), ("skimage", "data/grass.png"),
              ("skimage", "data/moon.png"), ("skimage", "data/rocket.jpg"),
              ("sklearn", "datasets/images/flower.jpg")),
    "test": (("skimage", "data/camera.png"), ("skimage", "data/coffee.png"),
             ("skimage", "data/gravel.png"), ("sklearn", "datasets/images/china.jpg")),
}
OPAQUE = 10        # an item's pixel from here on is the item; the background of the set is 0
MEAN, SPREAD = 118.0, 52.0      # of a background's pixels, before they are held within 0..255


@dataclass
class Scenes:
    """N scenes of K objects each, taken apart; ``images`` puts them together.

    Members
    -------
    objects : (N, K, 64, 64) uint8
        Pixels of each object, 0 outside its mask.
    masks : (N, K, 64, 64) bool
        Where each object is; no two overlap.
    backgrounds : (N, 64, 64) uint8
        The photographs, also behind the objects.
    labels : (N, K) uint8, an index into ``CLASSES``
    items, photographs : (N, K) and (N,) int
        Which of the part's items (of these classes) and photographs they are.
    """

    objects: np.ndarray
    masks: np.ndarray
    backgrounds: np.ndarray
    labels: np.ndarray
    items: np.ndarray
    photographs: np.ndarray

    @property
    def images(self):
        """(N, 64, 64) uint8: every object on its background."""
        return compose(self.backgrounds, self.objects, self.masks)

    def __len__(self):
        return len(self.backgrounds)


def compose(backgrounds, objects, masks):
    """Lay objects (N, K, H, W) by their masks on backgrounds (N, H, W)."""
    images = backgrounds.copy()
    for pixels, mask in zip(objects.swapaxes(0, 1), masks.swapaxes(0, 1), strict=True):
        images = np.where(mask, pixels, images)
    return images


# --- sources --------------------------------------------------------------------------------------


@cache
def photographs(part):
    """The photographs of a part, grey, as (H, W) float32 arrays."""
    found = []
    for package, name in PHOTOGRAPHS[part]:
        spec = find_spec(package)
        path = spec and Path(spec.origin).parent / name
        if not path or not path.is_file():
            raise BadInput(f"{package}/{name}: missing; `pip install scikit-image scikit-learn` "
                           "(the extra `train`) brings it")
        with Image.open(path) as picture:
            found.append(np.asarray(picture.convert("L"), dtype=np.float32))
    return tuple(found)


@cache
def items(part, folder=None):
    """(pixels (M, 28, 28) uint8, labels (M,)) of the six classes, in the order of the set."""
    images, labels = data.load(SOURCES[part], folder)
    kept = np.isin(labels, LABELS)
    return images[kept], np.searchsorted(LABELS, labels[kept]).astype(np.uint8)


def cut_out(item):
    """Mask of an item: its opaque pixels without specks, and with holes of up to 3 pixels shut."""
    mask = item >= OPAQUE
    for inside, least, value in ((mask, 8, False), (~mask, 4, True)):
        named, count = ndimage.label(inside)
        sizes = ndimage.sum_labels(inside, named, np.arange(1, count + 1))
        mask = np.where(np.isin(named, 1 + np.flatnonzero(sizes < least)), value, mask)
    return mask


# --- one scene ------------------------------------------------------------------------------------


def resized(array, size):
    """``array`` (H, W) as float32 of ``size`` = (height, width), smoothed as needed."""
    picture = Image.fromarray(np.ascontiguousarray(array, dtype=np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


def background(photograph, chance):
    """A crop of a photograph, 64 to 160 pixels wide before it is scaled, often mirrored.

    Mean and spread are brought to those of every other background, so that neither tells anything.
    """
    most = min(160, *photograph.shape)
    while True:
        wide = int(chance.integers(SIDE, most + 1))
        y, x = (int(chance.integers(0, side - wide + 1)) for side in photograph.shape)
        crop = resized(photograph[y:y + wide, x:x + wide], (SIDE, SIDE))
        if crop.std() >= 12:        # an even wall, or the sky, would only be its noise
            break
    if chance.random() < 0.5:
        crop = crop[:, ::-1]
    crop = (crop - crop.mean()) / crop.std() * SPREAD + MEAN
    return np.clip(np.rint(crop), 0, 255).astype(np.uint8)


def placed(item, mask, size, corner, mirrored):
    """(pixels, mask) of an item at 64 x 64, scaled to ``size`` with its corner at ``corner``."""
    if mirrored:
        item, mask = item[:, ::-1], mask[:, ::-1]
    y, x = corner
    pixels, where = np.zeros((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), bool)
    where[y:y + size, x:x + size] = resized(mask, (size, size)) > 0.5
    # Filled out to the edges of the box first, or the black around it would darken its outline.
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    pixels[y:y + size, x:x + size] = resized(item[tuple(nearest)], (size, size))
    return np.where(where, pixels, 0), where


def matched(pixels, mask, behind):
    """Give an object the brightness of the photograph around it, value for value.

    The k-th darkest pixel of the object becomes the corresponding quantile of the background, so
    that no threshold on brightness, and no distance from the mean or median, tells one from the
    other.
    """
    order = np.argsort(pixels[mask], kind="stable")
    around = np.sort(behind)
    ranks = (np.arange(len(order)) + 0.5) / len(order) * len(around)
    found = np.zeros(pixels.shape, np.float32)
    values = np.empty(len(order), np.float32)
    values[order] = around[ranks.astype(int)]
    found[mask] = values
    return found


def scene(part, number, *, seed, objects, match, sizes, folder=None):
    """One scene as (pixels, masks, background, labels, items, photograph)."""
    chance = np.random.default_rng([seed, part == "test", number])
    pictures, (pool, labels) = photographs(part), items(part, folder)
    shot = int(chance.integers(len(pictures)))
    behind = background(pictures[shot], chance)
    chosen = [int(chance.integers(len(pool)))]
    while len(chosen) < objects:
        other = int(chance.integers(len(pool)))
        if labels[other] not in labels[chosen]:
            chosen.append(other)
    pixels, masks, wide = [], [], SIDE // objects
    for place, item in enumerate(chosen):
        size = int(chance.integers(sizes[0], min(sizes[1], wide) + 1))
        corner = (int(chance.integers(0, SIDE - size + 1)),
                  place * wide + int(chance.integers(0, wide - size + 1)))
        found, mask = placed(pool[item], cut_out(pool[item]), size, corner, chance.random() < 0.5)
        pixels.append(found)
        masks.append(mask)
    around = behind[~np.any(masks, axis=0)]
    if match:
        pixels = [matched(found, mask, around) for found, mask in zip(pixels, masks, strict=True)]
    return (np.clip(np.rint(pixels), 0, 255).astype(np.uint8), np.array(masks), behind,
            labels[chosen], np.array(chosen), shot)


# --- sets -----------------------------------------------------------------------------------------


def make(part, count, *, first=0, seed=1, match=True, objects=1, sizes=None, folder=None,
         progress=iter):
    """``count`` scenes of a part, from number ``first``.

    Parameters
    ----------
    part : "train" or "test"
    seed : int
        Another one gives other scenes of the same items and photographs.
    match : bool
        Whether the objects take the brightness of their backgrounds; else they keep their own and
        are mostly brighter.
    objects : 1 or 2
        Of two, of different classes, the first is in the left half and the second in the right.
    sizes : (int, int)
        Least and largest side of an item's box in pixels; (28, 45), or (28, 32) for two objects.
    progress : callable
        Wraps the iterable of numbers.

    Returns
    -------
    Scenes
    """
    if part not in SOURCES:
        raise BadInput(f"part must be one of {', '.join(SOURCES)}, not {part}")
    if objects not in (1, 2):
        raise BadInput(f"a scene has 1 or 2 objects, not {objects}")
    sizes = sizes or ((28, 45), (28, 32))[objects - 1]
    found = [scene(part, number, seed=seed, objects=objects, match=match, sizes=sizes,
                   folder=folder) for number in progress(range(first, first + count))]
    return Scenes(*(np.stack(values) for values in zip(*found, strict=True)))


def load_sample(path="models/scenes_sample.npz"):
    """(images (N, 64, 64) uint8, masks (N, 64, 64) bool, labels (N,)) of the committed sample."""
    with np.load(path) as kept:
        images, masks = kept["images"], np.unpackbits(kept["masks"], axis=-1).astype(bool)
        return images, masks, kept["labels"]


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.scenes", description=__doc__)
    parser.add_argument("--data", help="folder with the idx files of Fashion-MNIST")
    parser.add_argument("--out", default="models/scenes_sample.npz")
    parser.add_argument("--part", default="test", choices=tuple(SOURCES))
    parser.add_argument("--count", type=whole(), default=48)
    parser.add_argument("--plain", action="store_true", help="objects as bright as they are")
    parser.add_argument("--objects", type=int, default=1, choices=(1, 2),
                        help="of a scene; of two, ``pairs`` (N, 2) stand for the labels")
    args = parser.parse_args(argv)
    output(args.out, args.data, suffix=".npz")
    found = make(args.part, args.count, match=not args.plain, folder=args.data,
                 objects=args.objects)
    masks, names = np.packbits(found.masks, axis=-1), np.array(CLASSES)
    with replacing(args.out) as aside:
        if args.objects == 1:
            np.savez_compressed(aside, images=found.images, labels=found.labels[:, 0],
                                masks=masks[:, 0], classes=names)
        else:
            np.savez_compressed(aside, images=found.images, pairs=found.labels, masks=masks,
                                classes=names)


if __name__ == "__main__":
    main()
