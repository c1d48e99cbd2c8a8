"""The oracle sees what a refactoring must not change, and nothing else."""
# amaranth: UnusedElaboratable=no

import copy
import json
import re
import shutil

import numpy as np
import pytest
from amaranth import *
from amaranth.back import rtlil
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth_boards.icebreaker import ICEBreakerPlatform

from flow.toolchain import environment
from golden.io.errors import BadInput
from golden.network import restore
from hw.accelerator import Accelerator
from verify.oracle.__main__ import main
from verify.oracle.netlist import fingerprint, graph, yosys
from verify.oracle.networks import CASES, QUICK, Case, drawn, layer
from verify.oracle.project import ROOT, Project, Streams, measure
from verify.oracle.record import compared, read, write

pytestmark = pytest.mark.slow

TINY = Case("tiny", drawn(1, (1, 3, 3), 2, layer(3, 2), layer(2, 0, "none")),
            {"lanes": 1, "word_steps": 4, "taps": (1,)})


@pytest.fixture(autouse=True)
def tools():
    environment("ice40")


def text_of(component):
    return rtlil.convert(component, platform=ICEBreakerPlatform(), name="dut", emit_src=False)


def accelerator(header=TINY.network[0], **changes):
    """RTLIL of the tiny accelerator."""
    network = restore(header, TINY.network[1])
    return text_of(Streams(Accelerator(network, **TINY.options, **changes)))


def prints(text, folder, ports=False):
    return fingerprint(graph(text, folder), ports=ports)


# --- netlists -------------------------------------------------------------------------------------

def renamed(text, seed):
    """RTLIL with names of modules, cells and signals drawn from a seed, its modules in that order.

    What primitives and memories are called stays, and so do signals that are called alike.
    """
    names = set(re.findall(r"^ *(?:module|wire .*|cell \S+) (\\\S+)$", text, re.M)) - {"\\dut"}
    names -= set(re.findall(r"^ *memory .* (\\\S+)$", text, re.M))
    for cell in re.findall(r"^ *cell (?:\$|\\SB_)(?s:.*?)\n *end$", text, re.M):
        names -= set(re.findall(r"^ *(?:connect|parameter(?: signed)?) (\\\S+)", cell, re.M))
    rng = np.random.default_rng(seed)
    new = dict(zip(sorted(names), rng.permutation(len(names)), strict=True))
    text = re.sub(r"\\[^\s\\\"]+", lambda token: (
        f"\\n{new[token[0]]}" if token[0] in new else token[0]), text)
    modules = re.split(r"(?<=^end\n)", text, flags=re.M)
    assert len(modules) > 5 and len(names) > 200
    return "\n".join(modules[n] for n in rng.permutation(len(modules)))


@pytest.mark.parametrize("seed", (1, 2))
def test_names_and_order_change_nothing(seed, tmp_path):
    text = accelerator()
    other = renamed(text, seed)
    assert "\\encoder" in text and "\\encoder" not in other
    assert prints(other, tmp_path) == prints(text, tmp_path)


def test_yosys_own_names_change_nothing(tmp_path):
    """The same where Yosys numbers all wires and cells anew, behind the flattening."""
    text = accelerator()
    (tmp_path / "a.il").write_text(text)
    yosys(["read_rtlil a.il", "hierarchy -top dut", "proc", "flatten",
           "rename -hide", "rename -enumerate -pattern x%", "write_rtlil b.il"], tmp_path)
    other = (tmp_path / "b.il").read_text()
    assert not re.search(r"^ *(wire|cell) .*encoder", other, re.M)
    assert prints(other, tmp_path) == prints(text, tmp_path)


def test_constants_show(tmp_path):
    """One in a memory (the table of SAM), one at power-up of a register (the encoder's seed)."""
    first = prints(accelerator(), tmp_path)
    assert prints(accelerator(), tmp_path) == first
    assert prints(accelerator(gamma=0.6), tmp_path) != first
    header = TINY.network[0] | {"seed": 5}
    assert prints(accelerator(header), tmp_path) != first


class Sum(wiring.Component):
    """Running difference of two inputs; the same in one module or two, by other names or ports."""

    a: In(8)
    b: In(8)
    y: Out(8)
    z: Out(8)

    def __init__(self, split=False, init=3, turned=False, swapped=False, commuted=False, rows=()):
        self.given = split, init, turned, swapped, commuted, rows
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        split, init, turned, swapped, commuted, rows = self.given
        total = Signal(8, init=init, name="renamed" if split else "total")
        a, b = (self.b, self.a) if turned else (self.a, self.b)
        y, z = (self.z, self.y) if swapped else (self.y, self.z)
        place = m
        if split:
            m.submodules.another = place = Module()
        more = b + total if commuted else total + b
        place.d.comb += y.eq((a - b)[:8])
        m.d.sync += total.eq((more ^ a) if commuted else (a ^ more))
        m.submodules.rows = held = memory.Memory(shape=8, depth=4, init=rows or [1, 2, 3, 4])
        port = held.read_port()
        m.d.comb += [port.addr.eq(total), z.eq(port.data)]
        return m


