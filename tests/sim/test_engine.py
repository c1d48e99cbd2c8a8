"""Run the cocotb bench of Engine."""

import numpy as np

from hw.engine.engine import Engine
from hw.plan.planner import Plan
from sim.runner import run_bench
from verify.networks import draw, images

# name: seed and options of verify.networks.draw, lanes, word_steps.
CASES = {
    "lanes1": (46, {}, 1, 4),
    "lanes2": (20, {}, 2, 8),
    "lanes4": (3, {"plain": True, "steps": (16,)}, 4, 16),
    "lanes8": (38, {"uniform": True, "steps": (20,)}, 8, 16),
    "wide": (243, {"rich": True, "steps": (5,)}, 4, 8),
    "norms": (291, {"rich": True, "steps": (5,)}, 4, 4),
}


def test_bench(tmp_path):
    units, params = {}, {}
    for name, (seed, options, lanes, word_steps) in CASES.items():
        network = draw(seed, **options)
        network.save(tmp_path / f"{name}.npz")
        np.save(tmp_path / f"{name}.npy", images(network, 2))
        units[name] = Engine(Plan(network, lanes=lanes, word_steps=word_steps))
        params[name] = {"network": str(tmp_path / f"{name}.npz"), "lanes": lanes,
                        "word_steps": word_steps, "images": str(tmp_path / f"{name}.npy")}
    run_bench(units, "sim.benches.engine", params, tmp_path)
