"""Numbers on command lines: 0 is a number, and what is none is told in one line."""

import argparse

import pytest

import apps.demo
import apps.link_budget
import flow.build
import flow.export.command
import golden.accuracy
import sim.throughput
import train.data
import verify.seu
from golden.io.arguments import real, whole
from verify.fuzz.commands import COMMANDS


@pytest.mark.parametrize("text, found", [
    ("1", 1), ("7", 7), ("0", "must be at least 1, not 0"), ("-3", "must be at least 1, not -3"),
    ("9", "must be at most 8, not 9"), ("x", "must be a whole number, not 'x'"),
    ("1.5", "must be a whole number, not '1.5'"), ("", "must be a whole number, not ''"),
    ("9" * 5000, "must be a")])
def test_whole(text, found):
    if isinstance(found, int):
        assert whole(1, 8)(text) == found
    else:
        with pytest.raises(argparse.ArgumentTypeError, match=f"^{found}"):
            whole(1, 8)(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "0", "-1", "1e400", "9.5", "x", ""])
def test_real(text):
    assert real(0, 9)("9") == 9
    with pytest.raises(argparse.ArgumentTypeError, match="^must be a number above 0, at most 9"):
        real(0, 9)(text)


@pytest.mark.parametrize(
    "command, words, says",
    [
        (flow.build, ["ice40", "--lanes", "0"], "lanes must be 1, 2, 4, 8 or 16, not 0"),
        (flow.build, ["ecp5", "--lanes", "0"], "lanes must be 1, 2, 4, 8 or 16, not 0"),
        (flow.build, ["ice40", "--word-steps", "0"], "steps of a word must be 4, 8 or 16, not 0"),
        *(
            (
                flow.build,
                ["ice40", f"--clock={text}"],
                "--clock: must be a number of megahertz above 0",
            )
            for text in ("nan", "inf", "-inf", "0", "-3", "1e300")
        ),
        (flow.build, ["ice40", "--tap", "0"], "--tap: layer 0 is no spiking layer"),
        (flow.build, ["ice40", "--seed", "0"], "--seed must be a number of at least 1"),
        (
            flow.export.command,
            ["sam", "--out", "x.v", "--seed", "-1"],
            "--seed: must be at least 1, not -1",
        ),
        (apps.demo, ["--count", "0"], "--count: must be at least 1, not 0"),
        (sim.throughput, ["--limit", "-1"], "--limit: must be at least 1, not -1"),
        (verify.seu, ["--seed", "-1"], "--seed: must be at least 0, not -1"),
        (
            apps.link_budget,
            ["--clock", "nan"],
            "--clock: must be a number above 0, at most 10000, not",
        ),
        (apps.link_budget, ["--baud", "0"], "--baud: must be at least 1, not 0"),
        (
            golden.accuracy,
            ["--network", "x", "--images", "x", "--seed", "-1"],
            "--seed: must be at least 0, not -1",
        ),
        (train.data, ["--count", "-5"], "--count: must be at least 1, not -5"),
    ],
)
def test_commands(command, words, says, capsys, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        command.main([*words, *(["--out", str(out)] if command is flow.build else [])])
    lines = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and says in lines[-1] and not out.exists()
    assert len([line for line in lines if "error: " in line]) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples(name, capsys):
    """Of all commands that are drawn for, and no other than what a user can type."""
    main, _, _ = COMMANDS[name]
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0
    if not name.startswith(("sim.soak", "sim.upsets", "train.")):      # of developers
        assert "examples:\n  " in said, said
