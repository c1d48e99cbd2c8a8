"""Run the cocotb bench of Trains."""

from hw.memory.spike_memory import SpikeMemory
from sim.runner import run_bench

CASES = {
    "one": {"regions": (288, 144), "word_steps": 16, "chunks": 1},
    "three": {"regions": (480, 672), "word_steps": 4, "chunks": 3},
}


def test_bench(tmp_path):
    run_bench(
        {name: SpikeMemory(**case) for name, case in CASES.items()},
        "sim.benches.spike_memory",
        CASES,
        tmp_path,
    )
