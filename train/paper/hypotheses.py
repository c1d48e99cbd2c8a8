"""H1 to H9 of results/PROTOCOL.md: SAM, count, contribution, TSA and z+ against each other.

The numbers of every picture go to ``numbers.npz``, from which ``train.paper.judging`` makes the
verdicts anew.
"""

import numpy as np

from golden.explain.intervals import bootstrap
from golden.explain.scorecard import METRICS
from train.paper import comparing, judging
from train.paper.report import Claim, Report, canvas
from train.paper.subjects import TRAINED

FIRST, COUNT = 1000, 300        # test pictures of each network
TABLE = 2000                    # draws behind an interval of the table; a test takes all 10,000
SHOWN = ("deletion", "insertion", "gap", "ROAD", "sufficiency", "AUC", "AUC nearest", "pointing",
         "mass", "rank", "MPRT", "sensitivity", "completeness")
LATER = ("scenes-4", "scenes-5")    # which the protocol asks for if the time allows
# Settings of which metrics are measured too that are in no hypothesis; half an hour of a core each.
ASIDE = {"ROAD and sensitivity": (), "sufficiency": ()}
COLOURS = {"shown": "tab:green", "contradicted": "tab:red", "not shown": "0.45",
           "undecided": "0.75"}


def pictures_of(run):
    """How many pictures a network is shown."""
    return 4 if run.quick else min(run.pictures, COUNT)


def numbers_of(run, setting, subject):
    """{column: (N,) float32} of a network."""
    count, found = pictures_of(run), {}
    work = [(comparing.measured, "hypotheses", 10)]
    for label, function, size in (("ROAD and sensitivity", comparing.steadied, 10),
                                  ("sufficiency", comparing.alike, count)):
        if run.quick or setting in ASIDE[label]:
            work.append((function, label, size))
    for function, label, size in work:
        found |= run.spread(function, subject, count, label, first=FIRST, size=min(size, count))
    if setting == "scenes":
        pairs = run.spread(comparing.two_objects, subject, count, "two objects", first=FIRST,
                           size=min(25, count))
        found |= {f"pair {name}": values for name, values in pairs.items()}
    return {name: np.array([np.nan if value is None else value for value in values], np.float32)
            for name, values in found.items()}


def metric_of(networks, name, metric):
    """[(N,)] of a metric of a method in the table; None where it has none."""
    if metric == "gap":
        known = all(f"{name} insertion black" in each for each in networks.values())
        return judging.gap(networks, name, "black") if known else None
    column = f"{name} {metric} black" if metric in ("deletion", "insertion") else f"{name} {metric}"
    if any(column not in each or np.isnan(each[column]).all() for each in networks.values()):
        return None
    return judging.column(networks, column)


def interval_of(values):
    """{"mean", "low", "high", "lost"} by the bootstrap over networks and pictures."""
    mean, low, high = (float(f"{x:.5g}") for x in bootstrap(values, draws=TABLE))
    return {"mean": mean, "low": low, "high": high,
            "lost": int(sum(np.isnan(each).sum() for each in values))}


def scorecard(networks):
    """{method: {metric: ``interval_of`` or None}} of a setting."""
    found = {name: {} for name in comparing.EVERY}
    for name, row in found.items():
        for metric in SHOWN:
            values = metric_of(networks, name, metric)
            row[metric] = None if values is None else interval_of(values)
    for name in ("sam", "count", "contribution", "tsa", "zplus", "zplus-sam"):
        found[f"{name}, shuffled network"] = {metric: None for metric in SHOWN} | {
            "AUC": interval_of(judging.column(networks, f"shuffled {name} AUC"))}
    found["sam of matched activity"] = {metric: None for metric in SHOWN} | {
        "AUC": interval_of(judging.column(networks, "matched AUC"))}
    return found


def cell(one):
    """An interval as the table shows it, with the pictures that have no answer."""
    if one is None:
        return ""
    lost = f" ({one['lost']} lost)" if one["lost"] else ""
    return f"{one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}]{lost}"


def tested(test):
    """A Test as a row."""
    return {"no.": test.hypothesis, "setting": test.setting, "what": test.what,
            "difference": f"{test.mean:+.3f} [{test.low:+.3f}, {test.high:+.3f}]",
            "chance": f"{test.chance:.4f}", "without an answer": test.lost,
            "by network": ", ".join(f"{judging.mean_of([each]):+.3f}" for each in test.values),
            "verdict": test.verdict}


def kept(test):
    """A Test as JSON, without the numbers, which are in numbers.npz."""
    return {"hypothesis": test.hypothesis, "setting": test.setting, "what": test.what,
            "unit": judging.UNITS[test.unit], "mean": float(f"{test.mean:.5g}"),
            "low": float(f"{test.low:.5g}"), "high": float(f"{test.high:.5g}"),
            "chance": test.chance, "lost": test.lost, "verdict": test.verdict}


