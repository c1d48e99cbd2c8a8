"""Layers that sum what several layers spike, as the engine walks them.

Behind the visits of what a layer stands behind, a walk visits the trains of each of its skips; the
weights of all meet in one sum. A pass reads one memory and writes the other, so what lies in the
wrong one is copied first, by a pass that merges windows of one train.
"""

from itertools import product
from math import prod

import numpy as np

from golden.io.errors import BadInput
from golden.network.encoders import encoder_of
from golden.network.ops.base import pair
from hw.plan.buffers import WORD, aligned, channel_stride
from hw.plan.passes import Term, Visit

__all__ = ["check_skips", "reach", "term_of", "term_weights", "term_window"]


def check_skips(network):
    """Raise BadInput where a layer reads others in a way that no gateware does."""
    encoder = encoder_of(network)
    for stage in network.branched:
        where = f"{network.name}: weighted layer {stage.index}"
        if 0 in stage.inputs and not (encoder.spikes and len(encoder.factors) == 1):
            raise BadInput(f"{where} reads the input beside layer 1, whose encoder "
                           f"{network.encoder} gives other than spikes: --engine golden runs that")
        for each in stage.skips:
            if not inside(each.skip) and not alike(stage, each):
                raise BadInput(f"{where}: the skip from {each.skip.from_words()} is padded, and "
                               "its map or its stride is another than that of the layer's own "
                               "weights: --engine golden runs that")


def inside(skip):
    """Whether all that a Skip reads lies inside the map."""
    return skip.weights.ndim == 2 or not any(pair(skip.padding))


def alike(stage, each):
    """Whether a Joined goes over a map of the same size in the same steps as its stage."""
    return (not stage.layer.dense and each.source[1:] == stage.pooled[1:]
            and pair(each.skip.stride) == pair(stage.layer.stride))


def reach(stage, side):
    """(down, across) that receptive fields begin before the map, of a stage padded by ``side``."""
    padded = [pair(each.skip.padding) for each in stage.skips if not inside(each.skip)]
    return tuple(map(max, side, *padded)) if padded else tuple(side)


def size_of(each):
    """(trains of a pixel, taps) of a Joined."""
    channels, height, width = each.source
    taps = height * width if each.skip.weights.ndim == 2 else prod(each.skip.op.window)
    return channel_stride(channels), taps


def term_window(each):
    """Channels of a visit that a Joined would have alone."""
    stride, taps = size_of(each)
    return min(channel_stride(stride * taps) if each.skip.weights.ndim == 2 else stride, WORD)


def term_of(each, number, side, window, row):
    """(Term, its Visits, the weight row behind them) of a Joined.

    Parameters
    ----------
    number : int
        Of the term, from 1.
    side : (int, int)
        ``reach`` of the stage.
    window, row : int
        Channels of a visit; the first weight row.
    """
    stride, taps = size_of(each)
    _, height, width = each.source
    in_chunk = aligned(stride * height * width)
    if each.skip.weights.ndim == 2:
        visits = [Visit(0, 0, at, row + at, term=number, whole=True)
                  for at in range(0, stride * taps, window)]
        return Term(0, 0, 0, in_chunk), visits, row + len(visits) * window
    (top, left), (down, across) = pair(each.skip.padding), pair(each.skip.stride)
    high, wide = each.skip.op.window
    visits = []
    for n, (y, x) in enumerate(product(range(high), range(wide))):
        dy, dx = (k * d for k, d in zip((y, x), pair(each.skip.dilation), strict=True))
        whole = inside(each.skip)
        visits += [Visit(0 if whole else dy + side[0] - top, 0 if whole else dx + side[1] - left,
                         (dy * width + dx) * stride + at, row + n * stride + at,
                         down=side[0], across=side[1], term=number, whole=whole)
                   for at in range(0, stride, window)]
    return (Term(-(top * width + left) * stride, across * stride, down * width * stride, in_chunk),
            visits, row + taps * stride)


def term_weights(each):
    """(out, rows) weights of a Joined: a row a train that it reads, tap after tap."""
    skip, (stride, taps) = each.skip, size_of(each)
    count, channels = len(skip.weights), each.source[0]
    part = skip.weights.reshape(count, -1, taps)
    found = np.zeros((count, taps, stride), dtype=np.int64)
    reads = channels // skip.groups
    for channel in range(count):
        first = channel // (count // skip.groups) * reads
        found[channel, :, first:first + reads] = part[channel].T
    return found.reshape(count, -1)
