"""Map quality against the number format: bits of the exp table, of the scores, of the weights.

The integers of golden.sam with other numbers of fraction bits, against SAM in real numbers; and the
maps of the network with its weights on fewer bits, against its own maps.
"""

from dataclasses import replace

import numpy as np

from golden.explain.metrics import rank_correlation
from golden.formats import rounded
from golden.run import run
from train.paper import maps
from train.paper.fixedpoint import exact
from train.paper.report import HOLDS, NOT, Claim, Report, canvas, interval, line
from train.paper.work import watched

TABLE_BITS = (1, 2, 3, 4, 6, 8, 10, 12, 15)
SCORE_BITS = (0, 1, 2, 3, 4, 6, 8, 10)
WEIGHT_BITS = (2, 3, 4, 5, 6, 7)


def integer_sam(spikes, *, gamma, table_frac, score_frac):
    """golden.sam in mode "paper" with any fraction bits; real numbers, (N, T, H, W)."""
    steps, one = spikes.shape[1], 1 << score_frac
    table = np.floor(np.exp(-gamma * np.arange(steps)) * 2**table_frac + 0.5).astype(np.int64)
    kept = np.zeros(spikes[:, 0].shape, dtype=np.int64)
    interval_ = np.zeros(kept.shape, dtype=np.intp)
    found = np.zeros((len(spikes), steps, *spikes.shape[3:]))
    for t in range(steps):
        fired = spikes[:, t] != 0
        now = one + rounded(table[interval_] * kept, table_frac)
        found[:, t] = ((now - one) * fired).sum(axis=1)
        kept, interval_ = np.where(fired, now, kept), np.where(fired, 1, interval_ + 1)
    return found / one


def coarse(network, bits):
    """``network`` with every weight on at most ``bits`` bits, thresholds as they were."""
    def make(layer):
        top, largest = 2 ** (bits - 1) - 1, int(np.abs(layer.weights).max())
        if largest <= top:
            return layer
        step = largest / top
        whole = np.rint(layer.weights / step)
        # Back on the old scale, so that nothing else changes: only the values get fewer.
        return replace(layer, weights=np.rint(whole * step).astype(layer.weights.dtype))
    return maps.rewoven(network, make)


def scored(found, wanted):
    """Error on the display scale and rank correlation, one a picture."""
    return {"error": np.abs(maps.shown(found) - maps.shown(wanted)).mean(axis=(1, 2, 3)),
            "rank": np.array([rank_correlation(a, b) for a, b in zip(found, wanted, strict=True)])}


def formats(subject, pictures, table_bits, score_bits, weight_bits, gamma):
    """Kind -> bits -> layer -> error and rank correlation of a picture; weights also "right"."""
    network = subject.network
    whole = watched(subject, pictures)
    found = {"table": {}, "scores": {}, "weights": {}}
    real = {tap: exact(whole.spikes[tap], gamma, "paper") for tap in subject.depths}
    for kind, many in (("table", table_bits), ("scores", score_bits)):
        for bits in many:
            chosen = {"table_frac": 15, "score_frac": 8,
                      f"{kind.rstrip('s')}_frac": bits}
            found[kind][str(bits)] = {str(tap): scored(
                integer_sam(whole.spikes[tap], gamma=gamma, **chosen), real[tap])
                for tap in subject.depths}
    for bits in weight_bits:
        result = run(pictures.images, coarse(network, bits), taps=subject.depths)
        found["weights"][str(bits)] = {
            str(tap): scored(maps.sam(result.spikes[tap], gamma=gamma),
                             maps.sam(whole.spikes[tap], gamma=gamma)) for tap in subject.depths}
        found["weights"][str(bits)]["right"] = {"right": result.pred == pictures.labels}
    found["weights"]["own"] = {"right": {"right": whole.pred == pictures.labels}}
    return found


def experiment(run):
    subjects, rows, errors_of = run.subjects("fashion", "scenes"), [], {"table": {}, "scores": {}}
    few = (lambda bits: bits[1::3]) if run.quick else (lambda bits: bits)
    chosen = {"table_bits": few(TABLE_BITS), "score_bits": few(SCORE_BITS)}
    figure, axes = canvas(3, len(subjects), width=3.2, height=2.2)
    for column, subject in enumerate(subjects):
        most = max(stage.layer.bits for stage in subject.network.stages)
        weights = few([bits for bits in WEIGHT_BITS if bits < most])
        found = run.spread(formats, subject, run.count(), "formats", gamma=maps.GAMMA,
                           weight_bits=weights, **chosen)
        own = interval(found["weights"].pop("own")["right"]["right"])
        for row, (kind, by_bits) in enumerate(found.items()):
            axis = axes[row, column]
            right = {bits: interval(one.pop("right")["right"]) for bits, one in by_bits.items()
                     if "right" in one}
            for tap in subject.depths:
                errors = [interval(255 * np.array(one[str(tap)]["error"]))
                          for one in by_bits.values()]
                if errors:
                    line(axis, [int(bits) for bits in by_bits], errors, f"layer {tap}", marker=".")
                for bits, error in zip(by_bits, errors, strict=True):
                    rows.append({
                        "network": subject.name, "of": kind, "bits": int(bits), "layer": tap,
                        "mean error (1/255)": error,
                        "rank correlation": interval(by_bits[bits][str(tap)]["rank"]),
                        "right": right.get(bits, own)})
                    if kind != "weights":
                        errors_of[kind].setdefault(int(bits), []).append(error["high"])
            axis.set_yscale("log")
            axis.set_title(f"{subject.name}: bits of {kind}", fontsize=8)
            axis.tick_params(labelsize=6)
        axes[0, column].legend(fontsize=6)
    axes[0, 0].set_ylabel("mean error (1/255)", fontsize=7)
    claims = [narrower(kind, worst) for kind, worst in errors_of.items()]
    return Report("Map quality against number formats", rows, claims,
                  f"gamma {maps.GAMMA}, paper mode. Table and scores: against SAM in real numbers, "
                  "the other format as on the chip (15 and 8 fraction bits). Weights: against the "
                  "network's own maps, its weights rounded afterwards to fewer values.",
                  figures=[figure]), subjects


def narrower(kind, worst):
    """How few bits are enough: ``worst`` is bits -> upper ends of the mean errors (1/255)."""
    chip = {"table": 15, "scores": 8}[kind]
    enough = [bits for bits in worst if max(worst[bits]) < 1]
    least = min(enough, default=None)
    said = "no format tried does" if least is None else (
        f"{least} bits do: {max(worst[least]):.3f}/255 in the worst layer")
    return Claim(f"Fewer bits than the chip's {chip} in the {kind} keep the mean error of a map "
                 "below one step of an 8-bit display (ours).",
                 HOLDS if least is not None and least < chip else NOT, said)
