"""Number formats: widths, leaks, rounding and the table of exponentials."""

import math

import numpy as np
import pytest

from golden.formats import (
    LEAK_BITS,
    SCORE_FRAC,
    TABLE_FRAC,
    bits_signed,
    bits_unsigned,
    check_map_bits,
    exp_table,
    leak_shift,
    leaked,
    map_bits,
    map_top,
    rounded,
    score_bits,
)
from golden.io.errors import BadInput


def test_widths_are_the_smallest_that_hold():
    for top in range(600):
        bits = bits_unsigned(top)
        assert top < 2**bits and (bits == 1 or top >= 2**(bits - 1))
    for low in range(-70, 70, 3):
        for high in range(low, 70, 3):
            bits = bits_signed(low, high)
            assert -2**(bits - 1) <= low and high < 2**(bits - 1)
            smaller = 2**(bits - 2) if bits > 1 else 0.5
            assert bits == 1 or low < -smaller or high >= smaller


def test_score_and_map_widths_by_hand():
    """T = 16: 16 * 256 = 4096 needs 13 bits, three channels of it 14, four of it 15."""
    assert score_bits(16) == 13
    assert map_bits(1, 16) == 13
    assert map_bits(3, 16) == 14
    assert map_bits(4, 16) == 15
    assert map_bits(15, 16) == 16 and map_bits(16, 16) == 17 and map_bits(64, 16) == 19
    assert map_bits(64, 255) == 22 and map_bits(4096, 255) == 28


@pytest.mark.parametrize("steps", [1, 16, 33, 255])
@pytest.mark.parametrize("channels", [1, 2, 15, 16, 64, 300])
def test_a_map_width_is_the_smallest_of_every_sum(steps, channels):
    """All neurons in every step at gamma 0. No sum is all ones: that tells one that stays."""
    bits, most = map_bits(channels, steps), channels * steps * 2**SCORE_FRAC
    assert 2**(bits - 1) <= most < map_top(bits) == 2**bits - 1


@pytest.mark.parametrize("bits, fits", [(7, False), (8, True), (32, True), (33, False)])
def test_map_widths_that_may_be_asked_for(bits, fits):
    if fits:
        assert check_map_bits(bits) == bits
    else:
        with pytest.raises(BadInput, match=f"^--map-bits must be 8 to 32, not {bits}$"):
            check_map_bits(bits, "--map-bits")


@pytest.mark.parametrize("leak", [0, 1, 4096, 5000, 32768, 65535, 65536])
def test_leaked_is_monotone_and_within_one_below_the_real_value(leak):
    """floor(u (1 - L)) is at most u (1 - L) and less than 1 below it; 0 stays 0."""
    membranes = np.concatenate([np.arange(-2000, 2000), [-2**31, -2**31 + 1, 2**31 - 2, 2**31 - 1]])
    kept = leaked(membranes, np.int64(leak))
    error = kept - membranes * (1 - leak / 2**LEAK_BITS)
    assert (0 <= error).all() and (error < 1).all()
    assert (np.diff(leaked(np.arange(-2000, 2000), leak)) >= 0).all()
    assert leaked(0, leak) == 0


def test_leaked_by_hand():
    """L = 1 - 1/16: -1 loses floor(-1/16) = -1 and is 0; 15 loses nothing; 16 loses 1."""
    assert [int(leaked(u, 4096)) for u in (-17, -16, -1, 0, 15, 16, 33)] == [
        -15, -15, 0, 0, 15, 15, 31]


def test_leak_shift():
    assert [leak_shift(leak) for leak in (0, 1, 4096, 65536, 5000, -1)] == [
        None, 16, 4, 0, None, None]


def test_rounds_half_up():
    assert [rounded(n, 2) for n in range(-7, 8)] == [math.floor(n / 4 + 0.5) for n in range(-7, 8)]
    assert rounded(5, 0) == 5


@pytest.mark.parametrize("gamma", [0, 0.1, 0.3, 0.5, 1, 3.7, 1000])
def test_table_is_nearest(gamma):
    table = exp_table(gamma, 256)
    real = np.array([math.exp(-gamma * d) for d in range(256)]) * 2**TABLE_FRAC
    assert table[0] == 2**TABLE_FRAC
    assert np.abs(table - real).max() <= 0.5
    assert (np.diff(table) <= 0).all() and table.min() >= 0


def test_table_by_hand():
    """exp(-1/2) 32768 = 19874.8; exp(-1) 32768 = 12054.7; exp(-3/2) 32768 = 7311.5."""
    assert exp_table(0.5, 4).tolist() == [32768, 19875, 12055, 7312]


@pytest.mark.parametrize("gamma", [-0.1, math.nan, math.inf, -math.inf])
def test_table_refuses(gamma):
    with pytest.raises(ValueError, match="gamma must be a finite number of at least 0, not"):
        exp_table(gamma, 4)
