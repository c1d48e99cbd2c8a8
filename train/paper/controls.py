"""What SAM has to beat on every set with masks: the picture, and networks that know nothing.

Static pictures, the mean of SAM over all steps at each depth. A map that does not beat brightness,
contrast, a plain spike count and the map of an untrained or shuffled network on a set says nothing
about the network there.
"""

from functools import cache

import numpy as np

from golden.explain.metrics import area, deletion_curve
from golden.explain.perturb import NetworkModel
from golden.run import run
from train.paper import maps
from train.paper.report import HOLDS, NOT, Claim, Report, bars, canvas, interval, judged, text
from train.paper.scoring import CONTROLS, scores
from train.paper.scoring import controls as pictured
from train.paper.work import shown, watched

SEEDS = (1, 2)         # of untrained and shuffled networks; their mean is taken
POINTS = 5


@cache
def blank(subject, seed):
    """The untrained network of a seed, its thresholds set on the first eight test pictures."""
    return maps.untrained(subject.network, shown(subject.pictures, 0, 8).images, seed)


def found_by(subject, pictures, seeds):
    """Layer -> method -> score -> one number a picture."""
    network, taps = subject.network, subject.depths
    whole = watched(subject, pictures)
    others = {"untrained": [blank(subject, seed) for seed in seeds],
              "shuffled": [maps.shuffled(network, seed) for seed in seeds]}
    others |= {f"layer {tap} shuffled": [maps.shuffled(network, 1, (tap,))] for tap in taps}
    blind = {name: [run(pictures.images, one, taps=taps) for one in some]
             for name, some in others.items()}
    found = {}
    for tap in taps:
        masks, shape = pictures.masks, pictures.masks.shape[1:]
        heats = {"SAM": maps.widened(maps.sam(whole.spikes[tap]).mean(axis=1), shape),
                 "spike count": maps.widened(
                     maps.running(maps.rates(whole.spikes[tap]), "count")[:, -1], shape),
                 **pictured(pictures, whole.spikes_input)}
        found[str(tap)] = {name: scores(heat, masks) for name, heat in heats.items()}
        for name, results in blind.items():
            each = [scores(maps.widened(maps.sam(one.spikes[tap]).mean(axis=1), shape), masks)
                    for one in results]
            found[str(tap)][name] = {key: np.mean([one[key] for one in each], axis=0)
                                     for key in each[0]}
    return found


def areas(subject, pictures):
    """Areas of deletion and insertion curves of the class that the network answers.

    method -> "deletion" and "insertion" -> one number a picture: share of the points of the curve
    at which the answer is still, or again, the network's own.
    """
    network, tap = subject.network, subject.depths[-1]
    whole = watched(subject, pictures)
    model, chance = NetworkModel(network), np.random.default_rng(1)
    heats = {"SAM": maps.widened(maps.sam(whole.spikes[tap]).mean(axis=1), network.shape[1:]),
             "brightness": pictures.images.mean(axis=1).astype(float),
             "random": chance.random((len(pictures.images), *network.shape[1:]))}
    found = {name: {"deletion": [], "insertion": []} for name in heats}
    channels = network.shape[0]
    for n, answer in enumerate(whole.pred):
        spikes = whole.spikes_input[n].reshape(network.steps, -1).astype(np.uint8)
        kept = lambda now: (np.arange(network.classes) == model(now).argmax()).astype(float)
        for name, heat in heats.items():
            importance = np.repeat(heat[n][None], channels, axis=0).ravel()
            for kind in ("deletion", "insertion"):
                found[name][kind].append(area(*deletion_curve(
                    kept, spikes, importance, int(answer), points=POINTS,
                    insertion=kind == "insertion")))
    return found


