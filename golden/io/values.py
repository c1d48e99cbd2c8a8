"""Arrays that come from outside, each checked to hold whole or real numbers."""

import numpy as np

from golden.io.errors import BadInput, rule

__all__ = ["integers", "reals"]


def integers(values: int | np.ndarray, where: str, what: str) -> np.ndarray:
    """``values`` as an int64 array, themselves where they are one; raise BadInput unless all are
    whole numbers of 40 bits.
    """
    array = np.asarray(values)
    rule(array.dtype.kind in "buif", where, f"{what} must be numbers")
    if array.dtype.kind != "f":
        top = max(int(array.max(initial=0)), -int(array.min(initial=0)))
        rule(top < 2**40, where, f"{what} must lie within 40 bits")
        return array.astype(np.int64, copy=False)
    rule(np.isfinite(array).all(), where, f"{what} must be finite, found NaN or infinity")
    rule(np.array_equal(array, np.floor(array)), where, f"{what} must be whole numbers")
    rule(np.abs(array).max(initial=0) < 2**40, where, f"{what} must lie within 40 bits")
    return array.astype(np.int64)


def reals(values, where: str, what: str) -> np.ndarray:
    """``values`` as a float64 array; raise BadInput unless all are finite numbers below 1e30."""
    try:
        array = np.asarray(values)
        rule(array.dtype.kind in "buif", where, f"{what} must be real numbers")
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: {what} must be real numbers") from None
    rule(np.isfinite(array).all(), where, f"{what} must be finite, found NaN or infinity")
    rule(np.abs(array).max(initial=0) < 1e30, where, f"{what} must be below 1e30")
    return array
