"""Verdicts on the hypotheses of results/PROTOCOL.md, from numbers picture by picture alone.

``numbers`` is setting -> network -> column of train.paper.comparing (and of its other functions) ->
(N,) float; ``verdicts`` makes of them what the page says.
"""

from dataclasses import dataclass, replace

import numpy as np

from golden.explain.intervals import bootstrap, chance, holm, over_settings, verdict
from golden.explain.scorecard import FILLS

DRAWS = 10_000
LEVEL = 0.05
WORSE = 0.02            # of AUC: what "no worse" allows
OF_CLASS = ("contribution", "zplus", "tsa")

SAYS = {
    "H1": "A contribution is more faithful than SAM.",
    "H2": "SAM is more faithful than the count.",
    "H3": "SAM localises one object better than a contribution does.",
    "H4": "SAM localises one object better than the count.",
    "H5": "SAM of the trained network localises better than the middle of the picture, than SAM of "
          "the shuffled network and than SAM of its own spikes moved about.",
    "H6": "With two objects the contributions to their classes lie the right way round, where SAM, "
          "one map for both, does not tell them apart.",
    "H7": "z+ down to the layer before the deepest is more faithful than SAM, and localises no "
          f"worse than {WORSE} below it.",
    "H8": "TSA at the input localises worse than SAM.",
    "H9": "Maps of a class depend on what was learnt: shuffled layers change them more than they "
          "change the count.",
}
UNITS = {"gap": "insertion less deletion, in probability of the answer", "AUC": "AUC",
         "share": "share of scenes above 1/2", "MPRT": "correlation"}


@dataclass(frozen=True)
class Test:
    """A difference in a setting, above 0 where its hypothesis says, and what comes of it.

    Members
    -------
    hypothesis, setting, what : str
    unit : a key of UNITS
    values : list of (N,) arrays, one a network
    control : None or list of (N,) arrays
        The same on shuffled networks.
    one_sign : bool
        Whether alternatives that it was chosen from lie on one side of 0.
    lost : int
        Pictures without an answer.
    mean, low, high, chance, verdict :
        Filled in by ``verdicts``; the interval is at .95, uncorrected.
    """

    hypothesis: str
    setting: str
    what: str
    unit: str
    values: list
    control: list | None = None
    one_sign: bool = True
    lost: int = 0
    mean: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    chance: float = 1.0
    verdict: str = "undecided"


def column(networks, name):
    """[(N,)] of a column, one a network."""
    return [np.asarray(each[name], float) for each in networks.values()]


def less(networks, first, second):
    """[(N,)] of a column less another, picture by picture."""
    return [a - b for a, b in zip(column(networks, first), column(networks, second), strict=True)]


def mean_of(values):
    """Mean of the networks' means, without pictures that have no answer."""
    found = [each[~np.isnan(each)] for each in values]
    return float(np.mean([each.mean() if len(each) else np.nan for each in found]))


def gap(networks, name, fill, prefix=""):
    """[(N,)] insertion less deletion of a method by a fill."""
    return less(networks, f"{prefix}{name} insertion {fill}", f"{prefix}{name} deletion {fill}")


def more_faithful(hypothesis, setting, networks, better, worse):
    """The Test of the fill whose mean is nearest 0; "not shown" unless all lie on one side."""
    found = []
    for fill in FILLS:
        values, control = ([a - b for a, b in zip(gap(networks, better, fill, prefix),
                                                  gap(networks, worse, fill, prefix), strict=True)]
                           for prefix in ("", "shuffled "))
        found.append(Test(hypothesis, setting, f"faithfulness, {better} less {worse}, {fill}",
                          "gap", values, control))
    means = [mean_of(each.values) for each in found]
    chosen = found[int(np.argmin(np.abs(means)))]
    return replace(chosen, one_sign=len(set(np.sign(means))) == 1)


def localises(hypothesis, setting, networks, better, worse):
    """The Test of the AUC of a method less another's."""
    return Test(hypothesis, setting, f"AUC, {better} less {worse}", "AUC",
                less(networks, f"{better} AUC", f"{worse} AUC"),
                less(networks, f"shuffled {better} AUC", f"shuffled {worse} AUC"))


