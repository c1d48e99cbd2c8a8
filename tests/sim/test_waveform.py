"""``sim.run --trace``: signals of the RTL as they were, by modules, and what is refused."""

import re

import pytest

import sim.run
from golden.images import load_images
from golden.io.errors import BadInput
from golden.network import load
from sim import waveform
from sim.rtl import Simulation


def values(text, name):
    """[(time, value)] of a signal of the accelerator in a VCD."""
    code = re.search(rf"\$var wire \d+ (\S+) {name}(?: \[\d+:0\])? \$end", text)[1]
    now, found = 0, []
    for line in text.partition("$enddefinitions")[2].splitlines():
        if line.startswith("#"):
            now = int(line[1:])
        elif line[:1] in "01" and line[1:] == code:
            found.append((now, int(line[0])))
        elif line.startswith("b") and line.split()[-1] == code:
            found.append((now, int(line.split()[0][1:], 2)))
    return found


@pytest.mark.slow
def test_writes_what_happened_in_each_cycle(tmp_path, monkeypatch, capsys):
    """As many pixels move as the image has, their spikes end as without; modules are scopes."""
    monkeypatch.chdir(tmp_path)
    sim.run.main("--network digits --engine rtl --lanes 2 --trace w.vcd --out r.npz".split())
    said = capsys.readouterr().out
    assert "images 1" in said and "wrote w.vcd and w.gtkw" in said
    text = (tmp_path / "w.vcd").read_text()
    scopes = re.findall(r"\$scope module (\S+) \$end", text)
    assert {"engine", "address_generator", "datapath", "encoder"} <= set(scopes)
    levels = {}
    for part in ("valid", "ready"):
        filled = {}
        for time, value in [*values(text, f"i_pixels__{part}"), (10**9, 0)]:
            filled[time] = value
        levels[part] = filled
    clock = values(text, "clk")
    assert len(clock) > 2 * 5000 and all(value == time % 2 for time, value in clock[1:])

    def level(part, time):
        return max((when, value) for when, value in levels[part].items() if when <= time)[1]
    ends = sorted(set(levels["valid"]) | set(levels["ready"]))
    moved = 0
    for begin, end in zip(ends, ends[1:], strict=False):
        if level("valid", begin) and level("ready", begin):
            moved += sum(time % 2 == 0 for time in range(begin, min(end, clock[-1][0])))
    assert moved == 64
    groups = (tmp_path / "w.gtkw").read_text()
    assert '[dumpfile] "w.vcd"' in groups and "-pixels in" in groups
    for name in re.findall(r"^TOP\.(\w+)", groups, re.M):
        assert re.search(rf"\$var wire \d+ \S+ {name}\b", text), name


@pytest.mark.slow
def test_fst_is_smaller(tmp_path):
    if not waveform.packs():
        pytest.skip("no headers of lz4 and zlib")
    network = load("digits")
    images = load_images("digits", network)[0][:1]
    Simulation(network, lanes=2, quick=True, trace="fst").run(images, wave=tmp_path / "w.fst")
    assert 2**16 < (tmp_path / "w.fst").stat().st_size < 2**23


@pytest.mark.parametrize("words, said", [
    ("--trace w.vcd", "--trace is for --engine rtl"),
    ("--engine gates --trace w.vcd", "--trace is for --engine rtl"),
    ("--engine rtl --trace w.txt", "--trace w.txt: must end in .fst or .vcd")])
def test_refuses(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        sim.run.main(f"--network digits {words}".split())
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_fst_without_headers_has_a_way_out(monkeypatch):
    monkeypatch.setattr(waveform, "HEADERS", "#include <no_such_header.h>\n")
    with pytest.raises(BadInput, match="liblz4-dev.*ends in .vcd"):
        waveform.kind_of("w.fst")
    assert waveform.kind_of("w.vcd") == "vcd"
