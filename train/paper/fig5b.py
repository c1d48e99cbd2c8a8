"""Fig. 5b: how many neurons spike in each step, surrogate training against conversion."""

import numpy as np

from golden.explain.metrics import spike_activity
from train.paper.report import Report, canvas, interval, judged, line
from train.paper.work import watched

GROUPS = 10
NETWORKS = ("fashion", "fashion-bntt", "fashion-conversion", "scenes")


def activity(subject, pictures):
    """Layer -> (N, T) share of its neurons that spike in each step."""
    spikes = watched(subject, pictures).spikes
    return {str(tap): [spike_activity(one) for one in spikes[tap]] for tap in subject.depths}


def experiment(run):
    found = {one: run.spread(activity, one, run.count(), "activity")
             for one in run.subjects(*NETWORKS)}
    rows, falls, flat = [], {}, {}
    figure, axes = canvas(1, len(found), width=3, height=2.4)
    for axis, (subject, layers) in zip(axes[0], found.items(), strict=True):
        for tap, values in layers.items():
            values = np.array(values)
            steps = values.shape[1]
            peak = values.mean(axis=0).max()
            ratio = values / peak
            line(axis, range(steps), [interval(ratio[:, t]) for t in range(steps)], f"layer {tap}")
            # Of curves that are means of many pictures, as the paper's are: one picture's is noise.
            curves = np.array([part.mean(axis=0) for part in np.array_split(
                values, min(GROUPS, len(values)))])
            top = np.maximum(curves.max(axis=1), 1e-12)
            late = curves[:, steps // 2:]
            spread = late.std(axis=1) / np.maximum(late.mean(axis=1), 1e-12)
            where = f"{subject.name} layer {tap}"
            rows.append({"network": subject.name, "training": subject.kind, "layer": int(tap),
                         "peak at step": int(values.mean(axis=0).argmax()), "of": steps,
                         "first step / peak": interval(curves[:, 0] / top),
                         "last step / peak": interval(curves[:, -1] / top),
                         "variation, second half": interval(spread)})
            if subject.kind == "surrogate":
                # A bell ends at a small part of its peak: half is a generous bound.
                falls[where] = interval(0.5 - curves[:, -1] / top)
            else:
                flat[where] = interval(0.1 - spread)
        axis.set_title(f"{subject.name} ({subject.kind})", fontsize=8)
        axis.set_xlabel("step", fontsize=7)
        axis.set_ylim(0, 1.15)
        axis.tick_params(labelsize=6)
        axis.legend(fontsize=6)
    axes[0, 0].set_ylabel("spikes, of the peak", fontsize=7)
    claims = [
        judged("With surrogate training the spikes per step rise and fall like a bell (Fig. 5b): "
               "at the end less than half of the peak is left.", falls, better="fallen by half"),
        judged("With conversion they are nearly constant after the start (Fig. 5b): in the second "
               "half they vary by less than a tenth of their mean.", flat, better="constant")]
    return Report("Fig. 5b: spikes per step", rows, claims,
                  "Share of the neurons of a layer that spike, of the peak; curves are means of "
                  f"many pictures, the intervals are those of {GROUPS} groups of them.",
                  data={"mean activity": {one.name: {
                      tap: [float(f"{x:.5g}") for x in np.mean(values, axis=0)]
                      for tap, values in layers.items()} for one, layers in found.items()}},
                  figures=[figure]), list(found)
