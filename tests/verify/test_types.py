"""Types: no room falls below its floor; what has none is seen; basedpyright finds nothing new."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verify import types
from verify.types import below, functions, shares

ROOT = Path(__file__).parents[2]


def test_no_room_is_below_its_floor():
    counted = shares()
    assert below(counted) == [] and set(counted) == set(types.FLOORS)


@pytest.mark.parametrize("text, wanted", [
    ("def f(a: int, *, b: str = '') -> None: ...", [("f", True)]),
    ("def f(a: int): ...", [("f", False)]),
    ("def f(a) -> int: ...", [("f", False)]),
    ("def f(*a, **b: int) -> int: ...", [("f", False)]),
    ("async def f(a: int) -> int: ...", [("f", True)]),
    ("def _f(a): ...", []),
    ("class A:\n    def __init__(self, a: int): ...\n    def m(self) -> int: ...\n"
     "    def __len__(self): ...\n    @staticmethod\n    def s(a): ...\n",
     [("A.__init__", True), ("A.m", True), ("A.s", False)]),
    ("class _A:\n    def m(self): ...", [])])
def test_what_counts(text, wanted):
    assert [(name, good) for name, _, good in functions(ast.parse(text))] == wanted


def test_the_command_fails_below_a_floor(monkeypatch, capsys):
    monkeypatch.setitem(types.FLOORS, "flow", 1.0)
    with pytest.raises(SystemExit) as stop:
        types.main(["--missing"])
    said = capsys.readouterr().out
    assert stop.value.code == 1 and "flow: " in said and "fewer than 100%" in said
    assert "golden/" in said and ": " in said


@pytest.mark.slow
def test_a_planted_fault_is_found_and_those_of_before_are_not(tmp_path):
    """In a copy of one room with the project's own rules."""
    for name in ("golden", "pyproject.toml"):
        target = tmp_path / name
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, target)
    (tmp_path / "flow").mkdir()
    (tmp_path / "flow/planted.py").write_text(
        'from golden.formats import exp_table\n\nexp_table("x", 3, 4)\nprint(absent)\n')
    done = subprocess.run([Path(sys.executable).with_name("basedpyright"), "flow"], cwd=tmp_path,
                          text=True, capture_output=True)
    assert done.returncode == 1
    assert "reportCallIssue" in done.stdout and "reportUndefinedVariable" in done.stdout
