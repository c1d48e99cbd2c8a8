"""python -m bench.boards: what chips take on the boards that flow.estimate.area is not fitted to.

Synthesises and packs some chips for each, and fits the factors of flow.estimate.fits: cells of the
board for one estimated for the iCE40UP5K, registers for a cell, and cells of a multiplier where
there is no DSP. Some minutes a chip.
"""

import json
import re

import numpy as np

from bench.store import ROOT
from boards.platform.target import target_for
from flow import steps
from flow.config import BuildConfig
from flow.design import design
from flow.estimate import area, fits
from golden.io.files import replacing
from golden.io.text import say
from golden.network import load

# (family, board, network, whether with SAM, lanes)
CHIPS = (
    ("ice40", "hx8k", "digits", False, 4), ("ice40", "hx8k", "digits", True, 4),
    ("ice40", "hx8k", "digits", True, 2),
    ("ecp5", "ulx3s", "digits", True, 4), ("ecp5", "ulx3s", "fashion", True, 16),
    ("ecp5", "ulx3s", "scenes", True, 8))


def packed(component, target):
    """{kind of cell: number} after packing."""
    folder = steps.synthesised(component, ROOT / "flow", target=target)
    if not (folder / "pack.tim").exists():
        try:
            steps.step(folder, "NEXTPNR", "--pack-only", "pack")
        except steps.ToolError as error:
            # nextpnr-ecp5 has counted by then, and misses the places that it was told not to seek.
            if "unplaced" not in str(error):
                raise
    text = (folder / "pack.tim").read_text()
    return {key: int(re.search(rf"{name}: *(\d+)/", text)[1]) for key, name in target.used.items()}


def measured():
    """[{board, network, sam, lanes, word_steps, real, lc, products}] of ``CHIPS``."""
    found = []
    for family, board, name, sam, lanes in CHIPS:
        network, target = load(name), target_for(family, board)
        accelerator, component, _ = design(network, BuildConfig(
            device=family, board=board, network=name, taps=None if sam else (), lanes=lanes,
            word_steps=16))
        found.append({
            "board": board, "network": name, "digest": network.digest, "sam": sam, "lanes": lanes,
            "word_steps": 16, "real": packed(component, target), "lc": area.cells(accelerator),
            "products": sum(count for _, count in accelerator.products)})
        say(json.dumps(found[-1]))
    return found


def fitted(rows):
    """Factors of one board, by least squares of relative errors."""
    kind = "lut" if "lut" in rows[0]["real"] else "lc"
    real = np.array([row["real"][kind] for row in rows], dtype=float)
    parts = [[row["lc"]] if "dsp" in row["real"] else [row["lc"], row["products"]] for row in rows]
    found = np.linalg.lstsq(np.array(parts) / real[:, None], np.ones(len(rows)), rcond=None)[0]
    result = {"cells": round(float(found[0]), 3)}
    if len(found) > 1:
        result["product"] = round(float(found[1]))
    if kind == "lut":
        result["registers"] = round(float(np.mean([row["real"]["ff"] / row["real"]["lut"]
                                                   for row in rows])), 3)
    return result


def main():
    """Measure, fit, and write flow/estimate/boards.json."""
    rows = measured()
    names = dict.fromkeys(row["board"] for row in rows)
    factors = {name: fitted([row for row in rows if row["board"] == name]) for name in names}
    with replacing(fits.FACTORS) as aside:
        aside.write_text(json.dumps({"factors": factors, "measured": rows}, indent=1) + "\n")
    say(f"wrote {fits.FACTORS}")


if __name__ == "__main__":
    main()
