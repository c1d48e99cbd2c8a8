"""bench/plots/*.png: the measurements, drawn."""

import numpy as np
from matplotlib.figure import Figure

from boards.platform.device import ICE40UP5K

PLOTS = {
    "cycles": "Cycles of an image against its spikes, and the law of flow.estimate on those spikes",
    "causes": "Cycles of an image by layer and by cause, counted in the RTL",
    "modules": "Logic cells by module, from Yosys' hierarchy, with and without SAM",
    "clock": "Clock that each seed of place and route reaches",
    "lanes": "Cycles and logic cells against lanes and steps of a word",
    "history": "Size, clock and cycles from version to version (`bench/history.json`, "
               "`python -m bench.history`)",
}


def draw(results, where, put):
    """Write those of ``PLOTS`` for which there are measurements; return their names.

    ``put`` is that of golden.io.files.publishing.
    """
    measured, done = results["measured"], []
    for name, make in (("cycles", cycles), ("causes", causes), ("modules", modules),
                       ("clock", clock), ("lanes", lanes)):
        figure = Figure(figsize=(7, 4), layout="constrained")
        try:
            make(measured, figure.subplots())
        except (KeyError, TypeError):
            continue                                # not measured
        figure.savefig(put(where / f"{name}.png"), dpi=110, metadata={"Software": None})
        done.append(name)
    return done


def cycles(measured, axes):
    """Real images, and noise of every activity."""
    images, found = measured["images_without"], measured["activity"]
    axes.plot(images["spikes"], images["cycles"], ".", color="tab:blue", label="test images, RTL")
    axes.plot(images["spikes"], images["law"], "_", color="black", markersize=5)
    spikes = [each["spikes"] for each in found]
    axes.plot(spikes, [each["cycles"] for each in found], "o", color="tab:orange",
              label="noise at 0 to 50 %, RTL")
    axes.plot(spikes, [each["law"] for each in found], "-", color="black", linewidth=1,
              label="law: sum of max(trains + 1, visits + 1, drain)")
    axes.axhline(found[0]["cycles"], color="gray", linestyle=":", label="floor: no spike")
    axes.set(xlabel="spikes of an image", ylabel="cycles", ylim=(0, None))
    axes.legend()


def causes(measured, axes):
    """A bar a pass."""
    images = measured["images"]
    rows, names = np.array(images["causes"]) / images["images"], images["cause_names"]
    left = np.zeros(len(rows))
    for n, name in enumerate(names):
        axes.barh(range(len(rows)), rows[:, n], left=left, label=name, color=f"C{n}")
        left += rows[:, n]
    axes.set(yticks=range(len(rows)), xlabel="cycles of an image, mean",
             yticklabels=["load", *(f"pass {n}" for n in range(1, len(rows)))])
    axes.invert_yaxis()
    axes.legend(fontsize="small")


def modules(measured, axes):
    """Two bars a module."""
    with_, without = measured["modules"], measured["modules_without"]
    names = list(dict.fromkeys([*with_, *without]))
    at = np.arange(len(names))
    for shift, found, label in ((-0.2, with_, "with SAM"), (0.2, without, "without")):
        values = [found.get(name, 0) for name in names]
        bars = axes.barh(at + shift, values, 0.4, label=f"{label}: {sum(values):,}")
        axes.bar_label(bars, fontsize="x-small", padding=2)
    axes.set(yticks=at, yticklabels=names, xlabel="logic cells, modules not dissolved")
    axes.invert_yaxis()
    axes.legend()


def clock(measured, axes):
    """A bar a seed."""
    from bench.measures import CLOCK
    found = measured["clock"]
    axes.bar([str(each["seed"]) for each in found], [each["fmax_mhz"] for each in found],
             color=["tab:green" if each["fmax_mhz"] >= CLOCK else "tab:red" for each in found])
    axes.axhline(CLOCK, color="black", linewidth=1)
    axes.set(xlabel="seed", ylabel="MHz")


def lanes(measured, axes):
    """Cycles against cells, a point a size."""
    for each in measured["lanes"]:
        if "cycles" not in each:
            continue
        text = f"{each['lanes']} x {each['word_steps']}"
        axes.plot(each["lc"], each["cycles"], "o", mfc="none", color="tab:blue")
        axes.annotate(text, (each["lc"], each["cycles"]), xytext=(5, 3),
                      textcoords="offset points")
        if "real" in each:
            axes.plot(each["real"], each["cycles"], "x", color="tab:red")
    axes.plot([], [], "o", mfc="none", color="tab:blue", label="predicted")
    axes.plot([], [], "x", color="tab:red", label="built")
    axes.axvline(ICE40UP5K.limits["lc"], color="gray", linestyle=":", label="iCE40UP5K")
    axes.margins(0.15)
    axes.set(xlabel="logic cells", ylabel="cycles of an image", ylim=(0, None))
    axes.legend()
