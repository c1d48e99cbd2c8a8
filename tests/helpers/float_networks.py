"""Drawn chain networks whose parameters integers hold exactly, and images for them."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.network import Pool, output_size
from golden.network.encoders import ENCODERS
from golden.network.ops.recurrent import CUTS, FloatRecurrent

ORDERS = {  # of FACTS.md section 2
    "A": {"reset": "subtract", "delay": 1},
    "B": {"reset": "subtract"},
    "C": {"reset": "subtract_leaked"},
    "D": {"reset": "subtract_leaked", "delay": 1},
    "E": {"reset": "zero"},
}


@st.composite
def float_networks(draw, orders="ABCDE", encoders=tuple(ENCODERS), loops=False):
    """A FloatNetwork of one to four weighted layers on a small map.

    With ``loops`` every layer that may read its own spikes does.

    Weights are whole, leaks are 0, 1/2, 3/4 or 1, thresholds, biases and voltages whole, BNTT gains
    1/2, 1 or 2, averages over 2 x 2 or 4 x 4, so that every sum is exact in integers of 32 bits.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))

    def pick(values, label=None):
        return draw(st.sampled_from(values), label=label)

    steps = draw(st.integers(1, 8), label="steps")
    encoder = pick(encoders, "encoder")
    shape = first = (draw(st.integers(1, 3)), draw(st.integers(3, 9)), draw(st.integers(3, 9)))
    layers = []

    def pool():
        nonlocal shape
        counted = layers and isinstance(layers[-1], Pool)
        signs = not layers and not ENCODERS[encoder].spikes
        kind = pick(["sum", "avg"] if counted or signs else ["sum", "avg", "max"])
        kernel = pick([2, 4]) if kind == "avg" else draw(st.integers(1, 4))
        stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, kernel // 2))
        sides = [output_size(n, kernel, stride, padding) for n in shape[1:]]
        if min(sides) >= 1:
            layers.append(Pool(kind, kernel, stride, padding))
            shape = (shape[0], *sides)

    def neuron(channels):
        def one(values):
            return rng.choice(values, channels) if pick([False, True]) else np.float64(pick(values))

        order = ORDERS[pick(orders, "order")]
        return FloatNeuron(
            beta=one([0.0, 0.5, 0.75, 1.0]), threshold=one([0.0, 1.0, 2.0, 3.0, 7.0]),
            compare=pick(["gt", "ge"]), v_leak=one([0.0, 0.0, 4.0, -8.0]),
            v_reset=one([0.0, 1.0, -2.0]) if order["reset"] == "zero" else np.float64(0), **order)

    def norm(channels):
        if not pick([False, False, True]):
            return None
        return (rng.choice([-1.0, 0.5, 1.0, 2.0], (steps, channels)),
                rng.integers(-2, 3, (steps, channels)).astype(float))

    def bias(channels):
        return rng.integers(-2, 3, channels).astype(float) if pick([False, True]) else None

    for _ in range(draw(st.integers(0, 3), label="convolutions")):
        for _ in range(pick([0, 0, 1, 2])):
            pool()
        kernel = draw(st.integers(1, 7))
        stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, kernel - 1))
        sides = [output_size(n, kernel, stride, padding) for n in shape[1:]]
        if min(sides) < 1:
            continue
        groups = pick([g for g in range(1, shape[0] + 1) if shape[0] % g == 0], "groups")
        out = groups * draw(st.integers(1, 3))
        weights = rng.integers(-3, 4, (out, shape[0] // groups, kernel, kernel)).astype(float)
        layers.append(FloatLayer(weights, neuron(out), bias(out), stride, padding, groups,
                                 norm(out)))
        shape = (out, *sides)
    for _ in range(pick([0, 1])):
        pool()
    classes, inputs = draw(st.integers(2, 6)), int(np.prod(shape))
    weights = rng.integers(-7, 8, (classes, inputs)).astype(float)
    last = pick([True, False], "accumulates")
    end = FloatNeuron(beta=np.float64(pick([0.5, 0.75, 1.0]))) if last else neuron(classes)
    layers.append(FloatLayer(weights, end, bias(classes), norm=norm(classes)))
    if loops:
        layers = [with_loop(layer, rng, pick) if layer.weighted else layer for layer in layers]
    return FloatNetwork(first, steps, tuple(layers), encoder,
                        "membrane" if last else pick(["count", "first"]))


def with_loop(layer, rng, pick):
    """The layer with a drawn loop of whole numbers, where it may have one."""
    if not layer.spiking or layer.neuron.delay or layer.norm is not None:
        return layer
    count = layer.channels
    side = () if layer.dense else (pick([1, 3]),) * 2
    bias = rng.integers(-2, 3, count).astype(float) if pick([False, True]) else None
    return replace(layer, recurrent=FloatRecurrent(
        rng.integers(-3, 4, (count, count, *side)).astype(float), bias, pick(CUTS)))


def images_for(network, count=3, seed=0):
    """Random images, or frames, for a network."""
    rng, encoder = np.random.default_rng(seed), ENCODERS[network.encoder]
    if encoder.frames:
        return rng.integers(0, encoder.top + 1, (count, network.steps, *network.shape)).astype(
            np.uint8)
    top = 8 if network.encoder == "current" else 256
    return rng.integers(0, top, (count, *network.shape)).astype(np.uint8)
