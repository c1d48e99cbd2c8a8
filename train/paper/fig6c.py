"""Fig. 6c: two objects at once: does the network end up looking at one of them?

Scenes with an object in either half (``train.scenes``, objects=2), and two pictures of one object
joined as the paper joins them, shown to networks that learnt one object. Step by step: where the
heat is, and how sure the network is of either class.
"""

import numpy as np

from golden.explain.metrics import rank_correlation
from golden.run import run
from train import scenes
from train.core import sets
from train.paper import maps
from train.paper.report import Report, canvas, interval, judged, line, show


def pair(subject, numbers):
    """The two-object scenes of these numbers."""
    return scenes.make("test", len(numbers), first=int(numbers[0]), objects=2,
                       match=subject.pictures == "scenes")


def joined(subject, pictures):
    """Pictures side by side with the next of another class, brought back to their size.

    Two columns of the pair become their mean, and are on an object where half of them are. By hand:
    [[4, 2]] and [[8, 6]] give [[3, 7]].

    Returns
    -------
    train.core.sets.Pictures
        ``images`` (N, H, W), ``masks`` (N, 2, H, W), ``labels`` (N, 2).
    """
    images, masks, labels = pictures.images[:, 0], pictures.masks, pictures.labels
    other = [next((k % len(labels) for k in range(n + 1, n + len(labels))
                   if labels[k % len(labels)] != labels[n]), n) for n in range(len(labels))]
    kept = np.flatnonzero(labels != labels[other])
    other = np.array(other)[kept]
    half = lambda values: values.reshape(
        *values.shape[:-1], values.shape[-1] // 2, 2).mean(axis=-1)
    beside = np.concatenate([images[kept], images[other]], axis=-1)
    nothing = np.zeros_like(masks[kept])
    both = np.stack([np.concatenate([masks[kept], nothing], axis=-1),
                     np.concatenate([nothing, masks[other]], axis=-1)], axis=1)
    return sets.Pictures(np.rint(half(beside)).astype(np.uint8),
                         np.stack([labels[kept], labels[other]], axis=1), half(both) >= 0.5,
                         pictures.numbers[kept])


def confidence(scores, labels):
    """Share of a picture's first class in the softmax of its two, (N, T), by each step's score.

    Integer scores are brought to a spread of 8 over the classes and steps of the picture.
    """
    largest = np.abs(scores).max(axis=(1, 2), keepdims=True)
    both = np.take_along_axis(scores / np.maximum(largest, 1) * 8, labels[:, None].astype(int), 2)
    return 1 / (1 + np.exp(both[..., 1] - both[..., 0]))


def density(heat, masks):
    """Mean heat of each step (N, T, h, w) on each picture's mask (N, h, w): (N, T)."""
    weight = masks / np.maximum(masks.sum(axis=(1, 2), keepdims=True), 1)
    return np.einsum("nthw,nhw->nt", heat, weight)


def halves(heat, masks):
    """Share of the first object in the heat per pixel of both, (N, T); nan without any heat."""
    first, second = (density(heat, masks[:, k]) for k in range(2))
    with np.errstate(invalid="ignore"):
        return np.where(first + second > 0, first / (first + second), np.nan)


def suppressed(subject, pictures, how="scenes"):
    """Step by step, of the object whose class scores higher at the end: share of the heat.

    "sure": (N, T) confidence in it; layer -> (N, T) share of the heat per pixel, and "count" the
    same of the plain spikes so far; "input": of the input's spikes. 0.5 is no preference. ``how``:
    "scenes" of two objects, or two pictures "joined".
    """
    network = subject.network
    made = pair(subject, pictures.numbers) if how == "scenes" else joined(subject, pictures)
    result = run(made.images[:, None], network, taps=subject.depths)
    sure = confidence(result.scores, made.labels)
    won = (sure[:, -1] < 0.5).astype(int)
    turned = lambda share: np.where(won[:, None], 1 - share, share)
    known = np.take_along_axis(made.labels, won[:, None], 1)[:, 0]
    found = {"sure": turned(sure), "named": result.pred == known,
             "either": (result.pred[:, None] == made.labels).any(axis=1)}
    for tap in subject.depths:
        masks = maps.masks_at(made.masks, network, tap)
        found[str(tap)] = {
            "SAM": turned(halves(maps.sam(result.spikes[tap]), masks)),
            "count": turned(halves(maps.running(maps.rates(result.spikes[tap]), "count"), masks)),
            "input": turned(halves(maps.shrunk(
                maps.running(maps.rates(result.spikes_input), "count"), network, tap), masks))}
    return found


def drawn(subject, pictures):
    """One picture, its maps at the deepest layer and its confidences, to draw."""
    network, made = subject.network, pair(subject, pictures.numbers)
    tap = subject.depths[-1]
    result = run(made.images[:, None], network, taps=(tap,))
    chosen = np.linspace(1, network.steps - 1, 8).astype(int)
    return {"image": made.images[0], "steps": chosen.tolist(), "labels": made.labels[0],
            "maps": maps.shown(maps.sam(result.spikes[tap]))[0, chosen],
            "sure": confidence(result.scores, made.labels)[0]}


def experiment(run):
    subjects = run.subjects("fashion", "scenes", "scenes, plain")
    shown = [(subject, how) for subject in subjects for how in ("scenes", "joined")
             if how == "joined" or subject.pictures != "fashion"]
    rows, toward, grows, only, beyond, follows = [], {}, {}, {}, {}, {}
    figures = []
    for subject, how in shown:
        found = run.spread(suppressed, subject, run.count(), "two objects", how=how)
        steps = subject.network.steps
        early, late = slice(steps // 8, steps // 3), slice(steps - steps // 4, steps)
        sure = np.array(found["sure"])
        figure, axes = canvas(1, 2, width=3.6, height=2.6)
        figures += [figure, *([picture(run, subject)] if how == "scenes" else [])]
        line(axes[0, 1], range(steps), [interval(sure[:, t]) for t in range(steps)], "class")
        for tap in map(str, subject.depths):
            share = {name: np.array(values, dtype=float) for name, values in found[tap].items()}
            heat, plain, given = (share[name] for name in ("SAM", "count", "input"))
            line(axes[0, 0], range(1, steps), [interval(heat[:, t]) for t in range(1, steps)],
                 f"SAM, layer {tap}")
            lean = lambda part, heat=heat: maps.average(np.abs(heat[:, part] - 0.5))
            end = maps.average(heat[:, late])
            where = f"{subject.name}, {how}, layer {tap}"
            toward[where] = interval(end - 0.5)
            grows[where] = interval(lean(late) - lean(early))
            only[where] = interval(lean(late) - 0.4)
            beyond[where] = interval(end - maps.average(given[:, late]))
            follows[where] = interval([
                rank_correlation(a[steps // 8:], b[steps // 8:])
                for a, b in zip(sure, np.nan_to_num(heat, nan=0.5), strict=True)])
            rows.append({"network": subject.name, "training": subject.kind, "two": how,
                         "layer": int(tap), "share of the named object, early": interval(
                             maps.average(heat[:, early])),
                         "at the end": interval(end),
                         "of spikes so far": interval(maps.average(plain[:, late])),
                         "of the input": interval(maps.average(given[:, late])),
                         "away from even, early": interval(lean(early)), "late": interval(
                             lean(late)), "answer is one of the two": interval(found["either"])})
        line(axes[0, 0], range(1, steps), [interval(given[:, t]) for t in range(1, steps)],
             "input spikes", linestyle=":")
        axes[0, 0].set_title(f"{subject.name}, {how}: heat on the object named", fontsize=8)
        axes[0, 1].set_title("confidence in its class", fontsize=8)
        for axis in axes[0]:
            axis.axhline(0.5, color="0.6", linewidth=0.7)
            axis.set_ylim(0.3, 1)
            axis.set_xlabel("step", fontsize=7)
            axis.legend(fontsize=6)
    claims = [
        judged("With two objects the final heat lies on the one that is named (Fig. 6c): more "
               "than an even share of it.", toward, better="more on the named one"),
        judged("And more of it than of the spikes that come in (ours).", beyond,
               better="above the input"),
        judged("The heat leans to one of the two more and more (Fig. 6c: sensory suppression).",
               grows, better="leans more late than early"),
        judged("In the end only one is attended (Fig. 6c): nine tenths of the heat per pixel.",
               only, better="nine tenths reached"),
        judged("Confidence follows the attended area (Fig. 6c): over the steps of a picture, "
               "share of heat and confidence rise together.", follows, better="correlated")]
    return Report("Fig. 6c: two objects", rows, claims, NOTE, figures=figures), subjects


NOTE = ("Heat per pixel of either mask, as a share of both: .5 is even. The object that is named "
        "is the one of the two whose class scores higher at the end. The paper joins two pictures "
        "of Tiny-ImageNet, as \"joined\" does with two test pictures of different classes, side by "
        "side and brought back to their size; of \"scenes\" both objects stand on one photograph.")


def picture(run, subject):
    """Maps and confidence of two scenes."""
    figure, axes = canvas(2, 10, width=0.95, height=1.1)
    for row, number in enumerate((0, 1)):
        found = run.spread(drawn, subject, 1, "pictures", first=number)
        show(axes[row, 0], np.array(found["image"]), cmap="gray",
             title=" and ".join(scenes.CLASSES[label] for label in found["labels"]))
        for column, heat in enumerate(found["maps"]):
            show(axes[row, column + 1], np.array(heat), low=0, high=1,
                 title=f"t={found['steps'][column]}")
        axes[row, 9].plot(found["sure"])
        axes[row, 9].set_ylim(0, 1)
        axes[row, 9].tick_params(labelsize=5)
        axes[row, 9].set_title("left one", fontsize=6)
    figure.suptitle(f"{subject.name}: maps of the deepest layer, confidence in the left object",
                    fontsize=8)
    return figure
