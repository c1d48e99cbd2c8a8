"""Where SAM beats a plain spike count: pictures that switch, appear or move in mid-run.

Everything sees the same spikes of the same layer and is scored, step by step, on the mask of what
is shown at that step. The rivals are the spikes so far, those of the best window of the last steps,
and a trace that fades exponentially, all summed over channels as SAM is. Every method's parameter
is chosen on pictures that it is not scored on.
"""

import numpy as np

from golden.metrics import mask_auc
from golden.run import run
from train.paper import maps
from train.paper.report import Report, canvas, interval, judged, line, show
from train.paper.stimuli import KINDS, stimuli

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
    "count": ("count",),
    "window": tuple(f"window {steps}" for steps in WINDOWS),
    "trace": tuple(f"trace {fade:g}" for fade in FADES),
}
DRAWN = ("gamma 0", "gamma 0.5", "count", "window 4", "trace 0.5")
RIVALS = ("count", "window", "trace")
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
    subjects = run.subjects("scenes")
    rows, gains, gamma, figures = [], {rival: {} for rival in RIVALS}, {}, []
    for subject in subjects:
        figure, axes = canvas(len(KINDS), len(subject.depths), width=2.9, height=1.9)
        figures.append(figure)
        for row, kind in enumerate(KINDS):
            found = run.spread(followed, subject, run.count(CHOOSE), kind, kind=kind)
            series = found.pop("steps")
            for scope, layers in found.items():
                for tap, methods in layers.items():
                    where = f"{subject.name} {kind} {scope} layer {tap}"
                    picked = {family: best(methods, family) for family in METHODS}
                    rows.append({
                        "network": subject.name, "stimulus": kind, "steps": scope,
                        "layer": int(tap), **{family: interval(values)
                                              for family, (_, values) in picked.items()},
                        "input count": interval(methods["input"]),
                        "chosen": ", ".join(name for name, _ in picked.values())})
                    ours = picked["SAM"][1]
                    for rival in RIVALS:
                        gains[rival][where] = interval(ours - picked[rival][1])
                    zero = np.array(methods["gamma 0"], dtype=float)[-len(ours):]
                    gamma[where] = interval(ours - zero)
            for column, tap in enumerate(map(str, subject.depths)):
                axis = axes[row, column]
                for name in DRAWN:
                    values = np.array(series[tap][name], dtype=float)
                    shown = range(START, STEPS)
                    if np.isfinite(values).any():
                        line(axis, shown, [interval(values[:, t]) for t in shown], name,
                             linewidth=0.9)
                axis.set_title(f"{kind}, layer {tap}", fontsize=8)
                axis.tick_params(labelsize=6)
                axis.axhline(0.5, color="0.6", linewidth=0.7)
        axes[0, 0].legend(fontsize=5)
        figure.suptitle(f"{subject.name}: AUC of each step against the mask shown then", fontsize=9)
    if subjects:
        figures.append(picture(run, subjects[0]))
    words = {"count": "the count of the spikes so far", "window": "the best window of spikes",
             "trace": "the best exponential trace"}
    claims = [judged(f"On pictures that change, SAM follows the object better than {words[rival]} "
                     "(ours).", gains[rival], better="SAM better") for rival in RIVALS]
    claims.append(judged("On pictures that change, gamma 0 is worse than the best gamma (the "
                         "paper's reason for gamma).", gamma, better="best gamma better"))
    return Report("Moving pictures: SAM against plain counts", rows, claims, NOTE,
                  data={"stimuli": KINDS}, figures=figures), subjects


NOTE = (f"AUC against the mask of the step, mean over the steps from {START} on of {STEPS}, or "
        f"over the {AFTER} after the change. The parameter of each family (SAM's gamma, window, "
        f"fade of the trace) is the best on {CHOOSE} pictures; the scores are of the others. "
        "The figure shows fixed parameters step by step.")


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
