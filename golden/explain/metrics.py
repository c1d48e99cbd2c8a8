"""How good a heatmap is: agreement with a reference, with a mask, and with the network itself."""

import numpy as np

from golden.io.arguments import index, numbers, positive, spike_trains
from golden.io.errors import BadInput

EPSILON = 1e-6  # values of a map are held this far from 0 and 1 in a logarithm


def display(maps, floor: float = 1e-3) -> np.ndarray:
    """Maps as they are shown: per step (M - min) / (max(M - min) + floor), within 0 to 1.

    By hand: [[0, 3], [1, 2]] becomes its numbers divided by 3.001.
    """
    maps = stack(maps, "maps")
    low = maps - maps.min(axis=(1, 2), keepdims=True)
    return low / (low.max(axis=(1, 2), keepdims=True) + floor)


def localisation_error(maps, reference, eps=EPSILON):
    """Cross entropy between each step's map and a reference map; the least of all steps.

    Kim & Panda 2021, eq. 10, whose printed form lacks the minus sign of a cross entropy:
    E = min_t -1/N sum_ij G log M_t + (1 - G) log(1 - M_t), M held within eps to 1 - eps, N the
    pixels. By hand: M = [[.5, .5]] gives log 2 for any G; M = G = [[0, 1]] gives about eps.

    Parameters
    ----------
    maps : (T, H, W) or (H, W), 0 to 1
        M, for instance ``display`` of SAM.
    reference : (H, W), 0 to 1
        G, for instance Grad-CAM of an ANN.
    """
    maps = unit(stack(maps, "maps"), "maps")
    reference = unit(one(reference, "reference", maps.shape[1:]), "reference")
    eps = numbers(eps, "eps")
    if eps.ndim or not 0 < eps < 0.5:
        raise BadInput(f"eps must be above 0 and below 0.5, not {eps}")
    held = np.clip(maps, eps, 1 - eps)
    errors = -(reference * np.log(held) + (1 - reference) * np.log(1 - held))
    return float(errors.mean(axis=(1, 2)).min())


def heatmap_variance(maps: list | np.ndarray) -> float:
    """Variance over the pixels of each step's map; the largest of all steps (the paper's Fig. 2b).

    Depends on the scale of the maps: compare like with like, for instance ``display`` of each. By
    hand: [[0, 1]] gives 1/4.
    """
    return float(stack(maps, "maps").var(axis=(1, 2)).max())


def l1_distance(maps: list | np.ndarray, others: list | np.ndarray) -> float:
    """Mean absolute difference of the pixels of each step; the largest of all steps.

    The paper's "normalised L1 distance" between the heatmaps of a clean and an attacked image
    (Fig. 6b), which it does not define: here the maps are 0 to 1 and the sum is divided by the
    number of pixels, so that the distance is 0 to 1. By hand: [[0, 1]] and [[1, 1]] give 1/2.
    """
    maps, others = unit(stack(maps, "maps"), "maps"), unit(stack(others, "others"), "others")
    if maps.shape != others.shape:
        raise BadInput(f"others must be of shape {maps.shape}, as maps, not {others.shape}")
    return float(np.abs(maps - others).mean(axis=(1, 2)).max())


def pointing_game(heat, mask, tolerance=0):
    """Share of the hottest pixels that lie on the mask, or at most ``tolerance`` pixels off it.

    1.0 or 0.0 where the maximum is one pixel; ties count by halves, thirds and so on. Distance is
    the larger of that in y and in x. By hand: heat [[1, 2]] and mask [[1, 0]] give 0, with
    tolerance 1 it is 1.
    """
    heat = one(heat, "heat")
    found = binary(mask, heat.shape)
    reach = index(tolerance, max(heat.shape) + 1, "tolerance")
    padded = np.pad(found, reach)
    near = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1,) * 2).any(axis=(2, 3))
    return float(near[heat == heat.max()].mean())


def iou(heat, mask, share=0.5) -> float:
    """Intersection over union of the mask and the pixels of at least ``share`` of the maximum.

    A map without a positive pixel marks none. By hand: heat [[4, 2, 1]] and mask [[1, 0, 0]] give
    1/2.
    """
    heat = one(heat, "heat")
    found = binary(mask, heat.shape)
    share = numbers(share, "share")
    if share.ndim or not 0 < share <= 1:
        raise BadInput(f"share must be above 0 and at most 1, not {share}")
    hot = (heat >= share * heat.max()) & (heat > 0)
    return float((hot & found).sum() / (hot | found).sum())


