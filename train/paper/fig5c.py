"""Fig. 5c: localisation error layer by layer, surrogate training against conversion."""

from train.paper.fig5a import NOTE, averaged, measured
from train.paper.maps import GAMMA
from train.paper.report import Report, bars, canvas, interval, judged


def experiment(run):
    _, found = measured(run)
    rows, deeper, worse, plain = [], {}, {}, {}
    best = {}       # (subject, eps) -> [(layer, values)]
    for subject, layers in found.items():
        for tap, by_eps in layers.items():
            for eps, methods in by_eps.items():
                values, each = averaged(methods[f"gamma {GAMMA:g}"])
                best.setdefault((subject, eps), []).append((tap, values))
                rows.append({"network": subject.name, "training": subject.kind, "layer": int(tap),
                             "eps": eps, "SAM": interval(values),
                             "spikes of one step": interval(averaged(methods["now"])[0]),
                             "spikes so far": interval(averaged(methods["count"])[0]),
                             "SAM, each ANN": ", ".join(f"{x:.3f}" for x in each)})
                plain[f"{subject.name} layer {tap} eps {eps}"] = interval(
                    averaged(methods["count"])[0] - values)
    for (subject, eps), layers in best.items():
        for (tap, before), (after, values) in zip(layers, layers[1:], strict=False):
            deeper[f"{subject.name} {tap} to {after} eps {eps}"] = interval(values - before)
        for other, other_eps in best:
            if (subject.kind == "surrogate" and other.kind == "conversion" and other_eps == eps
                    and other.pictures == subject.pictures):
                pairs = zip(layers, best[other, eps], strict=True)
                for depth, ((_, ours), (_, theirs)) in enumerate(pairs, 1):
                    worse[f"{other.name} against {subject.name} depth {depth} eps {eps}"] = \
                        interval(theirs - ours)
    first = f"{next(iter(best))[1]}"
    shown = [row for row in rows if row["eps"] == first]
    figure, axes = canvas(1, 1, width=1.2 + 0.7 * len(shown), height=3)
    bars(axes[0, 0], [f"{row['network']} layer {row['layer']}" for row in shown],
         {key: [row[key] for row in shown] for key in ("SAM", "spikes of one step",
                                                       "spikes so far")})
    axes[0, 0].set_ylabel("localisation error", fontsize=7)
    claims = [
        judged("The localisation error rises with depth (Fig. 5c).", deeper, better="deeper worse"),
        judged("Conversion has a higher localisation error than surrogate training in every layer "
               "(Fig. 5c).", worse, better="conversion worse"),
        judged("SAM at gamma .5 has a lower localisation error than the plain count of the spikes "
               "so far (ours).", plain, better="count worse")]
    return Report("Fig. 5c: localisation error by layer and training", rows, claims,
                  f"{NOTE} Here gamma is {GAMMA}.", figures=[figure]), list(found)
