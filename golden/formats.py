"""Number formats: ranges, widths and the only places where anything is rounded."""

import numpy as np

LEAK_BITS = 16   # a leak of L is kept as the dropped share (1 - L) in units of 2**-16
TABLE_FRAC = 15  # exp(-gamma d) in units of 2**-15, so that 1 is exact in 16 bits
SCORE_FRAC = 8   # NCS and SAM in units of 2**-8
MAP_BITS = 16    # of a map pixel: a row of block RAM

MODES = ("paper", "inclusive", "official")  # of SAM: golden.sam


def bits_unsigned(top):
    """Bits of the smallest unsigned format that holds 0..top."""
    return max(1, int(top).bit_length())


def bits_signed(low, high):
    """Bits of the smallest two's complement format that holds low..high."""
    return 1 + max(int(high).bit_length() if high >= 0 else (-int(high) - 1).bit_length(),
                   (-int(low) - 1).bit_length() if low < 0 else 0)


def score_bits(steps):
    """Width of A: at most ``steps`` (gamma 0), in units of 2**-SCORE_FRAC."""
    return bits_unsigned(steps << SCORE_FRAC)


def map_top(steps):
    """The value at which a map pixel stays: 224 at 16 steps, 192 at 32; beyond 63 none is met.

    2**MAP_BITS less the largest power of two that a score can have, so that one more carries over
    in no pixel below, and that a pixel is known by its upper bits to be there. Longer runs would
    leave too little of a row; they take two, which are wide enough for 4,096 channels.
    """
    width = score_bits(steps)
    bits = MAP_BITS if width + 2 <= MAP_BITS else width + 12
    return (1 << bits) - (1 << width)


def map_bits(channels, steps):
    """Width of a map pixel: every score of every mode is at most ``steps``.

    A pixel reaches channels * steps only when all its neurons spike in every step at gamma 0; what
    is above ``map_top`` stays there.
    """
    return bits_unsigned(min(channels * steps << SCORE_FRAC, map_top(steps)))


def leaked(membrane, leak):
    """L u = u - floor(u (1 - L)), with ``leak`` = 1 - L in units of 2**-LEAK_BITS.

    Nondecreasing in ``membrane``; 0 stays 0; exact whenever the product is an integer.
    """
    return membrane - ((membrane * leak) >> LEAK_BITS)


def leak_shift(leak):
    """K where L = 1 - 2**-k, None where L is no such number (L = 1 included)."""
    leak = int(leak)
    if leak <= 0 or leak & (leak - 1):
        return None
    return LEAK_BITS - (leak.bit_length() - 1)


def rounded(product, frac):
    """Product / 2**frac, rounded half up."""
    return (product + (1 << frac >> 1)) >> frac


def exp_table(gamma, depth):
    """exp(-gamma d) for d = 0 .. depth-1, in units of 2**-TABLE_FRAC, rounded half up.

    Raises ValueError unless gamma is finite and not negative.
    """
    if not (np.isfinite(gamma) and gamma >= 0):
        raise ValueError(f"gamma must be a finite number of at least 0, not {gamma}")
    scaled = np.exp(-float(gamma) * np.arange(depth)) * 2**TABLE_FRAC
    return np.floor(scaled + 0.5).astype(np.int64)
