"""A whole network on images: spikes, maps and scores, exactly as the accelerator gives them."""

from functools import partial

import numpy as np

from golden.cost import batch_of, check_memory
from golden.formats import GAMMA, map_top
from golden.io.errors import BadInput
from golden.io.processes import workers
from golden.kernel import Compiled, library
from golden.network.encoders import encoder_of
from golden.network.result import Result, joined
from golden.readout import class_scores
from golden.stages import Arrays


def check_shape(shape, dtype, network, where="images"):
    """Raise BadInput unless an array of this shape and type may be a network's images."""
    encoder = encoder_of(network)
    if encoder.frames:
        wanted = (network.steps, *network.shape)
        if len(shape) != 5 or shape[1:] != wanted:
            raise BadInput(f"{where}: spike frames must be (N, {', '.join(map(str, wanted))}), "
                           f"not {shape}")
        if dtype.kind not in "biuf":
            raise BadInput(f"{where}: {held(encoder)}, not {dtype}")
        return
    if len(shape) == 3 and network.shape[0] == 1:
        shape = (shape[0], 1, *shape[1:])
    if len(shape) != 4 or shape[1:] != network.shape:
        raise BadInput(f"{where}: images must be (N, {', '.join(map(str, network.shape))}) for "
                       f"this network, not {shape}")
    if dtype != np.uint8:
        raise BadInput(f"{where}: pixels must be uint8, not {dtype}")


def held(encoder):
    """What frames must hold, for people."""
    return ("spike frames must hold only 0 and 1" if encoder.spikes
            else f"frames must hold whole numbers from 0 to {encoder.top}")


def check_images(images, network, where="images"):
    """``images`` as (N, C, H, W) uint8, or (N, T, C, H, W) where the encoder takes frames.

    Raises BadInput unless shape and dtype are the network's; (N, H, W) stands for one channel.
    """
    images = np.asarray(images)
    check_shape(images.shape, images.dtype, network, where)
    encoder = encoder_of(network)
    if encoder.frames:
        if not np.isin(images, np.arange(encoder.top + 1)).all():
            raise BadInput(f"{where}: {held(encoder)}")
        return images.astype(np.uint8)
    return images[:, None] if images.ndim == 3 else images


def check_taps(taps, network, where="tap"):
    """``taps`` as a tuple of ints; raise BadInput unless each names a spiking layer."""
    for tap in taps:
        if tap not in network.taps:
            raise BadInput(f"{where}: layer {tap} is no spiking layer of this network; "
                           f"those are {', '.join(map(str, network.taps))}")
    return tuple(sorted(set(taps)))


def at_top(maps, bits, count):
    """(``count``,) how many values of the maps {tap: (N, T, H, W)} are at the top of ``bits`` bits.

    Those are sums that stayed there: none that fits a width of golden.formats.map_bits is so large.
    """
    return sum(((rows == map_top(bits)).sum(axis=(1, 2, 3), dtype=np.int64)
                for rows in maps.values()), start=np.zeros(count, np.int64))


def run(images, network, *, taps=None, gamma=GAMMA, mode="paper", table=None, keep=True,
        map_bits=None, clock=None, parts=None):
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
    parts : None or golden.stages.Arrays
        What computes; None for NumPy.

    Returns
    -------
    Result
    """
    images = check_images(images, network)
    taps = network.taps if taps is None else check_taps(taps, network)
    parts = parts or Arrays(network)
    active = parts.encode(images)
    tick = lambda part: clock and partial(clock.tick, part, len(images))
    if clock:
        tick(0)(True)
    result = Result(None, None, None, spikes_input=parts.spikes(active, np.int16)
                    if keep else None)
    counts = [parts.count(active)]
    for stage in network.stages:
        active, membranes = parts.forward(active, stage, tick(stage.index))
        if stage.layer.spiking:
            counts.append(parts.count(active))
        if stage.index in taps:
            result.maps[stage.index] = parts.activation_map(
                active, gamma=gamma, mode=mode, table=table, map_bits=map_bits)
            if keep:
                result.spikes[stage.index] = parts.spikes(active)
    result.scores = class_scores(parts.spikes(active), membranes, network.readout)
    result.logits = result.scores[:, -1]
    result.counts = np.stack(counts, axis=1)
    if map_bits is not None:
        result.saturated = at_top(result.maps, map_bits, len(images))
    return result


def run_batched(images, network, *, batch=None, jobs=1, progress=iter, kernel="numpy", **options):
    """``run`` in batches, ``jobs`` at once; ``progress`` wraps the iterable of their starts.

    ``kernel`` is one of golden.kernel.CHOICES; "compiled" gives the same arrays sooner, and is
    NumPy where there is no compiler.

    Raises BadInput where so many images do not fit the memory.
    """
    taps = options.get("taps")
    check_memory(network, len(images), network.taps if taps is None else taps,
                 keep=options.get("keep", True), jobs=min(jobs, len(images)))
    parts = Compiled(network) if kernel == "compiled" and library() else None
    batch = batch or batch_of(network)
    if clock := options.get("clock"):
        clock.start()
    starts = range(0, len(images), batch)
    # Threads are enough, since NumPy holds no lock while it computes, and results need no copy.
    with workers(jobs) as pool:
        found = pool.map(lambda n: run(images[n:n + batch], network, parts=parts, **options),
                         starts)
        return joined([result for _, result in zip(progress(starts), found, strict=True)])
