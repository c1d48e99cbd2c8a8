"""Run the cocotb bench of Follower."""

from hw.follower import Follower
from hw.plan import Plan
from sim.build import run_bench
from tests.networks import draw

CASES = {"one": (3, 4, 16, (16,)), "full": (48, 4, 16, (16,)), "several": (5, 2, 8, (20,)),
         "three": (8, 1, 4, (10,))}


def test_bench(tmp_path):
    units, params = {}, {}
    for name, (seed, lanes, word_steps, steps) in CASES.items():
        network, path = draw(seed, steps=steps), tmp_path / f"{name}.npz"
        network.save(path)
        units[name] = Follower(Plan(network, lanes=lanes, word_steps=word_steps))
        params[name] = {"network": str(path), "lanes": lanes, "word_steps": word_steps}
    run_bench(units, "sim.bench_follower", params, tmp_path)
