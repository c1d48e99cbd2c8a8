"""The netlist of iCE40 cells: a small chip between its pins, and the multiplier."""

import hashlib
import json
import re
import subprocess

import numpy as np
import pytest
from amaranth import *
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

import verify.gate_level
from flow.yosys import yosys
from golden.io.evidence import digest
from golden.run import run
from sim.netlist import Gates, cell_models, netlist, yosys_models
from sim.verilate import verilated
from verify.networks import draw, images

pytestmark = pytest.mark.slow

COMPARE = r'''
#include <cstdint>
#include <cstdio>
#include "Vdut.h"
#include "verilated.h"
double sc_time_stamp() { return 0; }
int main() {
    Vdut dut;
    uint32_t rng = 1;
    const uint32_t ends[] = {0, 1, 0x7fff, 0x8000, 0xffff, 0x5555};
    for (uint64_t n = 0; n < 400000; n++) {
        rng ^= rng << 13; rng ^= rng >> 17; rng ^= rng << 5;
        dut.a = n < 36 ? ends[n % 6] : rng & 0xffff;
        dut.b = n < 36 ? ends[n / 6] : rng >> 16;
        const uint32_t wanted = (uint32_t)dut.a * (uint32_t)dut.b;
        dut.clk = 0; dut.eval(); dut.clk = 1; dut.eval();
        if (dut.y == wanted) continue;
        fprintf(stderr, "%x * %x is not %x\n", dut.a, dut.b, dut.y);
        return 1;
    }
    return 0;
}
'''


class Product(wiring.Component):
    """A registered product, as the SAM unit has one."""

    a: In(16)
    b: In(16)
    y: Out(32)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.y.eq(self.a * self.b)
        return m


def test_multiplier_equals_its_cell(tmp_path):
    """400,000 products of the SB_MAC16 that Yosys makes of ``*``, all ends among them."""
    text = netlist(Product())
    # Nets are named after the cell, too.
    assert len(re.findall(r"^ *SB_MAC16 #?\(", text, re.M)) == 1
    (tmp_path / "compare.cpp").write_text(COMPARE)
    program = verilated(text + cell_models(), quick=True, harness=tmp_path / "compare.cpp")
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "SB_MAC16" not in verilog.convert(Product())


def lut(models, name):
    """Module SB_LUT4 of some models, its contents made an input."""
    body = re.search(r"module SB_LUT4 .*?endmodule", models, re.S)[0]
    body = re.sub(r"`ifdef \w+.*?`endif|`ICE40_DEFAULT_ASSIGNMENT_\d", "", body, flags=re.S)
    body = body.replace("parameter [15:0] LUT_INIT = 0;", "")
    return body.replace("SB_LUT4 (", f"{name} (input [15:0] LUT_INIT, ") + "\n"


@pytest.mark.parametrize("model", [cell_models(), cell_models().replace("{I3, I2", "{I2, I3")],
                         ids=("ours", "two inputs swapped"))
def test_lut_equals_yosys(model, tmp_path):
    """By SAT for all contents and inputs; the same proof tells a LUT with two inputs swapped."""
    (tmp_path / "dut.v").write_text(lut(model, "ours") + lut(yosys_models(), "theirs"))
    script = ("read_verilog dut.v; proc; miter -equiv -flatten -make_outputs ours theirs both; "
              "sat -verify -prove trigger 0 both")
    if model == cell_models():
        yosys(script, tmp_path)
    else:
        with pytest.raises(RuntimeError, match="proof did fail"):
            yosys(script, tmp_path)


def test_the_command_runs_the_chip_that_ships(tmp_path, monkeypatch):
    """The netlist it asks for has the taps of hw.build; the log names them and the netlist."""
    asked = []

    class Asked(Gates):
        """Only asked for."""

        def __init__(self, network, *, taps):
            asked.append(taps)
            self.network, self.taps, self.netlist = network, taps, "  SB_LUT4 x\n"

        def run(self, images):
            return run(images, self.network, taps=self.taps)
    network = draw(3, steps=(4,), plain=True)
    network.save(tmp_path / "net.npz")
    np.savez(tmp_path / "images.npz", images=images(network, 2))
    monkeypatch.setattr(verify.gate_level, "Gates", Asked)
    monkeypatch.setattr(verify.gate_level, "summary", lambda network, found, wanted, text: {
        "images": 2, "equal": [], "cells": 1, "cycles": 1, "maps": [*found.maps]})
    verify.gate_level.main(
        [
            "--network",
            str(tmp_path / "net.npz"),
            "--out",
            str(tmp_path / "log.json"),
            "--images",
            str(tmp_path / "images.npz"),
        ]
    )
    log = json.loads((tmp_path / "log.json").read_text())
    assert asked == [network.default_taps] and tuple(log["maps"]) == asked[0]
    assert log["stamp"]["sources"] == digest("gates")
    assert log["stamp"]["rtl"] == hashlib.sha256(b"  SB_LUT4 x\n").hexdigest()


@pytest.mark.parametrize("size, steps, multipliers", [
    ({"lanes": 1, "word_steps": 4}, 4, 1),
    ({"lanes": 8, "word_steps": 16, "trains": 4}, 16, 8)])
def test_small_chip_equals_golden(size, steps, multipliers):
    """Scores, counts and the maps of all layers, over the wire, from cells alone.

    Behind a walk buffer all multipliers but SAM's hold registers (hw.memory.held).
    """
    network = draw(3, steps=(steps,), plain=True)
    some = images(network, 2)
    gates = Gates(network, **size, quick=True)
    assert "SB_LUT4" in gates.netlist and "SB_SPRAM256KA" in gates.netlist
    assert len(re.findall(r"^  SB_MAC16 ", gates.netlist, flags=re.M)) == multipliers
    held = 0 if "trains" not in size else multipliers - 1
    assert gates.accelerator.held_products == held
    found, wanted = gates.run(some), run(some, network)
    for name in ("logits", "scores", "counts"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), name
    assert found.maps.keys() == wanted.maps.keys()
    assert all(np.array_equal(found.maps[tap], wanted.maps[tap]) for tap in wanted.maps)
