"""Contribution maps: what each pixel of the deepest spiking layer gave to each class, exactly.

With S[k, p, t] the spikes of the last layer that spikes and w[c, k, p] the read-out's own integer
weights (golden.network.linear), a step gives

    M[c, p, t] = sum over k of w[c, k, p] S[k, p, t]        C[c, p] = sum over t of M[c, p, t]

in signed whole numbers: no decay, no rounding, nothing held at a top. At every step

    (sum over p and t' <= t of M[c, p, t']) << frac  +  (t + 1) bias[c]  =  score[c, t]

bit for bit, the score that the chip streams. The bias belongs to no pixel. What speaks for class A
and against B is C[A] - C[B]. Its positive part is Grad-CAM for a pooled read-out (Selvaraju et al.
2017), CAM in spikes; a map explains this run of the network and no other.

By hand: two neurons at one pixel, weights 3 and -1, of which the first spikes at t = 0 and both at
t = 1: M = 3, 2 and C = 5; with frac 4 and bias 10 the scores are 3 * 16 + 10 = 58 and
5 * 16 + 20 = 100.
"""

from typing import TYPE_CHECKING

import numpy as np

from golden.formats import bits_signed
from golden.io.arguments import index
from golden.io.errors import BadInput
from golden.network.linear import check_linear, readout_weights

if TYPE_CHECKING:
    from golden.network.graph import Network
    from golden.network.result import Result

__all__ = ["adds_up", "contribution_bits", "contributions", "difference", "of_result", "rival",
           "said", "step_contributions", "summed_scores"]


def step_contributions(spikes: np.ndarray, network: "Network") -> np.ndarray:
    """M of every step.

    Parameters
    ----------
    spikes : (T, K, H, W) or (N, T, K, H, W) of 0 and 1
        Of the layer ``network.stages[-2]``, as golden.run gives them.
    network : golden.network.Network
        Raises BadInput unless its read-out is linear (golden.network.linear.check_linear).

    Returns
    -------
    (T, classes, H, W) or (N, T, classes, H, W) int64, in weight units
    """
    weights, spikes = readout_weights(network), np.asarray(spikes)
    if spikes.ndim not in (4, 5) or spikes.shape[-4:] != (network.steps, *weights.shape[1:]):
        raise BadInput(f"spikes must be ({network.steps}, "
                       f"{', '.join(map(str, weights.shape[1:]))}) or several of these, "
                       f"not {spikes.shape}")
    # Whole numbers far below 2**53, so that float64 is exact whatever the order.
    found = np.einsum("ntkyx,ckyx->ntcyx", spikes.reshape(-1, *spikes.shape[-4:]), weights,
                      dtype=np.float64, casting="unsafe", optimize=False)
    return found.astype(np.int64).reshape(*spikes.shape[:-3], len(weights), *weights.shape[2:])


def contributions(spikes: np.ndarray, network: "Network") -> np.ndarray:
    """C: ``step_contributions`` summed over the steps, (classes, H, W) or (N, classes, H, W)."""
    return step_contributions(spikes, network).sum(axis=-4)


def summed_scores(steps: np.ndarray, network: "Network") -> np.ndarray:
    """Scores (..., T, classes) int64 that M of every step, (..., T, classes, H, W), adds up to."""
    layer, steps = network.stages[-1].layer, np.asarray(steps)
    total = steps.sum(axis=(-2, -1)).cumsum(axis=-2) << layer.frac
    return total + np.arange(1, steps.shape[-4] + 1)[:, None] * layer.biases


def adds_up(maps: np.ndarray, scores: np.ndarray, network: "Network") -> np.ndarray:
    """(N,) bool: whether maps of N images add up to their scores, in every class.

    ``maps`` are M (N, T, classes, H, W), which are checked at every step of the ``scores``
    (N, T, classes), or C (N, classes, H, W), which are checked at the last.
    """
    check_linear(network)
    maps, scores = np.asarray(maps), np.asarray(scores)
    if maps.ndim == 5:
        return (summed_scores(maps, network) == scores).all(axis=(1, 2))
    layer = network.stages[-1].layer
    total = (maps.sum(axis=(2, 3)) << layer.frac) + network.steps * layer.biases
    return (total == scores[:, -1]).all(axis=1)


def rival(logits: list[int] | np.ndarray, target: int) -> int:
    """The class with the largest logit beside ``target``, the first of equals.

    Raises BadInput where there is no other class.
    """
    logits = np.asarray(logits)
    target = index(target, len(logits))
    if len(logits) < 2:
        raise BadInput("there is one class, and no other to compare it with")
    others = np.delete(np.arange(len(logits)), target)
    return int(others[logits[others].argmax()])


def difference(maps: np.ndarray, target: int, versus: int | None = None) -> np.ndarray:
    """C[target] - C[versus] of maps (..., classes, H, W); C[target] alone without ``versus``."""
    found = maps[..., index(target, maps.shape[-3]), :, :]
    return found if versus is None else found - maps[..., index(versus, maps.shape[-3]), :, :]


def contribution_bits(network: "Network", steps: int | None = None) -> int:
    """Signed width that holds every C (M at ``steps`` 1), whatever spikes there are."""
    weights = readout_weights(network)
    low, high = (np.where(sign * weights > 0, weights, 0).sum(axis=1) for sign in (-1, 1))
    steps = network.steps if steps is None else steps
    return bits_signed(int(low.min()) * steps, int(high.max()) * steps)


def of_result(result: "Result", network: "Network"):
    """C (N, classes, H, W) of a Result of N images, or None where it has neither C nor spikes.

    Those that an accelerator gave, or else those of the spikes of the deepest spiking layer.
    """
    layer = network.stages[-2].index
    if ("contributions", layer) in result.explained:
        return result.explained["contributions", layer]
    return contributions(result.spikes[layer], network) if layer in result.spikes else None


def said(good: list[bool] | np.ndarray) -> str:
    """What a command says of ``adds_up``: "adds up: yes, on 3 of 3 images"."""
    count = int(np.count_nonzero(good))
    return f"adds up: {'yes' if count == len(good) else 'NO'}, on {count} of {len(good)} images"
