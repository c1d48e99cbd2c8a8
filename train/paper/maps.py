"""Maps of a layer: where its pixels lie in the picture, and what SAM has to beat there."""

from dataclasses import replace

import numpy as np

from golden.encode import encode
from golden.explain.localisation import enlarged as enlarged_one
from golden.formats import SCORE_FRAC, TABLE_FRAC, exp_table
from golden.network import Pool
from golden.neurons.population import fire
from golden.run import run
from golden.sam import activation_map
from golden.synapses import pooled, weighted

GAMMA = 0.5      # the authors' script


# --- geometry -------------------------------------------------------------------------------------


def geometry(network, tap):
    """(pitch, start): pixel n of a layer's map is centred on pixel pitch n + start of the input."""
    pitch, start = 1, 0.0
    for stage in network.stages[:tap]:
        for layer in (*stage.pools, stage.layer):
            if isinstance(layer, Pool) or not layer.dense:
                start += pitch * ((layer.kernel - 1) / 2 - layer.padding)
                pitch *= layer.stride
    return pitch, start


def places(count, side, network, tap):
    """(first, end) of the input's pixels that are nearest to each of ``count`` pixels of a map."""
    pitch, start = geometry(network, tap)
    first = np.ceil(pitch * (np.arange(count) - 0.5) + start).astype(int)
    first[0] = 0
    return first, np.append(first[1:], side)


def shrunk(values, network, tap):
    """Values of the input's pixels (..., H, W) as their means over the pixels of a layer's map."""
    height, width = network.stages[tap - 1].shape[1:]
    total = np.zeros((*values.shape[:-2], values.shape[-2] + 1, values.shape[-1] + 1))
    total[..., 1:, 1:] = np.asarray(values, dtype=float).cumsum(-2).cumsum(-1)
    top, bottom = (at[:, None] for at in places(height, values.shape[-2], network, tap))
    left, right = places(width, values.shape[-1], network, tap)
    found = (total[..., bottom, right] - total[..., top, right] - total[..., bottom, left]
             + total[..., top, left])
    return found / ((bottom - top) * (right - left))


def masks_at(masks, network, tap):
    """Which pixels of a layer's map lie on the object: half of them or more do."""
    return shrunk(masks, network, tap) >= 0.5


def enlarged(maps, network, tap):
    """A layer's maps (..., h, w) over the input: each pixel takes the value nearest to it."""
    pitch, start = geometry(network, tap)
    near = [np.clip(np.floor((np.arange(side) - start) / pitch + 0.5).astype(int), 0, count - 1)
            for side, count in zip(network.shape[1:], maps.shape[-2:], strict=True)]
    return maps[..., near[0][:, None], near[1]]


def widened(heats, shape):
    """A layer's maps (N, h, w) at the picture's resolution (N, H, W), bilinear, as the paper's.

    golden.explain.localisation.enlarged of each: a mask is never brought to a layer's grid, where
    small objects are lost and all maps look better than they are.
    """
    return np.stack([enlarged_one(heat, shape) for heat in heats])


# --- maps -----------------------------------------------------------------------------------------


def sam(spikes, *, gamma=GAMMA, mode="paper"):
    """SAM in real numbers from golden's integers; (N, T, H, W)."""
    return activation_map(spikes, gamma=gamma, mode=mode) / 2**SCORE_FRAC


