"""What one step of a layer's weights may be worth: the exact scale if there is one, or several."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from golden.importers.float_network import FloatLayer
    from golden.network.layers import Layer

NEAR = 2e-5          # a weight this close to a whole step, in steps, is one: float32 has 24 bits
CLOSE = 1e-7         # the same for thresholds and their like, as a share of them
CLIPS = (1, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
MOST_FRAC = 20


def fraction(values: np.ndarray) -> int | None:
    """Fewest fraction bits that hold every one of ``values``; None if over MOST_FRAC."""
    values = np.asarray(values, dtype=np.float64)
    for frac in range(MOST_FRAC + 1):
        scaled = values * 2.0**frac
        whole = np.rint(scaled)
        if (np.abs(scaled - whole) <= CLOSE * np.maximum(1, np.abs(scaled))).all():
            return frac
    return None


def constants(layer, rows: slice = slice(None)) -> np.ndarray:
    """All real numbers of a layer, of some channels, that are counted in membrane units."""
    found = [layer.biases[rows],
             *(values[rows] for values in layer.neuron.constants(layer.per_channel).values())]
    if layer.norm is not None:
        found.append(layer.norm.offset[:, rows].ravel())
    if layer.recurrent is not None and layer.recurrent.bias is not None:
        found.append(layer.recurrent.bias[rows])
    return np.concatenate(found)


def rows_of(layer: "FloatLayer | Layer", factor: float) -> np.ndarray:
    """(channels, ...) of all weights that share a scale, as the layer's own are counted.

    A unit of what a layer reads is worth ``factor``, a spike of its loop or its skips is worth 1.
    """
    more = layer.skips if layer.recurrent is None else (layer.recurrent, *layer.skips)
    return np.hstack([layer.weights.reshape(layer.channels, -1), *(
        each.weights.reshape(layer.channels, -1) / factor for each in more)])


def exact_scale(values: np.ndarray, others: np.ndarray, bits: int,
                power_of_two: bool) -> float | None:
    """Scale that makes all ``values`` whole numbers of ``bits`` bits; None if there is none.

    Of several, the one that leaves ``others`` the fewest fraction bits.
    """
    values, limit = np.unique(values), 2**(bits - 1)
    top = np.abs(values).max()
    found, fewest = None, np.inf
    if power_of_two:
        tried = 2.0**(np.ceil(np.log2(top / limit)) + np.arange(bits))
    else:
        tried = top / np.arange(1, limit + 1)
    for scale in tried:
        if not fits(values[:: max(1, len(values) // 64)], scale, limit):
            continue
        if fits(values, scale, limit):
            need = fraction(others / scale)
            need = MOST_FRAC + 1 if need is None else need
            if need < fewest:
                found, fewest = scale, need
    return found


def fits(values: np.ndarray, scale: float, limit: int) -> bool:
    """Whether all ``values`` are whole multiples of ``scale`` from -limit to limit - 1."""
    steps = values / scale
    whole = np.rint(steps)
    return bool((np.abs(steps - whole) <= NEAR).all() and whole[0] >= -limit and whole[-1] < limit)


def scales(layer: "FloatLayer", bits: int, factor: float, one_scale: bool,
           power_of_two: bool) -> list[np.ndarray]:
    """Candidate scales (channels,) of a layer's weights: one if exact, else several to try."""
    rows = rows_of(layer, factor)
    parts = [slice(None)] if one_scale else [slice(c, c + 1) for c in range(layer.channels)]
    start, exact = np.empty(layer.channels), np.zeros(layer.channels, dtype=bool)
    for part in parts:
        top = np.abs(rows[part]).max()
        others = constants(layer, part)
        if top < 1e-30:
            threshold = others.max(initial=0)
            start[part], exact[part] = (threshold / factor if threshold > 1e-30 else 1.0), True
            continue
        scale = exact_scale(rows[part], others / factor, bits, power_of_two)
        if scale is None:
            scale = top / (2**(bits - 1) - 1)
            if power_of_two:
                scale = 2.0**np.ceil(np.log2(scale))
        else:
            exact[part] = True
        start[part] = scale
    if exact.all():
        return [start]
    clips = (1, 0.5, 0.25) if power_of_two else CLIPS
    return [np.where(exact, start, start * clip) for clip in clips]
