"""Run the cocotb bench of TapReader."""

from hw.explain.tap_reader import TapReader
from hw.plan.planner import Plan
from sim.runner import run_bench
from verify.networks import draw

CASES = {"one": (3, 4, 16, (16,)), "full": (48, 4, 16, (16,)), "several": (5, 2, 8, (20,)),
         "three": (8, 1, 4, (10,))}


def test_bench(tmp_path):
    units, params = {}, {}
    for name, (seed, lanes, word_steps, steps) in CASES.items():
        network, path = draw(seed, steps=steps), tmp_path / f"{name}.npz"
        network.save(path)
        units[name] = TapReader(Plan(network, lanes=lanes, word_steps=word_steps))
        params[name] = {"network": str(path), "lanes": lanes, "word_steps": word_steps}
    run_bench(units, "sim.benches.tap_reader", params, tmp_path)
