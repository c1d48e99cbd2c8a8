"""Products with constants as sums of shifts equal the products, rounded down."""

import numpy as np
import pytest

from golden.formats import LEAK_BITS, decayed, leaked
from hw.engine.multiples import adders, floor_product, recoded, rounded_product

ENDS = np.array([-2**31, -2**23, -2**23 + 1, -65537, -65536, -3, -1, 0, 1, 2, 65535, 65536,
                 2**23 - 1, 2**31 - 1])


@pytest.mark.parametrize("first", range(4))
def test_every_fourth_constant(first):
    """Of all leaks of a 64th or less, and a part of the larger ones, on membranes of all widths."""
    rng = np.random.default_rng(first)
    small = range(1 + first, 1024, 4)
    large = rng.integers(1024, 2**LEAK_BITS + 1, 1500).tolist()
    for constant in (*small, *large):
        values = np.concatenate([ENDS, rng.integers(-2**23, 2**23, 50)])
        wanted = (values * constant) >> LEAK_BITS
        assert (floor_product(values, constant, LEAK_BITS) == wanted).all(), constant
        assert (values - wanted == leaked(values, constant)).all()
        if constant < 2**LEAK_BITS:
            assert (rounded_product(values, constant, LEAK_BITS)
                    == decayed(values, 2**LEAK_BITS - constant)).all(), constant


@pytest.mark.parametrize("beta", [.5, .8, .9, .95, .99])
def test_every_membrane_of_16_bits(beta):
    leak = round((1 - beta) * 2**LEAK_BITS)
    values = np.arange(-2**15, 2**15)
    assert (floor_product(values, leak, LEAK_BITS) == (values * leak) >> LEAK_BITS).all()


@pytest.mark.parametrize("constant, count", [
    (1 << 12, 0), (65536, 0), (3, 1), (12288, 1), (6554, 4), (3277, 4), (655, 3)])
def test_adders_by_hand(constant, count):
    """Powers of two take none; 6554 = 2 + 3 (8 + 128 + 2048), with an adder for the threefold."""
    assert adders(constant) == count
    assert sum(digit << shift for shift, digit in recoded(constant)) == constant
