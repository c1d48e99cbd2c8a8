"""Means with bootstrap intervals over networks and pictures; verdicts of results/PROTOCOL.md."""

from collections.abc import Sequence

import numpy as np

from golden.io.arguments import positive
from golden.io.errors import rule

__all__ = ["VERDICTS", "bootstrap", "chance", "holm", "over_settings", "verdict"]

VERDICTS = ("shown", "shown in part", "not shown", "contradicted", "shown and contradicted",
            "undecided")
BLOCK = 2000                    # draws at once
FEWEST, MOST_LOST = 3, 0.1      # networks; share of pictures without an answer


def answered(values):
    """A network's numbers as float64, without nan: those without an answer."""
    values = np.asarray(values, float)
    return values[~np.isnan(values)]


def resampled(networks, draws, seed):
    """(draws,) means of the hierarchical bootstrap.

    A draw takes as many networks as there are, with replacement, and of each as many of its
    pictures; it is the mean of the networks' means. nan is left out of a network.
    """
    groups = [answered(values) for values in networks]
    rule(groups and all(len(values) for values in groups), "networks",
         "must each have a number that is not nan")
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(groups), size=(positive(draws, "draws"), len(groups)))
    means = np.empty(chosen.shape)
    # A network may be drawn twice; its pictures are then drawn anew.
    for k, values in enumerate(groups):
        drawn = np.empty(np.count_nonzero(chosen == k))
        for first in range(0, len(drawn), BLOCK):
            some = drawn[first:first + BLOCK]
            some[:] = values[rng.integers(len(values), size=(len(some), len(values)))].mean(axis=1)
        means[chosen == k] = drawn
    return means.mean(axis=1)


def bootstrap(networks: Sequence, *, level: float = 0.95, draws: int = 2000,
              seed: int = 0) -> tuple[float, float, float]:
    """(mean, low, high) of numbers by network: percentiles of ``resampled``.

    With one network the interval says nothing of another one. Numbers without an answer (nan) are
    left out: say how many. By hand: [[1, 1]] gives 1, 1, 1.

    Parameters
    ----------
    networks : list of (n,) arrays
        One a network; at least one number that is not nan in each.
    level : float
        Of the interval, above 0 and below 1.
    """
    rule(0 < level < 1, "level", f"must be above 0 and below 1, not {level}")
    found = resampled(networks, draws, seed)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(np.mean([answered(values).mean() for values in networks])), float(low), float(high)


def chance(networks: Sequence, *, draws: int = 10_000, seed: int = 0) -> float:
    """Twice the share of draws on the rarer side of 0, at least 1 / draws and at most 1.

    By hand: [[1, 1]] gives 1 / draws; numbers as often above as below 0 give about 1.
    """
    found = resampled(networks, draws, seed)
    rarer = min(np.mean(found <= 0), np.mean(found >= 0))
    return float(np.clip(2 * rarer, 1 / draws, 1))


def holm(chances: Sequence, level: float = 0.05) -> list[bool]:
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


def verdict(networks: Sequence, holds: bool, *, control: Sequence | None = None,
            draws: int = 10_000) -> str:
    """What is said of a hypothesis in a setting, by the rules of results/PROTOCOL.md.

    Parameters
    ----------
    networks : list of (n,) arrays
        Differences picture by picture, above 0 where the hypothesis says; nan without an answer.
    holds : bool
        Whether the ``chance`` of them is below its corrected level (``holm``).
    control : None or list of (n,) arrays
        The same differences on the same networks with shuffled weights.
    """
    groups = [answered(values) for values in networks]
    lost = 1 - sum(map(len, groups)) / sum(map(len, networks))
    if len(groups) < FEWEST or lost > MOST_LOST or not all(map(len, groups)):
        return "undecided"
    means = [values.mean() for values in groups]
    if not holds:
        return "not shown"
    if np.mean(means) < 0:
        return "contradicted"
    beside = control is None or bootstrap([np.subtract(values, other) for values, other in zip(
        networks, control, strict=True)], draws=draws)[1] > 0
    return "shown" if min(means) > 0 and beside else "not shown"


def over_settings(verdicts: Sequence) -> str:
    """One of VERDICTS, of those of all settings. By hand: shown and not shown are shown in part."""
    found = set(verdicts)
    rule(found and found <= set(VERDICTS), "verdicts", f"must be of {', '.join(VERDICTS)}")
    if found == {"shown"}:
        return "shown"
    if found == {"undecided"}:
        return "undecided"
    if "shown" in found:
        return "shown and contradicted" if "contradicted" in found else "shown in part"
    return "contradicted" if "contradicted" in found else "not shown"
