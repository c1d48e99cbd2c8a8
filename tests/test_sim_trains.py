"""Run the cocotb bench of Trains."""

from hw.trains import Trains
from sim.build import run_bench

CASES = {
    "one": {"regions": (288, 144), "word_steps": 16, "chunks": 1},
    "three": {"regions": (480, 672), "word_steps": 4, "chunks": 3},
}


def test_bench(tmp_path):
    run_bench({name: Trains(**case) for name, case in CASES.items()}, "sim.bench_trains", CASES,
              tmp_path)
