"""Leaky integrate and fire in integers: one membrane, every update order in use."""

import numpy as np

from golden.formats import leaked


def neurons(inputs, layer, kind):
    """Run the neurons of a layer; yield who crosses the threshold in each step, and all membranes.

    With u the membrane, s = 1 where u crossed the threshold th one step before, I the input and
    leaked(u) = L u rounded as in golden.formats, one step is

    - "subtract":        u <- leaked(u) - th s + I       paper eq. 8-9, snnTorch's default (order B)
    - "subtract_leaked": u <- leaked(u - th s) + I       BNTT (order C)
    - "zero":            u <- leaked(v_reset if s else u) + I      snnTorch zero, NIR (order E)
    - "none":            u <- leaked(u) + I              read-out (order F)

    and s = [u > th] ("gt") or [u >= th] ("ge").

    Parameters
    ----------
    inputs : iterable of (N, C, H, W) int
        Sums of weights, in weight units, step by step.
    layer : golden.network.Layer
    kind : dtype
        In which to compute: see ``accumulator_dtype``.

    Yields
    ------
    fired : (N, C, H, W) bool, or False for "none"
    membrane : (N, C, H, W) of ``kind``
    """
    neuron = layer.neuron
    column = lambda values: layer.per_channel(values).astype(kind)[:, None, None]
    threshold, leak = column(neuron.threshold), column(neuron.leak)
    quiet_top = threshold - (neuron.compare == "ge")
    v_reset, bias = column(neuron.v_reset), column(layer.biases)
    membrane, fired = kind(0), False
    for t, sums in enumerate(inputs):
        added = sums.astype(kind, copy=False)
        if layer.norm is None:
            added = (added << layer.frac) + bias
        else:
            gain, offset, shift = layer.norm
            added = ((added * column(gain[t])) >> shift) + (column(offset[t]) + bias)
        if neuron.reset == "subtract":
            membrane = leaked(membrane, leak) - threshold * fired + added
        elif neuron.reset == "subtract_leaked":
            membrane = leaked(membrane - threshold * fired, leak) + added
        elif neuron.reset == "zero":
            membrane = leaked(np.where(fired, v_reset, membrane), leak) + added
        else:
            membrane = leaked(membrane, leak) + added
        if neuron.reset != "none":
            fired = membrane > quiet_top
        yield fired, membrane


def accumulator_dtype(layer, steps, span):
    """Type of whole numbers that holds every intermediate of ``neurons``: int32 where it can.

    ``span`` is the largest magnitude of an input. A leak brings a membrane nearer to 0 and a spike
    takes th from what is above th, so that in one step a membrane moves away from 0 by no more than
    input, bias, th and v_reset together; its product with the leak is the widest number of all.
    int64 always is enough, since membranes have at most 32 bits and leaks 17.
    """
    widest = lambda values: int(np.abs(values).max())
    neuron = layer.neuron
    if layer.norm is None:
        product = added = span << layer.frac
    else:
        gain, offset, shift = layer.norm
        product = span * widest(gain)
        added = (product >> shift) + 1 + widest(offset)
    each = added + widest(layer.biases) + widest(neuron.threshold) + widest(neuron.v_reset)
    top = max(product, (steps + 1) * each * max(1, widest(neuron.leak)))
    return np.int32 if top < 2**31 else np.int64


def lif(inputs, layer):
    """Spikes and membranes of ``neurons`` over all steps.

    A ``delay`` of 1 hands s on one step later, which gives orders A and D.

    Parameters
    ----------
    inputs : (N, T, C, H, W) int
    layer : golden.network.Layer

    Returns
    -------
    spikes : (N, T, C, H, W) uint8
    membranes : (N, T, C, H, W) int32
    """
    steps, delay = inputs.shape[1], layer.neuron.delay
    kind = accumulator_dtype(
        layer, steps, max(-int(inputs.min(initial=0)), int(inputs.max(initial=0)))
    )
    spikes = np.zeros_like(inputs, dtype=np.uint8)
    membranes = np.empty_like(inputs, dtype=np.int32)
    for t, (fired, membrane) in enumerate(neurons(np.moveaxis(inputs, 1, 0), layer, kind)):
        membranes[:, t] = membrane
        if t + delay < steps:
            spikes[:, t + delay] = fired
    return spikes, membranes
