"""A network with spikes taken away: only what changes is computed, and the scores are exact.

A spike that is deleted at a neuron's output changes the next layers only in the receptive fields
that see it. What changes is followed as a small patch of differences, in batches of many deletions,
until it dies out or covers the map; from there on the remaining layers are run whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from golden.io.arguments import index, positive, spike_trains
from golden.io.errors import BadInput
from golden.network.rules import chain
from golden.neurons.population import fire
from golden.readout import class_scores
from golden.stages import forward

if TYPE_CHECKING:
    from golden.network.graph import Network
    from golden.network.layers import Layer
    from golden.network.ops.pool import Pool


@dataclass
class Patch:
    """Differences of B runs to the base run, in one square of the map each.

    ``change`` is (B, T, C, S, S) and ``y``, ``x`` (B,) say where its corner lies; parts that lie
    outside the map hold 0. ``runs`` (B,) says which run each entry is of.
    """

    change: np.ndarray
    y: np.ndarray
    x: np.ndarray
    runs: np.ndarray

    @property
    def side(self) -> int:
        """S."""
        return self.change.shape[-1]

    def kept(self, chosen) -> "Patch":
        """The entries ``chosen``."""
        return Patch(self.change[chosen], self.y[chosen], self.x[chosen], self.runs[chosen])

    def places(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows (B, S), columns (B, S), and which pixels (B, S, S) lie in a map (..., H, W)."""
        y, x = (at[:, None] + np.arange(self.side) for at in (self.y, self.x))
        rows, columns = ((at >= 0) & (at < size)
                         for at, size in zip((y, x), shape[-2:], strict=True))
        return y, x, rows[:, :, None] & columns[:, None, :]

    def mask(self, shape: tuple[int, int, int, int]) -> None:
        """Set what lies outside a map (..., H, W) to 0."""
        self.change = self.change * self.places(shape)[2][:, None, None]


class NetworkModel:
    """The spikes of one layer of a golden network to class scores.

    Called with (T, N) spikes it gives the (classes,) scores after the last step, with (B, T, N) the
    (B, classes) of B runs; N is in (c, y, x) order. It is a ``run_fn`` for golden.explain.saliency,
    which also uses its methods.

    Parameters
    ----------
    network : golden.network.Network
    layer : int
        0 for the spikes of the input, else those that weighted layer ``layer`` hands on; only the
        layers behind it are run.
    batch : int
        Runs at a time; memory grows with it.
    """

    def __init__(self, network: "Network", layer: int = 0, *, batch: int = 128):
        self.network, self.batch = network, positive(batch, "batch")
        self.layer = index(layer, len(network.stages), "layer")
        chain(network, "experiments with deleted spikes go through chains alone", self.layer)
        self.stages = network.stages[self.layer:]
        self.shape = self.stages[0].source

    def __call__(self, spikes):
        spikes = np.asarray(spikes)
        one = spikes.ndim == 2
        size = int(np.prod(self.shape))
        spikes = spikes[None] if one else spikes
        if spikes.ndim != 3 or spikes.shape[1:] != (self.network.steps, size):
            raise BadInput(f"input_spikes must be ({self.network.steps}, {size}) for this layer, "
                           f"not {spikes.shape[-2:]}")
        found = self.finish(spikes.reshape(*spikes.shape[:2], *self.shape), self.stages)
        return found[0] if one else found

    def finish(self, active: np.ndarray, stages: tuple) -> np.ndarray:
        """(B, classes) of the activations that the first of ``stages`` reads."""
        for stage in stages:
            active, membranes = forward(active, stage, self.network.steps)
        return class_scores(active, membranes, self.network.readout)[:, -1]

    def channels(self) -> list[np.ndarray]:
        """Neurons of each channel of the layer, for experiments that silence whole channels."""
        return list(np.arange(np.prod(self.shape)).reshape(self.shape[0], -1))

    def without_each(self, spikes, deletions, progress=iter):
        """(B, classes): the scores of B runs, each with some spikes of one neuron deleted.

        Exactly those of full runs. Every other neuron of the layer, and the neuron's own
        membrane, stays as it was: spikes are deleted on their way to the next layer.

        Parameters
        ----------
        spikes : (T, N) of 0 and 1
        deletions : list of (t, n)
            The step of the spike, or None to silence neuron n in all steps.
        progress : function
            Wraps the iterable of batches.
        """
        spikes = spike_trains(spikes, shape=self.shape)
        if len(spikes) != self.network.steps:
            raise BadInput(f"input_spikes must have {self.network.steps} steps, not {len(spikes)}")
        base = Base(spikes.reshape(1, -1, *self.shape), self)
        found = np.empty((len(deletions), self.network.classes), dtype=np.int64)
        for start in progress(range(0, len(deletions), self.batch)):
            found[start:start + self.batch] = base.without(deletions[start:start + self.batch])
        return found


