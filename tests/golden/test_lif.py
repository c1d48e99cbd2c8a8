"""Neurons by hand, and in every order against real arithmetic."""

import numpy as np
import pytest

from golden.network import Layer, Neuron
from golden.neurons.population import accumulator_dtype, fire, neurons

HALF = np.int64(1 << 15)  # a leak of L = 1/2


def layer(channels=1, *, threshold=10, leak=HALF, frac=0, bias=None, norm=None, **neuron):
    """A layer with this neuron; its weights play no part."""
    return Layer(np.ones((channels, 1), dtype=np.int64), 2,
                 Neuron(np.asarray(threshold), np.asarray(leak), **neuron),
                 frac=frac, bias=bias, norm=norm)


def run(inputs, made):
    """(spikes, membranes) of one neuron, as lists."""
    spikes, membranes = fire(np.reshape(inputs, (1, -1, 1, 1, 1)), made)
    return spikes.ravel().tolist(), membranes.ravel().tolist()


@pytest.mark.parametrize("reset, spikes, membranes", [
    # u = u/2 - 10 s + I: 8; 4+8; 6-10+8; 2+12; 7-10+0
    ("subtract", [0, 1, 0, 1, 0], [8, 12, 4, 14, -3]),
    # u = (u - 10 s)/2 + I: 8; 12; 1+8; 9-4+12 = 17; 7/2 = 4 (drops floor(7/2) = 3)
    ("subtract_leaked", [0, 1, 0, 1, 0], [8, 12, 9, 17, 4]),
    # u = (-6 if s else u)/2 + I: 8; 12; -3+8; 5-2+12; -3
    ("zero", [0, 1, 0, 1, 0], [8, 12, 5, 15, -3]),
    # u = u/2 + I, never a spike: 8; 12; 14; 19; 10
    ("none", [0, 0, 0, 0, 0], [8, 12, 14, 19, 10]),
])
def test_by_hand(reset, spikes, membranes):
    """Threshold 10, L = 1/2, inputs 8 8 8 12 0."""
    got = run([8, 8, 8, 12, 0], layer(reset=reset, v_reset=np.int64(-6)))
    assert got == (spikes, membranes)


def test_compares():
    """A membrane of 10 at a threshold of 10 spikes with "ge" only; threshold 0 with "ge" always."""
    assert run([10, 0], layer(leak=0))[0] == [0, 0]
    assert run([10, 0], layer(leak=0, compare="ge"))[0] == [1, 0]
    assert run([0, 0, 0], layer(threshold=0, compare="ge"))[0] == [1, 1, 1]


def test_delay_hands_spikes_on_a_step_later():
    """The membranes are the same; the last step's crossing is never seen."""
    inputs = [20, 0, 20, 0, 20]
    for reset in ("subtract", "subtract_leaked", "zero"):
        now, late = (run(inputs, layer(reset=reset, delay=delay)) for delay in (0, 1))
        assert now[1] == late[1]
        assert now[0][-1] == 1 and late[0] == [0, *now[0][:-1]]


def test_frac_bias_and_norm():
    """A weight of 1 adds 2**frac; a norm takes its place: floor(gain x / 2**shift) + offset."""
    assert run([1, -3], layer(leak=0, threshold=99, frac=3, bias=np.array([2])))[1] == [10, -12]
    norm = (np.array([[3], [-5]]), np.array([[1], [0]]), 2)
    # floor(9/4) + 1 = 3; floor(-15/4) + 0 = -4.
    assert run([3, 3], layer(leak=0, threshold=99, frac=3, norm=norm))[1] == [3, -1]


def test_channels_have_their_own_parameters():
    made = layer(2, threshold=[3, 30], leak=[0, int(HALF)], reset="zero", v_reset=[-1, -2],
                 bias=np.array([0, 5]))
    inputs = np.full((1, 3, 2, 1, 2), 4)
    spikes, membranes = fire(inputs, made)
    # Channel 0: 4 spikes; -1 + 4 = 3 does not; 7 spikes. Channel 1: 9, 5+9 (9 drops 4), 7+9.
    assert membranes[0, :, 0, 0, 0].tolist() == [4, 3, 7]
    assert spikes[0, :, 0, 0, 1].tolist() == [1, 0, 1]
    assert membranes[0, :, 1, 0, 0].tolist() == [9, 14, 16]


