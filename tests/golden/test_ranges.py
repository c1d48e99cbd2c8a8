"""Widths that are derived: never left, and no wider than they must be."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.network import Layer, Network, Neuron, input_ranges, membrane_range, sum_ranges
from golden.network.encoders import ENCODERS
from golden.neurons.population import fire
from golden.run import run
from golden.synapses import pooled, weighted
from verify.networks import draw, images

STEPS = 5


@st.composite
def neurons(draw):
    """(low, high, layer) of one neuron whose sum takes every whole number of low..high."""
    low, high = draw(st.integers(-3, 0)), draw(st.integers(0, 3))
    weights = np.array([[-1] * -low + [1] * high + [0]])
    reset = draw(st.sampled_from(("subtract", "subtract_leaked", "zero", "none")))
    neuron = Neuron(
        np.int64(draw(st.integers(0, 7))),
        np.int64(draw(st.sampled_from((0, 1, 4096, 20000, 32768, 65535, 65536)))), reset=reset,
        compare=draw(st.sampled_from(("gt", "ge"))), delay=draw(st.integers(0, 1)),
        v_reset=np.int64(draw(st.integers(-6, 6))))
    return low, high, Layer(weights, 2, neuron, bias=np.array([draw(st.integers(-2, 2))]))


def network_of(layer):
    """The layer as a network's only one."""
    readout = "count" if layer.spiking else "membrane"
    return Network((layer.weights.shape[1], 1, 1), STEPS, (layer,), readout=readout)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(neurons())
def test_membrane_range_is_that_of_all_inputs(drawn):
    """Every sequence of inputs there is, run: the range is what they reach, no more and no less."""
    low, high, layer = drawn
    every = np.array(list(itertools.product(range(low, high + 1), repeat=STEPS)))
    _, membranes = fire(every[:, :, None, None, None], layer)
    reached = min(0, membranes.min()), max(0, membranes.max())
    assert membrane_range(network_of(layer).stages[0], STEPS) == reached


def test_nothing_spikes_before_the_first_step():
    """Threshold 0 and "ge": the membrane starts at it and must not be taken for a spike's."""
    layer = Layer(np.array([[-1]]), 2, Neuron(
        np.int64(0), np.int64(0), reset="zero", compare="ge", v_reset=np.int64(4)))
    _, membranes = fire(np.full((1, 5, 1, 1, 1), -1), layer)
    assert membranes.ravel().tolist() == [-1, -2, -3, -4, -5]
    # Without input it spikes at 0 and stands at 4 from then on.
    assert membrane_range(network_of(layer).stages[0], 5) == (-5, 4)


def extremes(values):
    """(low, high) of each channel of (N, T, C, H, W) or (N, C, H, W)."""
    axes = tuple(n for n in range(values.ndim) if n != values.ndim - 3)
    return values.min(axis=axes), values.max(axis=axes)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from(tuple(ENCODERS)))
def test_no_sum_and_no_membrane_leaves_its_range(seed, encoder):
    """Networks with everything in them, images of noise, black and white."""
    network = draw(seed, hardware=False, encoder=encoder)
    result = run(images(network, 4, seed), network)
    active = result.spikes_input
    for stage in network.stages:
        flat = active.reshape(-1, *active.shape[2:])
        for pool in stage.pools:
            flat = pooled(flat, pool)
        assert np.abs(flat).max() <= stage.top
        sums = weighted(flat, stage.layer, stage.top)
        low, high = sum_ranges(stage)
        least, most = extremes(sums)
        assert (low <= least).all() and (most <= high).all()
        sums = sums.reshape(*active.shape[:2], *sums.shape[1:])
        active, membranes = fire(sums, stage.layer)
        lowest, highest = membrane_range(stage, network.steps)
        assert lowest <= membranes.min() and membranes.max() <= highest
        lows, highs = input_ranges(stage, network.steps)
        least, most = extremes(membranes[:, :1])   # the first step's membrane is its input
        assert (lows[0] <= least).all() and (most <= highs[0]).all()
