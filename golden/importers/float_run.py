"""Run a float network: the equations of its neurons in float64, with golden's encoders."""

from dataclasses import dataclass

import numpy as np

from golden.encode import encode
from golden.readout import class_scores
from golden.run import check_images
from golden.synapses import pooled, windows


@dataclass
class FloatResult:
    """What a float run of N images gives.

    Members
    -------
    logits : (N, classes)
    spikes : list of (N, T, C, H, W) uint8
        One of each weighted layer; zeros where it only accumulates.
    """

    logits: np.ndarray
    spikes: list

    @property
    def pred(self):
        """(N,) class of the largest logit, the first of equals."""
        return self.logits.argmax(axis=1)


def weighted(activations, layer):
    """Sum of weights over activations (N, C, H, W), as golden.synapses.weighted, in float64."""
    count, weights = len(activations), layer.weights.reshape(layer.channels, -1)
    if layer.dense:
        return (activations.reshape(count, -1) @ weights.T)[..., None, None]
    inputs = activations.reshape(count, layer.groups, -1, *activations.shape[2:])
    parts = []
    for group, part in enumerate(np.split(weights, layer.groups)):
        fields = windows(inputs[:, group], layer.kernel, layer.stride, layer.padding)
        parts.append(fields.reshape(*fields.shape[:3], -1) @ part.T)
    return np.concatenate(parts, axis=-1).transpose(0, 3, 1, 2)


def lif(inputs, layer):
    """(spikes, membranes) of inputs (N, T, C, H, W): golden.importers.float_network.FloatNeuron."""
    neuron, steps = layer.neuron, inputs.shape[1]

    def column(values):
        return layer.per_channel(values)[:, None, None]

    def crossed(membrane):
        return membrane > threshold if neuron.compare == "gt" else membrane >= threshold

    beta, threshold = column(neuron.beta), column(neuron.threshold)
    v_reset, bias = column(neuron.v_reset), column(layer.biases)
    membrane = np.zeros(inputs.shape[:1] + inputs.shape[2:])
    fired = np.zeros(membrane.shape, dtype=bool)
    spikes, membranes = np.zeros(inputs.shape, dtype=np.uint8), np.empty(inputs.shape)
    for t in range(steps):
        added = inputs[:, t]
        if layer.norm is not None:
            added = added * column(layer.norm[0][t]) + column(layer.norm[1][t])
        added = added + bias
        if neuron.reset == "subtract":
            membrane = beta * membrane - threshold * fired + added
        elif neuron.reset == "subtract_leaked":
            membrane = beta * (membrane - threshold * fired) + added
        elif neuron.reset == "zero":
            membrane = beta * np.where(fired, v_reset, membrane) + added
        elif neuron.reset == "subtract_now":
            above = crossed(membrane)
            membrane = beta * membrane + added - threshold * above
        else:
            membrane = beta * membrane + added
        if neuron.reset != "none":
            fired = crossed(membrane)
        if neuron.reset == "subtract_now":
            membrane = membrane - threshold * (fired.astype(float) - above)
        membranes[:, t] = membrane
        if not neuron.delay:
            spikes[:, t] = fired
        elif t + 1 < steps:
            spikes[:, t + 1] = fired
    return spikes, membranes


def forward(activations, stage, steps, scale=1.0):
    """(spikes, membranes) of one stage from what it reads (N, T, C, H, W), times ``scale``."""
    count = len(activations)
    flat = activations.reshape(count * steps, *activations.shape[2:])
    for pool in stage.pools:
        flat = pooled(flat, pool)
        if pool.kind == "avg":
            scale = scale / pool.kernel**2
    sums = weighted(flat.astype(np.float64) * scale, stage.layer)
    return lif(sums.reshape(count, steps, *stage.shape), stage.layer)


def run(images, network):
    """Run all images at once through a FloatNetwork; returns a FloatResult.

    ``images`` are those of golden.run and go through the same encoder with the same random numbers,
    so that any difference to golden.run is one of the layers.
    """
    active = encode(check_images(images, network), network)
    scale, found = network.input_scale, []
    for stage in network.stages:
        active, membranes = forward(active, stage, network.steps, scale)
        found.append(active)
        scale = 1.0
    # class_scores hands membranes on as they are, so that they stay real.
    return FloatResult(class_scores(active, membranes, network.readout)[:, -1], found)


def batch_of(network, room=2**24):
    """How many images to run at once so that a layer's membranes number below ``room``."""
    most = max(max(stage.neurons, stage.inputs * stage.layer.kernel**2)
               for stage in network.stages)
    return max(1, room // (most * network.steps))
