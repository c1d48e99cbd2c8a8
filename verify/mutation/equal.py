"""Which mutants are the design itself: proven by Yosys' SAT solver, whatever a bench saw."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flow.yosys import yosys
from verify.mutation.mutants import WIDTH, spoken

PATIENCE = 5    # seconds of the solver for one question
HISTORY  = 2    # cycles of the design before the one in which the mutant is compared with it
ROUNDS   = 4    # sets of registers that may differ, tried for one mutant

FLAT = """\
read_rtlil mutants.il
hierarchy -top {module}
flatten
memory_map t:$mem_v2 r:WR_PORTS=0 %i
dffunmap
setundef -undriven -zero
opt_clean
select -assert-none t:$*ff* t:$dff %d
simplemap t:$dff
rename -top base
write_rtlil flat.il
"""
ASK = """\
log question {name}
design -reset
read_rtlil open.il
setattr -unset init w:*
read_verilog {name}.v
hierarchy -top both
proc
flatten
opt_expr
opt_merge
opt_expr -mux_bool -fine
opt_merge
opt_clean
sat -timeout {patience} -prove bad 0 -show-outputs both
"""


@dataclass(frozen=True)
class Open:
    """A component whose registers are opened into ports, a bit each, and its memories, too.

    What a memory gives is an input, what it is told an output. A memory that nobody writes is
    logic.

    Members
    -------
    text : str
        RTLIL of its module ``base``: bit n holds what is at ``\\bit<n>.Q`` and gets
        ``\\bit<n>.D``, at the edges of ``\\bit<n>.C``.
    inputs, outputs : list of (str, int)
        Names and widths of the others, without ``mutsel``.
    bits : int
    """

    text: str
    inputs: list
    outputs: list
    bits: int


def opened(text):
    """The Open of a flat module of RTLIL."""
    ports, top, bits = {"input": [], "output": []}, 0, 0
    for width, way, place, name in re.findall(
            r"^  wire (?:width (\d+) )?(?:\w+ )*?(input|output) (\d+) (\S+)$", text, re.M):
        ports[way].append((name, int(width or 1)))
        top = max(top, int(place))

    def opened_bit(match):
        nonlocal bits, top
        ends = dict(re.findall(r"connect \\(\w) (.*)", match[0]))
        lines = []
        for end in "CDQ":
            top += 1
            name, way = f"\\bit{bits}.{end}", "input" if end == "Q" else "output"
            lines += [f"  wire {way} {top} {name}\n", f"  connect {ends[end]} {name}\n"
                      if end == "Q" else f"  connect {name} {ends[end]}\n"]
        bits += 1
        return "".join(lines)

    def opened_memory(match):
        nonlocal top
        lines = []
        for end, signal in re.findall(r"connect \\(\w+) (.*)", match[0]):
            top += 1
            name, way = f"\\memory{top}.{end}", "input" if end == "RD_DATA" else "output"
            width = size(match[0], end)
            ports[way].append((name, width))
            lines += [f"  wire width {width} {way} {top} {name}\n",
                      f"  connect {signal} {name}\n" if way == "input" else
                      f"  connect {name} {signal}\n"]
        return "".join(lines)
    text = re.sub(r"^  cell \$mem_v2 .*?^  end\n", opened_memory, text, flags=re.M | re.S)
    text = re.sub(r"^  cell \$_DFF_P_ .*?^  end\n", opened_bit, text, flags=re.M | re.S)
    return Open(text, [port for port in ports["input"] if port[0] != "\\mutsel"],
                ports["output"], bits)


def size(cell, end):
    """Width of what is connected to one end of a ``$mem_v2``."""
    value = lambda name: int(re.search(rf"parameter (?:signed )?\\{name} (\d+)", cell)[1])
    ports = value(f"{end[:2]}_PORTS")
    return ports * {"DATA": value("WIDTH"), "ADDR": value("ABITS"),
                    "EN": value("WIDTH") if end == "WR_EN" else 1}.get(end[3:], 1)


def question(unit, number, *, history, free, reset):
    """Verilog of module ``both``: whether the mutant can differ from the design in one cycle.

    That cycle is the last one of ``history`` + 1: in those before, the design itself has run, from
    any state; the first of all is one of a ``reset`` or any. ``bad``: an output or a bit gets
    something else, unless the bit is in ``free``. Those hold anything in the mutant, too.
    """
    bits = range(unit.bits)
    source = [f"q{n}" for n in bits]
    lines, ports = [], ["output bad", *(f"input {each}" for each in source)]

    def instance(name, mutant, cycle, held):
        pins = [f".mutsel({WIDTH}'d{mutant})"]
        pins += [f".{port} (1'b1)" if reset and cycle == 0 and port == "\\rst" else
                 f".{port} (i{cycle}_{k})" for k, (port, _) in enumerate(unit.inputs)]
        for k, (port, width) in enumerate(unit.outputs):
            lines.append(f"wire [{width - 1}:0] {name}_o{k};")
            pins.append(f".{port} ({name}_o{k})")
        for n in bits:
            lines.append(f"wire {name}_c{n}, {name}_d{n};")
            pins += [f".\\bit{n}.C ({name}_c{n})", f".\\bit{n}.D ({name}_d{n})",
                     f".\\bit{n}.Q ({held[n]})"]
        lines.append(f"base {name} ({', '.join(pins)});")
    for cycle in range(history + 1):
        ports += [f"input [{width - 1}:0] i{cycle}_{k}"
                  for k, (_, width) in enumerate(unit.inputs)]
        if cycle < history:
            instance(f"before{cycle}", 0, cycle, source)
            source = [f"before{cycle}_d{n}" for n in bits]
    instance("gold", 0, history, source)
    ports += [f"input other{n}" for n in sorted(free)]
    instance("gate", number, history, [f"other{n}" if n in free else source[n] for n in bits])
    ports += [f"output differs{n}" for n in bits if n not in free] + ["output seen"]
    lines += [f"assign differs{n} = gold_d{n} != gate_d{n};" for n in bits if n not in free]
    # In the first cycle of a reset the state is any: it is gone then, but an output may show it.
    ends = [f"o{k}" for k, (port, _) in enumerate(unit.outputs)
            if port.startswith("\\memory") or not reset or history]
    ends += [f"c{n}" for n in bits]
    gold, gate = (", ".join(f"{name}_{end}" for end in ends) for name in ("gold", "gate"))
    lines.append(f"assign seen = {{{gold}}} != {{{gate}}};")
    differs = "".join(f", differs{n}" for n in bits if n not in free)
    lines.append(f"assign bad = |{{seen{differs}}};")
    return f"module both({', '.join(ports)});\n" + "\n".join(lines) + "\nendmodule\n"


def answers(unit, questions):
    """{name: None if ``bad`` is never 1, else the outputs that are} for {name: Verilog}."""
    if not questions:
        return {}
    with tempfile.TemporaryDirectory(prefix="sam-equal-") as folder:
        folder = Path(folder)
        (folder / "open.il").write_text(unit.text)
        for name, text in questions.items():
            (folder / f"{name}.v").write_text(text)
        script = "".join(ASK.format(name=name, patience=PATIENCE) for name in questions)
        log = spoken(script, folder)
    parts = re.split(r"^question (\w+)$", log, flags=re.M)[1:]
    said = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: None if "no model found: SUCCESS" in said[name] else
            set(re.findall(r"^ +\\(\w+) +1 ", said[name], flags=re.M)) for name in questions}


def equal(text, path, numbers):
    """The numbers of those mutants that are proven to be the design.

    Proven is, for a component by itself, whatever its inputs are: if mutant and design have been in
    the same state so far, all outputs, and all that their registers and memories get, are the same
    in the next cycle. So they do the same for ever, wherever the component stands. That state is
    any, or else one that the design reaches in HISTORY cycles, and the cycles from the first of a
    reset on are looked at by themselves. Registers may be left out, of which then nothing is
    assumed either. Behind the last place of a memory both read 0. Raises RuntimeError where even
    the design is not proven to be itself.

    Parameters
    ----------
    text : str
        RTLIL of the mutants, as ``mutated`` gives it.
    path : str
        The component's path below ``dut``.
    numbers : list of int
    """
    module = "\\dut" + f".{path}" * bool(path)
    with tempfile.TemporaryDirectory(prefix="sam-equal-") as folder:
        (Path(folder) / "mutants.il").write_text(text)
        yosys(FLAT.format(module=module).replace("\n", "; "), folder)
        unit = opened((Path(folder) / "flat.il").read_text())
    found = answers(unit, {f"m{n}": question(unit, n, history=0, free=(), reset=False)
                           for n in (0, *numbers)})
    if found["m0"] is not None:
        raise RuntimeError(f"{path}: the design is not proven to be itself")
    same = {n for n in numbers if found[f"m{n}"] is None}
    open_, late = {n: frozenset() for n in numbers if n not in same}, {}
    for _ in range(ROUNDS):
        found = answers(unit, {
            f"m{n}": question(unit, n, history=HISTORY, free=free, reset=False)
            for n, free in open_.items()})
        late |= {n: free for n, free in open_.items() if found[f"m{n}"] is None}
        more = {n: {int(each[7:]) for each in found[f"m{n}"] or () if each.startswith("differs")}
                for n in open_}
        open_ = {n: free | more[n] for n, free in open_.items()
                 if more[n] and "seen" not in found[f"m{n}"]}
    found = answers(unit, {
        f"m{n}c{cycle}": question(unit, n, history=cycle, free=free, reset=True)
        for n, free in late.items() for cycle in range(HISTORY)})
    return same | {n for n in late if all(
        found[f"m{n}c{cycle}"] is None for cycle in range(HISTORY))}
