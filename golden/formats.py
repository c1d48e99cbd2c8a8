"""Number formats: ranges, widths and the only places where anything is rounded."""

import numpy as np

from golden.io.errors import BadInput

LEAK_BITS = 16   # a leak of L is kept as the dropped share (1 - L) in units of 2**-16
GAMMA = 0.5      # steepness of SAM where none is named
TABLE_FRAC = 15  # exp(-gamma d) in units of 2**-15, so that 1 is exact in 16 bits
SCORE_FRAC = 8   # NCS and SAM in units of 2**-8
MAP_BITS = 8, 32  # of a map pixel that may be asked for, at least and at most

MOST_STEPS = 1023   # of a run

MODES = ("paper", "inclusive", "official")  # of SAM: golden.sam


def bits_unsigned(top: int) -> int:
    """Bits of the smallest unsigned format that holds 0..top."""
    return max(1, int(top).bit_length())


def bits_signed(low: int, high: int) -> int:
    """Bits of the smallest two's complement format that holds low..high."""
    return 1 + max(int(high).bit_length() if high >= 0 else (-int(high) - 1).bit_length(),
                   (-int(low) - 1).bit_length() if low < 0 else 0)


def score_bits(steps: int) -> int:
    """Width of A: at most ``steps`` (gamma 0), in units of 2**-SCORE_FRAC."""
    return bits_unsigned(steps << SCORE_FRAC)


def map_bits(channels: int, steps: int) -> int:
    """Width of a map pixel that holds every sum, at any gamma and in any mode.

    Every score is at most ``steps`` (paper: one less), and all are where all neurons spike in every
    step at gamma 0. The largest sum is a multiple of 2**SCORE_FRAC and so below ``map_top``.
    """
    return bits_unsigned(channels * steps << SCORE_FRAC)


def map_top(bits: int) -> int:
    """Where the sums that ``bits`` bits do not hold stay, in units of 2**-SCORE_FRAC: all ones."""
    return (1 << bits) - 1


def check_map_bits(bits: int | None, where: str = "map bits") -> int | None:
    """``bits`` as it is; raise BadInput unless it is None or a width that may be asked for."""
    low, high = MAP_BITS
    if bits is not None and not low <= bits <= high:
        raise BadInput(f"{where} must be {low} to {high}, not {bits}")
    return bits


def leaked(membrane: int | np.ndarray, leak: np.ndarray) -> np.ndarray:
    """L u = u - floor(u (1 - L)), with ``leak`` = 1 - L in units of 2**-LEAK_BITS.

    Nondecreasing in ``membrane``; 0 stays 0; exact whenever the product is an integer.
    """
    return membrane - ((membrane * leak) >> LEAK_BITS)


def decayed(value: np.ndarray, leak: np.ndarray) -> np.ndarray:
    """L v rounded half up, with ``leak`` = 1 - L in units of 2**-LEAK_BITS.

    Nondecreasing in ``value``; 0 stays 0; exact whenever the product is an integer; never farther
    from 0 than a whole ``value``.
    """
    return value - ((value * leak + (1 << LEAK_BITS - 1) - 1) >> LEAK_BITS)


def leak_shift(leak: int) -> int | None:
    """K where L = 1 - 2**-k, None where L is no such number (L = 1 included)."""
    leak = int(leak)
    if leak <= 0 or leak & (leak - 1):
        return None
    return LEAK_BITS - (leak.bit_length() - 1)


def rounded(product: np.ndarray, frac: int) -> np.ndarray:
    """Product / 2**frac, rounded half up."""
    return (product + (1 << frac >> 1)) >> frac


def exp_table(gamma: float, depth: int) -> np.ndarray:
    """exp(-gamma d) for d = 0 .. depth-1, in units of 2**-TABLE_FRAC, rounded half up.

    Raises ValueError unless gamma is finite and not negative.
    """
    if not (np.isfinite(gamma) and gamma >= 0):
        raise ValueError(f"gamma must be a finite number of at least 0, not {gamma}")
    scaled = np.exp(-float(gamma) * np.arange(depth)) * 2**TABLE_FRAC
    return np.floor(scaled + 0.5).astype(np.int64)
