"""Run the cocotb bench of the encoders."""

import pytest

from hw.encode.encoder import UNITS
from sim.runner import run_bench

pytestmark = pytest.mark.slow

CASES = {f"{kind[0]}{steps}w{word}": {
             "kind": kind, "steps": steps, "word_steps": word,
             "pixel_cycles": UNITS[kind].pixel_cycles(-(-steps // word), word)}
         for kind, sizes in {
             "bernoulli": ((16, 16), (20, 8), (1, 4), (3, 4), (5, 4), (33, 16), (30, 8)),
             "ternary": ((16, 16), (20, 8), (3, 4)),
             "current": ((16, 16), (20, 8), (3, 4)),
             "frames": ((16, 16), (20, 8)),
             "latency": ((16, 16), (20, 8), (1, 4), (256, 16), (257, 16), (1023, 16)),
             "graded": ((16, 16), (20, 8))}.items()
         for steps, word in sizes}


def test_bench(tmp_path):
    units = {name: UNITS[case["kind"]](steps=case["steps"], word_steps=case["word_steps"])
             for name, case in CASES.items()}
    run_bench(units, "sim.benches.encoder", CASES, tmp_path)
