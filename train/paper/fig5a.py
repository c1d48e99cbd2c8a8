"""Fig. 5a: localisation error against gamma, by layer, Grad-CAM of an ANN as the reference."""

import numpy as np

from train.paper import maps
from train.paper.report import Report, canvas, interval, judged, line
from train.paper.subjects import needs
from train.paper.work import watched

GAMMAS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
CHOOSE = 100      # pictures that choose the best gamma
EPS = (1e-6, 1e-2)      # how far from 0 and 1 a map is held: the paper does not say
RIVALS = ("now", "count")
NETWORKS = ("fashion", "fashion-conversion", "scenes")


def errors(shown, reference, eps):
    """golden.explain.metrics' localisation_error of N pictures: (N, T, H, W), (N, H, W) -> (N,).

    nan where Grad-CAM is 0 everywhere, as happens where all channels speak against the class: there
    is no reference then.
    """
    held = np.clip(shown, eps, 1 - eps)
    target = reference[:, None]
    found = -(target * np.log(held) + (1 - target) * np.log(1 - held))
    return np.where(reference.any(axis=(1, 2)), found.mean(axis=(2, 3)).min(axis=1), np.nan)


def localised(subject, pictures, gammas):
    """Localisation error of SAM and of plain spikes against each ANN's Grad-CAM.

    layer -> eps -> method ("gamma g", "now", "count") -> ANN's number -> one number a picture.
    """
    from train.core import explainers
    spikes = watched(subject, pictures).spikes
    found = {}
    for tap in subject.depths:
        references = [maps.unit(explainers.gradcam(net, pictures.images, pictures.labels, tap))
                      for net in subject.anns]
        heats = {f"gamma {gamma:g}": heat
                 for gamma, heat in maps.sams(spikes[tap], gammas).items()}
        heats |= {kind: maps.running(maps.rates(spikes[tap]), kind) for kind in RIVALS}
        heats = {name: maps.shown(heat) for name, heat in heats.items()}
        found[str(tap)] = {f"{eps:g}": {
            name: {str(n): errors(heat, reference, eps) for n, reference in enumerate(references)}
            for name, heat in heats.items()} for eps in EPS}
    return found


def averaged(by_ann):
    """One number a picture, the mean over the ANNs that have a reference; and each ANN's mean."""
    each = np.array([by_ann[key] for key in sorted(by_ann)], dtype=float)
    return maps.average(each.T), maps.average(each)


def measured(run):
    """Subject -> what ``localised`` found, for fig5a and fig5c."""
    needs("captum", "fig5a")
    gammas = list(GAMMAS) if not run.quick else [0.0, 0.5, 1.0]
    return gammas, {one: run.spread(localised, one, run.count(CHOOSE), "localisation",
                                    gammas=gammas) for one in run.subjects(*NETWORKS)}


def experiment(run):
    gammas, found = measured(run)
    rows, lower, higher = [], {}, {}
    figure, axes = canvas(len(found), 3, width=3, height=2.2)
    for row, (subject, layers) in enumerate(found.items()):
        for column, (tap, by_eps) in enumerate(layers.items()):
            for eps, methods in by_eps.items():
                values = {gamma: averaged(methods[f"gamma {gamma:g}"]) for gamma in gammas}
                # Chosen on some pictures, tested on the rest: the best of several is otherwise
                # better than it is.
                cut = min(CHOOSE, len(values[0.0][0]) // 2)
                best = min(gammas[1:], key=lambda gamma, v=values, n=cut: maps.average(
                    v[gamma][0][:n]))
                where = f"{subject.name} layer {tap} eps {eps}"
                for name, end in ((lower, 0.0), (higher, 1.0)):
                    name[where] = interval(values[end][0][cut:] - values[best][0][cut:])
                for gamma in gammas:
                    rows.append({
                        "network": subject.name, "training": subject.kind, "layer": int(tap),
                        "eps": eps, "gamma": gamma, "error": interval(values[gamma][0]),
                        "of each ANN": ", ".join(f"{x:.3f}" for x in values[gamma][1])})
                if eps == f"{EPS[0]:g}":
                    axis = axes[row, column]
                    line(axis, gammas, [interval(values[g][0]) for g in gammas], "SAM")
                    for kind in RIVALS:
                        axis.axhline(
                            maps.average(averaged(methods[kind])[0]), linestyle=":",
                            color={"now": "0.6", "count": "k"}[kind],
                            label={"now": "spikes of one step", "count": "spikes so far"}[kind])
                    axis.set_title(f"{subject.name}, layer {tap}", fontsize=8)
                    axis.tick_params(labelsize=6)
    for axis in axes[-1]:
        axis.set_xlabel("gamma", fontsize=7)
    axes[0, 0].legend(fontsize=6)
    claims = [
        judged("gamma 0 gives a higher localisation error than the best gamma (Fig. 5a).", lower,
               better="gamma 0 worse"),
        judged("The error rises again towards gamma 1 (Fig. 5a).", higher, better="gamma 1 worse")]
    return Report("Fig. 5a: localisation error against gamma", rows, claims, NOTE,
                  figures=[figure]), list(found)


NOTE = ("Eq. 10 with its sign mended, SAM in paper mode as displayed, against Grad-CAM of an ANN "
        "of the same shape at the same layer, the least of all steps; mean over the ANNs of "
        "several seeds. The paper does not say how far from 0 and 1 a map is held: both eps are "
        "given, the figure shows the smaller. Pictures whose Grad-CAM is 0 everywhere at the layer "
        "have no reference and are left out (the count n of each number is in results.json).")
