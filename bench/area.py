"""python -m bench.area: fit the cells of flow.estimate.area to built chips.

Every chip's cells are also predicted from the others alone, which is the error to expect for a
network that was never built.
"""

import json

import numpy as np

from bench.chips import netlist
from bench.networks import all_networks, command_line
from bench.store import kept
from flow import steps
from flow.estimate import area
from golden.io.files import replacing
from golden.io.text import say

CLOCK = 48


def fit(parts, real):
    """{part: cells for one} that fit ``real`` cells best, none negative, by relative error."""
    names = sorted({name for each in parts for name in each})
    table = np.array([[each.get(name, 0) for name in names] for each in parts], dtype=float)
    table /= np.array(real, dtype=float)[:, None]
    left = list(range(len(names)))
    while True:                                     # what would be negative is left out
        found = np.linalg.lstsq(table[:, left], np.ones(len(real)), rcond=None)[0]
        if not left or found.min() >= 0:
            break
        left.pop(int(found.argmin()))
    return {names[n]: round(float(value), 3) for n, value in zip(left, found, strict=True)}


def variants():
    """{name: command line of hw.build}: all networks with SAM, two of them also without."""
    found = {name: command_line(name, *network) for name, network in all_networks().items()}
    for name in ("fashion", "one convolution"):
        found[f"{name}, no SAM"] = [*found[name], "--no-sam"]
    return found


def measure(*, tick=lambda: None):
    """[{name, lanes, word_steps, real, predicted, without, parts}] of every variant.

    Fits flow.estimate.area anew first. ``real`` and ``predicted`` hold lc, ebr, spram and dsp;
    ``without`` the cells predicted by a fit to all the other networks.
    """
    found = []
    for name, options in variants().items():
        folder, accelerator, _ = netlist(options, clock=CLOCK)
        real = kept("area", [folder.name], lambda folder=folder: steps.packed_size(folder))
        found.append({
            "name": name, "network": accelerator.network.digest,
            "lanes": accelerator.plan.lanes, "word_steps": accelerator.plan.word_steps,
            "real": real, "parts": area.parts(accelerator), "predicted": area.blocks(accelerator)})
        tick()
    fitted = fit([each["parts"] for each in found], [each["real"]["lc"] for each in found])
    with replacing(area.FITTED) as aside:
        aside.write_text(json.dumps({"cells": fitted, "fitted_to": list(variants())}, indent=1)
                         + "\n")
    for each in found:
        others = [other for other in found if other["network"] != each["network"]]
        rest = fit([other["parts"] for other in others], [other["real"]["lc"] for other in others])
        each["predicted"]["lc"] = area.summed(each["parts"], fitted)
        each["without"] = area.summed(each["parts"], rest)
    return found


def main():
    for each in measure():
        real = each["real"]["lc"]
        say(f"{each['name']:26} {real:6} LC, {each['predicted']['lc'] / real - 1:+.1%}; from the "
            f"others alone {each['without'] / real - 1:+.1%}; EBR {each['real']['ebr']}, "
            f"predicted {each['predicted']['ebr']}")
    say(f"wrote {area.FITTED}")


if __name__ == "__main__":
    main()
