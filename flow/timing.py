"""The clock of a routed iCE40UP5K with the delays that nextpnr does not know.

nextpnr takes every port of an SB_MAC16 for that of a register with 0.1 ns before and behind it,
whatever is configured: a product without registers has no delay at all. It knows what lies behind
an SB_SPRAM256KA, but not what must lie before. Here its delays of all cells and wires (an SDF file)
are gone through again, with those below for the two.

``DELAYS`` are the largest of Lattice's iCEcube2 for the UP5K at its slow corner, as project
IceStorm took them from there (icefuzz/timings_up5k.txt).
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

__all__ = ["Form", "arranged", "megahertz"]

DELAYS = {  # picoseconds
    "product": 9050,     # A or B to O: MUL_U_16X16_BYPASS and MUL_S_16X16_BYPASS
    "sum": 5263,         # C or D to O, and behind a product: ADS_U_32P32_BYPASS
    "output": 2120,      # CLK to a registered O: MUL_U_8X8_ALL_PIPELINE
    "input": 291,        # before CLK, of a registered A, B, C or D: MUL_U_16X16_ALL_PIPELINE
    "before": 6504,      # before CLK, of A or B where only O is registered: MAC_U_16X16_BYPASS
    "control": 2637,     # before CLK, of all other ports: ADDSUBBOT of MAC_U_16X16_BYPASS
    "spram in": 404,     # CHIPSELECT of SB_SPRAM256KA, its slowest port but for those to sleep
    "spram out": 1822,   # CLOCK to DATAOUT
}
CLOCKS = {"CLK", "RCLK", "WCLK", "CLOCK", "INPUT_CLK", "OUTPUT_CLK"}


@dataclass(frozen=True)
class Form:
    """Which registers of an SB_MAC16 are used.

    Members
    -------
    inputs : bool
        Those of A and B, and of C and D where something is added.
    middle : bool
        Those between the multipliers of 8 x 8 bits and their sum.
    outputs : bool
    adds : bool
        Whether the adder, or its register, is used.
    """

    inputs: bool
    middle: bool
    outputs: bool
    adds: bool

    @property
    def bare(self) -> bool:
        """Whether a path goes through without a register."""
        return not (self.inputs or self.outputs or (self.middle and not self.adds))


def arranged(netlist: dict) -> dict[str, Form]:
    """{name: Form} of each SB_MAC16 of a netlist that Yosys wrote as JSON."""
    return {name: form(cell) for module in netlist["modules"].values()
            for name, cell in module["cells"].items() if cell["type"] == "SB_MAC16"}


def form(cell: dict[str, Any]) -> Form:
    """Form of a cell of such a netlist."""
    number = lambda key: int(str(cell["parameters"].get(key, "0")), 2)
    every = lambda *keys: all(map(number, keys))
    selects = [number("BOTOUTPUT_SELECT"), number("TOPOUTPUT_SELECT")]
    adds = bool({0, 1} & set(selects))
    return Form(
        inputs=every("A_REG", "B_REG", *(("C_REG", "D_REG") if adds else ())),
        middle=every("TOP_8x8_MULT_REG", "BOT_8x8_MULT_REG", "PIPELINE_16x16_MULT_REG1"),
        outputs=all(select == 1 or (select == 3 and every("PIPELINE_16x16_MULT_REG2"))
                    for select in selects),
        adds=adds)


def read(text: str) -> tuple[list[tuple], list[tuple], list[tuple]]:
    """(wires, arcs, checks) of an SDF text that nextpnr wrote, in picoseconds.

    ``wires`` are ((cell, port), (cell, port), delay), ``arcs`` (kind, cell, port, port, delay) and
    ``checks`` (kind, cell, port, delay).
    """
    plain = lambda name: name.replace("\\", "")
    worst = lambda delays: max(float(each.split(":")[2]) for each in delays)
    wires, arcs, checks = [], [], []
    kind = cell = ""
    triple = r"\(([^()]*:[^()]*:[^()]*)\)"
    wire = re.compile(rf"\(INTERCONNECT (\S+) (\S+) {triple} {triple}\)")
    path = re.compile(rf"\(IOPATH (\S+) (\S+) {triple} {triple}\)")
    check = re.compile(rf"\(SETUPHOLD \(posedge (\S+)\) \(\w+ (\S+)\) {triple} ")
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("(INTERCONNECT"):
            source, sink, *delays = wire.match(line).groups()
            ends = (tuple(plain(end).rsplit("/", 1)) for end in (source, sink))
            wires.append((*ends, worst(delays)))
        elif line.startswith("(CELLTYPE"):
            kind = line.split('"')[1]
        elif line.startswith("(INSTANCE"):
            cell = plain(line[len("(INSTANCE"):-1].strip())
        elif line.startswith("(IOPATH"):
            source, sink, *delays = path.match(line).groups()
            arcs.append((kind, cell, plain(source), plain(sink), worst(delays)))
        elif line.startswith("(SETUPHOLD (posedge"):
            port, _, delay = check.match(line).groups()
            checks.append((kind, cell, plain(port), worst([delay])))
    return wires, arcs, checks


def megahertz(text: str, forms: dict[str, Form] | None = None) -> float:
    """Clock that an SDF text allows, from register to register of one clock domain.

    ``forms`` are those of ``arranged``; with None all delays are nextpnr's own, and so is the
    clock that is found.
    """
    wires, arcs, checks = read(text)
    if forms is not None:
        arcs, checks = stated(arcs, checks, forms)
    setups = defaultdict(float)
    for _, cell, port, delay in checks:
        setups[cell, port] = max(setups[cell, port], delay)
    behind, arrival, waits = defaultdict(list), {}, defaultdict(int)
    for source, sink, delay in wires:
        behind[source].append((sink, delay))
    for _, cell, source, sink, delay in arcs:
        if source in CLOCKS:
            arrival[cell, sink] = max(arrival.get((cell, sink), 0.0), delay)
        else:
            behind[cell, source].append(((cell, sink), delay))
    # What a clock reaches, each port once all before it are known.
    reached, left = set(arrival), list(arrival)
    while left:
        for sink, _ in behind[left.pop()]:
            waits[sink] += 1
            if sink not in reached:
                reached.add(sink)
                left.append(sink)
    ready = [port for port in arrival if not waits[port]]
    slowest, known = 0.0, 0
    while ready:
        port = ready.pop()
        known += 1
        if port in setups:
            slowest = max(slowest, arrival[port] + setups[port])
        for sink, delay in behind[port]:
            arrival[sink] = max(arrival.get(sink, 0.0), arrival[port] + delay)
            waits[sink] -= 1
            if not waits[sink]:
                ready.append(sink)
    if known != len(reached):
        raise ValueError(f"{len(reached) - known} ports lie on a loop without a register")
    return 1e6 / slowest if slowest else float("inf")


def stated(arcs: list[tuple], checks: list[tuple[str, str, str, float]],
           forms: dict[str, Form]) -> tuple[list[tuple], list[tuple]]:
    """``arcs`` and ``checks`` of ``read`` with ``DELAYS`` for multipliers and SPRAM."""
    found, ins, outs = [], defaultdict(set), defaultdict(set)
    for kind, cell, source, sink, delay in arcs:
        if kind == "ICESTORM_DSP":
            outs[cell].add(sink)
            continue
        found.append((kind, cell, source, sink,
                      DELAYS["spram out"] if kind == "ICESTORM_SPRAM" else delay))
    timed = []
    for kind, cell, port, delay in checks:
        if kind == "ICESTORM_DSP":
            ins[cell].add(port)
        else:
            timed.append((kind, cell, port,
                          DELAYS["spram in"] if kind == "ICESTORM_SPRAM" else delay))
    for cell in ins.keys() | outs.keys():
        form = forms[cell.removesuffix("_DSP")]
        multiplied = DELAYS["product"] + form.adds * DELAYS["sum"]
        for port in ins[cell]:
            name = port.split("_")[0].split("[")[0]
            product, added = name in ("A", "B"), name in ("C", "D")
            before = DELAYS["input"] if form.inputs and (product or added) else (
                DELAYS["before"] if product else DELAYS["sum"] if added else DELAYS["control"])
            timed.append(("ICESTORM_DSP", cell, port, before))
            if form.bare and not (product and form.middle):
                through = multiplied if product else DELAYS["sum"]
                found += [("ICESTORM_DSP", cell, port, out, through) for out in outs[cell]]
        # From registers at the inputs through what lies behind them, or from those of the outputs.
        behind = DELAYS["output"] + (0 if form.outputs else multiplied)
        found += [("ICESTORM_DSP", cell, "CLK", out, behind) for out in outs[cell]]
    return found, timed
