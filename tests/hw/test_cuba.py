"""Neurons with a synaptic current in hardware equal golden's, whatever the order and the engine."""

import numpy as np
import pytest

from golden.network import Layer, Network
from golden.neurons.alpha import Alpha
from golden.neurons.cuba import Cuba
from tests.helpers.equal import assert_equal
from verify.networks import images

ENGINES = [("gt", 1, 5, 8, 0, False), ("ge", 4, 16, 16, 1, False), ("gt", 2, 20, 8, 0, True)]


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("engine", ENGINES, ids=str)
@pytest.mark.parametrize("reset", Cuba.resets[:-1])
def test_equals_golden(reset, engine):
    """Two layers, a leaking read-out; (compare, lanes, T, steps of a word, delay, by channel)."""
    compare, lanes, steps, word, delay, each = engine
    rng = np.random.default_rng(5)
    weights = lambda *shape: rng.integers(-3, 6, shape)
    share = lambda value: rng.integers(0, 2**16 + 1, 6) if each else np.int64(value)
    first = Cuba(rng.integers(100, 200, 6) if each else np.int64(150), share(13107), share(6554),
                 reset, compare, delay, np.int64(-9))
    second = Cuba(np.int64(90), np.int64(1 << 14), np.int64(1 << 13), reset, v_reset=np.int64(5))
    network = Network((2, 6, 6), steps, (
        Layer(weights(6, 2, 3, 3), 4, first, frac=2,
              bias=rng.integers(-4, 9, 6) if each else None),
        Layer(weights(5, 96), 4, second, frac=1),
        Layer(weights(4, 5), 4, Cuba(np.int64(0), np.int64(1 << 15), np.int64(1 << 12), "none"))),
        encoder="frames", name="cuba")
    wanted, _ = assert_equal(network, images(network, 3, 2),
                             {"lanes": lanes, "word_steps": word}, {}, stall=0.2)
    assert wanted.counts.max(axis=0).all()


@pytest.mark.slow
@pytest.mark.rotated
@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_two_traces_equal_golden(engine):
    """As above, of golden.neurons.alpha."""
    compare, lanes, steps, word, delay, each = engine
    rng = np.random.default_rng(5)
    weights = lambda *shape: rng.integers(-3, 6, shape)
    share = lambda value: rng.integers(0, 2**16 + 1, 6) if each else np.int64(value)
    first = Alpha(rng.integers(10, 40, 6) if each else np.int64(20), share(6554), share(26214),
                  compare=compare, delay=delay)
    second = Alpha(np.int64(9), np.int64(1 << 12), np.int64(1 << 15))
    network = Network((2, 6, 6), steps, (
        Layer(weights(6, 2, 3, 3), 4, first, frac=2,
              bias=rng.integers(-4, 9, 6) if each else None),
        Layer(weights(5, 96), 4, second, frac=1),
        Layer(weights(4, 5), 4, Alpha(np.int64(0), np.int64(1 << 13), np.int64(1 << 14),
                                      reset="none"))),
        encoder="frames", name="alpha")
    wanted, _ = assert_equal(network, images(network, 3, 2),
                             {"lanes": lanes, "word_steps": word}, {}, stall=0.2)
    assert wanted.counts.max(axis=0).all()
