"""Every case of a rotated test has its turn."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import SHARE, rotated

ROOT = Path(__file__).parents[2]


def test_each_case_runs_with_one_commit_of_some():
    names = [f"tests/x.py::test_x[{n}]" for n in range(100)]
    turns = [{name for name in names if rotated(name, number)} for number in range(7, 7 + SHARE)]
    assert set().union(*turns) == set(names) and sum(map(len, turns)) == len(names)
    assert min(map(len, turns)) > len(names) / SHARE / 2


def collected(env, *args):
    """Cases of a rotated table that would run."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", *args], cwd=ROOT, text=True,
        capture_output=True, env={**env, "PYTHONPATH": str(ROOT)}, check=True)
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_all_run_when_asked_for():
    table = "tests/verify/test_broken_rtl.py"
    some, every = collected({}, table), collected({"SAM_TESTS": "all"}, table)
    assert set(some) < set(every) and len(every) > 20
    name = next(name for name in every if name not in some)
    assert collected({}, name) == [name], "a case that is named runs"
