"""Stage after stage in NumPy: what golden.run joins."""

import numpy as np

from golden.encode import encode
from golden.neurons.population import accumulator_dtype, neurons
from golden.sam import activation_map

__all__ = ["Arrays", "forward", "nonzero"]


def forward(activations, stage, steps, tick=None):
    """Spikes of one stage from the activations (N, T, C, H, W) that it reads.

    ``tick(last)``, if given, is called after each step.

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
    kind = accumulator_dtype(layer, steps, layer.op.max_abs_sum(stage.top))
    for t, (fired, membrane) in enumerate(neurons(sums(activations, stage), layer, kind)):
        if t + delay < steps:
            spikes[:, t + delay] = fired
        if not layer.spiking:
            membranes.append(membrane)
        if tick:
            tick(t + 1 == steps)
    return spikes, np.stack(membranes, axis=1).astype(np.int32) if membranes else None


def sums(activations, stage):
    """Yield the (N, C, H, W) sums of weights that reach a stage in each step."""
    for maps in np.moveaxis(activations, 1, 0):
        for pool in stage.pools:
            maps = pool.forward(maps)
        yield stage.layer.op.forward(maps, stage.top)


def nonzero(activations):
    """(N,) how many activations are not 0."""
    count = np.uint8 if activations.shape[1] <= 255 else np.uint16     # of a train
    trains = (activations != 0).view(np.uint8).sum(axis=1, dtype=count)
    return trains.sum(axis=(1, 2, 3), dtype=np.int64)


class Arrays:
    """The parts of a run of one network, on arrays of activations (N, T, C, H, W).

    golden.kernel.Compiled does the same on a form of its own.

    Parameters
    ----------
    network : golden.network.Network
    """

    def __init__(self, network):
        self.network = network

    def encode(self, images):
        """Activations that the first stage reads: golden.encode."""
        return encode(images, self.network)

    def forward(self, activations, stage, tick=None):
        """(activations, membranes) behind a stage: ``forward``."""
        return forward(activations, stage, self.network.steps, tick)

    def count(self, activations):
        """(N,) how many are not 0."""
        return nonzero(activations)

    def spikes(self, activations, kind=None):
        """They as an array (N, T, C, H, W), of ``kind`` where they have none yet."""
        return activations

    def activation_map(self, activations, **options):
        """Their map: golden.sam."""
        return activation_map(activations, **options)
