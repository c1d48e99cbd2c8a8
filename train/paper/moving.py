"""Where SAM beats a plain spike count: pictures that switch, appear or move in mid-run.

Everything sees the same spikes of the same layer and is scored, step by step, on the mask of what
is shown at that step. The rivals are the spikes so far, those of the best window of the last steps,
and a trace that fades exponentially, all summed over channels as SAM is. Every method's parameter
is chosen on pictures that it is not scored on, and every network that only differs in the seed of
its training is asked, since one network alone may favour either side by chance.
"""

import numpy as np

from golden.explain.metrics import mask_auc
from golden.run import run
from train.paper import maps
from train.paper.report import Report, across, canvas, interval, judged, line, show
from train.paper.stimuli import KINDS, stimuli
from train.paper.subjects import RETRAINED

STEPS = 16
START = 2                 # first step scored: before it no neuron can have a history
AFTER = 6                 # steps after a switch or an appearance that are also scored alone
CHOOSE = 60               # pictures that choose the parameters
GAMMAS = (0.0, 0.1, 0.3, 0.5, 1.0)
WINDOWS = (1, 2, 3, 4, 6, 8)
FADES = (0.1, 0.3, 0.5, 1.0, 2.0)
METHODS = {  # family: name of each member
    "SAM": tuple(f"gamma {gamma:g}" for gamma in GAMMAS),
    "SAM, inclusive": tuple(f"inclusive {gamma:g}" for gamma in GAMMAS),
    "gamma 0": ("gamma 0",),
    "count": ("count",),
    "window": tuple(f"window {steps}" for steps in WINDOWS),
    "trace": tuple(f"trace {fade:g}" for fade in FADES),
}
METHODS["any rival"] = METHODS["count"] + METHODS["window"] + METHODS["trace"]
DRAWN = ("gamma 0", "gamma 0.5", "count", "window 4", "trace 0.5")
RIVALS = {"count": "the count of the spikes so far", "window": "the best window of spikes",
          "trace": "the best exponential trace", "any rival": "the best of these three"}
AGAINST = (*RIVALS, "gamma 0")
SHOWN = ("SAM", "SAM, inclusive", "count", "window", "trace")      # in the table
SCOPES = {"switch": ("all steps", "after the change"),
          "appear": ("all steps", "after the change"), "move": ("all steps",),
          "events": ("all steps",)}


def heats(spikes):
    """Every method's maps of the spikes (N, T, C, H, W): (name, (N, T, H, W)) one by one."""
    rate = maps.rates(spikes)
    for gamma, heat in maps.sams(spikes, GAMMAS).items():
        yield f"gamma {gamma:g}", heat
        # The spike itself counts 1: exactly what golden's mode "inclusive" gives.
        yield f"inclusive {gamma:g}", heat + rate
    yield "count", maps.running(rate, "count")
    for steps in WINDOWS:
        yield f"window {steps}", maps.running(rate, "window", steps)
    for fade in FADES:
        yield f"trace {fade:g}", maps.running(rate, "trace", fade)


def frames_network(network):
    """``network`` fed with ready spikes, for ``STEPS`` steps."""
    return network.replace(encoder="frames", steps=STEPS)


