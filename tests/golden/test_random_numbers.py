"""The encoder's random numbers against published ones, and its first spikes by hand."""

import numpy as np

from golden.encode import encode, randoms, xorshift32
from golden.network import DEFAULT_SEED, Layer, Network, Neuron


def test_published_sequence():
    """Marsaglia, Xorshift RNGs (2003): the triple (13, 17, 5) from his seed 2463534242."""
    state, found = 2463534242, []
    for _ in range(5):
        state = xorshift32(state)
        found.append(state)
    assert found == [723471715, 2497366906, 2064144800, 2008045182, 3532304609]


def test_default_seed_by_hand():
    """0x2545F491: << 13 gives 0xBE922000, ^ 0x9BD7D491; >> 17 gives 0x4DEB, ^ 0x9BD7997A; << 5
    gives 0x7AF32F40, ^ 0xE124B63A. Its bytes, lowest first: 58, 182, 36, 225.
    """
    assert xorshift32(DEFAULT_SEED) == 0xE124B63A
    assert randoms(DEFAULT_SEED, 1, 4).ravel().tolist() == [58, 182, 36, 225]
    layer = Layer(np.ones((1, 1), dtype=np.int64), 2, Neuron(np.int64(0), np.int64(0), "none"))
    network = Network((1, 1, 1), 4, (layer,))
    for pixel, spikes in ((36, [0, 0, 0, 0]), (37, [0, 0, 1, 0]), (59, [1, 0, 1, 0]),
                          (225, [1, 1, 1, 0]), (226, [1, 1, 1, 1])):
        image = np.full((1, 1, 1, 1), pixel, dtype=np.uint8)
        assert encode(image, network).ravel().tolist() == spikes


def test_bytes_are_even():
    """All 256 values in 100,000 bytes, each within five sigma of its share, in all four places."""
    table = randoms(DEFAULT_SEED, 25_000, 16)
    for steps in (table, *(table[place::4] for place in range(4))):
        counts = np.bincount(steps.ravel(), minlength=256)
        share = steps.size / 256
        assert np.abs(counts - share).max() < 5 * np.sqrt(share)
