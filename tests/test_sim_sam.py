"""Run the cocotb bench of Sam."""

from golden.formats import map_bits
from hw.sam import Sam
from sim.build import run_bench

CASES = {
    f"t{steps}w{word}c{channels}": {
        "steps": steps, "word_steps": word, "channels": channels,
        "map_width": map_bits(channels, steps)}
    for steps, word, channels in (
        (16, 16, 4), (16, 16, 3), (20, 8, 2), (5, 4, 3), (1, 4, 2), (33, 16, 1), (16, 16, 20))}


def test_bench(tmp_path):
    units = {name: Sam(**{key: case[key] for key in ("steps", "word_steps", "map_width")})
             for name, case in CASES.items()}
    run_bench(units, "sim.bench_sam", CASES, tmp_path)
