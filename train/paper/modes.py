"""The three definitions of SAM, and attribution, against the true masks."""

import numpy as np

from golden.explain.paths import network_paths
from golden.explain.traces import decay_table, traces
from golden.formats import MODES
from train.paper import maps
from train.paper.report import Report, bars, canvas, interval, judged
from train.paper.scoring import scores
from train.paper.work import watched

DECAY = 0.9
WHEN = ("mean of all steps", "last step")


def attributed(network, spikes, answers, layer):
    """Attribution of the answered class, (N, H, W): traces times path weights, over channels.

    golden.attribution's hardware rule for the spikes (N, T, C, H, W) of a layer, 0 the input.
    """
    table = decay_table(DECAY, network.steps)
    found = np.zeros((len(spikes), *spikes.shape[3:]))
    paths = {int(answer): network_paths(network, int(answer), layer=layer)
             for answer in np.unique(answers)}
    for n, answer in enumerate(answers):
        # Where BNTT makes a path differ from step to step, its mean is taken, as one table holds.
        path = paths[int(answer)]
        path = path.mean(axis=0) if path.ndim == 2 else path
        trace = traces(np.abs(spikes[n]).astype(np.uint8), table)
        found[n] = (trace.ravel() * path).reshape(trace.shape).sum(axis=0)
    return found


def found_by(subject, pictures):
    """Layer -> map -> score -> one number a picture."""
    network = subject.network
    result = watched(subject, pictures)
    found = {}
    for tap in subject.depths:
        masks, heats = pictures.masks, {}
        for mode in MODES:
            heat = maps.sam(result.spikes[tap], mode=mode)
            heats[f"{mode}, {WHEN[0]}"] = heat.mean(axis=1)
            heats[f"{mode}, {WHEN[1]}"] = heat[:, -1]
        heats["spike count"] = maps.running(maps.rates(result.spikes[tap]), "count")[:, -1]
        heats["attribution of the layer"] = attributed(network, result.spikes[tap], result.pred,
                                                       tap)
        heats = {name: maps.widened(heat, masks.shape[1:]) for name, heat in heats.items()}
        heats["attribution of the input"] = attributed(network, result.spikes_input, result.pred, 0)
        heats["magnitude of that"] = np.abs(heats["attribution of the input"])
        found[str(tap)] = {name: scores(heat, masks) for name, heat in heats.items()}
    return found


def experiment(run):
    subjects, rows = run.subjects("fashion", "scenes", "scenes, plain"), []
    against = {mode: {} for mode in MODES[1:]}
    count, attribution = {}, {}
    figure, axes = canvas(len(subjects), 1, width=9, height=2.8)
    for axis, subject in zip(axes[:, 0], subjects, strict=True):
        found = run.spread(found_by, subject, run.count(), "modes")
        for tap, methods in found.items():
            rows += [{"set": subject.pictures, "network": subject.name, "layer": int(tap),
                      "map": name, **{key: interval(values) for key, values in one.items()}}
                     for name, one in methods.items()]
            auc = {name: np.array(one["auc"]) for name, one in methods.items()}
            ours, where = auc[f"paper, {WHEN[0]}"], f"{subject.name} layer {tap}"
            for mode in against:
                against[mode][where] = interval(auc[f"{mode}, {WHEN[0]}"] - ours)
            count[where] = interval(ours - auc["spike count"])
            attribution[where] = interval(auc["attribution of the layer"] - ours)
        names = list(next(iter(found.values())))
        bars(axis, names, {f"layer {tap}": [interval(methods[name]["auc"]) for name in names]
                           for tap, methods in found.items()})
        axis.axhline(0.5, color="0.6", linewidth=0.7)
        axis.set_ylim(0, 1.02)
        axis.set_title(f"{subject.name}: AUC against the mask", fontsize=8)
    claims = [judged(f"SAM in mode {mode} finds the object better than in the paper's (ours).",
                     seen, better=f"{mode} better") for mode, seen in against.items()]
    claims += [
        judged("SAM in paper mode finds the object better than a plain spike count on static "
               "pictures (ours).", count, better="SAM better"),
        judged("Attribution to the answered class finds the object better than SAM (ours).",
               attribution, better="attribution better")]
    return Report("Modes of SAM and attribution against true masks", rows, claims,
                  f"gamma {maps.GAMMA}; attribution with decay {DECAY}, linear paths, signed "
                  "unless it says magnitude. On fashion and mnist the mask is the brightness "
                  "itself: see controls.", figures=[figure]), subjects
