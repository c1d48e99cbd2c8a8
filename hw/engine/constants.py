"""Constants of a pass, chosen by the number of the pass."""

from amaranth import *

__all__ = ["chosen", "held", "per_pass"]


def per_pass(number, values, *, shape=None):
    """``values[number]``; a constant where all values are equal.

    ``shape`` defaults to the smallest that holds all values.
    """
    low, high = min(values), max(values)
    if shape is None:
        shape = (signed(1 + max(high.bit_length(), (-low - 1).bit_length())) if low < 0
                 else unsigned(max(1, high.bit_length())))
    if low == high:
        return C(low, shape)
    chosen = C(values[-1], shape)
    for n, value in reversed(list(enumerate(values[:-1]))):
        chosen = Mux(number == n, C(value, shape), chosen)
    return chosen


def held(m, number, values, *, shape=None):
    """``per_pass`` a cycle later, from a register, whatever condition the caller stands in."""
    chosen = per_pass(number, values, shape=shape)
    if isinstance(chosen, Const):
        return chosen
    register = Signal(chosen.shape(), name="held", reset_less=True)
    m.submodules += (inner := Module())     # no condition of m holds in there
    inner.d.sync += register.eq(chosen)
    return register


def chosen(m, number, values, make):
    """``make(values[number])``, made once for each distinct value; ``number`` is a cycle old."""
    distinct = sorted(set(values))
    result = make(distinct[-1])
    for value in distinct[:-1]:
        member = held(m, number, [int(other == value) for other in values])
        result = Mux(member, make(value), result)
    return result
