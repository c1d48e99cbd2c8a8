"""Logs know the code that they are of; a change of it is noticed, log by log."""

import json
import re
import shutil
from pathlib import Path

import pytest

from golden.io import evidence
from golden.io.errors import BadInput
from golden.io.evidence import ABOUT, digest, files_of, path_of, stamp, stamps, state
from verify.page import PAGE

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path):
    """A copy of the files that log "soak" is about, and a log made of them."""
    for path in files_of("soak"):
        there = tmp_path / path.relative_to(ROOT)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, there)
    log = path_of("soak", tmp_path)
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps({"stamp": stamp("soak", "sim.soak", ["--limit", "3"])}))
    return tmp_path


def test_a_log_of_this_code_is_current(tree):
    assert state("soak", tree)[0] == "current"
    assert state("soak", tree)[2] == "python -m sim.soak --limit 3"
    assert digest("soak", tree) == digest("soak")


@pytest.mark.parametrize("change", ["changed", "new", "gone"])
def test_other_code_makes_it_old(change, tree):
    if change == "changed":
        with (tree / "hw/engine/lane.py").open("a") as file:
            file.write("\n")
    elif change == "new":
        (tree / "hw/more.py").write_text("")
    else:
        (tree / "golden/readout.py").unlink()
    assert state("soak", tree)[0] == "older than what it is about"


def test_what_it_is_not_about_leaves_it_current(tree):
    for path in ("apps/heatmaps.py", "train/core/snn.py"):
        (tree / path).parent.mkdir(parents=True)
        (tree / path).write_text("nothing")
    assert state("soak", tree)[0] == "current"


def test_no_stamp_no_log_and_parts(tree):
    log = path_of("soak", tree)
    log.write_text("{}")
    assert state("soak", tree)[0] == "of unknown code: without a stamp"
    log.write_text("[]")
    assert state("soak", tree)[0] == "of unknown code: without a stamp"
    log.unlink()
    assert state("soak", tree)[0] == "not made"
    made = stamp("soak", "bench", [])
    log.write_text(json.dumps({"measured": {"a": 1, "b": 2, "c": 3},
                               "stamps": {"a": made, "b": {**made, "sources": "0"}}}))
    assert set(stamps("soak", tree)) == {"a", "b", "c"}
    assert state("soak", tree)[0] == "older than what it is about: b, c"


def test_a_pattern_without_a_file_is_no_evidence(tree):
    for path in (tree / "hw").rglob("*.py"):
        path.unlink()
    with pytest.raises(BadInput, match=r"no file is hw/\*\*/\*.py"):
        digest("soak", tree)


def test_every_log_is_about_something():
    """Whatever lies in docs/proof and results, and bench/results.json, is in the table."""
    logs = {*(ROOT / "docs/proof").glob("*.json"), *(ROOT / "results").glob("*/results.json"),
            ROOT / "bench/results.json"}
    assert logs <= {path_of(name) for name in ABOUT}
    for name in ABOUT:
        assert files_of(name)


def test_the_page_tells_the_state_of_every_log():
    """Computed here from logs and files, not by what wrote the page."""
    text = PAGE.read_text()
    for name in ABOUT:
        row = re.search(rf"^\| {re.escape(name)} \| (.*?) \|", text, re.M)
        assert row, f"{name} is not in docs/proof.md"
        kept = stamps(name)
        current = bool(kept) and all(each and each["sources"] == digest(name)
                                     for each in kept.values())
        assert (row[1] == "current") == current, (
            f"{name} is {state(name)[0]}: run it again, then python -m tests.proof_page")


def test_command_fails_while_a_log_is_old(monkeypatch, capsys, tree):
    monkeypatch.setattr(evidence, "ABOUT", {"soak": ABOUT["soak"]})
    monkeypatch.setattr(evidence.state, "__defaults__", (tree,))
    for wanted, text in ((0, "soak: current"), (1, "soak: older than what it is about")):
        with pytest.raises(SystemExit) as ended:
            evidence.main([])
        assert ended.value.code == wanted and text in capsys.readouterr().out
        (tree / "hw/engine/lane.py").write_text("")
