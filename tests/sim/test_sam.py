"""Run the cocotb bench of Sam."""

from golden.formats import map_bits
from hw.explain.sam import Sam
from sim.runner import run_bench

CASES = {
    f"t{steps}w{word}c{channels}" + (f"b{bits}" if bits else ""): {
        "steps": steps, "word_steps": word, "channels": channels, "held": bits is not None,
        "map_width": bits or map_bits(channels, steps)}
    for steps, word, channels, bits in (
        (16, 16, 4, None), (16, 16, 3, None), (20, 8, 2, None), (5, 4, 3, None), (1, 4, 2, None),
        (33, 16, 1, None), (16, 16, 20, None), (16, 16, 20, 16), (20, 8, 5, 8))}


def test_bench(tmp_path):
    units = {name: Sam(**{key: case[key]
                          for key in ("steps", "word_steps", "map_width", "held")})
             for name, case in CASES.items()}
    run_bench(units, "sim.benches.sam", CASES, tmp_path)
