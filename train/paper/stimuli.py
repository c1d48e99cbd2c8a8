"""Pictures that change while they are looked at, with the object's mask of every step.

Made of the test scenes of ``train.scenes``, taken apart: the object moves, appears, or gives way to
another, in front of its background; "events" are what an event camera would see of a moving object
while the hand that holds the camera shakes.
"""

import numpy as np

from golden.encode import randoms
from train import scenes

KINDS = {
    "switch": "half-way another object, elsewhere, in front of the same background",
    "appear": "the background alone, half-way the object",
    "move": "the object crosses the picture, a pixel or so a step",
    "events": "changes of brightness of a moving object, seen by a shaking camera: one bit a pixel",
}
CONTRAST = 0.15      # an event: a change of the logarithm of the brightness by so much
SIDE = scenes.SIDE


def moved(array, down, across):
    """``array`` (H, W) moved by whole pixels, 0 where nothing comes from."""
    found = np.zeros_like(array)
    height, width = array.shape
    found[max(0, down):height + min(0, down), max(0, across):width + min(0, across)] = array[
        max(0, -down):height - max(0, down), max(0, -across):width - max(0, across)]
    return found


def path(mask, steps, chance):
    """(T, 2) whole shifts that take an object from one place inside the picture to another.

    Along a diagonal, from the edge that it can reach on one side to that on the other.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    ends = []
    for line in (rows, columns):
        edges = [-int(line[0]), SIDE - 1 - int(line[-1])]
        ends.append(edges[::int(chance.choice((-1, 1)))])
    share = np.linspace(0, 1, steps)
    return np.stack([np.rint(a + (b - a) * share).astype(int) for a, b in ends], axis=1)


def film(kind, made, number, steps):
    """(pictures (T, H, W) uint8, masks (T, H, W) bool) of one scene, ``made.images[number]``.

    ``made`` holds one scene more than is asked for: "switch" takes the object of the next.
    """
    behind, mask = made.backgrounds[number], made.masks[number, 0]
    pixels = made.objects[number, 0]
    whole = np.where(mask, pixels, behind)
    frames, masks = np.repeat(whole[None], steps, 0), np.repeat(mask[None], steps, 0)
    half = steps // 2
    if kind == "appear":
        frames[:half], masks[:half] = behind, False
    elif kind == "switch":
        other = made.masks[number + 1, 0]
        frames[half:] = np.where(other, made.objects[number + 1, 0], behind)
        masks[half:] = other
    elif kind in ("move", "events"):
        chance = np.random.default_rng([number, int(made.items[number, 0])])
        shake = np.cumsum(chance.integers(-1, 2, (steps + 1, 2)), axis=0).clip(-3, 3)
        for t, (down, across) in enumerate(path(mask, steps, chance)):
            seen = np.roll(behind, shake[t], (0, 1)) if kind == "events" else behind
            masks[t] = moved(mask, down, across)
            frames[t] = np.where(masks[t], moved(pixels, down, across), seen)
    else:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind}")
    return frames, masks


def stimuli(kind, numbers, network):
    """Input spikes and masks for ``network`` with encoder "frames".

    Intensities become spikes by golden's random numbers, step by step; events already are.

    Returns
    -------
    spikes : (N, T, 1, H, W) uint8
    masks : (N, T, H, W) bool
    """
    steps, first, count = network.steps, int(numbers[0]), len(numbers)
    made = scenes.make("test", count + 1, first=first)
    table = randoms(network.seed, SIDE * SIDE, steps).reshape(steps, SIDE, SIDE)
    spikes, masks = [], []
    for number in range(count):
        frames, mask = film(kind, made, number, steps)
        if kind == "events":
            level = np.log(frames.astype(float) + 20)
            change = np.abs(np.diff(level, axis=0, prepend=level[:1])) > CONTRAST
            spikes.append(change)
        else:
            spikes.append(table < frames)
        masks.append(mask)
    return np.array(spikes, dtype=np.uint8)[:, :, None], np.array(masks)
