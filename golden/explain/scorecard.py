"""Methods of explanation against metrics, picture by picture, for ``python -m apps.metrics``.

A map is ``heat`` summed over the steps, brought to the picture's resolution (golden.explain.
localisation.enlarged); the class is the one that was answered; the encoder's noise is the run's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from golden import kernel
from golden.explain import explain
from golden.explain.faithfulness import area, flipping_curve, probabilities, sufficiency
from golden.explain.localisation import enlarged, localised
from golden.explain.methods import named
from golden.explain.road import road
from golden.explain.sanity import completeness, max_sensitivity, randomised, similarity
from golden.network import Network
from golden.network.encoders import encoder_of
from golden.run import run_batched

__all__ = ["FAMILIES", "FILLS", "METRICS", "Setting", "fill_of", "measured", "model_of"]

# name: (whether more is better, what it says)
METRICS = {
    "deletion": (False, "area under the answer's probability, the hottest pixels removed first"),
    "insertion": (True, "the same, the hottest pixels put back first"),
    "sufficiency": (True, "of the pictures with a map alike, the share with the same answer"),
    "ROAD": (False, "answers kept, the hottest pixels removed and filled from their neighbours"),
    "AUC": (True, "a pixel of the object is hotter than one beside it"),
    "pointing": (True, "the hottest pixel is on the object"),
    "mass": (True, "share of the positive heat on the object"),
    "rank": (True, "of as many hottest pixels as the object has, the share on it"),
    "MPRT": (False, "correlation with the map of the network with shuffled layers, mean of all"),
    "sensitivity": (False, "relative change of the map where the picture hardly changes"),
    "completeness": (False, "relative error of the map's sum against the score it says it is"),
}
FILLS = ("black", "mean", "blur")
FAMILIES = {
    "faithfulness": ("deletion", "insertion", "sufficiency", "ROAD"),
    "localisation": ("AUC", "pointing", "mass", "rank"),
    "sanity": ("MPRT", "sensitivity", "completeness"),
}


@dataclass(frozen=True)
class Setting:
    """What a scorecard is measured with.

    Members
    -------
    points : int
        Of a deletion or insertion curve.
    fill : one of FILLS
        What a pixel that is taken away becomes: 0, the picture's mean, or what a Gaussian blur of
        4 pixels leaves there.
    how : "bilinear" or "nearest"
    radius, draws : int
        Of golden.explain.sanity.max_sensitivity.
    threshold : float
        Of golden.explain.faithfulness.sufficiency.
    seed : int
        Of shuffled layers and of noise in the picture, ROAD's too.
    fresh : bool
        Whether picture n is encoded with seed 2 n + 1 in place of the network's.
    """

    points: int = 11
    fill: str = "black"
    how: str = "bilinear"
    radius: int = 3
    draws: int = 3
    threshold: float = 0.6
    seed: int = 0
    fresh: bool = False


def model_of(network: Network) -> Callable:
    """A function of pictures to the Result of golden with all spikes."""
    return lambda images: run_batched(images, network, kernel=kernel.default())


def logits_of(network, images):
    """(N, classes) of golden, without spikes and maps."""
    return run_batched(images, network, taps=(), keep=False, kernel=kernel.default()).logits


def fill_of(setting: Setting, image: np.ndarray):
    """What replaces a picture's pixels: a number, or an array of its shape."""
    if setting.fill == "black":
        return 0
    if setting.fill == "mean":
        return round(float(image.mean()))
    return blurred(image)


def blurred(image, sigma=4.0):
    """A picture (..., H, W) behind a Gaussian blur, whose borders are held on; rounded."""
    reach = int(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    found = np.asarray(image, float)
    for axis in (-2, -1):
        wide = np.pad(found, [(reach, reach) if n == found.ndim + axis else (0, 0)
                              for n in range(found.ndim)], mode="edge")
        found = np.lib.stride_tricks.sliding_window_view(
            wide, 2 * reach + 1, axis=axis) @ (weights / weights.sum())
    return np.rint(found).astype(image.dtype)


def measured(network: Network, images: np.ndarray, methods: Sequence, *,
             masks: np.ndarray | None = None, setting: Setting | None = None,
             tick: Callable | None = None) -> dict[str, dict[str, np.ndarray]]:
    """{method: {metric: (N,) float64}}, nan where a metric has no answer.

    Parameters
    ----------
    images : as golden.run.check_images gives them
    methods : sequence of str, of golden.explain.methods.METHODS
    masks : None or (N, H, W) of 0 and 1
        Where the objects are; without, localisation has no answer.
    setting : None or Setting
    tick : None or function
        Called when a picture is done.

    Raises BadInput where a method does not fit the network.
    """
    setting = setting or Setting()
    frames = encoder_of(network).frames
    learnt = network
    random = [randomised(network, count, setting.seed)
              for count in range(1, len(network.stages) + 1)]
    found = {name: {metric: np.full(len(images), np.nan) for metric in METRICS}
             for name in methods}
    kept = {name: [] for name in methods}
    answers = np.empty(len(images), int)
    for n, image in enumerate(images):
        seed = 2 * n + 1 if setting.fresh else learnt.seed
        network, *shuffled = (each.replace(seed=seed) for each in (learnt, *random))
        result = model_of(network)(image[None])
        target = answers[n] = int(result.pred[0])
        others = [model_of(each)(image[None]) for each in shuffled]
        answer = lambda pictures, target=target, network=network: probabilities(
            logits_of(network, pictures), network)[:, target]
        for name in methods:
            asked = {"output_neuron": target} if named(name).classed else {}
            got = explain(image, network, name, result=result, **asked)
            heat = got.heat.sum(axis=0)
            row, large = found[name], enlarged(heat, image.shape[-2:], setting.how)
            kept[name].append(heat)
            for metric, insertion in (("deletion", False), ("insertion", True)):
                row[metric][n] = area(*flipping_curve(
                    answer, image, large, points=setting.points, insertion=insertion,
                    fill=fill_of(setting, image)))
            if masks is not None and masks[n].any() and not masks[n].all():
                for metric, value in localised(heat, masks[n], setting.how).items():
                    row[metric][n] = value
            row["MPRT"][n] = np.mean([similarity(heat, explain(
                image, each, name, result=other, **asked).heat.sum(axis=0))
                for each, other in zip(shuffled, others, strict=True)])
            if not frames:
                row["ROAD"][n] = road(
                    lambda pictures, network=network: logits_of(network, pictures).argmax(axis=1),
                    image, large, target, seed=setting.seed)
                row["sensitivity"][n] = max_sensitivity(
                    lambda moved, name=name, asked=asked, network=network: explain(
                        moved, network, name, result=model_of(network)(moved[None]),
                        **asked).heat.sum(axis=0),
                    image, radius=setting.radius, draws=setting.draws, seed=setting.seed)
            if got.claim is not None:
                row["completeness"][n] = completeness(heat.sum(), got.claim)
        if tick:
            tick()
    for name in methods:
        if len(images) > 1:
            found[name]["sufficiency"][:] = sufficiency(np.stack(kept[name]), answers,
                                                        setting.threshold)
    return found
