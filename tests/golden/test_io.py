"""golden.io stands alone, and what it checks of arrays from outside."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.io.errors import BadInput, rule
from golden.io.values import integers, reals

ROOT = Path(__file__).resolve().parent
while not (ROOT / "pyproject.toml").exists():
    ROOT = ROOT.parent


@pytest.mark.parametrize(
    "path", sorted((ROOT / "golden" / "io").glob("*.py")), ids=lambda path: path.stem)
def test_io_imports_nothing_of_golden_but_io(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                 else [f"{node.module}.{alias.name}" for alias in node.names]
                 if isinstance(node, ast.ImportFrom) else [])
        for name in names:
            assert name.split(".")[0] != "golden" or name.startswith("golden.io."), name


def test_console_loads_nothing_of_golden_but_io():
    code = ("import sys, golden.io.console; print(*sorted(name for name in sys.modules if "
            "name.startswith('golden.') and not name.startswith('golden.io')))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_rule():
    rule(True, "here", "is kept")
    with pytest.raises(BadInput, match=r"^here: must be kept$"):
        rule(False, "here", "must be kept")


@pytest.mark.parametrize("check, values, text", [
    (integers, ["x"], "must be numbers"), (integers, [0.5], "must be whole numbers"),
    (integers, [np.nan], "must be finite"), (integers, [2**40], "must lie within 40 bits"),
    (integers, [-2.0**40], "must lie within 40 bits"), (reals, ["x"], "must be real numbers"),
    (reals, [[1], [1, 2]], "must be real numbers"), (reals, [np.inf], "must be finite"),
    (reals, [1e30], "must be below 1e30"), (reals, 1j, "must be real numbers")])
def test_refused(check, values, text):
    with pytest.raises(BadInput, match=f"^here: it {text}"):
        check(values, "here", "it")


def test_taken():
    found = integers([1.0, -2.0], "here", "it"), integers(2**40 - 1, "here", "it")
    assert found[0].tolist() == [1, -2] and found[0].dtype == found[1].dtype == np.int64
    found = reals([True, 2], "here", "it")
    assert found.tolist() == [1, 2] and found.dtype == np.float64