def sams(spikes, gammas):
    """``sam`` in mode "paper" for many gammas: gamma -> (N, T, H, W); the same numbers, sooner.

    Which neurons spike, and how long after their last spike, is found once; then every gamma costs
    as much as there are spikes.
    """
    count, steps, channels, height, width = spikes.shape
    side, one, half = height * width, 1 << SCORE_FRAC, 1 << TABLE_FRAC >> 1
    flat = np.ascontiguousarray(spikes.swapaxes(0, 1)).reshape(steps, -1)
    last = np.zeros(flat.shape[1], dtype=np.int64)
    fired = []
    for t in range(steps):
        where = np.flatnonzero(flat[t])
        fired.append((where, t - last[where], where // (channels * side) * side + where % side))
        last[where] = t
    found = {}
    for gamma in gammas:
        table, kept = exp_table(gamma, steps), np.zeros(flat.shape[1], dtype=np.int64)
        found[gamma] = np.empty((count, steps, height, width))
        for t, (where, interval, pixel) in enumerate(fired):
            earlier = (table[interval] * kept[where] + half) >> TABLE_FRAC
            kept[where] = one + earlier
            found[gamma][:, t] = np.bincount(pixel, earlier, count * side).reshape(
                count, height, width) / one
    return found


def shown(maps):
    """Maps as they are displayed, golden.explain.metrics.display, for many at once: (..., H, W)."""
    low = maps - maps.min(axis=(-2, -1), keepdims=True)
    return low / (low.max(axis=(-2, -1), keepdims=True) + 1e-3)


def unit(maps):
    """Maps brought to 0..1 exactly, for a reference map; even maps become 0."""
    low = maps - maps.min(axis=(-2, -1), keepdims=True)
    high = low.max(axis=(-2, -1), keepdims=True)
    return low / np.where(high > 0, high, 1)


def contrast(images):
    """|x - median of the picture|, (N, H, W), the mean over channels."""
    middle = np.median(images, axis=(2, 3), keepdims=True)
    return np.abs(images - middle).mean(axis=1)


def rates(spikes):
    """Spikes (N, T, C, H, W) summed over channels: (N, T, H, W)."""
    return spikes.sum(axis=2, dtype=np.int32).astype(np.float64)


def running(rate, kind, value=None):
    """Rivals of SAM that see the same spikes, ``rates`` of them: (N, T, H, W).

    - "count": spikes so far
    - "window": spikes of the last ``value`` steps, this one included
    - "trace": E(t) = exp(-value) E(t-1) + S(t), whether or not the neuron spikes now
    - "now": spikes of this step
    """
    if kind == "now":
        return rate
    if kind == "trace":
        found = np.empty_like(rate)
        kept = np.zeros_like(rate[:, 0])
        for t in range(rate.shape[1]):
            kept = np.exp(-value) * kept + rate[:, t]
            found[:, t] = kept
        return found
    total = rate.cumsum(axis=1)
    if kind == "window":
        total[:, value:] = total[:, value:] - rate.cumsum(axis=1)[:, :-value]
    return total


def average(values):
    """Mean of the finite values along the last axis; nan where there are none."""
    values = np.asarray(values, dtype=float)
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    total = np.where(finite, values, 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


# --- networks that know nothing -------------------------------------------------------------------


def rewoven(network, make, layers=None):
    """``network`` with weights of some layers replaced: ``make`` of each weighted layer."""
    weighted, found = 0, []
    for layer in network.layers:
        if not isinstance(layer, Pool):
            weighted += 1
            if layers is None or weighted in layers:
                layer = make(layer)
        found.append(layer)
    return network.replace(layers=tuple(found))


def shuffled(network, seed, layers=None):
    """The trained weights of each layer (or of ``layers``) in another order."""
    chance = np.random.default_rng(seed)
    return rewoven(network, lambda layer: replace(
        layer, weights=chance.permutation(layer.weights.ravel()).reshape(layer.weights.shape)),
        layers)


def untrained(network, images, seed):
    """``network`` with fresh normal weights that spikes as much as the trained one.

    Of the same bits, without biases and norms. Thresholds are set layer by layer so that ``images``
    cause about as many spikes as in the trained network: a silent one would prove nothing.
    """
    chance = np.random.default_rng(seed)

    def fresh(layer):
        top = 2 ** (layer.bits - 1) - 1
        real = chance.standard_normal(layer.weights.shape)
        step = 2 * np.abs(real).mean() / np.sqrt(top)      # that of train.core.snn
        whole = np.clip(np.rint(real / step), -top, top).astype(layer.weights.dtype)
        return replace(layer, weights=whole, bias=None, norm=None)

    found = rewoven(network, fresh)
    wanted = run(images, network, taps=(), keep=False).counts.mean(axis=0)
    active = encode(images, network)
    for index in network.taps:
        stage, steps = found.stages[index - 1], network.steps
        flat = active.reshape(-1, *active.shape[2:])
        for pool in stage.pools:
            flat = pooled(flat, pool)
        sums = weighted(flat, stage.layer, stage.top).reshape(len(images), steps, *stage.shape)
        low, high = 1, 2**20
        while low < high:      # spikes fall as the threshold rises, but for the reset
            middle = (low + high) // 2
            layer = raised(stage.layer, middle)
            if np.count_nonzero(fire(sums, layer)[0]) / len(images) > wanted[index]:
                low = middle + 1
            else:
                high = middle
        found = rewoven(found, lambda layer, theta=low: raised(layer, theta), (index,))
        active, _ = fire(sums, found.stages[index - 1].layer)
    return found


def raised(layer, threshold):
    """``layer`` with another threshold."""
    return replace(layer, neuron=replace(layer.neuron, threshold=np.int64(threshold)))
