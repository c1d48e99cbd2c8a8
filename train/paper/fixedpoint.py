"""SAM in the chip's integers against SAM in real numbers, on the scale that is displayed."""

import numpy as np

from golden.explain.metrics import rank_correlation
from golden.formats import SCORE_FRAC, map_top
from train.paper import maps
from train.paper.report import HOLDS, NOT, Claim, Report, bars, canvas, interval
from train.paper.work import watched

GAMMAS = (0.0, 0.1, 0.3, 0.5, 1.0)
MODES = ("paper", "inclusive", "official")
NARROW = 16      # bits of a map in one block RAM: hw.build --map-bits


def exact(spikes, gamma, mode):
    """SAM by its sums in float64: no recursion, no table, no rounding; (N, T, H, W)."""
    steps = spikes.shape[1]
    age = np.subtract.outer(np.arange(steps), np.arange(steps))
    kernel = np.where(age > 0, np.exp(-gamma * np.maximum(age, 0)), 0) + (mode != "paper") * (
        age == 0)
    trains = spikes.reshape(*spikes.shape[:2], -1).astype(float)
    score = np.einsum("ts,nsp->ntp", kernel, trains).reshape(spikes.shape)
    if mode == "official":
        silent = np.cumsum(spikes == 0, axis=1)
        score = score + silent * np.exp(-gamma * np.arange(steps))[:, None, None, None]
    return (score * spikes).sum(axis=2)


def errors(subject, pictures, gammas, modes):
    """Worst and mean error a picture as displayed, rank correlation, sums over 16 bits."""
    result = watched(subject, pictures)
    found = {}
    for tap in subject.depths:
        spikes = result.spikes[tap]
        for mode in modes:
            for gamma in gammas:
                real = exact(spikes, gamma, mode)
                whole = maps.sam(spikes, gamma=gamma, mode=mode)
                off = np.abs(maps.shown(whole) - maps.shown(real))
                found[f"{tap}/{mode}/{gamma:g}"] = {
                    "worst": off.max(axis=(1, 2, 3)), "mean": off.mean(axis=(1, 2, 3)),
                    "relative": np.abs(whole - real).max(axis=(1, 2, 3))
                    / np.maximum(real.max(axis=(1, 2, 3)), 1e-9),
                    "rank": np.array([rank_correlation(a, b)
                                      for a, b in zip(whole, real, strict=True)]),
                    "over": (whole > map_top(NARROW) / 2**SCORE_FRAC).mean(axis=(1, 2, 3))}
    return found


def experiment(run):
    subjects = run.subjects("fashion", "fashion-conversion", "scenes")
    gammas, modes = (GAMMAS, MODES) if not run.quick else ((0.1, 0.5), MODES)
    rows = []
    for subject in subjects:
        found = run.spread(errors, subject, run.count(), "fixedpoint", gammas=gammas,
                           modes=modes)
        for key, one in found.items():
            tap, mode, gamma = key.split("/")
            rows.append({"network": subject.name, "layer": int(tap), "mode": mode,
                         "gamma": float(gamma), "worst (1/255)": 255 * max(one["worst"]),
                         "mean (1/255)": interval(255 * np.array(one["mean"])),
                         "worst, share of the largest": max(one["relative"]),
                         "rank correlation": interval(one["rank"]),
                         "sums over 16 bits (%)": 100 * float(np.mean(one["over"])),
                         "pictures": len(one["mean"])})
    seen = [row for row in rows if row["gamma"] == 0.5 and row["mode"] == "paper"]
    figure, axes = canvas(1, 2, width=4.5, height=3)
    names = [f"{row['network']} layer {row['layer']}" for row in seen]
    bars(axes[0, 0], names, {"worst of all pictures": [
        {"mean": row["worst (1/255)"], "high": row["worst (1/255)"]} for row in seen],
        "mean": [row["mean (1/255)"] for row in seen]})
    axes[0, 0].set_title("error, gamma .5, paper mode (1/255)", fontsize=8)
    for mode in modes:
        axes[0, 1].plot(gammas, [max(row["worst (1/255)"] for row in rows if row["mode"] == mode
                                     and row["gamma"] == gamma) for gamma in gammas], "o-",
                        label=mode)
    axes[0, 1].set_title("worst of all networks and layers (1/255)", fontsize=8)
    axes[0, 1].set_xlabel("gamma", fontsize=7)
    axes[0, 1].legend(fontsize=6)
    limit, usual = (max(value(row) for row in seen) for value in (
        lambda row: row["worst (1/255)"], lambda row: row["mean (1/255)"]["high"]))
    over = [row for row in rows if row["sums over 16 bits (%)"]]
    ranks = min(row["rank correlation"]["mean"] for row in rows)
    worst = max(row["worst (1/255)"] for row in rows)
    narrow = (f"; {NARROW} bits would hold all sums but in {len(over)} of {len(rows)} rows, all at "
              f"gamma {max(row['gamma'] for row in over):g} or below" if over else "")
    claims = [
        Claim("Integer SAM (table of 15 bits, scores with 8 fraction bits) shows what real numbers "
              "show: the mean error stays below one step of an 8-bit display.",
              HOLDS if usual < 1 else NOT,
              f"at gamma .5, paper mode, {usual:.3f}/255 in the worst layer of "
              f"{seen[0]['pictures']} pictures a network; rank correlation {ranks:.5f} or more at "
              "every gamma and mode" + narrow),
        Claim("The worst pixel, too, stays within one step of an 8-bit display.",
              HOLDS if worst <= 1 else NOT,
              f"the worst of all steps and pictures is {limit:.2f}/255 at gamma .5, paper mode, "
              f"and {worst:.2f}/255 over all gammas and modes")]
    return Report("Fixed-point SAM against real numbers", rows, claims,
                  "Display: (M - min) / (max(M - min) + .001) of each step, times 255.",
                  figures=[figure]), subjects
