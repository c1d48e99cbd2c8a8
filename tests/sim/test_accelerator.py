"""Run the cocotb bench of the whole Accelerator on drawn networks."""

import numpy as np
import pytest

from hw.accelerator import Accelerator
from sim.runner import run_bench
from verify.networks import draw, images

# name: seed and options of verify.networks.draw, lanes, word_steps, how many taps are left out.
BOXES = {
    "plain": {
        "t16": (1, {"plain": True, "steps": (16,)}, 4, 16, 0),
        "t20": (2, {"plain": True, "steps": (20,)}, 2, 8, 1),
        "t3": (6, {"plain": True, "steps": (3,)}, 1, 4, 0),
        "t33": (4, {"plain": True, "steps": (33,)}, 8, 16, 0),
    },
    "any": {
        "delays": (20, {}, 4, 16, 0),
        "counts": (47, {}, 2, 4, 0),
        "firsts": (41, {}, 8, 8, 9),
        "groups": (57, {}, 1, 16, 1),
    },
}


@pytest.mark.parametrize("box", BOXES)
def test_bench(box, tmp_path):
    units, params = {}, {}
    for name, (seed, options, lanes, word_steps, fewer) in BOXES[box].items():
        network = draw(seed, **options)
        taps = network.taps[fewer:]
        network.save(tmp_path / f"{name}.npz")
        np.save(tmp_path / f"{name}.npy", images(network, 3))
        units[name] = Accelerator(network, lanes=lanes, word_steps=word_steps, taps=taps)
        params[name] = {"network": str(tmp_path / f"{name}.npz"), "lanes": lanes, "taps": taps,
                        "word_steps": word_steps, "images": str(tmp_path / f"{name}.npy")}
    run_bench(units, "sim.benches.accelerator", params, tmp_path)