def energy(heat, mask) -> float:
    """Share of the positive heat that lies on the mask; nan without any.

    By hand: heat [[3, 1, -5]] and mask [[1, 0, 1]] give 3/4.
    """
    heat = np.maximum(one(heat, "heat"), 0)
    found = binary(mask, heat.shape)
    return float(heat[found].sum() / heat.sum()) if heat.any() else float("nan")


def mask_auc(heat: list[list[int]] | np.ndarray, mask: list[list[int]] | np.ndarray) -> np.ndarray:
    """Chance that a pixel of the mask is hotter than one off it, equal ones counting half.

    The area under the ROC curve: .5 for a map that knows nothing, 1 for one that any threshold of
    its own turns into the mask. By hand: heat [[3, 1, 2]] gives 1 with mask [[1, 0, 1]] and, 3
    being above both 1 and 2, 0 with mask [[0, 1, 1]].

    Parameters
    ----------
    heat : (..., H, W)
    mask : (H, W), or of the shape of ``heat``, 0 and 1

    Returns
    -------
    float64 array of the leading shape; nan where the mask has no pixel, or all of them
    """
    heat = numbers(heat, "heat")
    found = numbers(mask, "mask")
    if heat.ndim < 2 or found.shape not in (heat.shape, heat.shape[-2:]):
        raise BadInput(f"mask must be {heat.shape[-2:]} or {heat.shape}, not {found.shape}")
    if not np.isin(found, (0, 1)).all():
        raise BadInput("mask must hold only 0 and 1")
    rows = heat.reshape(-1, heat.shape[-2] * heat.shape[-1])
    found = np.broadcast_to(found, heat.shape).reshape(rows.shape)
    order = np.argsort(rows, axis=1)
    values = np.take_along_axis(rows, order, axis=1)
    found = np.take_along_axis(found, order, axis=1)
    # Equal values share the mean of the first and the last of their places.
    place = np.broadcast_to(np.arange(rows.shape[1]), rows.shape)
    fresh = np.ones(rows.shape, dtype=bool)
    fresh[:, 1:] = values[:, 1:] != values[:, :-1]
    last = np.roll(fresh, -1, axis=1)
    first = np.maximum.accumulate(np.where(fresh, place, 0), axis=1)
    final = np.minimum.accumulate(np.where(last, place, place[:, -1:])[:, ::-1], axis=1)[:, ::-1]
    inside = found.sum(axis=1)
    wins = ((first + final) / 2 * found).sum(axis=1) - inside * (inside - 1) / 2
    pairs = inside * (rows.shape[1] - inside)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(pairs > 0, wins / pairs, np.nan).reshape(heat.shape[:-2])


def rank_correlation(a: list[int] | np.ndarray, b: list[int] | np.ndarray) -> float:
    """Spearman's: Pearson's correlation of the ranks, ties sharing their mean; nan if constant.

    By hand: [1, 2, 3] and [1, 9, 4] have ranks 0, 1, 2 and 0, 2, 1: 1/2.
    """
    a, b = numbers(a, "a").ravel(), numbers(b, "b").ravel()
    if a.shape != b.shape or not a.size:
        raise BadInput(f"b must hold {a.size} numbers, as a, at least one, not {b.size}")
    first, second = (ranks(values) - (len(values) - 1) / 2 for values in (a, b))
    norm = np.sqrt((first @ first) * (second @ second))
    return float(first @ second / norm) if norm else float("nan")


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value from 0, equal ones sharing the mean."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return (ends - (count + 1) / 2)[place]


def spike_activity(spikes: np.ndarray) -> np.ndarray:
    """(T,) share of the neurons that spike in each step (the paper's Fig. 5b); of (T, ...)."""
    spikes = np.asarray(spikes)
    return (spikes.reshape(len(spikes), -1) != 0).mean(axis=1)


# --- against the network itself -------------------------------------------------------------------


