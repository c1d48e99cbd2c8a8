"""A netlist as a fingerprint without names, and its size on the iCE40UP5K."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sysconfig
from collections import Counter
from pathlib import Path

import numpy as np

__all__ = ["fingerprint", "graph", "size", "tool_versions"]

# From modules to one graph of gates, adders, registers and memories. Operators on bits become
# gates; adders, comparisons and multiplications stay words. What constants decide is folded, equal
# cells are merged, and what nothing reads is dropped.
GRAPH = ("hierarchy -top {top}", "proc", "flatten", "opt_expr", "opt_clean", "simplemap",
         "opt_expr", "opt_merge", "opt_clean -purge", "memory_collect", "opt_clean -purge")
COMMUTES = {"$add", "$mul", "$eq", "$ne", "$_AND_", "$_OR_", "$_XOR_", "$_NAND_", "$_NOR_",
            "$_XNOR_"}
NAMES = {"MEMID", "TRG_NAME"}                   # parameters that hold a name
CELLS = ("SB_LUT4", "SB_DFF", "SB_CARRY", "SB_RAM40_4K", "SB_SPRAM256KA", "SB_MAC16")
PACKED = {"lc": "ICESTORM_LC", "ebr": "ICESTORM_RAM", "spram": "ICESTORM_SPRAM",
          "dsp": "ICESTORM_DSP"}


def call(variable, program, arguments, folder):
    """Output of a tool, that of the environment variable or of YoWASP.

    Raises RuntimeError with its last lines if it stops.
    """
    told = os.environ.get(variable)
    command = shlex.split(told) if told else [
        str(Path(sysconfig.get_path("scripts")) / f"yowasp-{program}")]
    done = subprocess.run([*command, *arguments], cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-8:])
        raise RuntimeError(f"{program} stopped with {done.returncode}:\n{tail}")
    return done.stdout


def yosys(script, folder):
    """Run commands of Yosys in a folder."""
    (Path(folder) / "run.ys").write_text("\n".join(script) + "\n")
    call("YOSYS", "yosys", ["-q", "-s", "run.ys"], folder)


def tool_versions():
    """{tool: version} of what makes a netlist."""
    return {"yosys": call("YOSYS", "yosys", ["-V"], ".").strip(),
            "nextpnr-ice40": call("NEXTPNR_ICE40", "nextpnr-ice40", ["--version"], ".").strip()}


def graph(text, folder, *, top="dut"):
    """The module ``top`` of RTLIL ``text`` after ``GRAPH``, as Yosys' write_json has it."""
    folder = Path(folder)
    (folder / "graph.il").write_text(text)
    yosys(["read_rtlil graph.il", *(line.format(top=top) for line in GRAPH),
           "write_json graph.json"], folder)
    return json.loads((folder / "graph.json").read_text())["modules"][top]


