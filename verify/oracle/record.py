"""Records of trees of sources, and how two of them differ."""

import json
from dataclasses import dataclass
from pathlib import Path

from golden.io.errors import BadInput
from golden.io.files import replacing

__all__ = ["Row", "compared", "read", "write"]

FORMAT, VERSION = "sam-snn oracle", 1
LC_MORE = 1             # percent by which the logic cells of a network may grow


def read(path):
    """A record's file; BadInput if it is none."""
    path = Path(path)
    try:
        record = json.loads(path.read_text())
    except (ValueError, UnicodeError):
        raise BadInput(f"{path}: not a record of the oracle") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise BadInput(f"{path}: not a record of the oracle")
    if record.get("version") != VERSION:
        raise BadInput(f"{path}: record of version {record.get('version')}; this program reads "
                       f"version {VERSION}")
    if not isinstance(record.get("networks"), dict) or not record["networks"]:
        raise BadInput(f"{path}: a record without networks")
    return record


def write(path, record):
    """Write a record, whole or not at all."""
    with replacing(path) as aside:
        aside.write_text(json.dumps({"format": FORMAT, "version": VERSION, **record}, indent=1)
                         + "\n")


@dataclass(frozen=True)
class Row:
    """What became of a network, or of the chip around it; ``wrong`` says why that fails."""

    name: str
    netlist: str = ""
    cells: str = ""
    cycles: str = ""
    results: str = ""
    wrong: tuple = ()


def compared(before, after, *, allow_cycles=False, identical=False):
    """A list of Row: each network of two records' ``networks``.

    Wrong is where results, or what the model gives, differ; where cycles differ, unless
    ``allow_cycles``; where the packed logic cells grow by over ``LC_MORE`` percent or another kind
    of block by one; where the netlist differs, if it must be ``identical``; and where nothing can
    be compared: another network or other options are of that name, or only one record has it.
    """
    rows = []
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            missing = "not in the record" if name not in before else "not measured"
            rows.append(Row(name, wrong=(missing,)))
            continue
        old, new = before[name], after[name]
        if old["setting"] != new["setting"]:
            rows.append(Row(name, wrong=("another network or other options than recorded",)))
            continue
        rows.append(row(name, old, new, allow_cycles, identical))
        if "chip" in old and "chip" in new:
            rows.append(row(f"{name}, chip", old["chip"], new["chip"], allow_cycles, identical))
    return rows


def row(name, old, new, allow_cycles, identical):
    """Row of two measurements of one thing."""
    wrong = []
    same = old["netlist"] == new["netlist"]
    netlist = "differs" if not same else (
        "identical" if old["netlist_ports"] == new["netlist_ports"] else "identical but ports")
    if identical and not same:
        wrong.append("netlist differs")
    cells = sizes(old, new, wrong) if "packed" in old and "packed" in new else "not measured"
    cycles = results = ""
    if "cycles" in old:
        total = sum(old["cycles"]), sum(new["cycles"])
        cycles = "equal"
        if old["cycles"] != new["cycles"]:
            cycles = f"{total[0]} -> {total[1]} ({100 * (total[1] / total[0] - 1):+.2f} %)"
            if not allow_cycles:
                wrong.append("cycles differ")
        keys = sorted({*old["results"], *new["results"]})
        differ = [key for key in keys if old["results"].get(key) != new["results"].get(key)
                  # Stalls are cycles; golden is compared array by array.
                  and not (key == "causes" and allow_cycles)]
        results = "equal" if not differ else f"{', '.join(differ)} differ"
        if differ:
            wrong.append("results differ")
        if new["model_differs"]:
            wrong.append(f"model and RTL differ in {', '.join(new['model_differs'])}")
    return Row(name, netlist, cells, cycles, results, tuple(wrong))


def sizes(old, new, wrong):
    """What became of the packed cells; appends to ``wrong``."""
    old, new = old["packed"], new["packed"]
    change = f"{100 * (new['lc'] / old['lc'] - 1):+.2f} %"
    text = f"{old['lc']} -> {new['lc']} ({change})"
    if 100 * new["lc"] > (100 + LC_MORE) * old["lc"]:
        wrong.append(f"LC {change}")
    for kind in old:
        if kind != "lc" and old[kind] != new[kind]:
            text += f", {kind} {old[kind]} -> {new[kind]}"
            if new[kind] > old[kind]:
                wrong.append(f"more {kind}")
    return text