def real(inputs, order, leak, threshold, v_reset):
    """(spikes, membranes) of the orders A to F of the literature, in floating point."""
    u, s_prev, spikes, membranes = 0.0, 0, [], []
    for current in inputs:
        if order == "A":
            s = int(u > threshold)
            u = leak * u + current - threshold * s
        elif order == "B":
            u = leak * u + current - threshold * s_prev
            s = int(u > threshold)
        elif order == "C":
            v = leak * u + current
            s = int(v > threshold)
            u = v - threshold * s
        elif order == "D":
            s = int(u > threshold)
            u = leak * u + current - leak * threshold * s
        elif order == "E":
            v = leak * u + current
            s = int(v > threshold)
            u = v_reset if s else v
        else:
            u, s = leak * u + current, 0
        spikes.append(s)
        # C and E give what was compared; what is kept follows from it.
        membranes.append(v if order in "CE" else u)
        s_prev = s
    return spikes, membranes


@pytest.mark.parametrize("order, reset, delay", [
    ("A", "subtract", 1), ("B", "subtract", 0), ("C", "subtract_leaked", 0),
    ("D", "subtract_leaked", 1), ("E", "zero", 0), ("F", "none", 0)])
def test_orders_equal_real_arithmetic(order, reset, delay):
    """With L = 1/2 and everything a multiple of 2**T nothing is rounded: equal, not close.

    A is B and D is C, each handing its spikes on one step later.
    """
    steps = 12
    unit, rng = 2**steps, np.random.default_rng(0)
    inputs = rng.integers(-6, 12, (50, steps)) * unit
    made = layer(threshold=5 * unit, reset=reset, delay=delay, v_reset=np.int64(-2 * unit))
    fired = 0
    for row in inputs:
        spikes, membranes = run(row, made)
        want = real(row.tolist(), order, 0.5, 5 * unit, -2 * unit)
        assert spikes == want[0]
        fired += sum(spikes)
        if order in "ABCEF":
            assert membranes == want[1]
    assert (fired > 50) == (order != "F")


def test_rounding_stays_within_one_over_the_leak():
    """Each step drops less than one unit more than it should, so that the error of an accumulator
    with L = 1 - 2**-k stays below 2**k units.
    """
    rng = np.random.default_rng(1)
    for shift in (1, 4, 6):
        inputs = rng.integers(-50, 50, 200)
        made = layer(leak=np.int64(1 << 16 - shift), reset="none")
        got = np.array(run(inputs, made)[1])
        want = np.array(real(inputs.tolist(), "F", 1 - 2.0**-shift, 0, 0)[1])
        assert (got - want >= 0).all() and (got - want < 2**shift).all()


@pytest.mark.parametrize("reset", ["subtract", "subtract_leaked", "zero", "none"])
@pytest.mark.parametrize("leak", [0, 1, 1 << 12, 6553, 1 << 16])
def test_narrow_numbers_are_enough(reset, leak):
    """At the largest inputs for which int32 is chosen, int64 gives the same; beyond, it is chosen.

    Inputs stay at either end for long, or go from one to the other.
    """
    steps = 12
    made = layer(threshold=300, leak=np.int64(leak), reset=reset, v_reset=np.int64(-200),
                 bias=np.array([-77]))
    span = next(
        2**k - 1 for k in range(30, 0, -1) if accumulator_dtype(made, steps, 2**k - 1) is np.int32
    )
    assert accumulator_dtype(made, steps, 2 * span + 2) is np.int64
    rng = np.random.default_rng(0)
    signs = np.concatenate([np.ones((1, steps)), -np.ones((1, steps)),
                            rng.choice([-1, 0, 1], (30, steps))]).astype(np.int64)
    inputs = (signs * span).reshape(32, steps, 1, 1, 1)
    found = [list(neurons(np.moveaxis(inputs, 1, 0), made, kind)) for kind in (np.int32, np.int64)]
    for (fired, membrane), (wanted_fired, wanted) in zip(*found, strict=True):
        assert membrane.dtype == np.int32 and wanted.dtype == np.int64
        assert np.array_equal(membrane, wanted) and np.array_equal(fired, wanted_fired)


def test_narrow_numbers_are_enough_for_norms():
    """As above, where the product with the gain is the widest."""
    norm = (np.full((4, 1), -30000), np.full((4, 1), 999), 14)
    made = layer(leak=0, norm=norm)
    span = max(n for n in range(60000, 80000) if accumulator_dtype(made, 4, n) is np.int32)
    inputs = np.array([span, -span, span, span]).reshape(4, 1, 1, 1, 1)
    narrow, wide = ([u.item() for _, u in neurons(inputs, made, kind)]
                    for kind in (np.int32, np.int64))
    assert narrow == wide
    assert span * 30000 < 2**31 <= (span + 1) * 30000
