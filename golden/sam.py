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


def scores(spikes, table, mode):
    """Score of each spike, 0 where there is none.

    - "paper": earlier spikes only, A - 1;
    - "inclusive": the spike itself counts, A;
    - "official" (the authors' script): A + z(t) exp(-gamma t), z(t) the steps of 0..t without a
      spike.

    Rounds once a spike (and once for the ghost of "official"), half up. Against the real sums the
    error of A is below (1/2 + A 2**(SCORE_FRAC - TABLE_FRAC - 1)) / (1 - exp(-gamma)) units and
    grows by at most (1/2 + T 2**(SCORE_FRAC - TABLE_FRAC - 1)) a spike at gamma 0.

    Parameters
    ----------
    spikes : (N, T, ...) of 0 and 1
    table : (>= T,) int
        exp(-gamma d) in units of 2**-TABLE_FRAC (golden.formats.exp_table).

    Returns
    -------
    (N, T, ...) int32, in units of 2**-SCORE_FRAC
    """
    one = 1 << SCORE_FRAC
    # Products have at most 16 + 16 bits.
    table = np.asarray(table, dtype=np.int64)
    steps = spikes.shape[1]
    shape = spikes.shape[:1] + spikes.shape[2:]
    kept = np.zeros(shape, dtype=np.int64)            # A at the last spike
    interval = np.zeros(shape, dtype=np.intp)         # d, steps since the last spike
    count = np.zeros(shape, dtype=np.int64)
    found = np.zeros(spikes.shape, dtype=np.int32)
    for t in range(steps):
        fired = spikes[:, t] != 0
        # A is 0 before the first spike, so that any d gives A = 1 there.
        now = one + rounded(table[interval[fired]] * kept[fired], TABLE_FRAC)
        kept[fired] = now
        count[fired] += 1
        if mode == "paper":
            now = now - one
        elif mode == "official":
            silent = t + 1 - count[fired]
            now = now + rounded(silent * table[t], TABLE_FRAC - SCORE_FRAC)
        found[:, t][fired] = now
        interval[fired] = 0
        interval += 1
    return found


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
    if table is None:
        table = exp_table(gamma, spikes.shape[1])
    return scores(spikes, table, mode).sum(axis=2, dtype=np.int32)
