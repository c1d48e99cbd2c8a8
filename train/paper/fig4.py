"""Fig. 4: maps of ten steps at three depths, surrogate training and conversion, beside Grad-CAM."""

import numpy as np

from golden.explain.metrics import rank_correlation
from train.paper import maps
from train.paper.report import Report, canvas, interval, judged, show
from train.paper.subjects import needs
from train.paper.work import watched

FRAMES = 10
PICTURES = (0, 2, 3)     # drawn
NETWORKS = ("fashion", "fashion-conversion", "scenes")


def drawn(subject, pictures):
    """What the figure needs of single pictures."""
    from train.core import explainers
    spikes = watched(subject, pictures).spikes
    chosen = np.linspace(0, subject.network.steps - 1, FRAMES).astype(int)
    return {"image": pictures.images[:, 0], "steps": chosen.tolist(), "maps": {
        str(tap): maps.shown(maps.sam(spikes[tap]))[:, chosen] for tap in subject.depths},
        "grad": {str(tap): maps.unit(explainers.gradcam(
            subject.anns[0], pictures.images, pictures.labels, tap)) for tap in subject.depths}}


def edges(images):
    """Length of the brightness gradient, (N, H, W)."""
    down, across = np.gradient(images[:, 0].astype(float), axis=(1, 2))
    return np.hypot(down, across)


def looked(subject, pictures):
    """Layer -> what its maps are like, one number a picture.

    "edges": rank correlation of the mean map with the length of the brightness gradient; "change":
    1 - rank correlation of the maps of two steps T/5 apart, the mean from T/5 on; "heat": each
    step's total heat over the largest.
    """
    network = subject.network
    spikes = watched(subject, pictures).spikes
    apart, found = max(1, network.steps // 5), {}
    for tap in subject.depths:
        heat = maps.sam(spikes[tap])
        outline = maps.shrunk(edges(pictures.images), network, tap)
        total = heat.sum(axis=(2, 3))
        found[str(tap)] = {
            "edges": np.array([rank_correlation(a, b)
                               for a, b in zip(heat.mean(axis=1), outline, strict=True)]),
            "change": np.array([np.nanmean([1 - rank_correlation(one[t], one[t + apart])
                                            for t in range(apart, len(one) - apart)])
                                for one in heat]),
            "end": total[:, -1] / np.maximum(total.max(axis=1), 1e-9)}
    return found


def experiment(run):
    needs("captum", "fig4")
    rows, falling, ends, steadier = [], {}, {}, {}
    subjects, figures, changes = run.subjects(*NETWORKS), [], {}
    for subject in subjects:
        found = run.spread(looked, subject, run.count(), "looks")
        taps = list(found)
        for tap in taps:
            rows.append({"network": subject.name, "training": subject.kind, "layer": int(tap),
                         "correlation with edges": interval(found[tap]["edges"]),
                         "change of the map": interval(found[tap]["change"]),
                         "heat of the last step / most": interval(found[tap]["end"])})
            changes[subject, tap] = np.array(found[tap]["change"])
            if subject.kind == "surrogate":
                ends[f"{subject.name} layer {tap}"] = interval(0.5 - np.array(found[tap]["end"]))
        falling[subject.name] = interval(np.array(found[taps[0]]["edges"])
                                         - np.array(found[taps[-1]]["edges"]))
        figures.append(figure(run, subject))
    for (subject, tap), values in changes.items():
        for other in subjects:
            if subject.kind == "surrogate" and other.kind == "conversion" \
                    and other.pictures == subject.pictures:
                place = other.depths[subject.depths.index(int(tap))]
                steadier[f"{other.name} layer {place}"] = interval(
                    values - changes[other, str(place)])
    claims = [
        judged("Shallow layers show edges, deep layers less so (Fig. 4): correlation with the "
               "brightness gradient falls from the first depth to the last.", falling,
               better="fallen"),
        judged("With surrogate training the heat fades towards the end of the run (Fig. 4c): "
               "less than half of its peak is left.", ends, better="fallen by half"),
        judged("With conversion the maps stay more alike from step to step than with surrogate "
               "training (Fig. 4d).", steadier, better="conversion steadier")]
    return Report("Fig. 4: maps over ten steps at three depths", rows, claims,
                  f"gamma {maps.GAMMA}, paper mode, as displayed. Change: 1 - rank correlation of "
                  "the maps of two steps a fifth of the run apart.", figures=figures), subjects


def figure(run, subject):
    """Pictures down, three depths each; Grad-CAM and ten steps across."""
    chosen = PICTURES[:1] if run.quick else PICTURES
    made, axes = canvas(3 * len(chosen), FRAMES + 2, width=0.8, height=0.85)
    for n, number in enumerate(chosen):
        found = run.spread(drawn, subject, 1, "pictures", first=number)
        for depth, tap in enumerate(found["maps"]):
            row = 3 * n + depth
            show(axes[row, 0], np.array(found["image"][0]), cmap="gray",
                 title="picture" if not row else None)
            show(axes[row, 1], np.array(found["grad"][tap][0]), low=0, high=1,
                 title="Grad-CAM" if not row else None)
            for column, heat in enumerate(found["maps"][tap][0]):
                show(axes[row, column + 2], np.array(heat), low=0, high=1,
                     title=f"t={found['steps'][column]}" if not row else None)
            axes[row, 0].set_ylabel(f"layer {tap}", fontsize=6)
    made.suptitle(f"{subject.name} ({subject.kind}); Grad-CAM of the ANN at the same layer",
                  fontsize=8)
    return made
