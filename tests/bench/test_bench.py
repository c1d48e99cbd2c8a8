"""The benchmark: nothing got worse, and its own arithmetic."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import flow.estimate.area as area_model
from bench import area, check, history, roofline
from bench.__main__ import main
from bench.chips import chip, netlist
from bench.measures import CLOCK, SIZED, WITHOUT
from bench.modules import logic_cells
from bench.networks import all_networks
from bench.rows import ASKED, common_clock, grade, rows, worst
from bench.table import page
from bench.walk import PIXELS, SILENT, network, recorded, stages
from flow.estimate.cycles import image_cycles, planes_of, trains_of
from golden.io.errors import BadInput
from golden.run import run
from hw.plan.planner import Plan
from sim.rtl import Simulation

pytestmark = pytest.mark.slow

RESULTS = Path("bench/results.json")


def test_nothing_is_worse():
    """Cycles of a few images, cells of the chip: within 2 % of the committed ones, or better."""
    done = subprocess.run([sys.executable, "-m", "bench", "--quick", "--jobs", "1"], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_worse_is_found():
    committed = json.loads(RESULTS.read_text())["measured"]
    assert check.regressions(committed, committed) == []
    worse = copy.deepcopy(committed)
    worse["size"]["lc"] = round(committed["size"]["lc"] * 1.021)
    worse["images"]["cycles"][3] += round(0.03 * sum(committed["images"]["cycles"]))
    worse["dense"]["equal"] = False
    found = check.regressions(worse, committed)
    assert [line.split(":")[0] for line in found] == ["size lc", "images cycles", "dense"]


def test_page_is_that_of_the_results():
    """README.md is written from results.json, and every row says something."""
    results = json.loads(RESULTS.read_text())
    limits = json.loads(Path("bench/limits.json").read_text())
    assert Path("bench/README.md").read_text() == page(results, limits)
    assert [row.name for row in rows(results["measured"], limits)] == [each[0] for each in ASKED]


def test_a_version_is_kept_once():
    """The last point of the history is of the committed results; another size is another point."""
    results = json.loads(RESULTS.read_text())
    kept = json.loads(history.HISTORY.read_text())
    now = history.point(results, results["date"])
    assert history.added(kept, {**now, "date": "2027-01-01"}) == kept
    smaller = copy.deepcopy(results)
    smaller["measured"]["size"]["lc"] -= 1
    assert history.added(kept, history.point(smaller, "2027-01-01"))[:-1] == kept
    # Clocks that were measured on a chip of another size are not this one's.
    same = copy.deepcopy(results)
    for each in same["measured"]["clock"]:
        each["lc"] = same["measured"]["size"]["lc"]
    found = history.point(same, "x")["mhz"]
    assert found[0] <= found[1] <= found[2] and found[0] == min(
        each["fmax_mhz"] for each in results["measured"]["clock"])
    same["measured"]["clock"][0]["lc"] += 1
    for each in same["measured"]["clock"]:
        each["lc"] += 1
    assert history.point(same, "x")["mhz"] is None


def test_history_out_of_git(tmp_path):
    """A repository with three results, of which two say the same."""
    git = lambda *words: subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True,
        capture_output=True)
    git("init", "-q")
    (tmp_path / "bench").mkdir()
    results = json.loads(RESULTS.read_text())
    for lc in (100, 100, 90):
        results["measured"]["size"]["lc"] = lc
        results["n"] = results.get("n", 0) + 1
        (tmp_path / "bench/results.json").write_text(json.dumps(results))
        git("add", "bench/results.json")
        git("commit", "-q", "-m", "x")
    points = history.past(tmp_path)
    assert [each["lc"] for each in points] == [100, 90]
    history.draw(points, tmp_path / "h.png")
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BadInput, match="--from-git needs git"):
        history.past(tmp_path / "gone")


def test_roofline_is_that_of_the_results():
    measured = json.loads(RESULTS.read_text())["measured"]
    text = roofline.PAGE.read_text()
    assert roofline.updated(text, measured) == text
    assert f"**{sum(measured['images']['operations']) / sum(measured['images']['cycles']):.2f}**" \
        in text


def test_causes_cost_nothing():
    """Nothing of hw.engine.profiler is left in the chip's netlist."""
    folder, _, _ = netlist([], clock=CLOCK)
    cells = json.loads((folder / "top.json").read_text())["modules"]["top"]["cells"]
    kept = [name for name, cell in cells.items()
            if "causes" in name and cell["type"] != "$scopeinfo"]
    assert len(cells) > 1000 and kept == []


