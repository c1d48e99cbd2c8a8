"""Fig. 6a, b: accuracy and maps under FGSM, an ANN with Grad-CAM against the SNN with SAM.

Pictures are attacked as bytes, by at most eps of 255, away from the class that the clean picture
was given, whatever its label. The ANN is attacked through its own gradient; the spiking network
through the surrogate gradients of its integers, added up over the steps, with the random numbers of
the clean run. Whether an attacked picture is still right is asked with fresh ones.
"""

import numpy as np

from golden.run import run
from train.paper import maps
from train.paper.report import Report, canvas, interval, judged, line, show
from train.paper.subjects import needs
from train.paper.work import watched

EPS = (0, 2, 4, 8)
PAPER = 4        # of 255
FRESH = 0x2000001  # of the encoder, for each evaluation of an attack the one that many eps on
SEED = 0x1234567  # another one of the encoder, for the distance that chance alone makes


def distances(ours, theirs):
    """L1 distance of displayed maps (N, T, H, W), a pixel: the mean and the most of steps.

    The paper judges by the most (Fig. 6b). By hand: steps that differ by 1 of 4 pixels and by 0
    have "mean" 1/8 and "most" 1/4.
    """
    each = np.abs(ours - theirs).mean(axis=(2, 3))
    return {"mean": each.mean(axis=1), "most": each.max(axis=1)}


def clean_answers(net, network, images):
    """Who -> (N,) classes that the clean pictures were given, by ANN and SNN."""
    from train.core import explainers
    return {"ann": explainers.ann_scores(net)(images).argmax(axis=1),
            "snn": run(images, network, taps=(), keep=False).pred}


def unknown(*maps_of_pictures):
    """(N,) bool: where any of these maps (N, ...) is 0 everywhere, and so no reference."""
    return ~np.all([each.any(axis=tuple(range(1, each.ndim))) for each in maps_of_pictures], axis=0)


def attacked(subject, pictures, eps):
    """Answers and map distances, by who is looked at and whose gradient made the attack.

    "right": looked at -> attack -> eps -> (N,) 0 or 1. "distance": layer -> looked at -> "mean"
    and "most" -> (N,), at ``PAPER``, its own attack; of "snn, other seed" nobody attacks.
    """
    from train.core import explainers
    network, net, images = subject.network, subject.anns[0], pictures.images
    scores = {"ann": net, "snn": explainers.encoded(network)}
    given = clean_answers(net, network, images)
    answers = {"ann": lambda some, eps: explainers.ann_scores(net)(some).argmax(axis=1),
               "snn": lambda some, eps: run(some, network.replace(seed=FRESH + eps), taps=(),
                                            keep=False).pred}
    right = {who: {by: {} for by in scores} for who in scores}
    made = {}
    for by, forward in scores.items():
        signs = explainers.against(forward, images, given[by])
        for one in eps:
            made[by, one] = explainers.fgsm(images, signs, one)
            for who, answer in answers.items():
                right[who][by][str(one)] = answer(made[by, one], one) == pictures.labels
    clean = watched(subject, pictures)
    moved = run(made["snn", PAPER], network, taps=subject.depths)
    other = run(images, network.replace(seed=SEED), taps=subject.depths)
    found = {}
    for tap in subject.depths:
        sams = [maps.shown(maps.sam(one.spikes[tap])) for one in (clean, moved, other)]
        cams = [maps.unit(explainers.gradcam(net, some, given["ann"], tap))[:, None]
                for some in (images, made["ann", PAPER])]
        empty = unknown(*cams)
        ann = {kind: np.where(empty, np.nan, values)
               for kind, values in distances(*cams).items()}
        found[str(tap)] = {"ann": ann, "snn": distances(*sams[:2]),
                           "snn, other seed": distances(sams[0], sams[2])}
    return {"right": right, "distance": found}


def drawn(subject, pictures):
    """A picture, the attack on it and its maps at the deepest layer, to draw."""
    from train.core import explainers
    network, net, tap = subject.network, subject.anns[0], subject.depths[-1]
    steps = np.linspace(1, network.steps - 1, 5).astype(int)
    found = {}
    for name, forward in (("ann", net), ("snn", explainers.encoded(network))):
        given = clean_answers(net, network, pictures.images)[name]
        moved = explainers.fgsm(pictures.images, explainers.against(
            forward, pictures.images, given), PAPER)
        found[name] = {"pictures": [pictures.images[0, 0], moved[0, 0]]}
        found[name]["maps"] = [
            maps.unit(explainers.gradcam(net, some, given, tap))[0][None]
            if name == "ann" else
            maps.shown(maps.sam(run(some, network, taps=(tap,)).spikes[tap]))[0][steps]
            for some in (pictures.images, moved)]
    return found