def test_borders_of_modules_do_not_show(tmp_path):
    assert prints(text_of(Sum(split=True)), tmp_path, True) == (
        prints(text_of(Sum()), tmp_path, True))


def test_order_of_a_sum_does_not_show(tmp_path):
    assert prints(text_of(Sum(commuted=True)), tmp_path, True) == (
        prints(text_of(Sum()), tmp_path, True))


@pytest.mark.parametrize("change", ({"init": 2}, {"turned": True}, {"rows": [1, 2, 3, 5]}))
def test_changes_show(change, tmp_path):
    """A value at power-up, operands of a difference, a word of a memory."""
    assert prints(text_of(Sum(**change)), tmp_path, True) != prints(text_of(Sum()), tmp_path, True)
    if change != {"turned": True}:              # without names a and b are told apart by it alone
        assert prints(text_of(Sum(**change)), tmp_path) != prints(text_of(Sum()), tmp_path)


def test_ports_show_only_by_name(tmp_path):
    """Outputs that are swapped are found where ports have names, and only there."""
    one, two = text_of(Sum()), text_of(Sum(swapped=True))
    assert prints(one, tmp_path) == prints(two, tmp_path)
    assert prints(one, tmp_path, True) != prints(two, tmp_path, True)


# --- measurements ---------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def recorded():
    environment("ice40")
    return measure(TINY, Project(), sizes=False)


def damaged(elaborate):
    """An ``elaborate`` of the accelerator in which all scores are 0."""
    def changed(self, platform):
        m = elaborate(self, platform)
        m.d.comb += self.o_scores.payload.eq(0)     # the last assignment holds
        return m
    return changed


def test_measured_twice_is_equal(recorded):
    again = measure(TINY, Project(), sizes=False)
    assert again == recorded and not again["model_differs"]
    row, = compared({"tiny": recorded}, {"tiny": again}, identical=True)
    assert (row.netlist, row.cycles, row.results, row.wrong) == ("identical", "equal", "equal", ())


def test_another_result_shows(recorded, monkeypatch):
    monkeypatch.setattr(Accelerator, "elaborate", damaged(Accelerator.elaborate))
    found = measure(TINY, Project(), sizes=False)
    row, = compared({"tiny": recorded}, {"tiny": found})
    assert row.netlist == "differs" and "scores" in row.results
    assert "results differ" in row.wrong
    assert any("model and RTL differ" in text for text in row.wrong)


def test_another_tree_is_measured_and_no_other(tmp_path, capsys):
    """The copy has other scores; the oracle of this tree finds them there."""
    tree = tmp_path / "copy"
    for room in ("golden", "hw", "boards", "flow", "sim"):
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    with (tree / "hw" / "accelerator.py").open("a") as file:
        file.write("\n\ndef silent(self, platform, plain=Accelerator.elaborate):\n"
                   "    m = plain(self, platform)\n"
                   "    m.d.comb += self.o_scores.payload.eq(0)\n"
                   "    return m\n\n\nAccelerator.elaborate = silent\n")
    record = tmp_path / "record.json"
    options = ["--quick", "--only", "traces", "--jobs", "1"]
    main([*options, "--out", str(record)])
    main([*options, "--compare", str(record), "--identical"])
    with pytest.raises(SystemExit) as stop:
        main([*options, "--compare", str(record), "--tree", str(tree)])
    assert stop.value.code == 1
    assert "error: traces: results differ" in capsys.readouterr().err


def test_a_tree_without_a_name_says_so(tmp_path):
    with pytest.raises(RuntimeError, match="has no load at golden.network:load: write its new"):
        Project(tmp_path).load  # noqa: B018


# --- records --------------------------------------------------------------------------------------

def record():
    return {"net": {"setting": "s", "netlist": "n", "netlist_ports": "p", "cycles": [100, 200],
                    "packed": {"lc": 1000, "ebr": 3, "spram": 1, "dsp": 0},
                    "results": {"scores": "a", "causes": "c"}, "model_differs": []}}


@pytest.mark.parametrize("path, value, wrong", (
    (("packed", "lc"), 1010, ()),
    (("packed", "lc"), 900, ()),
    (("packed", "lc"), 1011, ("LC +1.10 %",)),
    (("packed", "ebr"), 4, ("more ebr",)),
    (("packed", "ebr"), 2, ()),
    (("cycles",), [101, 200], ("cycles differ",)),
    (("cycles",), [200, 100], ("cycles differ",)),
    (("results", "scores"), "b", ("results differ",)),
    (("results",), {"scores": "a"}, ("results differ",)),
    (("model_differs",), ["scores"], ("model and RTL differ in scores",)),
    (("netlist_ports",), "q", ()),
    (("netlist",), "o", ()),
    (("setting",), "t", ("another network or other options than recorded",)),
))
def test_what_fails(path, value, wrong):
    before, after = record(), record()
    at = after["net"]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    row, = compared(before, after)
    assert row.wrong == wrong


