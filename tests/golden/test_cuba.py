"""Neurons with a synaptic current: the integer kernel beside its equations, bounds, and floats."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from golden.formats import decayed
from golden.importers import float_network
from golden.importers.float_network import FloatLayer, FloatNetwork
from golden.importers.nir_export import write_nir
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput
from golden.network import Layer, Network, load, membrane_range
from golden.neurons.alpha import FloatAlpha
from golden.neurons.cuba import Cuba, FloatCuba
from golden.neurons.lif import LIF, FloatLIF
from golden.run import run

WHOLE = 2**16


def half_up(value, leak):
    """L v by fractions."""
    return floor(Fraction(int(value) * (WHOLE - int(leak)), WHOLE) + Fraction(1, 2))


def by_hand(neuron, inputs):
    """[(u, s)] of one neuron, the equations of Cuba's docstring as they are written there."""
    th, a, b = (int(x) for x in (neuron.threshold, neuron.current_leak, neuron.leak))
    crosses = (lambda u: u > th) if neuron.compare == "gt" else (lambda u: u >= th)
    c, u, f, r, found = 0, 0, 0, 0, []
    for x in inputs:
        c = half_up(c, a) + int(x)
        if neuron.reset == "subtract":
            u = half_up(u, b) + c - th * f
        elif neuron.reset == "subtract_leaked":
            u = half_up(u - th * f, b) + c
        elif neuron.reset == "zero":
            u = half_up(int(neuron.v_reset) if f else u, b) + c
        elif neuron.reset == "clear":
            u = 0 if f else half_up(u, b) + c
        elif neuron.reset == "subtract_now":
            v = half_up(u, b) + c
            f = crosses(v - th * r)
            u = v - th * f
            r = crosses(u)
        else:
            u = half_up(u, b) + c
        if neuron.reset not in ("subtract_now", "none"):
            f = crosses(u)
        found.append((u, int(f)))
    return found


def drawn(rng, reset, compare, channels=3):
    pick = lambda: rng.choice([0, 4096, 6554, 13107, 40000, WHOLE - 1, WHOLE], channels)
    return Cuba(rng.integers(1, 9, channels), pick(), pick(), reset, compare,
                v_reset=rng.integers(-9, 9, channels))


def test_a_share_is_rounded_half_up():
    values = np.arange(-70, 71)
    for leak in (0, 1, 4096, 6554, 32768, 65535, WHOLE):
        found = decayed(values, leak)
        assert found.tolist() == [half_up(value, leak) for value in values]
        assert (np.diff(found) >= 0).all() and (abs(found) <= abs(values)).all()
    assert decayed(np.array([5, -5, 15]), 32768).tolist() == [3, -2, 8]


@pytest.mark.parametrize("reset", Cuba.resets)
@pytest.mark.parametrize("compare", ["gt", "ge"])
def test_steps_are_the_equations_and_stay_within_bound_and_reach(reset, compare):
    rng = np.random.default_rng(7)
    spikes = steps = 0
    for _ in range(30):
        neuron = drawn(rng, reset, compare)
        low = rng.integers(-9, 3, (8, 3))
        high = low + rng.integers(0, 12, (8, 3))
        values = neuron.values(np.asarray)
        least, most = neuron.bound(low, high, values)
        reach = neuron.reach(int(max(abs(low).max(), abs(high).max())), 8)
        inputs = rng.integers(low, high + 1, (20, 8, 3))
        state, found = neuron.start(np.zeros((20, 3), np.int64)), []
        for t in range(8):
            state = neuron.step(state, inputs[:, t], values)
            found.append((state[0], state[1] + 0 * state[0]))
            for kept in (state[0], state[2]):
                assert least <= kept.min() and kept.max() <= most
                assert np.abs(kept * WHOLE).max() <= reach or neuron.leak.max() < WHOLE
        for c in range(3):
            one = replace(neuron, **{name: getattr(neuron, name)[c] for name in values})
            wanted = by_hand(one, inputs[0, :, c])
            assert [(int(u[0, c]), int(s[0, c])) for u, s in found] == wanted
            spikes, steps = spikes + sum(s for _, s in wanted), steps + 8
    assert reset == "none" or .005 * steps < spikes < .9 * steps


def test_orders_differ():
    """A spike that only one order has: 'clear' loses an input, 'subtract_now' doubles th."""
    make = lambda reset: Cuba(np.int64(4), np.int64(WHOLE), np.int64(0), reset)
    spikes = lambda reset, inputs: [s for _, s in by_hand(make(reset), inputs)]
    assert spikes("zero", [5, 5, 5]) == [1, 1, 1] and spikes("clear", [5, 5, 5]) == [1, 0, 1]
    # 9 leaves 5, which is above 4: the next step must pass 8, and 5 + 2 does not.
    assert spikes("subtract_now", [9, 2, 0]) == [1, 0, 0]
    assert spikes("subtract_leaked", [9, 2, 0]) == [1, 1, 0]


def layer(neuron, **options):
    return Layer(np.array([[3], [2]]), 4, neuron, **options)


