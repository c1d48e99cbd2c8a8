"""Spike attribution in integers, as the hardware keeps it: one trace a neuron.

A trace goes by the ISI and table of golden.sam; the path weight of the wanted output is multiplied
in when a trace is read, so that the output may be chosen after the fact.
"""

import numpy as np

from golden.formats import SCORE_FRAC, TABLE_FRAC, bits_signed, exp_table, rounded, score_bits
from golden.io.arguments import numbers, positive
from golden.io.errors import BadInput


def checked_decay(decay: float) -> float:
    """``decay`` as a float; raise BadInput unless 0 <= decay < 1."""
    value = numbers(decay, "decay")
    if value.ndim or not 0 <= value < 1:
        raise BadInput(f"decay must be at least 0 and below 1, not {decay}")
    return float(value)


# --- in integers, as on the chip ------------------------------------------------------------------


def decay_table(decay: float, steps: int) -> np.ndarray:
    """decay**d for d = 0 .. steps, in units of 2**-TABLE_FRAC, rounded half up.

    Entry 0 is never read: a trace is decayed at a later step than it was fed. By hand: .5 over two
    steps gives 32768, 16384, 8192.
    """
    decay, steps = checked_decay(decay), positive(steps, "steps")
    if decay == 0:
        return np.array([1 << TABLE_FRAC] + [0] * steps)
    return exp_table(-np.log(decay), steps + 1)


def traces(spikes: np.ndarray, table: np.ndarray, *, frac: int = SCORE_FRAC) -> np.ndarray:
    """Trace of each neuron after the last step: the sum of decay**(T - t) over its spikes at t.

    Touched only at a spike, d steps after the neuron's one before, and once when it is read:

        A    <- 2**frac + rounded(table[d] A, TABLE_FRAC)     at a spike; A = 2**frac at the first
        trace = rounded(table[T - t], TABLE_FRAC)             at the end, t its last spike

    (the second line times A), and 0 without a spike. A is the A of golden.sam in mode "inclusive",
    so that the SAM unit's registers hold it. A neuron's steps may come in chunks: A and d carry
    over, and the second line is used once, at the end.

    Widths: 0 <= trace <= A <= T 2**frac, so golden.formats.score_bits(T) bits at the usual frac; a
    product has at most 16 more. Against the sum in real numbers the trace is off by at most

        (1/2 + a 2**(frac - TABLE_FRAC - 1)) (1 + c + c**2 + ...)   units, n terms for n spikes,

    where c = table[1] / 2**TABLE_FRAC bounds what is left of an error and a = 1 + decay + ...
    (T terms) what a rounding of the table is multiplied with. At decay .9, T 16, frac 8 it is below
    4.4 units, of at most 1,877 (worst of 20 real images: 2.4).

    By hand: decay 1/2, frac 8, spikes at t = 0, 1 and 3 of T = 4: A = 256, 256 + 128 = 384,
    256 + 384/4 = 352, trace = 352/2 = 176 = 256 (1/16 + 1/8 + 1/2).

    Parameters
    ----------
    spikes : (T, ...) of 0 and 1
        One column a neuron, in any shape.
    table : (> T,) int
        ``decay_table``, or any falling sequence of at most 2**TABLE_FRAC, as written to the chip.
    frac : int

    Returns
    -------
    (...) int64, in units of 2**-frac
    """
    spikes = np.asarray(spikes)
    if spikes.ndim < 1 or not np.isin(spikes, (0, 1)).all():
        raise BadInput("spikes must be (steps, ...) and hold only 0 and 1")
    steps, table = len(spikes), np.asarray(table, dtype=np.int64)
    if table.ndim != 1 or len(table) <= steps:
        raise BadInput(f"table must have more than {steps} entries, not {table.shape}")
    if (table < 0).any() or (table > 1 << TABLE_FRAC).any() or (np.diff(table) > 0).any():
        raise BadInput(f"table must fall, within 0 to {1 << TABLE_FRAC}")
    kept = np.zeros(spikes.shape[1:], dtype=np.int64)          # A at the last spike
    interval = np.zeros(kept.shape, dtype=np.intp)             # d, steps since the last spike
    for fired in spikes != 0:
        kept[fired] = (1 << frac) + rounded(table[interval[fired]] * kept[fired], TABLE_FRAC)
        interval[fired] = 0
        interval += 1
    return rounded(table[interval] * kept, TABLE_FRAC)


def quantised(path_weights: list | np.ndarray, bits: int = 8) -> tuple[np.ndarray, int]:
    """Path weights as signed integers of ``bits`` bits, in units of 2**shift.

    ``shift`` is the smallest whole number, negative or not, at which the largest fits; rounded half
    up. By hand: [300, -3, 1] in 8 bits: shift 2, [75, -1, 0].

    Returns
    -------
    weights : int64 array of the same shape
    shift : int
    """
    values, bits = numbers(path_weights, "path_weights"), positive(bits, "bits")
    if not 2 <= bits <= 16:
        raise BadInput(f"bits must be 2 to 16, not {bits}")
    top = np.abs(values).max(initial=0)
    if not top:
        return np.zeros(values.shape, dtype=np.int64), 0
    shift = int(np.floor(np.log2(top))) - bits  # one or two below the answer
    while True:
        found = np.floor(values * 2.0**-shift + 0.5)
        if found.min() >= -2**(bits - 1) and found.max() < 2**(bits - 1):
            return found.astype(np.int64), shift
        shift += 1


def attribute(trace: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Attribution of each neuron: its trace times its path weight, exact.

    Parameters
    ----------
    trace : (N,) int
        ``traces``, in units of 2**-frac.
    weights : (N,) or (N, K) int
        ``quantised`` path weights of one or K outputs, in units of 2**shift.

    Returns
    -------
    (N,) or (N, K) int64, in units of 2**(shift - frac); ``attribution_bits`` wide
    """
    trace, weights = np.asarray(trace), np.asarray(weights)
    if trace.ndim != 1 or weights.shape[:1] != trace.shape or weights.ndim > 2:
        raise BadInput(f"weights must be one a trace and output, ({len(trace)}, outputs), "
                       f"not of shape {weights.shape}")
    return trace.astype(np.int64).reshape(-1, *[1] * (weights.ndim - 1)) * weights


def attribution_bits(steps: int, bits: int) -> int:
    """Signed width of one attribution: a trace of ``steps`` steps times a weight of ``bits``."""
    top = (steps << SCORE_FRAC) << (bits - 1)
    return bits_signed(-top, top - (steps << SCORE_FRAC))


def trace_bits(steps: int) -> int:
    """Unsigned width of a trace of ``steps`` steps."""
    return score_bits(steps)