def followed(subject, pictures, kind):
    """Scope -> layer -> method -> AUC of a picture, mean of the steps; "input": its spikes."""
    network = frames_network(subject.network)
    given, masks = stimuli(kind, pictures.numbers, network)
    result = run(given, network, taps=subject.depths)
    found = {scope: {} for scope in SCOPES[kind]}
    for tap in subject.depths:
        small = maps.masks_at(masks, network, tap)
        for name, heat in heats(result.spikes[tap]):
            auc = mask_auc(heat, small)
            for scope in SCOPES[kind]:
                chosen = slice(START, None) if scope == "all steps" else slice(
                    STEPS // 2, STEPS // 2 + AFTER)
                found[scope].setdefault(str(tap), {})[name] = maps.average(auc[:, chosen])
            if name in DRAWN:
                found.setdefault("steps", {}).setdefault(str(tap), {})[name] = auc
        now = maps.shrunk(maps.running(maps.rates(given), "count"), network, tap)
        for scope in SCOPES[kind]:
            found[scope][str(tap)]["input"] = maps.average(mask_auc(now, small)[:, START:])
    return found


def best(methods, family):
    """(name, scores of the pictures behind the first ``CHOOSE``) of a family's best member."""
    cut = min(CHOOSE, len(next(iter(methods.values()))) // 2)
    values = {name: np.array(methods[name], dtype=float) for name in METHODS[family]}
    name = max(values, key=lambda one: maps.average(values[one][:cut]))
    return name, values[name][cut:]


def settled(methods):
    """(names, scores, gains) by family, on the pictures that chose nothing.

    Its chosen member, that one's scores, and how far SAM's are above them.
    """
    names, scores = {}, {}
    for family in METHODS:
        names[family], scores[family] = best(methods, family)
    return names, scores, {family: scores["SAM"] - scores[family] for family in AGAINST}


def drawn(subject, pictures, kind):
    """Input, mask and two maps of some steps of one stimulus."""
    network = frames_network(subject.network)
    given, masks = stimuli(kind, pictures.numbers, network)
    tap = subject.depths[-1]
    spikes = run(given, network, taps=(tap,)).spikes[tap]
    chosen = [3, 6, 9, 11, 13, 15]
    small = maps.masks_at(masks, network, tap)
    return {"steps": chosen, "input": given[0, chosen, 0], "mask": masks[0, chosen],
            "here": small[0, chosen], "SAM": maps.shown(maps.sam(spikes))[0, chosen],
            "count": maps.shown(maps.running(maps.rates(spikes), "count"))[0, chosen]}


def experiment(run):
    networks = [*run.subjects("scenes"), *RETRAINED][:2 if run.quick else None]
    rows, gains, series, own = [], {name: {} for name in AGAINST}, {}, {}
    for kind in KINDS:
        found = [run.spread(followed, one, run.count(CHOOSE), kind, kind=kind) for one in networks]
        series[kind] = found[0]["steps"]
        for scope in SCOPES[kind]:
            for tap in map(str, networks[0].depths):
                each = [settled(one[scope][tap]) for one in found]
                given = [np.array(one[scope][tap]["input"], dtype=float) for one in found]
                groups = {one.name: [n] for n, one in enumerate(networks)}
                groups["all"] = list(range(len(networks)))
                for name, some in groups.items():
                    chosen = [each[some[0]][0][family] for family in SHOWN]
                    rows.append({
                        "network": name, "stimulus": kind, "steps": scope, "layer": int(tap),
                        **{family: across([each[n][1][family] for n in some]) for family in SHOWN},
                        "input count": across([given[n] for n in some]),
                        "SAM - best rival": across([each[n][2]["any rival"] for n in some]),
                        "chosen": ", ".join(chosen) if len(some) == 1 else ""})
                where = f"{kind} {scope} layer {tap}"
                own[where] = across([one[1]["SAM"] for one in each])
                for rival, seen in gains.items():
                    seen[where] = [one[2][rival] for one in each]
    figures = [advantages(gains, networks), by_step(series, networks[0]),
               picture(run, networks[0])]
    return Report("Moving pictures: SAM against plain counts", rows,
                  [claim(rival, seen, own) for rival, seen in gains.items()], NOTE,
                  data={"stimuli": KINDS, "SAM minus": {
                      rival: {where: {"all": across(seen), **{
                          one.name: interval(values)
                          for one, values in zip(networks, seen, strict=True)}}
                          for where, seen in of.items()} for rival, of in gains.items()}},
                  figures=figures), networks


NOTE = (f"AUC against the mask of the step, mean over the steps from {START} on of {STEPS}, or "
        f"over the {AFTER} after the change. The parameter of each family (SAM's gamma, window, "
        f"fade of the trace), and the best rival of the three, is the best on {CHOOSE} pictures, "
        "for each network anew; the scores are of the others. The networks differ in the seed of "
        "their training; an interval of all of them covers both what differs from seed to seed "
        "and what differs from picture to picture, and the claims are judged by it.")


def claim(rival, seen, own):
    """Whether SAM is ahead of ``rival`` in every setting, over all networks.

    Also with how many networks alone, and what SAM's own AUC is where it is ahead: a lead at a half
    is one among maps that do not find the object.
    """
    whole = {where: across(values) for where, values in seen.items()}
    alone = [sum(interval(one)["low"] > 0 for one in network)
             for network in zip(*seen.values(), strict=True)]
    ahead = [own[where]["mean"] for where, found in whole.items() if found["low"] > 0]
    aside = f"; by each seed alone in {', '.join(map(str, alone))}"
    if ahead and rival in RIVALS:
        aside += f"; where SAM is ahead its own AUC is at most {max(ahead):.3f} (chance: 0.5)"
    what, better = (
        (f"SAM follows the object better than {RIVALS[rival]} (ours).", "SAM better")
        if rival in RIVALS else
        ("gamma 0 is worse than the best gamma (the paper's reason for gamma).",
         "best gamma better"))
    return judged(f"On pictures that change, over {len(alone)} training seeds, {what}", whole,
                  better=better, aside=aside)


def advantages(gains, networks):
    """SAM minus each rival in every setting: all seeds' interval, and a dot for each seed."""
    figure, axes = canvas(1, len(RIVALS), width=2.7, height=4.4)
    for column, (axis, rival) in enumerate(zip(axes[0], RIVALS, strict=True)):
        for place, values in enumerate(gains[rival].values()):
            whole = across(values)
            axis.plot([whole["low"], whole["high"]], [place] * 2, color="C0", linewidth=2.5)
            axis.plot(maps.average(values), [place] * len(networks), ".", color="C3", markersize=4)
        axis.axvline(0, color="0.6", linewidth=0.7)
        names = list(gains[rival]) if not column else []
        axis.set_yticks(range(len(gains[rival])), names or [""] * len(gains[rival]), fontsize=7)
        axis.invert_yaxis()
        axis.tick_params(axis="x", labelsize=7)
        axis.set_title(f"SAM minus\n{RIVALS[rival]}", fontsize=8)
    figure.suptitle(f"AUC, {len(networks)} training seeds (dots) and their 95 % interval (bars); "
                    "SAM ahead is right of 0", fontsize=9)
    return figure


def by_step(series, subject):
    """AUC of fixed parameters, step by step, of one network."""
    figure, axes = canvas(len(KINDS), len(subject.depths), width=2.9, height=1.9)
    shown = range(START, STEPS)
    for row, kind in enumerate(KINDS):
        for axis, tap in zip(axes[row], map(str, subject.depths), strict=True):
            for name in DRAWN:
                values = np.array(series[kind][tap][name], dtype=float)
                if np.isfinite(values).any():
                    line(axis, shown, [interval(values[:, t]) for t in shown], name, linewidth=0.9)
            axis.set_title(f"{kind}, layer {tap}", fontsize=8)
            axis.tick_params(labelsize=6)
            axis.axhline(0.5, color="0.6", linewidth=0.7)
    axes[0, 0].legend(fontsize=5)
    figure.suptitle(f"{subject.name}: AUC of each step against the mask shown then", fontsize=9)
    return figure


def picture(run, subject):
    """What is shown and what comes out, of each kind of stimulus."""
    kinds = list(KINDS)
    names = ("input", "mask", "SAM", "count")
    figure, axes = canvas(len(names) * len(kinds), 6, width=0.9, height=0.92)
    for n, kind in enumerate(kinds):
        found = run.spread(drawn, subject, 1, "pictures", first=2, kind=kind)
        for row, name in enumerate(names):
            for column in range(6):
                axis = axes[len(names) * n + row, column]
                show(axis, np.array(found[name][column]), low=0, high=1,
                     cmap="gray" if name in ("input", "mask") else "jet",
                     title=f"t={found['steps'][column]}" if not n + row else None)
            axes[len(names) * n + row, 0].set_ylabel(f"{kind}\n{name}", fontsize=6)
    figure.suptitle(f"{subject.name}, deepest layer, SAM with gamma {maps.GAMMA}", fontsize=8)
    return figure
