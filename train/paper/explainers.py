"""All reference explanations side by side: pictures of them, and their scores against the masks."""

import numpy as np

from golden.explain.metrics import rank_correlation
from train.paper import maps
from train.paper.modes import attributed
from train.paper.report import Report, bars, canvas, interval, judged, show
from train.paper.scoring import scores
from train.paper.subjects import needs
from train.paper.work import watched

WINDOW = 4       # squares of a quarter of the side are occluded, side by side


def explained(subject, pictures):
    """Every explanation over the picture: name -> (N, H, W)."""
    from train.core import explainers
    network, net, taps = subject.network, subject.anns[0], subject.depths
    given = pictures.images, pictures.labels
    side = network.shape[1] // WINDOW
    grey = int(np.median(pictures.images))
    over = lambda heat, tap: maps.widened(heat, network.shape[1:])
    result = watched(subject, pictures)
    found = {}
    for method in explainers.BACKWARD:
        found[f"ANN {method}"] = explainers.flat(explainers.backward(net, *given, method))
        found[f"SNN {method}"] = explainers.flat(explainers.snn_backward(network, *given, method))
    for name, scored in (("ANN", explainers.ann_scores(net)),
                         ("SNN", explainers.snn_scores(network))):
        found[f"{name} occlusion"] = explainers.occlusion(
            scored, *given, window=side, stride=side, fill=grey)
    grads = explainers.tap_gradients(network, *given, (taps[0], taps[-1]))
    for tap in (taps[0], taps[-1]):
        found[f"ANN Grad-CAM {tap}"] = over(explainers.gradcam(net, *given, tap), tap)
        for alpha in ("shared", "step"):
            made = explainers.snn_gradcam(*grads[tap], alpha=alpha)
            found[f"SNN Grad-CAM {tap}, alpha {alpha}"] = over(made.mean(axis=1), tap)
        found[f"SAM {tap}"] = over(maps.sam(result.spikes[tap]).mean(axis=1), tap)
    found["attribution of the input"] = np.abs(attributed(network, result.spikes_input,
                                                          pictures.labels, 0))
    found["brightness"] = pictures.images.mean(axis=1).astype(float)
    found["contrast"] = maps.contrast(pictures.images)
    return found


def scored(subject, pictures):
    """Name -> scores against the mask, and rank correlation with the ANN's deepest Grad-CAM."""
    found = explained(subject, pictures)
    reference = found[f"ANN Grad-CAM {subject.depths[-1]}"]
    return {name: {**scores(heat, pictures.masks), "like Grad-CAM": np.array(
        [rank_correlation(a, b) for a, b in zip(heat, reference, strict=True)])}
        for name, heat in found.items()}


def drawn(subject, pictures):
    """The pictures and all maps over them, to draw."""
    return {"image": pictures.images[:, 0],
            **{name: maps.unit(heat) for name, heat in explained(subject, pictures).items()}}


def typical(subject, pictures, steps):
    """Pictures of the largest score of each class, by ANN and SNN (activation maximisation)."""
    from train.core import explainers
    network = subject.network
    return {name: [explainers.maximised(forward, network.shape, label, steps=steps)[0]
                   for label in range(network.classes)]
            for name, forward in (("ANN", subject.anns[0]),
                                  ("SNN", explainers.encoded(network)))}


def channels(subject, pictures):
    """What eight channels of each depth do, of ANN and SNN (activation visualisation)."""
    from train.core import explainers
    active = explainers.activations(subject.anns[0], pictures.images)
    spikes = watched(subject, pictures).spikes
    return {str(tap): {"ANN": maps.unit(active[tap][0, :8]),
                       "SNN": maps.unit(spikes[tap][0].mean(axis=0)[:8])}
            for tap in subject.depths}


def experiment(run):
    needs("captum", "explainers")
    subjects = run.subjects("fashion", "scenes")
    rows, figures, beaten = [], [], {}
    figure, axes = canvas(len(subjects), 1, width=11, height=3)
    figures.append(figure)
    for axis, subject in zip(axes[:, 0], subjects, strict=True):
        found = run.spread(scored, subject, run.count(quick=4), "explanations")
        rows += [{"set": subject.pictures, "network": subject.name, "explanation": name,
                  **{key: interval(values) for key, values in one.items()},
                  "without a reference": int(np.isnan(np.array(one["like Grad-CAM"], float)).sum())}
                 for name, one in found.items()]
        bars(axis, list(found), {"AUC": [interval(one["auc"]) for one in found.values()]})
        axis.axhline(0.5, color="0.6", linewidth=0.7)
        axis.set_title(f"{subject.name}: AUC against the mask", fontsize=8)
        deep = subject.depths[-1]
        ours = np.array(found[f"SAM {deep}"]["auc"])
        for name in (f"ANN Grad-CAM {deep}", f"SNN Grad-CAM {deep}, alpha shared",
                     f"SNN Grad-CAM {deep}, alpha step"):
            beaten[f"{subject.name} against {name}"] = interval(
                ours - np.array(found[name]["auc"]))
        figures += gallery(run, subject)
    claims = [judged("SAM of the deepest layer finds the object as well as Grad-CAM, without a "
                     "label and without going backwards (the paper's promise).",
                     {name: {**one, "low": one["low"] + 0.02} for name, one in beaten.items()},
                     better="not more than .02 of AUC below",
                     aside=" (intervals are widened by that .02)")]
    return Report("Reference explanations", rows, claims, NOTE, figures=figures), subjects


NOTE = ("Maps of layers bilinear over the picture; of gradients the magnitude. Without a "
        "reference: pictures whose Grad-CAM of the ANN is 0 everywhere, or whose own map is even. "
        "Explanations that need a class get the true one. Occlusion paints squares of a quarter "
        "of the side grey. See controls for what a score on each set is worth.")


def gallery(run, subject):
    """Three figures: all maps of three pictures, what classes look like, and channels."""
    found = run.spread(drawn, subject, 3, "pictures", size=3)
    names = list(found)
    first, axes = canvas(6, (len(names) + 1) // 2, width=0.85, height=0.95)
    half = (len(names) + 1) // 2
    for n, name in enumerate(names):
        for row in range(3):
            show(axes[3 * (n // half) + row, n % half], np.array(found[name][row]),
                 cmap="gray" if name == "image" else "jet",
                 title=name.replace(" ", "\n", 2) if not row else None)
    for axis in axes.flat:
        axis.title.set_fontsize(5)
        if not axis.images:
            axis.axis("off")
    first.suptitle(subject.name, fontsize=8)
    look = run.spread(typical, subject, 1, "activation maximisation", steps=3 if run.quick else 60)
    second, axes = canvas(2, subject.network.classes, width=0.8, height=0.9)
    for row, name in enumerate(look):
        for label, one in enumerate(look[name]):
            show(axes[row, label], np.array(one), cmap="gray", title=str(label))
        axes[row, 0].set_ylabel(name, fontsize=7)
    second.suptitle(f"{subject.name}: activation maximisation of each class", fontsize=8)
    seen = run.spread(channels, subject, 1, "activations", first=1)
    third, axes = canvas(2 * len(seen), 8, width=0.8, height=0.85)
    for n, (tap, both) in enumerate(seen.items()):
        for row, (name, values) in enumerate(both.items()):
            for column, one in enumerate(values):
                show(axes[2 * n + row, column], np.array(one), cmap="viridis")
            axes[2 * n + row, 0].set_ylabel(f"{name}\nlayer {tap}", fontsize=6)
    third.suptitle(f"{subject.name}: channels, activations and spike rates", fontsize=8)
    return [first, second, third]