def deletion_curve(run_fn, input_spikes, importance, output_neuron, *, points=11, insertion=False):
    """One output while the most important spikes are taken away first.

    A good map makes the output fall early: a small area. With ``insertion`` it starts from silence
    and the most important spikes are put back first: a large area is good.

    By hand: a model with output 2 s[0] + s[1] of one step, both spiking, importance [5, 1] and 3
    points: deletion 3, 1, 0; insertion 0, 2, 3.

    Parameters
    ----------
    run_fn : function
        (T, N) spikes to (K,) outputs.
    input_spikes : (T, N) of 0 and 1
    importance : (T, N), spike by spike, or (N,), neuron by neuron
        The most important first, of equals the earlier and lower.
    output_neuron : int
    points : int
        Points of the curve, 2 or more.

    Returns
    -------
    shares : (points,) float64
        Of the spikes (or neurons) taken away, or put back: 0 to 1 in equal steps, to whole spikes.
    outputs : (points,) float64
    """
    spikes = spike_trains(input_spikes)
    importance = numbers(importance, "importance")
    if positive(points, "points") < 2:
        raise BadInput(f"points must be at least 2, not {points}")
    if importance.shape == spikes.shape:
        places = np.argwhere(spikes)
        order = places[np.argsort(-importance[spikes != 0], kind="stable")]
        chosen = [(order[:, 0], order[:, 1])]
    elif importance.shape == spikes.shape[1:]:
        chosen = [(slice(None), np.argsort(-importance, kind="stable"))]
    else:
        raise BadInput(f"importance must be {spikes.shape} or ({spikes.shape[1]},), "
                       f"not of shape {importance.shape}")
    rows, columns = chosen[0]
    counts = np.linspace(0, len(columns), points).round().astype(int)
    outputs = []
    for count in counts:
        part = (rows if isinstance(rows, slice) else rows[:count], columns[:count])
        now = np.zeros_like(spikes) if insertion else spikes.copy()
        now[part] = spikes[part] if insertion else 0
        found = numbers(run_fn(now), "the outputs of run_fn")
        if found.ndim != 1:
            raise BadInput(f"run_fn must return (outputs,), not {found.shape}")
        outputs.append(found[index(output_neuron, len(found))])
    return counts / max(len(columns), 1), np.array(outputs)


def area(shares: list[int] | np.ndarray, outputs: list[int] | np.ndarray) -> float:
    """Area under a curve, by trapezia; by hand: shares [0, 1] and outputs [2, 4] give 3."""
    shares, outputs = numbers(shares, "shares"), numbers(outputs, "outputs")
    if shares.ndim != 1 or shares.shape != outputs.shape:
        raise BadInput(f"outputs must be one a share, {shares.shape}, not {outputs.shape}")
    return float(np.trapezoid(outputs, shares))


# --- arguments ------------------------------------------------------------------------------------


def stack(maps: list | np.ndarray, name: str) -> np.ndarray:
    """``maps`` as (T, H, W) numbers; (H, W) is one step."""
    found = numbers(maps, name)
    found = found[None] if found.ndim == 2 else found
    if found.ndim != 3 or not found.size:
        raise BadInput(f"{name} must be (steps, height, width), not of shape {np.shape(maps)}")
    return found


def one(heat: list | np.ndarray, name: str, shape: tuple[int, int] | None = None) -> np.ndarray:
    """``heat`` as (H, W) numbers."""
    found = numbers(heat, name)
    if found.ndim != 2 or not found.size or (shape is not None and found.shape != shape):
        raise BadInput(f"{name} must be {'(height, width)' if shape is None else shape}, "
                       f"not of shape {found.shape}")
    return found


def unit(values: np.ndarray, name: str) -> np.ndarray:
    """``values`` if all are within 0 to 1."""
    if values.min() < 0 or values.max() > 1:
        raise BadInput(f"{name} must be within 0 to 1, found {values.min():g} to "
                       f"{values.max():g}: see display()")
    return values


def binary(mask: list[list[int]], shape: tuple[int, int]) -> np.ndarray:
    """``mask`` as a bool array of ``shape`` with at least one pixel set."""
    found = one(mask, "mask", shape)
    if not np.isin(found, (0, 1)).all() or not found.any():
        raise BadInput("mask must hold only 0 and 1, and a 1 at least once")
    return found != 0
