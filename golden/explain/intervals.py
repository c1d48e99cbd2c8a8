"""Means with bootstrap intervals: over pictures, and over networks where there are several."""

import numpy as np

from golden.io.arguments import positive
from golden.io.errors import rule

__all__ = ["bootstrap", "holm"]


def bootstrap(networks, *, level=0.95, draws=2000, seed=0):
    """(mean, low, high) of numbers by network: the hierarchical percentile bootstrap.

    A draw takes as many networks as there are, with replacement, and of each as many of its
    pictures; its mean is the mean of the networks' means. With one network the interval says
    nothing of another one. nan, numbers without an answer, are left out of a network: say how many.
    By hand: [[1, 1]] gives 1, 1, 1.

    Parameters
    ----------
    networks : list of (n,) arrays
        One a network; at least one number that is not nan in each.
    level : float
        Of the interval, above 0 and below 1.
    """
    groups = [np.asarray(values, float) for values in networks]
    groups = [values[~np.isnan(values)] for values in groups]
    rule(groups and all(len(values) for values in groups), "networks",
         "must each have a number that is not nan")
    rule(0 < level < 1, "level", f"must be above 0 and below 1, not {level}")
    rng = np.random.default_rng(seed)
    means = np.stack([values[rng.integers(len(values), size=(positive(draws, "draws"),
                                                             len(values)))].mean(axis=1)
                      for values in groups])
    if len(groups) > 1:
        # A network may be drawn twice; its pictures are then drawn anew.
        chosen = rng.integers(len(groups), size=(draws, len(groups)))
        found = np.empty(draws)
        for n, which in enumerate(chosen):
            found[n] = np.mean([rng.choice(groups[k], len(groups[k])).mean() for k in which])
    else:
        found = means[0]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(np.mean([values.mean() for values in groups])), float(low), float(high)


def holm(chances, level=0.05):
    """[bool] which of several tests hold when all are corrected for each other (Holm 1979).

    The smallest chance is held against level / n, the next against level / (n - 1), and so on to
    the first that does not hold. By hand: .01, .04, .03 at .05: .01 <= .05/3 holds, .03 > .05/2
    does not, and so neither does .04.
    """
    chances = np.asarray(chances, float)
    rule(chances.ndim == 1 and ((chances >= 0) & (chances <= 1)).all(), "chances",
         "must be a list of numbers from 0 to 1")
    order = np.argsort(chances, kind="stable")
    held = chances[order] <= level / (len(chances) - np.arange(len(chances)))
    found = np.zeros(len(chances), bool)
    found[order] = np.logical_and.accumulate(held)
    return found.tolist()
