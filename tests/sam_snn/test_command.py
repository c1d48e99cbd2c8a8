"""The command sam-snn: each subcommand from any folder, its help, and how it refuses."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from golden.network import load
from golden.run import run
from sam_snn.command import COMMANDS, main
from tests.helpers.float_networks import images_for
from verify.float_networks import trained

ROOT = Path(__file__).parents[2]
# Commands called by python -m; those of one screen of help, by their modules with a parser.
MODULES = ("sim.run", "apps.explain", "flow.build", "flow.compare", "apps.flash",
           "apps.view.__main__", "apps.board_run", "flow.export.command")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ended(words):
    """Exit code of a command line."""
    try:
        main(words)
    except SystemExit as done:
        return done.code or 0
    return 0


def test_run_by_a_bare_name(here, capsys):
    """As the issue of the front door has it: from any folder, with the sample of the network."""
    assert ended("run --network fashion --limit 2 --engine golden --out r.npz".split()) == 0
    said = capsys.readouterr().out
    assert "correct 2 of 2: accuracy 100.00 %" in said
    network = load("fashion")
    with np.load(here / "r.npz") as found:
        from golden.images import load_images
        want = run(load_images("fashion", network)[0][:2], network)
        assert np.array_equal(found["scores"], want.scores)


def test_explain_by_a_bare_name(here):
    assert ended("explain --network digits --index 3 --out e.png".split()) == 0
    assert {path.name for path in here.iterdir()} == {"e.png", "e.npz"}


def test_fits_of_layers(here, capsys):
    """Exit 0 where a board has room, 1 where none has, and then what helps; data with --out."""
    assert ended("fits 2x34x34 conv12k5 pool2 conv32k5 pool2 dense10 --out f.json".split()) == 0
    said = capsys.readouterr().out
    assert "estimates, nothing is built" in said and "fits" in said
    data = json.loads((here / "f.json").read_text())
    assert data["estimates"] and {board["board"] for board in data["boards"]} == {
        "icebreaker", "hx8k", "ulx3s"}
    assert ended("fits 784-1000-10 --steps 25 --board icebreaker".split()) == 1
    said = capsys.readouterr().out
    assert "does not fit: weight memory" in said and "largest layer 1 that fits: " in said
    assert ended("fits --network fashion --board icebreaker --lanes 4".split()) == 0
    assert "cycles of 4 images" in capsys.readouterr().out


def test_import_compares_and_chooses(here, capsys):
    """A range prints a row a width and writes nothing; auto writes one."""
    network = trained()
    network.save(here / "float.npz")
    np.savez(here / "i.npz", images=images_for(network, count=8), labels=np.arange(8) % 4)
    assert ended("import float.npz --images i.npz --bits 3..5".split()) == 0
    said = capsys.readouterr().out
    assert "LC (estimate)" in said and "%" in said and not (here / "net.npz").exists()
    assert ended("import float.npz --images i.npz --bits auto --loss 100 --out net.npz".split()
                 ) == 0
    assert {stage.layer.bits for stage in load(here / "net.npz").stages} == {2}
    assert capsys.readouterr().out.splitlines()[1].startswith("accuracy float ")


@pytest.mark.parametrize("words, rule", [
    ("x", "x: is no command; those are import, fits, run"),
    ("run --network no_such", "no_such: no such network file, and none of the project's: those"),
    ("run --network fashion --images no_such", "no_such: no such file or folder"),
    ("fits", "LAYERS|NETWORK: is missing"),
    ("fits 784 dens10", "dens10: is no layer"),
    ("fits no_such", "no_such: no such network file"),
    ("fits 784-10 --bits 9", "weight bits must be 2 to 8, not 9"),
    ("fits 784-10 --steps 0", "steps must be 1 to"),
    ("fits 784-10 --activity 2", "--activity: must be 0 to 1, not 2.0"),
    ("import none.nir --reset zero --out net.npz", "none.nir: no such NIR file"),
    ("import none.npz", "--out: is needed"),
    ("import none.npz --bits 1..4", "--bits: a range must lie within 2..8"),
    ("import fashion --out net.npz", "fashion: is a network of integers already"),
    ("flash --build none", "none: holds no report.json"),
])
def test_refuses_in_one_line(words, rule, here, capsys):
    assert ended(words.split()) == 2
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1 and rule in lines[0], printed.err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples_and_defaults(name, capsys, here):
    assert ended([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: sam-snn {name} ") and "examples:" in said
    assert f"  sam-snn {name} " in said


@pytest.mark.parametrize("module", MODULES)
def test_every_option_tells_its_default(module):
    """In its help, where it has one."""
    parser = import_module(module).parser()
    text = " ".join(parser.format_help().split())
    for action in parser._actions:
        if action.option_strings and not (action.default is None or isinstance(
                action.default, bool) or action.default == "==SUPPRESS=="):
            help_text = parser._get_formatter()._expand_help(action)
            assert "default" in help_text, (module, action.option_strings)
    assert "examples:" in text


def test_options_have_one_name():
    """The same words in all commands; older names are kept."""
    for module in MODULES:
        known = {word for action in import_module(module).parser()._actions
                 for word in action.option_strings}
        assert "--sam-mode" not in known or "--mode" in known
        assert "--image" not in known or "--images" in known
        assert "--count" not in known or "--limit" in known
        assert "--seed" not in known or {"--place-seed", "--encoder-seed"} & known


@pytest.mark.slow
def test_as_a_program(here):
    call = [sys.executable, "-W", "error", "-m", "sam_snn"]
    done = subprocess.run([*call, "fits", "784-128-10"], cwd=here, text=True, capture_output=True,
                          env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0 and "icebreaker" in done.stdout and not done.stderr, done.stderr
    none = subprocess.run(call, cwd=here, text=True, capture_output=True,
                          env={"PYTHONPATH": str(ROOT)})
    assert none.returncode == 2 and "commands:" in none.stdout
