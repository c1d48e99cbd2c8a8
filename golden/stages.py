"""Stage after stage in NumPy: what golden.run joins."""

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.encode import encode
from golden.network.layers import Stage
from golden.neurons.population import accumulator_dtype, neurons
from golden.sam import activation_map

if TYPE_CHECKING:
    from golden.network.graph import Network
    from golden.network.layers import Stage

__all__ = ["Arrays", "Given", "forward", "leading", "nonzero", "occupied"]


class Given:
    """What the input and the stages of a network hand on, each until the last that reads it.

    Parameters
    ----------
    network : golden.network.Network or golden.importers.float_network.FloatNetwork
    entered : activations
        What the encoder gives.
    """

    def __init__(self, network, entered):
        self.last = {each: stage.index for stage in network.stages for each in stage.inputs}
        self.kept = {0: entered}

    def to(self, stage) -> list:
        """Activations that a stage reads, in the order of its ``inputs``."""
        return [self.kept[each] for each in stage.inputs]

    def put(self, stage, activations) -> None:
        """Keep what a stage hands on, and no longer what nobody behind it reads."""
        self.kept = {each: values for each, values in self.kept.items()
                     if self.last[each] > stage.index}
        if stage.index in self.last:
            self.kept[stage.index] = activations


def forward(activations: np.ndarray, stage: "Stage", steps: int,
            tick: Callable | None = None, others: tuple | list = ()) -> tuple:
    """Spikes of one stage from the activations (N, T, C, H, W) that it reads.

    ``tick(last)``, if given, is called after each step; ``others`` are what its skips read.

    Returns
    -------
    spikes : (N, T, C, H, W) uint8
        In memory the steps are outermost and the images innermost: a step of a batch of images is
        then one piece, and the work on it fits the cache.
    membranes : (N, T, C, H, W) int32, or None where the stage spikes
    """
    layer, delay = stage.layer, stage.layer.neuron.delay
    spikes = np.zeros((steps, *stage.shape, len(activations)), np.uint8).transpose(4, 0, 1, 2, 3)
    membranes = []
    kind = accumulator_dtype(layer, steps, stage.most)
    for t, (fired, membrane) in enumerate(neurons(sums(activations, stage, others), layer, kind)):
        if t + delay < steps:
            spikes[:, t + delay] = fired
        if not layer.spiking:
            membranes.append(membrane)
        if tick:
            tick(t + 1 == steps)
    return spikes, np.stack(membranes, axis=1).astype(np.int32) if membranes else None


def sums(activations: np.ndarray, stage: "Stage",
         others: tuple | list = ()) -> Iterator[np.ndarray]:
    """Yield the (N, C, H, W) sums of weights that reach a stage in each step."""
    kind = np.int32 if stage.most < 2**31 else np.int64
    for t, maps in enumerate(np.moveaxis(activations, 1, 0)):
        for pool in stage.pools:
            maps = pool.forward(maps)
        found = stage.layer.op.forward(maps, stage.top)
        for each, also in zip(stage.skips, others, strict=True):
            found = found.astype(kind, copy=False) + each.skip.op.forward(also[:, t], each.top)
        yield found


def nonzero(activations: np.ndarray) -> np.ndarray:
    """(N,) how many activations are not 0."""
    count = np.uint8 if activations.shape[1] <= 255 else np.uint16     # of a train
    trains = (activations != 0).view(np.uint8).sum(axis=1, dtype=count)
    return trains.sum(axis=(1, 2, 3), dtype=np.int64)


def leading(stage: Stage) -> tuple:
    """The max pools before a stage's weights that come before any other pool."""
    return tuple(takewhile(lambda pool: pool.kind == "max", stage.pools))


def occupied(activations: np.ndarray, pools: tuple = ()) -> np.ndarray:
    """(N, C, H, W) in how many steps of (N, T, C, H, W) each place behind ``pools`` is not 0."""
    maps = activations != 0
    count, steps = maps.shape[:2]
    for pool in pools:
        maps = pool.forward(maps.reshape(-1, *maps.shape[2:]).view(np.uint8))
        maps = maps.reshape(count, steps, *maps.shape[1:]) != 0
    return maps.sum(axis=1, dtype=np.int32)


class Arrays:
    """The parts of a run of one network, on arrays of activations (N, T, C, H, W).

    golden.kernel.Compiled does the same on a form of its own.

    Parameters
    ----------
    network : golden.network.Network
    """

    def __init__(self, network: "Network"):
        self.network = network

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Activations that the first stage reads: golden.encode."""
        return encode(images, self.network)

    def forward(self, activations: np.ndarray, stage: "Stage", tick: Callable | None = None,
                others: tuple | list = ()) -> tuple:
        """(activations, membranes) behind a stage: ``forward``."""
        return forward(activations, stage, self.network.steps, tick, others)

    def count(self, activations: np.ndarray) -> np.ndarray:
        """(N,) how many are not 0."""
        return nonzero(activations)

    def occupied(self, activations: np.ndarray, pools: tuple = (),
                 steps: int | None = None) -> np.ndarray:
        """``occupied`` of the first ``steps``, of all where that is None."""
        return occupied(self.spikes(activations)[:, :steps], pools)

    def spikes(self, activations: np.ndarray, kind: type | None = None) -> np.ndarray:
        """They as an array (N, T, C, H, W), of ``kind`` where they have none yet."""
        return activations

    def activation_map(self, activations: np.ndarray,
                       **options: Any) -> np.ndarray:
        """Their map: golden.sam."""
        return activation_map(activations, **options)