def experiment(run):
    subjects, rows, claims = run.subjects("fashion", "scenes", "scenes, plain"), [], []
    seeds = list(SEEDS[:1] if run.quick else SEEDS)
    figure, axes = canvas(len(subjects), 1, width=9, height=2.4)
    for axis, subject in zip(axes[:, 0], subjects, strict=True):
        found = run.spread(found_by, subject, run.count(), "controls", seeds=seeds)
        for tap, methods in found.items():
            rows += [{"set": subject.pictures, "network": subject.name, "layer": int(tap),
                      "map": name, **{key: interval(values) for key, values in one.items()}}
                     for name, one in methods.items()]
        names = ["SAM", "spike count", *CONTROLS, "untrained", "shuffled"]
        bars(axis, names, {f"layer {tap}": [interval(methods[name]["auc"]) for name in names]
                           for tap, methods in found.items()})
        axis.axhline(0.5, color="0.6", linewidth=0.7)
        axis.set_ylim(0, 1.02)
        axis.set_title(f"{subject.name}: chance that a pixel of the object is hotter (AUC)",
                       fontsize=8)
        claims += [beaten(subject, found, [name for name in names[1:] if name != "spike count"]),
                   *trained(subject, found)]
    curves = []
    for subject in subjects:
        if subject.name == "scenes, plain":
            continue       # many runs a picture
        made = run.spread(areas, subject, run.count(quick=2), "deletion")
        curves += [{"network": subject.name, "map": name,
                    **{kind: interval(values) for kind, values in one.items()}}
                   for name, one in made.items()]
        claims.append(deleted(subject, made))
    return Report("Controls: does the map say more than the picture?", rows, claims, NOTE,
                  data={"deletion and insertion": curves}, figures=[figure]), subjects


NOTE = ("Masks are at full resolution, and maps of layers bilinear on it. fashion and mnist: the "
        "mask is every pixel that is not black, so brightness alone is nearly perfect and no "
        "score proves anything; scenes: brightness of object and background matched; "
        "scenes-plain: not. Untrained: fresh weights, with thresholds at which it spikes as much "
        "as the trained network; shuffled: the trained weights of every layer in another order; "
        "layer n shuffled: of that layer alone. A layer behind the tap cannot change its map. "
        "Numbers of deletion and insertion: results.json.")


def differences(methods, names):
    """SAM's AUC over that of each method."""
    ours = np.array(methods["SAM"]["auc"])
    return {name: interval(ours - np.array(methods[name]["auc"])) for name in names}


def beaten(subject, found, names):
    """Whether SAM beats all of ``names`` at any depth, and by which it is beaten elsewhere."""
    lines, wins = [], 0
    for tap, methods in found.items():
        seen = differences(methods, names)
        lost = [f"{name} ({text(one, '+.3f').replace('± +', '± ')})" for name, one in seen.items()
                if one["low"] <= 0]
        wins += not lost
        lines.append(f"layer {tap}, AUC {text(interval(methods['SAM']['auc']))}: "
                     + (f"does not beat {', '.join(lost)}" if lost else "beats all"))
    return Claim(f"On {subject.name}, SAM finds the object better at some depth than anything that "
                 "has learnt nothing (ours); where it does not, it says nothing.",
                 HOLDS if wins else NOT, "; ".join(lines))


def trained(subject, found):
    """Whether the map depends on what was learnt, and on more than how often neurons spike."""
    yield judged(f"On {subject.name}, SAM finds the object better than a plain spike count (ours).",
                 {f"layer {tap}": differences(methods, ["spike count"])["spike count"]
                  for tap, methods in found.items()}, better="SAM better")
    for kind in ("untrained", "shuffled"):
        yield judged(f"On {subject.name}, SAM finds the object better than SAM of the {kind} "
                     "network (ours).",
                     {f"layer {tap}": differences(methods, [kind])[kind]
                      for tap, methods in found.items()}, better="trained better")


def deleted(subject, made):
    """Whether taking away what SAM marks changes the answer sooner than a random order does."""
    seen = {}
    for name in ("random", "brightness"):
        seen[f"deletion against {name}"] = interval(
            np.array(made[name]["deletion"]) - np.array(made["SAM"]["deletion"]))
        seen[f"insertion against {name}"] = interval(
            np.array(made["SAM"]["insertion"]) - np.array(made[name]["insertion"]))
    return judged(f"On {subject.name}, the answer hangs on the pixels that SAM of the last depth "
                  "marks: deletion and insertion beat a random order and brightness (ours).",
                  seen, better="SAM better")