class Base:
    """The run that nothing was taken from, and runs that differ from it at one neuron.

    Parameters
    ----------
    active : (1, T, C, H, W)
        What the first stage reads.
    model : NetworkModel
    """

    def __init__(self, active: np.ndarray, model: NetworkModel):
        self.model, self.stages = model, model.stages
        self.pooled, self.sums, self.spikes = [], [], [active[0]]
        for stage in self.stages:
            flat, counts = active[0], [active[0]]
            for pool in stage.pools:
                flat = pool.forward(flat)
                counts.append(flat)
            self.pooled.append(counts)           # before each pool, and behind the last
            self.sums.append(stage.layer.op.forward(flat, stage.top))
            active, membranes = fire(self.sums[-1][None], stage.layer)
            self.spikes.append(active[0])
        self.scores = class_scores(active, membranes, model.network.readout)[0, -1]

    def without(self, deletions: list) -> np.ndarray:
        """(B, classes) of NetworkModel.without_each for one batch."""
        steps, runs = np.arange(self.model.network.steps), np.arange(len(deletions))
        c, y, x = np.unravel_index([n for _, n in deletions], self.model.shape)
        chosen = np.array([steps == t if t is not None else steps >= 0 for t, _ in deletions])
        change = np.zeros((*chosen.shape, self.model.shape[0], 1, 1), dtype=np.int32)
        change[runs, :, c, 0, 0] = -(chosen * self.spikes[0][:, c, y, x].T.astype(np.int32))
        patch = Patch(change, y, x, runs)
        found = np.tile(self.scores.astype(np.int64), (len(deletions), 1))
        for n in range(len(self.stages)):
            patch = patch.kept(patch.change.any(axis=(1, 2, 3, 4)))
            if not len(patch.runs):
                break
            after = self.followed(patch, n)
            if after is None:
                found[patch.runs] = self.model.finish(self.whole(patch, n), self.stages[n:])
                break
            patch = after
        return found

    def followed(self, patch: Patch, n: int) -> Patch | None:
        """The patch behind stage n, or None where the stage had better be run whole."""
        stage = self.stages[n]
        if stage is self.stages[-1] or stage.layer.dense or stage.layer.recurrent or not all(
                each.plain for each in (*stage.pools, stage.layer.op)):
            return None
        for pool, before, after in zip(stage.pools, self.pooled[n], self.pooled[n][1:],
                                       strict=False):
            seen = fields(patch, pool)
            if seen.side >= min(before.shape[2:]):
                return None
            patch = moved(seen, pool, change_of_pool(seen, pool, before, after))
            patch.mask(after.shape)
        seen = fields(patch, stage.layer)
        if seen.side >= min(stage.pooled[1:]):
            return None
        unpadded = replace(stage.layer.op, padding=0)
        sums = flatly(seen.change, lambda flat: unpadded.forward(flat, stage.top))
        patch = moved(seen, stage.layer, sums)
        spikes, _ = fire(sums + gathered(self.sums[n], patch), stage.layer)
        patch.change = spikes.astype(np.int32) - gathered(self.spikes[n + 1], patch)
        patch.mask(self.spikes[n + 1].shape)
        return patch

    def whole(self, patch: Patch, n: int) -> np.ndarray:
        """(B, T, C, H, W) activations that stage n reads, of the runs in ``patch``."""
        found = np.repeat(self.spikes[n].astype(np.int32)[None], len(patch.runs), axis=0)
        y, x, inside = patch.places(found.shape)
        b, i, j = np.nonzero(inside)
        found[b, :, :, y[b, i], x[b, j]] += patch.change[b, :, :, i, j]
        return found


def flatly(changes: np.ndarray, function: Callable) -> np.ndarray:
    """``function`` of maps (B, C, H, W) applied to (B, T, C, H, W)."""
    found = function(changes.reshape(-1, *changes.shape[2:]))
    return found.reshape(*changes.shape[:2], *found.shape[1:])


def fields(patch, layer: "Layer | Pool") -> Patch:
    """``patch`` within all that the outputs seeing it read: whole receptive fields, in steps."""
    kernel, stride = layer.kernel, layer.stride
    y, x = (-(-(at + layer.padding - kernel + 1) // stride) * stride - layer.padding
            for at in (patch.y, patch.x))
    side = (kernel + patch.side - 2) // stride * stride + kernel
    margin = max(0, stride - kernel)                 # before the first field, where strides skip
    room = margin + max(side, kernel + patch.side - 1)
    change = np.zeros((*patch.change.shape[:3], room, room), dtype=np.int32)
    offsets = np.stack([patch.y - y, patch.x - x], axis=1) + margin
    for down, across in np.unique(offsets, axis=0):
        here = (offsets == (down, across)).all(axis=1)
        change[here, :, :, down:down + patch.side, across:across + patch.side] = patch.change[here]
    end = margin + side
    return Patch(change[..., margin:end, margin:end], y, x, patch.runs)


def moved(seen: Patch, layer: "Layer | Pool", change: np.ndarray) -> Patch:
    """``change`` of the outputs that ``fields`` gave ``seen`` for, in its place."""
    y, x = ((at + layer.padding) // layer.stride for at in (seen.y, seen.x))
    return Patch(change, y, x, seen.runs)


def gathered(base: np.ndarray, patch: Patch) -> np.ndarray:
    """(B, T, C, S, S) of ``base`` (T, C, H, W) under each patch, 0 outside the map."""
    y, x, inside = patch.places(base.shape)
    y, x = np.clip(y, 0, base.shape[2] - 1), np.clip(x, 0, base.shape[3] - 1)
    found = base.transpose(2, 3, 0, 1)[y[:, :, None], x[:, None, :]] * inside[..., None, None]
    return found.transpose(0, 3, 4, 1, 2)


def change_of_pool(seen: Patch, pool: "Pool", before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Change behind a pool that went from ``before`` to ``after`` in the base run."""
    unpadded = replace(pool, padding=0)
    if pool.kind != "max":
        return flatly(seen.change, unpadded.forward)
    now = flatly(seen.change + gathered(before, seen), unpadded.forward)
    return now - gathered(after, moved(seen, pool, now)).astype(np.int32)
