"""python -m bench.area: fit the cells of hw.area to built chips.

Every chip's cells are also predicted from the others alone, which is the error to expect for a
network that was never built.
"""

import json

import numpy as np

from bench.chips import netlist
from bench.networks import all_networks, command_line
from bench.store import kept
from golden.files import replacing
from hw import area, flow
from hw.cycles import drawn_trains, image_cycles

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

    ``real`` and ``predicted`` hold lc, ebr, spram and dsp; ``without`` the cells predicted by a fit
    to all the other networks; ``floor`` and ``busy`` cycles of an image at 0 and 20 % activity.
    """
    found = []
    for name, options in variants().items():
        folder, accelerator, _ = netlist(options, clock=CLOCK)
        real = kept("area", [folder.name], lambda folder=folder: flow.packed_size(folder))
        cycles = lambda activity, plan=accelerator.plan: float(image_cycles(
            plan, drawn_trains(plan, activity)).sum(axis=1).mean())
        found.append({
            "name": name, "network": accelerator.network.digest,
            "lanes": accelerator.plan.lanes, "word_steps": accelerator.plan.word_steps,
            "real": real, "parts": area.parts(accelerator),
            "predicted": {"lc": area.cells(accelerator), **area.blocks(accelerator)},
            "quiet": cycles(0), "busy": cycles(0.2)})
        tick()
    for each in found:
        others = [other for other in found if other["network"] != each["network"]]
        rest = fit([other["parts"] for other in others], [other["real"]["lc"] for other in others])
        each["without"] = round(sum(count * rest.get(part, 0)
                                    for part, count in each["parts"].items()))
    return found


def main():
    found = measure()
    cells = fit([each["parts"] for each in found], [each["real"]["lc"] for each in found])
    names = [each["name"] for each in found]
    with replacing(area.FITTED) as aside:
        aside.write_text(json.dumps({"cells": cells, "fitted_to": names}, indent=1) + "\n")
    for each in found:
        guess = sum(count * cells.get(part, 0) for part, count in each["parts"].items())
        real = each["real"]["lc"]
        print(f"{each['name']:26} {real:6} LC, {guess / real - 1:+.1%}; from the others alone "
              f"{each['without'] / real - 1:+.1%}")
    print(f"wrote {area.FITTED}")


if __name__ == "__main__":
    main()
