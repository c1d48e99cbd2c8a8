"""A whole network on images: spikes, maps and scores, exactly as the accelerator gives them."""

from functools import partial

import numpy as np

from golden.cost import batch_of, check_memory
from golden.encode import encode
from golden.formats import GAMMA, map_top
from golden.io.errors import BadInput
from golden.io.processes import workers
from golden.network.result import Result, joined
from golden.neurons.population import accumulator_dtype, neurons
from golden.readout import class_scores
from golden.sam import activation_map


def check_shape(shape, dtype, network, where="images"):
    """Raise BadInput unless an array of this shape and type may be a network's images."""
    if network.encoder == "frames":
        wanted = (network.steps, *network.shape)
        if len(shape) != 5 or shape[1:] != wanted:
            raise BadInput(f"{where}: spike frames must be (N, {', '.join(map(str, wanted))}), "
                           f"not {shape}")
        if dtype.kind not in "biuf":
            raise BadInput(f"{where}: spike frames must hold only 0 and 1, not {dtype}")
        return
    if len(shape) == 3 and network.shape[0] == 1:
        shape = (shape[0], 1, *shape[1:])
    if len(shape) != 4 or shape[1:] != network.shape:
        raise BadInput(f"{where}: images must be (N, {', '.join(map(str, network.shape))}) for "
                       f"this network, not {shape}")
    if dtype != np.uint8:
        raise BadInput(f"{where}: pixels must be uint8, not {dtype}")


def check_images(images, network, where="images"):
    """``images`` as (N, C, H, W) uint8, or (N, T, C, H, W) of 0 and 1 for encoder "frames".

    Raises BadInput unless shape and dtype are the network's; (N, H, W) stands for one channel.
    """
    images = np.asarray(images)
    check_shape(images.shape, images.dtype, network, where)
    if network.encoder == "frames":
        if not ((images == 0) | (images == 1)).all():
            raise BadInput(f"{where}: spike frames must hold only 0 and 1")
        return images.astype(np.uint8)
    return images[:, None] if images.ndim == 3 else images


def check_taps(taps, network, where="tap"):
    """``taps`` as a tuple of ints; raise BadInput unless each names a spiking layer."""
    for tap in taps:
        if tap not in network.taps:
            raise BadInput(f"{where}: layer {tap} is no spiking layer of this network; "
                           f"those are {', '.join(map(str, network.taps))}")
    return tuple(sorted(set(taps)))


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


def at_top(maps, bits):
    """(N,) how many values of the maps {tap: (N, T, H, W)} are at the top of ``bits`` bits.

    Those are sums that stayed there: none that fits a width of golden.formats.map_bits is so large.
    """
    return sum((rows == map_top(bits)).sum(axis=(1, 2, 3), dtype=np.int64)
               for rows in maps.values())


def run(images, network, *, taps=None, gamma=GAMMA, mode="paper", table=None, keep=True,
        map_bits=None, clock=None):
    """Run all images at once (memory grows with their number: see ``run_batched``).

    Parameters
    ----------
    images : see ``check_images``
    network : golden.network.Network
    taps : tuple of int or None
        Layers to map; None for all spiking layers.
    gamma, mode, table, map_bits :
        As in golden.sam.activation_map; with ``map_bits`` what it cost is counted (``saturated``).
    keep : bool
        Whether to keep the spikes of input and taps.
    clock : None or golden.cost.Clock
        Told of each step.

    Returns
    -------
    Result
    """
    images = check_images(images, network)
    taps = network.taps if taps is None else check_taps(taps, network)
    active = encode(images, network)
    tick = lambda part: clock and partial(clock.tick, part, len(images))
    if clock:
        tick(0)(True)
    result = Result(None, None, None, spikes_input=active if keep else None)
    counts = [nonzero(active)]
    for stage in network.stages:
        active, membranes = forward(active, stage, network.steps, tick(stage.index))
        if stage.layer.spiking:
            counts.append(nonzero(active))
        if stage.index in taps:
            result.maps[stage.index] = activation_map(active, gamma=gamma, mode=mode, table=table,
                                                      map_bits=map_bits)
            if keep:
                result.spikes[stage.index] = active
    result.scores = class_scores(active, membranes, network.readout)
    result.logits = result.scores[:, -1]
    result.counts = np.stack(counts, axis=1)
    if map_bits is not None:
        result.saturated = at_top(result.maps, map_bits)
    return result


def run_batched(images, network, *, batch=None, jobs=1, progress=iter, **options):
    """``run`` in batches, ``jobs`` at once; ``progress`` wraps the iterable of their starts.

    Raises BadInput where so many images do not fit the memory.
    """
    taps = options.get("taps")
    check_memory(network, len(images), network.taps if taps is None else taps,
                 keep=options.get("keep", True), jobs=min(jobs, len(images)))
    batch = batch or batch_of(network)
    starts = range(0, len(images), batch)
    # Threads are enough, since NumPy holds no lock while it computes, and results need no copy.
    with workers(jobs) as pool:
        found = pool.map(lambda n: run(images[n:n + batch], network, **options), starts)
        return joined([result for _, result in zip(progress(starts), found, strict=True)])
