"""Spike Activation Map in integers: ISI, a table of exp(-gamma d), and one product a spike.

Kim & Panda 2021 (arXiv:2103.14441), eq. 3-6: a neuron k spiking at t has the neuronal contribution
score N_k(t) = sum over its earlier spikes t' of exp(-gamma (t - t')), and the map of a layer is
M(t) = sum_k N_k(t) S_k(t) over the channels of a pixel. N matters only where the neuron spikes, and
there it follows from the score at the neuron's previous spike, d steps before:

    A(t) = 1 + exp(-gamma d) A(t - d),   A = 1 at the first spike,

so that a neuron keeps two registers, the inter-spike interval (ISI) and A.
"""

import numpy as np

from golden.formats import MODES, SCORE_FRAC, TABLE_FRAC, exp_table, rounded


def scored(trains, table, mode):
    """N where it is needed, at the spikes, step by step.

    - "paper": earlier spikes only, A - 1;
    - "inclusive": the spike itself counts, A;
    - "official" (the authors' script): A + z(t) exp(-gamma t), z(t) the steps of 0..t without a
      spike.

    Rounds once a spike (and once for the ghost of "official"), half up. Against the real sums the
    error of A is below (1/2 + A 2**(SCORE_FRAC - TABLE_FRAC - 1)) / (1 - exp(-gamma)) units and
    grows by at most (1/2 + T 2**(SCORE_FRAC - TABLE_FRAC - 1)) a spike at gamma 0.

    Parameters
    ----------
    trains : (T, K) of 0 and 1
    table : (>= T,) int
        exp(-gamma d) in units of 2**-TABLE_FRAC (golden.formats.exp_table).

    Yields
    ------
    neurons : (S,) indices into K, ascending
    scores : (S,) int, in units of 2**-SCORE_FRAC
    """
    one, (steps, count) = 1 << SCORE_FRAC, trains.shape
    table = np.asarray(table)
    # The product then stays below 255 * 2**8 * 2**15 + 2**14 < 2**31.
    kind = np.int32 if steps <= 255 and table.max() <= 1 << TABLE_FRAC else np.int64
    table = table.astype(kind)
    kept = np.zeros(count, dtype=kind)                        # A at the last spike
    last = np.zeros(count, dtype=np.int32)                    # when that was
    spent = np.zeros(count, dtype=np.min_scalar_type(steps))  # spikes so far
    trains = trains.view(bool) if trains.dtype.itemsize == 1 else trains.astype(bool)
    neurons = np.flatnonzero(trains[0])
    for t, fired in enumerate(trains):
        # As many as in the step before, more or less.
        neurons = indices(fired, few=8 * len(neurons) <= count)
        # A is 0 before the first spike, so that any d gives A = 1 there.
        decayed = table.take(t - last.take(neurons)) * kept.take(neurons)
        now = one + rounded(decayed, TABLE_FRAC)
        kept[neurons], last[neurons] = now, t
        if mode == "paper":
            now -= one
        elif mode == "official":
            spent += fired.view(np.uint8)
            silent = t + 1 - spent.take(neurons).astype(kind)
            now += rounded(silent * table[t], TABLE_FRAC - SCORE_FRAC)
        yield neurons, now


def indices(fired, *, few):
    """np.flatnonzero of (K,) bool, faster if there are ``few``.

    It goes from one to the next, and each is a branch that no processor foresees. Then it is better
    to find the eights that hold any, and those within.
    """
    if fired.size % 8 or not few:
        return np.flatnonzero(fired)
    eights = fired.view(np.uint64)
    some = np.flatnonzero(eights != 0)
    at = np.flatnonzero(eights.take(some).view(bool))
    return 8 * some.take(at >> 3) + (at & 7)


def scores(spikes, table, mode):
    """Score of each spike as ``scored`` gives it, 0 where there is none.

    ``spikes`` is (N, T, ...) of 0 and 1; returns int32 of that shape.
    """
    trains = np.moveaxis(spikes, 1, 0)
    found = np.zeros((len(trains), trains[0].size), dtype=np.int32)
    for at, (neurons, values) in zip(found, scored(trains.reshape(found.shape), table, mode),
                                     strict=True):
        at[neurons] = values
    return np.moveaxis(found.reshape(trains.shape), 0, 1)


def activation_map(spikes, *, gamma=0.5, mode="paper", table=None):
    """M: scores summed over channels; ``map_bits`` holds any.

    Parameters
    ----------
    spikes : (N, T, C, H, W) of 0 and 1
    gamma : float
    mode : "paper", "inclusive" or "official"
    table : None or int array
        In place of ``gamma``, as written to the chip.

    Returns
    -------
    (N, T, H, W) int32, in units of 2**-SCORE_FRAC

    Raises ValueError for a gamma below 0 or not finite, or an unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"SAM mode must be one of {', '.join(MODES)}, not {mode}")
    count, steps, channels, *sides = spikes.shape
    if table is None:
        table = exp_table(gamma, steps)
    trains = spikes.transpose(1, 2, 3, 4, 0).reshape(steps, -1)
    pixels = trains.shape[1] // channels
    found = np.empty((steps, pixels), dtype=np.int32)
    pixel = np.tile(np.arange(pixels), channels)
    for at, (neurons, values) in zip(found, scored(trains, table, mode), strict=True):
        # bincount sums in float64, which holds these whole numbers.
        at[:] = np.bincount(pixel.take(neurons), values, pixels)
    return found.reshape(steps, *sides, count).transpose(3, 0, 1, 2)