def experiment(run):
    needs("captum", "fig6ab")
    eps, empty = list(EPS if not run.quick else (0, 4)), {}
    subjects = run.subjects("fashion", "scenes")
    rows, falls, own, alike, mean, fair = [], {}, {}, {}, {}, {}
    figure, axes = canvas(1, 2 * len(subjects), width=2.7, height=2.4)
    figures = [figure]
    for column, subject in enumerate(subjects):
        found = run.spread(attacked, subject, run.count(), "attacks", eps=eps)
        right = {key: {by: {int(one): np.array(values, dtype=float)
                            for one, values in many.items()} for by, many in each.items()}
                 for key, each in found["right"].items()}
        axis = axes[0, 2 * column]
        for who, by in (("ann", "ann"), ("snn", "snn"), ("ann", "snn"), ("snn", "ann")):
            line(axis, eps, [interval(right[who][by][one]) for one in eps],
                 f"{who}, attack made on {by}", linestyle="-" if who == by else ":")
            rows += [{"network": subject.name, "training": subject.kind, "looked at": who,
                      "attack made on": by, "eps (1/255)": one, "what": "right",
                      "value": interval(right[who][by][one])} for one in eps]
        axis.set_title(f"{subject.name}: right", fontsize=8)
        axis.set_xlabel("eps (1/255)", fontsize=7)
        axis.set_ylim(0, 1.02)
        axis.legend(fontsize=5)
        lost = {(who, by): right[who][by][0] - right[who][by][PAPER] for who in right
                for by in right}
        falls[subject.name] = interval(lost["ann", "ann"] - lost["snn", "snn"])
        own[subject.name] = interval(lost["snn", "snn"] - lost["snn", "ann"])
        for tap, by_who in found["distance"].items():
            for who, kinds in by_who.items():
                for kind, values in kinds.items():
                    rows.append({"network": subject.name, "training": subject.kind,
                                 "looked at": who, "attack made on": who.split(",")[0],
                                 "eps (1/255)": 0 if "other" in who else PAPER,
                                 "what": f"map distance, layer {tap}, {kind} of steps",
                                 "value": interval(values)})
            where = f"{subject.name} layer {tap}"
            for kind, found_by in (("most", alike), ("mean", mean)):
                values = {who: np.array(kinds[kind], dtype=float)
                          for who, kinds in by_who.items()}
                found_by[where] = interval(values["ann"] - values["snn"])
            empty[where] = int(np.isnan(values["ann"]).sum())
            fair[where] = interval(values["snn, other seed"] - values["snn"])
        axis = axes[0, 2 * column + 1]
        for who in ("ann", "snn", "snn, other seed"):
            kept = [interval(one[who]["mean"]) for one in found["distance"].values()]
            line(axis, range(len(kept)), kept, who, marker=".")
        axis.set_xticks(range(len(kept)), [f"layer {tap}" for tap in found["distance"]], fontsize=6)
        axis.set_title(f"{subject.name}: map distance", fontsize=8)
        axis.set_ylim(0)
        axis.legend(fontsize=5)
        figures.append(picture(run, subject))
    claims = [
        judged("The SNN loses less accuracy than the ANN under FGSM at 4/255, each attacked "
               "through its own gradient (Fig. 6b).", falls, better="ANN loses more"),
        judged("The attack through the SNN's own gradient hurts it more than the one made on the "
               "ANN (ours): where not, its robustness is in part the weakness of that gradient.",
               own, better="own attack stronger"),
        judged("SAM changes less under attack than Grad-CAM of the ANN (Fig. 6b), the paper's "
               "statistic: the largest of the steps.", alike, better="Grad-CAM changes more"),
        judged("The same by the mean of all steps (ours).", mean, better="Grad-CAM changes more"),
        judged("The attack moves SAM less than another seed of the encoder does on the clean "
               "picture (ours).", fair, better="seed moves more")]
    return Report("Fig. 6a, b: under attack", rows, claims, NOTE + " Left out: " + ", ".join(
        f"{where} {count}" for where, count in empty.items()) + ".", figures=figures), subjects


NOTE = ("FGSM on bytes, away from the class that the clean picture was given; SNN and ANN of the "
        "same shape. What is right is asked of the SNN with fresh noise for each eps; maps are of "
        "the noise of the clean run. Distance: mean absolute difference of the maps on display (0 "
        "to 1) of the clean and the attacked picture at 4/255, the class given for Grad-CAM; "
        "pictures of which either Grad-CAM is 0 everywhere have no answer.")


def picture(run, subject):
    """Clean and attacked pictures and maps."""
    found = run.spread(drawn, subject, 1, "pictures", first=1)
    figure, axes = canvas(4, 6, width=1.0, height=1.05)
    for group, (name, one) in enumerate(found.items()):
        for row, state in enumerate(("clean", "attacked")):
            line_axes = axes[2 * group + row]
            show(line_axes[0], np.array(one["pictures"][row]), cmap="gray")
            line_axes[0].set_ylabel(f"{name}, {state}", fontsize=7)
            for column in range(5):
                if column < len(one["maps"][row]):
                    show(line_axes[column + 1], np.array(one["maps"][row][column]), low=0, high=1)
                else:
                    line_axes[column + 1].axis("off")
    figure.suptitle(f"{subject.name}: Grad-CAM (above) and SAM of five steps, deepest layer, "
                    "4/255", fontsize=8)
    return figure
