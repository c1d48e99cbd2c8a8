"""Leaky integrate and fire in integers: one membrane, every update order in use."""

import numpy as np

from golden.formats import leaked


def lif(inputs, layer):
    """Run the neurons of a layer over all steps.

    With u the membrane, s = 1 where u crossed the threshold th one step before, I the input and
    leaked(u) = L u rounded as in golden.formats, one step is

    - "subtract":        u <- leaked(u) - th s + I       paper eq. 8-9, snnTorch's default (order B)
    - "subtract_leaked": u <- leaked(u - th s) + I       BNTT (order C)
    - "zero":            u <- leaked(v_reset if s else u) + I      snnTorch zero, NIR (order E)
    - "none":            u <- leaked(u) + I              read-out (order F)

    and s = [u > th] ("gt") or [u >= th] ("ge"). A ``delay`` of 1 hands s on one step later, which
    gives orders A and D.

    Parameters
    ----------
    inputs : (N, T, C, H, W) int
        Sums of weights, in weight units.
    layer : golden.network.Layer

    Returns
    -------
    spikes : (N, T, C, H, W) uint8
    membranes : (N, T, C, H, W) int32
    """
    neuron, steps = layer.neuron, inputs.shape[1]
    column = lambda values: layer.per_channel(values).astype(kind)[:, None, None]
    # A product with the leak must fit: membranes have up to 32 bits, leaks 17.
    kind = np.int64
    threshold, leak = column(neuron.threshold), column(neuron.leak)
    quiet_top = threshold - (neuron.compare == "ge")
    v_reset, bias = column(neuron.v_reset), column(layer.biases)
    membrane = np.zeros(inputs.shape[:1] + inputs.shape[2:], dtype=kind)
    fired = np.zeros(membrane.shape, dtype=bool)
    spikes = np.zeros(inputs.shape, dtype=np.uint8)
    membranes = np.empty(inputs.shape, dtype=np.int32)
    for t in range(steps):
        if layer.norm is None:
            added = (inputs[:, t].astype(kind) << layer.frac) + bias
        else:
            gain, offset, shift = layer.norm
            added = ((inputs[:, t] * column(gain[t])) >> shift) + column(offset[t]) + bias
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
        membranes[:, t] = membrane
        if not neuron.delay:
            spikes[:, t] = fired
        elif t + 1 < steps:
            spikes[:, t + 1] = fired
    return spikes, membranes