def fingerprint(module, *, ports):
    """32 hex digits that tell a netlist from another by what is connected to what.

    The netlist is a graph of cells and bits. A cell starts with its type and parameters (contents
    of memories and values of constants among them), a bit with its value at power-up, a port of
    the module with its direction and width and, with ``ports``, its name. Colours are refined
    (Weisfeiler and Leman) until no more can be told apart: a cell by the bits at each of its pins,
    a bit by the pins that it is at. The fingerprint is a hash of all colours, sorted.

    So names of signals, cells, modules and files, their order, the borders of modules, attributes
    and the order of the operands of a sum, product, equality or gate change nothing, nor does what
    ``GRAPH`` folds, merges and drops; without ``ports`` neither do the names of the ports.

    Two netlists that are the same but for names have one fingerprint. The converse is no proof: the
    refinement cannot tell some graphs apart in which many cells look alike (a ring of six equal
    registers from two rings of three), ports may have changed places where all else is symmetric,
    and two hashes of 128 bits may meet. Different fingerprints do not mean different behaviour:
    an operand a bit wider or another order of gates is another netlist.
    """
    cells = [(name, cell["type"], cell["parameters"], cell["connections"])
             for name, cell in module["cells"].items() if cell["type"] != "$scopeinfo"]
    labels, owners, roles, nets, numbers = [], [], [], [], {}

    def attach(pin, bits):
        for index, bit in enumerate(bits):
            owners.append(len(labels) - 1)
            roles.append(f"{pin} {index}")
            nets.append(numbers.setdefault(bit, len(numbers)))

    for _, kind, parameters, pins in cells:
        same = kind in COMMUTES and all(
            parameters.get(f"A_{what}") == parameters.get(f"B_{what}")
            for what in ("WIDTH", "SIGNED"))
        labels.append(json.dumps([kind, sorted(
            (key, value) for key, value in parameters.items() if key not in NAMES)]))
        for pin, bits in pins.items():
            attach("A" if same and pin == "B" else pin, bits)
    for name, port in module["ports"].items():
        labels.append(json.dumps(["port", port["direction"], len(port["bits"]),
                                  name if ports else ""]))
        attach("port", port["bits"])
    values = {number: f"constant {bit}" if isinstance(bit, str) else ""
              for bit, number in numbers.items()}
    for net in module["netnames"].values():
        # The last bit of the text is the first of the net.
        start = net["attributes"].get("init", "")[::-1]
        for bit, value in zip(net["bits"], start, strict=False):
            if value != "x" and bit in numbers and not isinstance(bit, str):
                values[numbers[bit]] = f"init {value}"
    owners, nets = np.array(owners, np.int64), np.array(nets, np.int64)
    sides = []
    for lane in range(2):                           # of 64 bits each
        hashes = {text: hashed(text, lane) for text in {*labels, *roles, *values.values()}}
        sides.append([np.array([hashes[text] for text in texts], np.uint64)
                      for texts in (labels, [values[n] for n in range(len(values))], roles)])
    told = 0
    while True:
        seen = np.concatenate([np.stack([side[0] for side in sides], 1),
                               np.stack([side[1] for side in sides], 1)])
        count = len(np.unique(seen, axis=0))
        if count == told:
            break
        told = count
        for side in sides:
            side[0] = refined(side[0], side[1][nets], side[2], owners)
            side[1] = refined(side[1], side[0][owners], side[2], nets)
    ordered = seen[np.lexsort(seen.T)]
    return hashlib.sha256(ordered.astype("<u8").tobytes()).hexdigest()[:32]


def hashed(text, lane):
    """64 bits of a text."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=bytes([lane])).digest()
    return int.from_bytes(digest, "little")


def mixed(values):
    """A permutation of uint64 in which every bit depends on every other (splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def refined(colours, others, roles, at):
    """New colours: of the old, and of the ``others`` each meets, in whatever order."""
    met = np.zeros_like(colours)
    np.add.at(met, at, mixed(mixed(others) + roles))
    return mixed(mixed(colours + np.uint64(0x9E3779B97F4A7C15)) + met)


def size(text, folder, *, before, options):
    """{cells: counts after synthesis, packed: counts after nextpnr has packed} of module ``dut``.

    Parameters
    ----------
    text : str
        RTLIL.
    before, options : str
        The project's: lines for Yosys behind reading, and options of synth_ice40.
    """
    folder = Path(folder)
    (folder / "size.il").write_text(text)
    yosys(["read_rtlil size.il", *before.splitlines(),
           f"synth_ice40 {options} -top dut -json size.json"], folder)
    counts = Counter()
    for cell in json.loads((folder / "size.json").read_text())["modules"]["dut"]["cells"].values():
        counts.update(name for name in CELLS if cell["type"].startswith(name))
    told = call("NEXTPNR_ICE40", "nextpnr-ice40",
                ["--up5k", "--package", "sg48", "--pack-only", "--json", "size.json"], folder)
    return {"cells": {name: counts[name] for name in CELLS},
            "packed": {key: int(re.search(rf"{name}: *(\d+)/", told)[1])
                       for key, name in PACKED.items()}}