def test_a_network_is_kept_in_a_file(tmp_path):
    neuron = Cuba(np.int64(9), np.array([6554, 0]), np.int64(4096), "clear", "ge", 1)
    network = Network((1, 1, 1), 6, (layer(neuron),), "frames", "count")
    network.save(tmp_path / "net.npz")
    found = load(tmp_path / "net.npz")
    assert found.digest == network.digest and isinstance(found.layers[0].neuron, Cuba)
    # c: 3 6 8 10 12 14 of channel 0 (A .9), u: 3 9* 0 10* 0 14*; spikes a step late.
    spikes = run(np.ones((1, 6, 1, 1, 1)), found).spikes[1][0, :, 0].ravel().tolist()
    assert spikes == [0, 0, 1, 0, 1, 0]
    assert membrane_range(found.stages[0], 6)[1] >= 14
    assert found.layers[0].neuron.words() == (
        "clear, >= 9", ["A 0.9..1", "L 1 - 2^-4", "delay 1"])


@pytest.mark.parametrize("changes, text", [
    ({"current_leak": np.int64(WHOLE + 1)}, "current_leak must be 0 to 65536, a share dropped"),
    ({"reset": "hold"}, "reset must be one of subtract, subtract_leaked, zero, clear, "
                        "subtract_now, none, not hold")])
def test_ranges(changes, text):
    neuron = Cuba(np.int64(1), np.int64(0), np.int64(0))
    neuron.check("here", 1)
    with pytest.raises(BadInput, match=text):
        replace(neuron, **changes).check("here", 1)


@pytest.mark.parametrize("reset", FloatCuba.resets)
def test_from_float(reset):
    real = FloatCuba(alpha=np.float64(.75), beta=np.float64(.9375), threshold=np.float64(1.5),
                     reset=reset, v_reset=np.float64(-.25), delay=1)
    per_channel = lambda values: np.broadcast_to(np.float64(values), 2)
    made = Cuba.from_float(real, per_channel, np.array([.25, .25]))
    assert (made.current_leak, made.leak, made.delay, made.reset) == (1 << 14, 4096, 1, reset)
    assert made.threshold == (0 if reset == "none" else 6)
    assert made.v_reset == (-1 if reset == "zero" else 0)
    assert made.rounding_reasons(real, per_channel) == [] and made.rounds
    assert made.exact_bits(3) == 8
    off = replace(real, alpha=np.float64(.9), beta=np.float64(.8))
    assert Cuba.from_float(off, per_channel, np.ones(2)).rounding_reasons(off, per_channel) == [
        "current leak 0.9 kept as 0.899994", "leak 0.8 kept as 0.800003"]


def float_network_of(neuron, weights, **options):
    return FloatNetwork((weights.shape[1], 1, 1), 8, (FloatLayer(weights, neuron, **options),),
                        "frames", "count")


@pytest.mark.parametrize("reset", FloatCuba.resets[:-1])
def test_whole_numbers_become_exact(reset, tmp_path):
    """Of a file too: weights of 4 bits, leaks of halves, and then every spike is equal."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-8, 8, (6, 10)).astype(float)
    neuron = FloatCuba(alpha=np.float64(.5), beta=np.array([.5, .5, 1, 0, .75, .5]),
                       threshold=np.float64(9.5), reset=reset, v_reset=np.float64(-2))
    network = float_network_of(neuron, weights)
    network.save(tmp_path / "net.npz")
    network = float_network.load(tmp_path / "net.npz")
    assert isinstance(network.layers[0].neuron, FloatCuba)
    made, reasons = quantise_with_report(network, bits=4)
    assert reasons == [()]
    images = (rng.random((20, 8, 10, 1, 1)) < .4).astype(np.uint8)
    from golden.importers.float_run import run as real_run
    wanted = real_run(images, network).spikes[0]
    assert (run(images, made).spikes[1] == wanted).all() and .005 < wanted.mean() < .5


def test_reset_delay_false_is_exact_where_currents_are_strong():
    """LIF's leaked subtraction where both are equal, else a Cuba without a current."""
    weights = np.array([[3.0, 3, 3]])
    neuron = lambda threshold: FloatLIF(beta=np.float64(.5), threshold=np.float64(threshold),
                                        reset="subtract_now", v_leak=np.float64(1))
    weak, strong = (float_network_of(neuron(threshold), weights) for threshold in (8, 4))
    made, reasons = quantise_with_report(weak, bits=4)
    assert isinstance(made.layers[0].neuron, LIF) and reasons == [()]
    made, reasons = quantise_with_report(strong, bits=4)
    kept = made.layers[0].neuron
    assert isinstance(kept, Cuba) and kept.current_leak == WHOLE and reasons == [()]
    assert kept.reset == "subtract_now" and made.layers[0].bias is not None
    images = np.ones((1, 8, 3, 1, 1), np.uint8)
    from golden.importers.float_run import run as real_run
    assert (run(images, made).spikes[1] == real_run(images, strong).spikes[0]).all()


@pytest.mark.parametrize("made", [False, True])
def test_nir_export_refuses_two_traces(made, tmp_path):
    """A graph of CubaLIF would be another neuron; float and integer networks alike."""
    network = float_network_of(FloatAlpha(alpha=np.float64(.75), beta=np.float64(.5),
                                          threshold=np.float64(1), reset="clear"),
                               np.array([[3.0, 2]]))
    network = quantise_with_report(network, bits=4)[0] if made else network
    with pytest.raises(BadInput, match=r"layer 1: neurons of two traces \(Alpha\) have no node"):
        write_nir(network, tmp_path / "net.nir")
    assert not (tmp_path / "net.nir").exists()