def test_cost_model_holds():
    """Cells within 15 % of those of built chips, also by a fit that never saw them.

    Of the two chips in every results.json, and of those in its table of networks.
    """
    measured = json.loads(RESULTS.read_text())["measured"]
    for name, options in (("size", SIZED), ("size_without", WITHOUT)):
        accelerator, _, _ = chip(options, clock=CLOCK)
        real = measured[name]
        assert abs(area_model.cells(accelerator) / real["lc"] - 1) < 0.15, name
        assert abs(area_model.blocks(accelerator)["ebr"] - real["ebr"]) <= 1, name
    found = measured.get("area", [])
    assert len({each["network"] for each in found}) >= 8 * bool(found)
    for each in found:
        real, guess = each["real"], each["predicted"]
        assert abs(guess["lc"] / real["lc"] - 1) < 0.15, each["name"]
        assert abs(each["without"] / real["lc"] - 1) < 0.15, each["name"]
        assert all(guess[key] == real[key] for key in ("spram", "dsp")), each["name"]
        assert abs(guess["ebr"] - real["ebr"]) <= 1, each["name"]


def test_grades():
    assert [grade(value, 12, 18) for value in (11.9, 12, 18)] == ["no", "must", "aim"]
    assert [grade(value, 4, 3, most=True) for value in (4.1, 4, 3)] == ["no", "must", "aim"]
    assert worst("aim", "no", "must") == "no"


def test_common_clock():
    """Eight of ten seeds reach the third slowest's clock; no more counts than was asked for."""
    seeds = lambda *mhz: [{"fmax_mhz": each} for each in mhz]
    assert common_clock(seeds(40, 41, 42, 43, 44, 45, 46, 47, 49, 50)) == 42
    assert common_clock(seeds(*[60] * 10)) == 48


def test_logic_cells_by_hand():
    """A LUT with its flip-flop, one shared by two, a flip-flop alone, a carry alone: 5 cells."""
    def cell(kind, out, **pins):
        return {"type": kind, "connections": {name: [net] for name, net in pins.items()},
                "port_directions": {name: "output" if name == out else "input" for name in pins}}
    module = {"ports": {"y": {"direction": "output", "bits": [21]}}, "cells": {
        "a": cell("SB_LUT4", "O", I1=1, I2=2, I3=3, O=10),
        "b": cell("SB_DFF", "Q", D=10, Q=20),                   # packed with a
        "c": cell("SB_LUT4", "O", I1=4, I2=5, I3=6, O=21),      # also an output of the module
        "d": cell("SB_DFF", "Q", D=21, Q=22),                   # so not packed
        "e": cell("SB_DFF", "Q", D=30, Q=31),
        "f": cell("SB_CARRY", "CO", I0=1, I1=2, CI=3, CO=40),   # packed with a
        "g": cell("SB_CARRY", "CO", I0=7, I1=8, CI=9, CO=41)}}
    assert logic_cells(module) == 5


def test_fit_finds_what_made_the_cells():
    rng = np.random.default_rng(1)
    parts = [{"a": int(a), "b": int(b), "c": int(c)} for a, b, c in rng.integers(1, 50, (9, 3))]
    real = [7 * each["a"] + 2.5 * each["b"] for each in parts]
    found = area.fit(parts, real)
    assert found.pop("c", 0) == 0 and found == {"a": 7.0, "b": 2.5}


@pytest.mark.parametrize("argument, message", [
    (["--only", "x"], "--only must be one of"), (["--jobs", "0"], "--jobs must be at least 1")])
def test_refuses(capsys, argument, message):
    with pytest.raises(SystemExit, match="^2$"):
        main(argument)
    assert capsys.readouterr().err.startswith(f"error: {message}")


@pytest.mark.parametrize("name", [
    name for name in all_networks() if name not in ("fashion", "dense784")])
def test_law_of_cycles(name):
    """Hw.cycles foretells the RTL's cycles of noise, a black and a white image, within 2 %."""
    network, options = all_networks()[name]
    images = np.random.default_rng(1).integers(0, 256, (3, *network.shape), dtype=np.uint8)
    images[1], images[2] = 0, 255
    plan, golden = Plan(network, **options), run(images, network)
    sources = [planes_of(plan, golden.spikes_input), *(golden.spikes[t] for t in network.taps)]
    law = image_cycles(plan, [trains_of(plan, source) for source in sources]).sum(axis=1)
    rtl = Simulation(network, taps=(), quick=True, **options).run(images, keep=False).cycles
    assert np.abs(law / rtl - 1).max() < 0.02, (law.tolist(), rtl.tolist())


@pytest.mark.parametrize("trains", [1, 4])
def test_the_picture_of_walks_shows_each_in_every_stage(trains):
    plan = Plan(network(), lanes=8, word_steps=16, trains=trains)
    found = stages(recorded(plan), plan)
    for name, cells in found.items():
        cycles, walks = zip(*cells, strict=True)
        assert set(walks) == set(range(PIXELS)), name
        assert list(walks) == sorted(walks) and len(set(cycles)) == len(cycles), name
    assert len(found["trains stored"]) == 8 * PIXELS
    spiking = PIXELS - len(SILENT)
    assert len(found["trains read"]) == 24 * spiking + PIXELS
    if trains > 1:
        assert len(found["rows added"]) == 4 * 6 * spiking + len(SILENT)
