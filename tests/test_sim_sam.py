"""Run the cocotb bench of Sam."""

from golden.formats import map_bits
from hw.sam import Sam
from sim.build import run_bench

# Formats as golden has them, some ending one unit below the largest sum, and some one bit short.
CASES = {
    f"t{steps}w{word}c{channels}{'s' * short}": {
        "steps": steps, "word_steps": word, "channels": channels,
        "map_width": map_bits(channels, steps) - short}
    for steps, word, channels, short in (
        (16, 16, 4, 0), (16, 16, 3, 1), (20, 8, 2, 0), (5, 4, 3, 0), (1, 4, 2, 0), (33, 16, 1, 1))}


def test_bench(tmp_path):
    units = {name: Sam(**{key: case[key] for key in ("steps", "word_steps", "map_width")})
             for name, case in CASES.items()}
    run_bench(units, "sim.bench_sam", CASES, tmp_path)
