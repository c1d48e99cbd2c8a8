"""Run a float network: the equations of its neurons in float64, with golden's encoders."""

from dataclasses import dataclass

import numpy as np

from golden.encode import encode
from golden.readout import class_scores
from golden.run import check_images


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
    return layer.op.forward_real(activations)


def fire(inputs, layer):
    """(spikes, membranes) of inputs (N, T, C, H, W), as golden.neurons.population.fire."""
    neuron, steps = layer.neuron, inputs.shape[1]
    column = lambda values: layer.per_channel(values)[:, None, None]
    values, loop = neuron.values(column), layer.recurrent
    biases = layer.biases + (0 if loop is None else loop.biases(steps))
    biases = np.broadcast_to(biases, (steps, layer.channels))
    state = neuron.start(np.zeros(inputs.shape[:1] + inputs.shape[2:]))
    spikes, membranes = np.zeros(inputs.shape, dtype=np.uint8), np.empty(inputs.shape)
    for t in range(steps):
        added = inputs[:, t]
        if layer.norm is not None:
            added = layer.norm.forward(added, t, column)
        if loop is not None and t:
            added = added + loop.forward(state[1])
        state = neuron.step(state, added + column(biases[t]), values)
        membranes[:, t] = state[0]
        if t + neuron.delay < steps:
            spikes[:, t + neuron.delay] = state[1]
    return spikes, membranes


def forward(activations, stage, steps, scale=1.0):
    """(spikes, membranes) of one stage from what it reads (N, T, C, H, W), times ``scale``."""
    count = len(activations)
    flat = activations.reshape(count * steps, *activations.shape[2:])
    for pool in stage.pools:
        flat, scale = pool.forward(flat), scale / pool.divisor
    sums = weighted(flat.astype(np.float64) * scale, stage.layer)
    return fire(sums.reshape(count, steps, *stage.shape), stage.layer)


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
    most = max(max(stage.neurons, stage.trains * stage.layer.kernel**2)
               for stage in network.stages)
    return max(1, room // (most * network.steps))