def least(tests):
    """The Test with the least mean."""
    return min(tests, key=lambda each: mean_of(each.values))


def beats_controls(setting, networks):
    """H5: the least of SAM less the middle, less the shuffled network's, less the matched."""
    sam, blind = column(networks, "sam AUC"), column(networks, "shuffled sam AUC")
    middle = column(networks, "centre AUC")
    return least([
        Test("H5", setting, "AUC, sam less centre", "AUC", less(networks, "sam AUC", "centre AUC"),
             [a - b for a, b in zip(blind, middle, strict=True)]),
        Test("H5", setting, "AUC, sam less sam of the shuffled network", "AUC",
             [a - b for a, b in zip(sam, blind, strict=True)], [0 * each for each in blind]),
        Test("H5", setting, "AUC, sam less sam of matched activity", "AUC",
             less(networks, "sam AUC", "matched AUC"),
             less(networks, "shuffled sam AUC", "shuffled matched AUC"))])


def tells_apart(setting, networks):
    """H6: what the contributions' share of scenes is above SAM's 1/2."""
    return Test("H6", setting, "scenes the right way round, contribution less sam", "share",
                less(networks, "pair contribution", "pair sam"),
                less(networks, "pair shuffled contribution", "pair sam"))


def learnt(setting, networks):
    """H9: the least of what MPRT of the count is above that of a map of a class."""
    return least([Test("H9", setting, f"MPRT, count less {name}", "MPRT",
                       less(networks, "count MPRT", f"{name} MPRT")) for name in OF_CLASS])


def tests_of(setting, networks):
    """All Tests of a setting, without verdicts."""
    found = [
        more_faithful("H1", setting, networks, "contribution", "sam"),
        more_faithful("H2", setting, networks, "sam", "count"),
        localises("H3", setting, networks, "sam", "contribution"),
        localises("H4", setting, networks, "sam", "count"),
        beats_controls(setting, networks),
        more_faithful("H7", setting, networks, "zplus", "sam"),
        Test("H7", setting, f"AUC, zplus less sam, plus {WORSE}", "AUC",
             [each + WORSE for each in less(networks, "zplus AUC", "sam AUC")]),
        localises("H8", setting, networks, "sam", "tsa"),
        learnt(setting, networks)]
    if all("pair contribution" in each for each in networks.values()):
        found.append(tells_apart(setting, networks))
    return sorted(found, key=lambda each: each.hypothesis)


def verdicts(numbers):
    """([Test] of all settings with verdicts, {hypothesis: verdict}) corrected as one family."""
    tests = [test for setting, networks in numbers.items() for test in tests_of(setting, networks)]
    made = []
    for test in tests:
        known = all((~np.isnan(each)).any() for each in test.values)
        mean, low, high = bootstrap(test.values, draws=DRAWS) if known else (float("nan"),) * 3
        made.append(replace(
            test, mean=mean, low=low, high=high,
            chance=chance(test.values, draws=DRAWS) if known else 1.0,
            lost=int(sum(np.isnan(each).sum() for each in test.values))))
    held = holm([test.chance for test in made], LEVEL)
    made = [replace(test, verdict=said(test, holds))
            for test, holds in zip(made, held, strict=True)]
    joined = {name: over_settings([both([test.verdict for test in made
                                         if test.hypothesis == name and test.setting == setting])
                                   for setting in numbers
                                   if any(test.hypothesis == name and test.setting == setting
                                          for test in made)])
              for name in SAYS if any(test.hypothesis == name for test in made)}
    return made, joined


def said(test, holds):
    """The verdict on a Test; alternatives on both sides of 0 show nothing."""
    found = verdict(test.values, holds, control=test.control, draws=DRAWS)
    return found if test.one_sign or found == "undecided" else "not shown"


def both(found):
    """The verdict on a hypothesis of one Test or two, of which all must be shown."""
    for word in ("contradicted", "undecided", "not shown"):
        if word in found:
            return word
    return "shown"
