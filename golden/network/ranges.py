"""How wide a network's numbers can get: what no sum and no membrane of a layer ever leaves."""

import numpy as np

from golden.formats import leaked


def sum_ranges(stage):
    """(low, high), each (channels,): the summed input of a neuron in one step, in weight units."""
    weights = stage.layer.weights.reshape(stage.layer.channels, -1).astype(np.int64)
    low, high = np.minimum(weights, 0).sum(axis=1), np.maximum(weights, 0).sum(axis=1)
    if stage.signed:
        low, high = low - high, high - low
    return low * stage.top, high * stage.top


def input_ranges(stage, steps):
    """(low, high), each (T, channels): what one step adds to a membrane, before any reset."""
    layer, (low, high) = stage.layer, sum_ranges(stage)
    if layer.norm is not None:
        gain, offset, shift = layer.norm
        ends = np.stack([(gain * low) >> shift, (gain * high) >> shift])
        low, high = ends.min(axis=0) + offset, ends.max(axis=0) + offset
    else:
        low, high = (np.broadcast_to(x << layer.frac, (steps, layer.channels))
                     for x in (low, high))
    return low + layer.biases, high + layer.biases


def membrane_range(stage, steps):
    """(low, high) that no membrane of a stage leaves in ``steps`` steps, whatever its input.

    Interval arithmetic over golden.neurons.lif, with 0 as the first membrane: an interval of
    membranes is split at the threshold into those that spike and those that do not, each is reset
    and leaked (both are nondecreasing), and the interval of the next input is added.
    """
    layer, neuron = stage.layer, stage.layer.neuron
    threshold, leak = layer.per_channel(neuron.threshold), layer.per_channel(neuron.leak)
    v_reset = layer.per_channel(neuron.v_reset)
    quiet_top = threshold if neuron.compare == "gt" else threshold - 1
    adds = input_ranges(stage, steps)
    # Nothing has spiked before the first step, even where 0 is at the threshold.
    low, high = adds[0][0], adds[1][0]
    lowest, highest = min(0, int(low.min())), max(0, int(high.max()))
    for t in range(1, steps):
        fires, quiet = high > quiet_top, low <= quiet_top
        if neuron.reset == "none":
            ends = [leaked(low, leak), leaked(high, leak)]
        else:
            spike_low, spike_high = np.maximum(low, quiet_top + 1), high
            if neuron.reset == "subtract":
                fired = [leaked(x, leak) - threshold for x in (spike_low, spike_high)]
            elif neuron.reset == "subtract_leaked":
                fired = [leaked(x - threshold, leak) for x in (spike_low, spike_high)]
            else:
                fired = [leaked(v_reset, leak)] * 2
            rest = [leaked(low, leak), leaked(np.minimum(high, quiet_top), leak)]
            ends = [np.where(quiet, np.where(fires, np.minimum(rest[0], fired[0]), rest[0]),
                             fired[0]),
                    np.where(fires, np.where(quiet, np.maximum(rest[1], fired[1]), fired[1]),
                             rest[1])]
        low, high = ends[0] + adds[0][t], ends[1] + adds[1][t]
        lowest, highest = min(lowest, int(low.min())), max(highest, int(high.max()))
    return lowest, highest
