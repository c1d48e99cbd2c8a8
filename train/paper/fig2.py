"""Fig. 2: SAM against SNN-crafted Grad-CAM, as pictures and by the variance of the heatmap."""

import numpy as np

from train.paper import maps
from train.paper.report import Report, bars, canvas, interval, judged, show
from train.paper.subjects import needs
from train.paper.work import watched

ALPHAS = ("shared", "step")


def both(subject, pictures):
    """SAM and Grad-CAM of both alphas: tap -> method -> (N, T, H, W)."""
    from train.core import explainers
    spikes = watched(subject, pictures).spikes
    found = {tap: {"SAM": maps.sam(spikes[tap])} for tap in subject.depths}
    grads = explainers.tap_gradients(subject.network, pictures.images, pictures.labels,
                                     subject.depths)
    for tap, given in grads.items():
        for alpha in ALPHAS:
            found[tap][f"Grad-CAM, alpha {alpha}"] = explainers.snn_gradcam(*given, alpha=alpha)
    return found


def variance(subject, pictures):
    """Tap -> method -> variance over the pixels of the map on display, the largest of all steps.

    Maps are brought to 0..1 exactly: Grad-CAM comes in units of its gradients, in which the .001
    of the display formula means something else than in SAM's.
    """
    return {str(tap): {name: maps.unit(heat).var(axis=(2, 3)).max(axis=1)
                       for name, heat in methods.items()}
            for tap, methods in both(subject, pictures).items()}


def pictured(subject, pictures):
    """Maps of single pictures to draw, on display, as nested lists."""
    steps = subject.network.steps
    chosen = np.linspace(1, steps - 1, 8).astype(int)
    return {str(tap): {name: maps.unit(heat)[:, chosen] for name, heat in methods.items()}
            for tap, methods in both(subject, pictures).items()}


def experiment(run):
    needs("torch", "fig2")
    rows, differences, figures = [], {}, []
    subjects = run.subjects("fashion", "fashion-conversion", "scenes")
    for subject in subjects:
        found = run.spread(variance, subject, run.count(), "variance")
        for tap, methods in found.items():
            rows.append({"network": subject.name, "training": subject.kind, "layer": int(tap),
                         **{name: interval(values) for name, values in methods.items()}})
            for alpha in ALPHAS:
                differences[f"{subject.name} layer {tap} alpha {alpha}"] = interval(
                    np.array(methods["SAM"]) - np.array(methods[f"Grad-CAM, alpha {alpha}"]))
    names = ["SAM", *(f"Grad-CAM, alpha {alpha}" for alpha in ALPHAS)]
    figure, axes = canvas(1, 1, width=1.2 + 0.7 * len(rows), height=3)
    bars(axes[0, 0], [f"{row['network']} layer {row['layer']}" for row in rows],
         {name: [row[name] for row in rows] for name in names})
    axes[0, 0].set_ylabel("variance of the heatmap", fontsize=7)
    figures.append(figure)
    for subject in subjects[:3]:
        figures.append(drawn(run, subject))
    claim = judged("SAM's heatmaps have a higher variance than those of SNN-crafted Grad-CAM, "
                   "which smooths (Fig. 2b).", differences, better="SAM higher")
    return Report("Fig. 2: SAM and SNN-crafted Grad-CAM", rows, [claim],
                  "Maps of each step brought to 0..1; variance over the pixels, the largest of all "
                  f"steps. SAM with gamma {maps.GAMMA}, paper mode; Grad-CAM of the true class, "
                  "with the surrogate of the SAM script, alpha shared by all steps or one a step.",
                  figures=figures), subjects


def drawn(run, subject):
    """Rows of maps of one picture: methods by depth, steps across."""
    found = run.spread(pictured, subject, 1, "pictures", first=3)
    count = len(next(iter(found.values()))["SAM"][0])
    figure, axes = canvas(3 * len(found), count, width=0.9, height=0.95)
    row = 0
    for tap, methods in found.items():
        for name, heat in methods.items():
            for column, one in enumerate(heat[0]):
                show(axes[row, column], np.array(one), low=0, high=1)
            axes[row, 0].set_ylabel(f"{tap}: {name.replace('Grad-CAM, alpha', 'G-CAM')}",
                                    fontsize=6)
            row += 1
    figure.suptitle(f"{subject.name}: eight steps across, layers and methods down", fontsize=8)
    return figure
