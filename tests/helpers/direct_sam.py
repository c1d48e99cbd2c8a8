"""SAM's scores as direct sums in floating point, and how far the integers may lie from them."""

import numpy as np

from golden.formats import SCORE_FRAC, TABLE_FRAC, exp_table
from golden.sam import scores

ONE = 1 << SCORE_FRAC


def direct(trains, gamma, mode):
    """N(t) S(t) as sums over all pairs of spikes, and A(t), in floating point.

    With z(t) the steps of 0..t without a spike: paper, t' < t; inclusive, t' <= t; official,
    inclusive plus z(t) exp(-gamma t).
    """
    t = np.arange(trains.shape[1])
    distance = t[:, None] - t
    kernel = np.where(distance >= 0, np.exp(-gamma * np.maximum(distance, 0)), 0)
    ahead = trains @ kernel.T                      # A(t) where there is a spike
    silent = np.cumsum(1 - trains, axis=1)
    found = {"paper": ahead - 1, "inclusive": ahead,
             "official": ahead + silent * np.exp(-gamma * t)}[mode]
    return found * trains, ahead * trains


def bound(trains, gamma, mode):
    """Largest |error| of each spike's score, in units of 2**-SCORE_FRAC.

    With a the integer A of a spike, e the table's entry and E = exp(-gamma d) <= exp(-gamma), one
    spike computes a = 2**8 + e a' / 2**15 + r, |r| <= 1/2, where |e / 2**15 - E| <= 2**-16. So its
    error is at most E times the last one's, plus a' 2**-16 + 1/2. With top the largest a / 2**8 of
    the train, a geometric sum gives

        |error| <= (1/2 + top 2**(SCORE_FRAC - TABLE_FRAC - 1)) / (1 - exp(-gamma)),

    and never more than so many (1/2 + ...) as there were spikes before, which is the bound for
    gamma 0. "official" adds z e[t] / 2**7, rounded: z 2**(SCORE_FRAC - TABLE_FRAC - 1) + 1/2 more.
    """
    share = 2.0**(SCORE_FRAC - TABLE_FRAC - 1)
    integers = scores(trains, exp_table(gamma, trains.shape[1]), "inclusive")
    each = 0.5 + integers.max(axis=1, keepdims=True) / ONE * share
    limit = np.maximum(np.cumsum(trains, axis=1) - 1, 0) * each
    if gamma:
        limit = np.minimum(limit, each / (1 - np.exp(-gamma)))
    if mode == "official":
        limit = limit + 0.5 + np.cumsum(1 - trains, axis=1) * share
    return limit
