"""Many mutants of a design in one Verilog module, chosen by an input while it is simulated."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flow.toolchain import choose
from flow.yosys import yosys

WIDTH = 12                    # bits of the input that chooses
# What can have no effect is taken out first: it would make mutants that nothing can see.
PREPARE = ("read_verilog dut.v; hierarchy -top dut; proc; opt_expr; memory -nomap; opt -full; "
           "opt_hier; wreduce; opt -full; opt_hier; opt -full; opt_clean -purge")


@dataclass(frozen=True)
class Mutant:
    """One change: a cell's port bit inverted, stuck, or mixed with another bit.

    Members
    -------
    number : int
        What ``mutsel`` must be; 0 is the design itself.
    part : str
        The component.
    change : str
        Yosys' words for it.
    """

    number: int
    part: str
    change: str


def described(line):
    """What a line of ``mutate -list`` does, without what only the tool needs."""
    words = dict(re.findall(r"-(mode|cell|port|portbit|ctrlbit|wire|wirebit|src) (\S+)", line))
    place = f"{words.get('wire', words.get('cell'))}[{words.get('wirebit', '0')}]"
    return (f"{words['mode']} {words['port'].lstrip(chr(92))}[{words['portbit']}] of "
            f"{words['cell'].split('$')[-2] if '$' in words['cell'] else words['cell']} at "
            f"{place.lstrip(chr(92))} {words.get('src', '')}").strip()


def mutated(text, parts, *, seed=1):
    """(Verilog of module ``dut`` with an input ``mutsel``, RTLIL with its modules, its mutants).

    Parameters
    ----------
    text : str
        Verilog of the design, as Amaranth writes it.
    parts : dict of str -> (str, int)
        For each component's name the module's path below ``dut`` ("" for itself) and how many.
    """
    with tempfile.TemporaryDirectory(prefix="sam-mutants-") as folder:
        folder = Path(folder)
        (folder / "dut.v").write_text(text)
        script, first = [PREPARE], 1
        for n, (path, count) in enumerate(parts.values()):
            module = "\\dut" + f".{path}" * bool(path)
            script.append(f"mutate -list {count} -seed {seed} -module {module} "
                          f"-ctrl mutsel {WIDTH} {first} -o list{n}")
            first += count
        yosys("; ".join(script), folder)
        found, apply = [], [PREPARE]
        for n, part in enumerate(parts):
            # A read port without a clock cannot be given a reset.
            lines = [line for line in (folder / f"list{n}").read_text().splitlines()
                     if not re.search(r"-port \\?RD_[AS]RST", line)]
            if not lines:
                raise RuntimeError(f"{part}: no module is there to be changed")
            for line in lines:
                number = int(re.search(rf"-ctrl mutsel {WIDTH} (\d+)", line)[1])
                found.append(Mutant(number, part, described(line)))
            apply += lines
        apply += ["write_rtlil mutants.il", "flatten", "opt_clean", "write_verilog -noattr out.v"]
        yosys("; ".join(apply), folder)
        text = (folder / "out.v").read_text()
        if loose := re.search(r"(\\\S+\.mutsel ) *==", text):
            raise RuntimeError(f"{loose[1]}is not connected: its mutants would all survive")
        return text, (folder / "mutants.il").read_text(), found


def spoken(script, folder):
    """What Yosys says while it runs a script, a command a line."""
    (Path(folder) / "run.ys").write_text(script)
    done = subprocess.run([choose()["YOSYS"], "-T", "-s", "run.ys"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-10:])
        raise RuntimeError(f"Yosys failed:\n{tail}")
    return done.stdout
