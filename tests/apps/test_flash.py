"""boards.flash and boards.run with programmers and boards that are not there, or only play."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.flash import main, verify
from boards.protocol.flash_image import flash_image, padded
from boards.protocol.identity import Boot
from hw.plan.packing import signature
from tests.helpers.identities import plain_identity

WORDS = list(range(9))
WRITES = [(0, n, word) for n, word in enumerate(WORDS)]


@pytest.fixture
def build(tmp_path):
    """Folder as hw.build --boot flash leaves it, without a real bitstream."""
    content = padded(b"bits") + flash_image(WRITES, label="01" * 8)
    report = {"board": "iCEBreaker", "network": "net", "digest": "0123456789abcdef",
              "clock_mhz": 24.0, "options": {"boot": "flash", "baud": 1_000_000},
              "sha256": {"flash.bin": hashlib.sha256(content).hexdigest()}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "flash.bin").write_bytes(content)
    return tmp_path


def flash(*args, path=""):
    env = {**os.environ, "PATH": str(path)}
    return subprocess.run([sys.executable, "-m", "boards.flash", *map(str, args)], env=env,
                          capture_output=True, text=True)


def programmer(folder, code):
    """A program called iceprog that keeps what it was told and ends with this code."""
    folder.mkdir()
    file = folder / "iceprog"
    file.write_text(f"#!/bin/sh\necho \"$@\" > {folder}/told\nexit {code}\n")
    file.chmod(0o755)
    return folder


def test_without_programmer_prints_the_command(build):
    done = flash("--build", build)
    assert done.returncode == 3
    assert f"iceprog {build}/flash.bin" in done.stdout and "net (0123456789abcdef)" in done.stdout


def test_runs_the_programmer(build, tmp_path):
    where = programmer(tmp_path / "good", 0)
    done = flash("--build", build, "--no-verify", path=where)
    assert done.returncode == 0 and "written, not verified" in done.stdout
    assert (where / "told").read_text().split() == [f"{build}/flash.bin"]
    failed = flash("--build", build, path=programmer(tmp_path / "bad", 7))
    assert failed.returncode == 1 and "iceprog failed with exit code 7" in failed.stderr


@pytest.mark.parametrize("file, text, message", [
    ("report.json", None, "holds no report.json"),
    ("report.json", "{}", "is no report of hw.build"),
    ("flash.bin", None, "no such file"),
    ("flash.bin", "short", "ends before the weight image"),
])
def test_refuses_other_folders(build, file, text, message):
    (build / file).unlink() if text is None else (build / file).write_text(text)
    done = flash("--build", build)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1


def refused(folder, capsys):
    """The one line that boards.flash ends with, with exit code 2."""
    with pytest.raises(SystemExit, match="^2$"):
        main(["--build", str(folder)])
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("error: ") and said.err.count("\n") == 1, said
    return said.err


def test_refuses_a_bitstream_of_another_build(build, capsys):
    """A sound file that the report is not about, and a report that does not say which it is."""
    (build / "flash.bin").write_bytes(padded(b"new") + flash_image(WRITES, label="01" * 8))
    said = refused(build, capsys)
    assert f"{build}/flash.bin: is not the file that" in said and "build once more" in said
    report = json.loads((build / "report.json").read_text())
    del report["sha256"]
    (build / "report.json").write_text(json.dumps(report))
    assert "build once more with hw.build" in refused(build, capsys)


HOSTILE = [None, [], {}, "words", "", True, -1, 0, 1e400, float("nan"), 10**400, [[1]], {"a": 1}]


@pytest.mark.parametrize("where", [
    (), ("board",), ("network",), ("digest",), ("clock_mhz",), ("options",), ("sha256",),
    ("options", "boot"), ("options", "baud"), ("sha256", "flash.bin")])
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_refuses_values_of_another_kind(build, capsys, where, value):
    report = json.loads((build / "report.json").read_text())
    here = report
    for key in where[:-1]:
        here = here[key]
    if where:
        here[where[-1]] = value
    (build / "report.json").write_text(json.dumps(report if where else value))
    if where and where[-1] in ("network", "digest") and isinstance(value, str):
        with pytest.raises(SystemExit, match="^3$"):       # any text is a name
            main(["--build", str(build)])
    else:
        assert "hw.build" in refused(build, capsys) or where == ("board",)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "9" * 5000, " " * 2**23,
                                  "\ud800", '{"clock_mhz": 1' + "0" * 4000 + "}"],
                         ids=["lists", "objects", "digits", "blanks", "surrogate", "number"])
def test_refuses_endless_reports(build, capsys, text):
    (build / "report.json").write_bytes(text.encode(errors="surrogatepass"))
    said = refused(build, capsys)
    assert any(f"{build}/report.json: {how} report of hw.build" in said
               for how in ("is no", "not a readable")) or "the most of a report" in said


def test_refuses_a_report_that_is_no_file(build, capsys):
    (build / "report.json").unlink()
    os.mkfifo(build / "report.json")
    assert "holds no report.json" in refused(build, capsys)


@pytest.mark.parametrize("digest, boot, held, text", [
    ("0123456789abcdef", Boot.LOADED, WORDS, ""),
    ("0123456789abcdef", Boot.LOADED, WORDS[::-1], "holds other weights than"),
    ("0123456789abcdef", Boot.REFUSED, WORDS, "the weights in flash: REFUSED"),
    ("f" * 16, Boot.LOADED, WORDS, "still the old bitstream"),
])
def test_verifies_by_identity(build, monkeypatch, digest, boot, held, text):
    class Told:
        def __init__(self, port, baud):
            assert (port, baud) == ("P", 1_000_000)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def identify(self):
            return plain_identity(digest=digest, boot=boot, signature=f"{signature(held):08x}")

    monkeypatch.setattr("apps.flash.Board", Told)
    report = json.loads((build / "report.json").read_text())
    found = verify(report, "P", baud=1_000_000, file=build / "flash.bin")
    assert text in found and bool(text) == bool(found)


# --- boards.run ---------------------------------------------------------------------------------

def ran(*args):
    return subprocess.run([sys.executable, "-m", "boards.run", *map(str, args)],
                          capture_output=True, text=True)


def test_run_writes_what_sim_run_writes(tmp_path):
    out, figure = tmp_path / "r.npz", tmp_path / "f.png"
    done = ran("models/fashion_sample.npz", "--limit", 3, "--demo", "--tap", 4, "--out", out,
               "--png", figure)
    assert done.returncode == 0, done.stderr
    assert "no chip here" in " ".join(done.stdout.split()) and figure.stat().st_size > 1000
    wanted = tmp_path / "w.npz"
    subprocess.run([sys.executable, "-m", "sim.run", "--network", "models/fashion.npz", "--images",
                    "models/fashion_sample.npz", "--limit", "3", "--tap", "4", "--out", wanted],
                   check=True, capture_output=True)
    with np.load(out) as found, np.load(wanted) as model:
        for name in set(model.files) - {"spikes_input", "spikes_4"}:
            assert np.array_equal(found[name], model[name]), name
        assert (found["sam_sum_4"] == model["sam_4"].sum(axis=1)).all()


@pytest.mark.parametrize("args, message", [
    (["absent.png", "--demo"], "absent.png: no such file"),
    (["pyproject.toml", "--demo"], "pyproject.toml: images must be .npy, .npz, NIR data ("),
    (["docs/heatmaps.png", "--demo"], "the network takes 28 x 28; --resize scales it"),
    (["docs/heatmaps.png", "--demo", "--limit", "0"], "--limit must be at least 1"),
    (["docs/heatmaps.png", "--demo", "--out", "x.png"], "--out x.png: must end in .npz"),
    (["docs/heatmaps.png", "--port", "/dev/nowhere"], "/dev/nowhere: there is no such port"),
    (["docs/heatmaps.png", "--port", "/dev/nowhere", "--tap", "1"], "--tap is for --demo"),
])
def test_run_says_what_is_wrong(args, message):
    done = ran(*args)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
    assert not Path("x.png").exists()


def test_run_resizes_when_asked(tmp_path):
    Image.new("RGB", (90, 60), (200, 10, 30)).save(tmp_path / "a.png")
    assert ran(tmp_path / "a.png", "--demo", "--resize").returncode == 0
