"""A module of the library that is run by -m says what to run; commands run."""

import subprocess
import sys
from pathlib import Path

import pytest

from golden.io.processes import started_module, told_as_library
from verify.house import modules

ROOT = Path(__file__).parents[2]


def test_every_module_is_a_command_or_says_that_it_is_none(capsys):
    for name, path in modules().items():
        if path.name in ("__init__.py", "__main__.py"):
            continue
        if "__main__" in path.read_text():
            told_as_library(name)
            continue
        with pytest.raises(SystemExit) as ended:
            told_as_library(name)
        said = capsys.readouterr().err
        assert ended.value.code == 2 and said.count("\n") == 1
        assert said.startswith(f"error: {name}: is a part of the library"), said


@pytest.mark.parametrize("words, name", [
    (["python", "-m", "golden.images", "x"], "golden.images"), (["python", "x.py"], ""),
    (["python", "-W", "error", "-m", "sim.run"], "sim.run"), (["python", "-m"], "")])
def test_what_is_started(words, name):
    assert started_module(words) == name


@pytest.mark.parametrize("module, command", [
    ("golden.images", "golden.quantise"), ("hw.accelerator", "hw.build"), ("sim.rtl", "sim.run"),
    ("apps.backends", "apps.explain"), ("flow.report", "flow.build")])
def test_as_a_program(module, command):
    done = subprocess.run([sys.executable, "-W", "error", "-m", module], cwd=ROOT, text=True,
                          capture_output=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and command in done.stderr, done.stderr