def experiment(run):
    numbers, subjects = {}, []
    for setting, members in TRAINED.items():
        members = [one for one in members if one.name not in LATER][:1 if run.quick else None]
        numbers[setting] = {one.name: numbers_of(run, setting, one) for one in members}
        subjects += members
    tests, joined = judging.verdicts(numbers)
    cards = {setting: scorecard(networks) for setting, networks in numbers.items()}
    claims = [Claim(f"{name}. {judging.SAYS[name]}", word, "; ".join(
        f"{test.setting}: {test.what} {test.mean:+.3f} [{test.low:+.3f}, {test.high:+.3f}]: "
        f"{test.verdict}" for test in tests if test.hypothesis == name))
        for name, word in joined.items()]
    rows = [{"setting": setting, "map": name, **{metric: cell(one) for metric, one in row.items()}}
            for setting, card in cards.items() for name, row in card.items()]
    right = {one.name: round(float(numbers[setting][one.name]["right"].mean()), 4)
             for setting, members in TRAINED.items() for one in members
             if one.name in numbers[setting]}
    return Report(
        "SAM, count, contribution, TSA and z+ by the protocol", rows, claims, note(right),
        how="numbers are means over networks and pictures with 95 % intervals, uncorrected, of the "
            "hierarchical bootstrap (2,000 draws in the table, 10,000 in the tests)",
        data={"protocol": "results/PROTOCOL.md", "pictures": pictures_of(run),
              "tests": [kept(test) for test in tests], "verdicts": joined,
              "scorecard": cards, "right": right},
        tables={"Tests": [tested(test) for test in tests]},
        arrays={f"{setting}/{network}/{name}": values
                for setting, networks in numbers.items() for network, columns in networks.items()
                for name, values in columns.items()},
        figures=[placed(cards), forest(tests)]), subjects


def note(right):
    """What a reader must know."""
    return (
        "By results/PROTOCOL.md: test pictures 1,000 to 1,299, encoder seed 2 n + 1. gap: "
        "insertion less deletion; deletion, insertion and gap of the table fill with black, the "
        "tests with black, mean and blur. AUC: bilinear, at full resolution; AUC nearest beside "
        "it. "
        + " ".join(f"{name} ({'more' if more else 'less'} is better): {says}."
                   for name, (more, says) in METRICS.items())
        + f" Not run yet: {unrun()}. Masks of fashion are all pixels that are not black: "
        "brightness itself. Networks of fashion are from scratch by surrogate gradients; those of "
        "scenes were ReLU networks first and learnt two epochs as spikes. Right on these pictures: "
        + ", ".join(f"{name} {100 * share:.1f} %" for name, share in right.items()) + ".")


def unrun():
    """What the protocol names and nobody has run."""
    return "; ".join([*(f"{label} of {setting}" for label, there in ASIDE.items()
                        for setting in TRAINED if setting not in there),
                      *(f"the network {name}" for name in LATER), "colour scenes", "an event set"])


def placed(cards):
    """Methods by how faithful they are and how well they localise, one panel a setting."""
    figure, axes = canvas(1, len(cards), width=5.2, height=4.0)
    marks = {name: "o" if name in comparing.MAIN else "x" for name in (
        *comparing.MAIN, *comparing.CONTROLS)}
    for axis, (setting, card) in zip(axes[0], cards.items(), strict=True):
        for n, (name, mark) in enumerate(marks.items()):
            x, y = (card[name][metric] for metric in ("AUC", "gap"))
            if x is None or y is None:
                continue
            axis.errorbar(x["mean"], y["mean"], label=name, marker=mark, color=f"C{n}",
                          markersize=5, linewidth=0.8, linestyle="",
                          xerr=[[x["mean"] - x["low"]], [x["high"] - x["mean"]]],
                          yerr=[[y["mean"] - y["low"]], [y["high"] - y["mean"]]])
        axis.axvline(0.5, color="0.8", linewidth=0.7)
        axis.axhline(0, color="0.8", linewidth=0.7)
        axis.set_xlabel("localisation: AUC on the object's mask (1/2: knows nothing)", fontsize=8)
        axis.set_ylabel("faithfulness: insertion less deletion\n(probability of the answer)",
                        fontsize=8)
        axis.set_title(f"{setting}: up and to the right is better", fontsize=9)
        axis.tick_params(labelsize=7)
    axes[0, -1].legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1), title="map",
                       title_fontsize=8)
    return figure


def forest(tests):
    """The difference of every test with its interval, coloured by its verdict."""
    figure, axes = canvas(1, 1, width=9, height=0.28 * len(tests) + 1.2)
    axis = axes[0, 0]
    for row, test in enumerate(reversed(tests)):
        axis.errorbar(test.mean, row, xerr=[[test.mean - test.low], [test.high - test.mean]],
                      marker="o", color=COLOURS.get(test.verdict, "0.45"), markersize=4)
    axis.axvline(0, color="0.6", linewidth=0.7)
    axis.set_yticks(range(len(tests)), [f"{test.hypothesis}, {test.setting}: {test.what}"
                                        for test in reversed(tests)], fontsize=7)
    axis.set_xlabel("difference, above 0 as the hypothesis says (gap: probability; AUC; share; "
                    "correlation), 95 % interval", fontsize=8)
    axis.tick_params(axis="x", labelsize=7)
    for word in dict.fromkeys(test.verdict for test in tests):
        axis.plot([], [], "o", color=COLOURS.get(word, "0.45"), label=word)
    axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1), title="verdict",
                title_fontsize=8)
    return figure
