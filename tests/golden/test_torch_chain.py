"""golden against torch: chains of layers in every update order, spikes equal.

Needs the ``train`` extra and fails without it. The orders are written out here a second time, from
their equations, on torch's own convolutions and poolings.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch.nn import functional as F

from golden.encode import encode
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.quantise import quantise_with_report
from golden.network import Pool
from golden.run import run
from tests.helpers.float_networks import ORDERS, float_networks, images_for


def order_of(neuron):
    """The letter of a neuron's order."""
    found = {"reset": neuron.reset, **({"delay": 1} if neuron.delay else {})}
    return "F" if neuron.reset == "none" else next(k for k, v in ORDERS.items() if v == found)


def neurons(inputs, layer):
    """(spikes, membranes) over the steps of (T, N, C, H, W), by the layer's letter."""
    neuron, letter = layer.neuron, order_of(layer.neuron)

    def column(x):
        return torch.tensor(layer.per_channel(x).copy()).reshape(-1, 1, 1)

    def above(u):
        return (u > th if neuron.compare == "gt" else u >= th).double()

    L, th, v_leak = column(neuron.beta), column(neuron.threshold), column(neuron.v_leak)
    v_reset, b = column(neuron.v_reset), column(0 if layer.bias is None else layer.bias)
    u = torch.zeros_like(inputs[0])
    # A membrane at 0 is not a crossing at step -1, though a threshold of 0 would say so.
    s = torch.zeros_like(u)
    spikes, membranes = [], []
    for t, x in enumerate(inputs):
        i = x + b + (1 - L) * v_leak
        if layer.norm is not None:
            i = i - x + column(layer.norm[0][t]) * x + column(layer.norm[1][t])
        if letter == "A":
            s = above(u) if t else s
            u = L * u + i - th * s
        elif letter == "B":
            u = L * u + i - th * s
            s = above(u)
        elif letter == "C":
            v = L * u + i
            s = above(v)
            u = v - th * s
        elif letter == "D":
            s = above(u) if t else s
            u = L * u + i - L * th * s
        elif letter == "E":
            v = L * u + i
            s = above(v)
            u = torch.where(s > 0, v_reset, v)
        else:
            u = L * u + i
        spikes.append(s)
        membranes.append(u)
    return torch.stack(spikes), torch.stack(membranes)


def reference(active, network):
    """Spikes of each layer (N, T, C, H, W) and the last membranes, by torch in float64."""
    x, found = torch.tensor(active.astype(float)).transpose(0, 1), []
    for layer in network.layers:
        each = x.flatten(0, 1)
        if isinstance(layer, Pool):
            size = (layer.kernel, layer.stride, layer.padding)
            each = F.max_pool2d(each, *size) if layer.kind == "max" else F.avg_pool2d(
                each, *size, divisor_override=1 if layer.kind == "sum" else None)
            x = each.unflatten(0, x.shape[:2])
            continue
        weights = torch.tensor(layer.weights)
        if layer.dense:
            each = F.linear(each.flatten(1), weights)[..., None, None]
        else:
            each = F.conv2d(each, weights, None, layer.stride, layer.padding, 1, layer.groups)
        x, membranes = neurons(each.unflatten(0, x.shape[:2]), layer)
        found.append(x.transpose(0, 1).numpy())
    return found, membranes.transpose(0, 1)[..., 0, 0].numpy()


def same(network, images):
    """Assert equal spikes and, in a membrane read-out, scores; return the count of spikes."""
    made, reasons = quantise_with_report(network, membrane_bits=32)
    assert not any(reasons), reasons
    got = run(images, made, mode="inclusive")
    wanted, membranes = reference(encode(images, network), network)
    for tap in made.taps:
        assert np.array_equal(got.spikes[tap], wanted[tap - 1]), f"layer {tap}"
    if made.readout == "membrane":
        assert np.array_equal(got.scores * made.stages[-1].layer.scale, membranes)
    return sum(x.sum() for x in wanted)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(float_networks())
def test_spikes_equal(network):
    """Any chain: kernels 1 to 7, strides, paddings, groups, pools, biases, BNTT, T and encoders."""
    same(network, images_for(network))


@pytest.mark.parametrize("order", ORDERS)
def test_every_order(order):
    """Each order alone, with layers that do spike."""
    @settings(max_examples=15, deadline=None, derandomize=True, database=None)
    @given(float_networks(orders=order, encoders=("frames",)))
    def check(network):
        nonlocal spikes
        spikes += same(network, images_for(network))
    spikes = 0
    check()
    assert spikes > 1000


@pytest.mark.parametrize("order", ORDERS)
def test_longest_run(order):
    """255 steps of a layer that keeps everything, behind one that keeps nothing."""
    rng = np.random.default_rng(8)

    def layer(shape, beta, threshold, **options):
        return FloatLayer(rng.integers(-3, 4, shape).astype(float), FloatNeuron(
            beta=np.float64(beta), threshold=np.float64(threshold), **ORDERS[order]), **options)

    network = FloatNetwork((2, 7, 6), 255, (
        layer((4, 1, 7, 7), 0, 2, padding=3, groups=2), Pool("sum", 2, 2),
        layer((5, 4 * 3 * 3), 1, 40)), "frames", "count")
    assert same(network, images_for(network)) > 1000