def test_what_may_be_allowed_or_demanded():
    before, after = record(), record()
    after["net"] |= {"cycles": [90, 190], "netlist": "o"}
    after["net"]["results"]["causes"] = "d"
    assert compared(before, after, allow_cycles=True)[0].wrong == ()
    assert compared(before, after, allow_cycles=True, identical=True)[0].wrong == (
        "netlist differs",)


def test_a_chip_is_a_row_of_its_own():
    before, after = record(), record()
    for each in (before, after):
        each["net"]["chip"] = copy.deepcopy({key: each["net"][key] for key in (
            "netlist", "netlist_ports", "packed")})
    after["net"]["chip"]["packed"]["lc"] = 1100
    assert [row.wrong for row in compared(before, after)] == [(), ("LC +10.00 %",)]


def test_networks_that_cannot_be_compared_fail():
    assert [row.wrong for row in compared(record(), {"other": record()["net"]})] == [
        ("not measured",), ("not in the record",)]


def test_records_are_compared_without_measuring(tmp_path, capsys):
    after = record()
    after["net"]["results"]["scores"] = "b"
    for name, networks in (("before", record()), ("after", after)):
        write(tmp_path / f"{name}.json", {"commit": name, "date": "today", "tools": {},
                                          "networks": networks})
    before = str(tmp_path / "before.json")
    main(["--measured", before, "--compare", before])
    with pytest.raises(SystemExit) as stop:
        main(["--measured", str(tmp_path / "after.json"), "--compare", before])
    assert stop.value.code == 1 and "error: net: results differ" in capsys.readouterr().err


@pytest.mark.parametrize("content", (b"", b"\xff", b"[]", b"{}", json.dumps(
    {"format": "sam-snn oracle", "version": 1, "networks": {}}).encode()))
def test_what_is_no_record(content, tmp_path):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadInput, match="x.json: "):
        read(tmp_path / "x.json")


# --- networks -------------------------------------------------------------------------------------

def features(case):
    """What a case has, as names."""
    if isinstance(case.network, str):
        return {case.network}
    (header, arrays), options = case.network, case.options
    steps = header["steps"]
    found = {header["encoder"], f"readout {header['readout']}", f"lanes {options['lanes']}",
             f"words {options['word_steps']}", f"taps {min(2, len(options['taps']))}",
             case.given.get("mode", "paper"), *(key for key in (
                 "attribution", "experiments", "scrub") if options.get(key))}
    if steps > options["word_steps"]:
        found.add("chunks")
    for n, each in enumerate(header["layers"]):
        if "pool" in each:
            found.add(f"pool {each['pool']}")
            continue
        found.add(("reset", each["reset"], each["delay"]))
        found.add(each["compare"])
        found.add("dense" if arrays[f"weights_{n}"].ndim == 2 else "convolution")
        if each["groups"] > 1:
            found.add("depthwise" if arrays[f"weights_{n}"].shape[1] == 1 else "groups")
        found |= {f"{what} a channel" for what in ("threshold", "leak", "v_reset")
                  if np.size(arrays[f"{what}_{n}"]) > 1}
        found |= {what for what in ("bias", "gain") if f"{what}_{n}" in arrays}
    if case.chip:
        found |= {f"chip {case.chip.get('form')}", *(
            f"chip {key}" for key in ("counters", "boot") if key in case.chip)}
    return found


def test_networks_have_everything():
    assert len(CASES) == 12 and set(QUICK) < set(CASES)
    have = set().union(*map(features, CASES.values()))
    wanted = {
        "fashion.npz", "digits.npz", "bernoulli", "ternary", "current", "frames",
        *(f"readout {name}" for name in ("membrane", "count", "first")),
        *(f"pool {kind}" for kind in ("sum", "avg", "max")),
        *(f"lanes {n}" for n in (1, 2, 4, 8, 16)), *(f"words {n}" for n in (4, 8, 16)),
        *(f"taps {n}" for n in range(3)), "paper", "inclusive", "official", "attribution",
        "experiments", "scrub", "chunks", "depthwise", "groups", "dense", "convolution", "bias",
        "gain", "threshold a channel", "leak a channel", "v_reset a channel", "gt", "ge",
        ("reset", "none", 0), "chip counters", "chip boot", "chip BYTES",
        *(("reset", reset, delay) for reset in ("subtract", "subtract_leaked", "zero")
          for delay in (0, 1))}
    assert have >= wanted, sorted(map(str, wanted - have))


def test_records_of_the_repository_are_of_these_networks():
    """Each committed record has all networks, measured in full, model and RTL equal."""
    paths = sorted((ROOT / "verify").glob("oracle*.json"))
    assert paths
    for path in paths:
        networks = read(path)["networks"]
        assert list(networks) == list(CASES)
        for name, found in networks.items():
            assert found["packed"]["lc"] > 0 and found["model_differs"] == []
            assert ("chip" in found) == bool(CASES[name].chip)
