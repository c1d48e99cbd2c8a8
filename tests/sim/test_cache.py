"""What a simulation is built to: whole or not there, one line where it cannot be, and an end."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import golden.io.cache
import sim.rtl
import sim.verilate
from flow import toolchain
from golden.io.cache import cache, cached
from golden.io.errors import BadInput, Fault
from golden.run import run
from sim.rtl import Simulation
from verify.networks import draw, images
from verify.stopping import ROOT, Started

pytestmark = pytest.mark.slow

NETWORK = draw(2, plain=True, steps=(16,))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache, objects of the runtime and Yosys aside, which take the time."""
    common = cache()
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(toolchain.cache()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache" / "sam-snn").mkdir(parents=True)
    if (common / "objects").is_dir():
        shutil.copytree(common / "objects", tmp_path / "cache" / "sam-snn" / "objects")
    return tmp_path / "cache" / "sam-snn"


def written(text):
    """A maker of a file ``x``, and the list of the folders it was called for."""
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "x").write_text(text)
    return make, calls


@pytest.mark.parametrize("damage", [b"", b"tru", b"\0" * 100, None, "folder", "sum"])
def test_damage_heals(damage, own_cache):
    make, calls = written("truth")
    path = cached("kind", "key", "x", make)
    assert cached("kind", "key", "x", make) == path and len(calls) == 1
    if damage == "folder":
        shutil.rmtree(path.parent)
        path.parent.write_text("a file where the folder was")
    elif damage == "sum":
        (path.parent / "sha256").unlink()
    elif damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    assert cached("kind", "key", "x", make).read_text() == "truth" and len(calls) == 2
    # Nothing else is left beside it.
    assert sorted(each.name for each in (own_cache / "kind").iterdir()) == ["key", "key.lock"]


def test_what_fails_is_not_kept(own_cache):
    def make(folder):
        (folder / "x").write_text("half")
        raise Fault("no")
    with pytest.raises(Fault):
        cached("kind", "key", "x", make)
    assert [each.name for each in (own_cache / "kind").iterdir()] == ["key.lock"]


@pytest.mark.parametrize("given, home, found", [
    ("/a", "/h", "/a/sam-snn"), ("", "/h", "/h/.cache/sam-snn"), (None, "/h", "/h/.cache/sam-snn"),
    ("here", "/h", "/h/.cache/sam-snn")])
def test_place(given, home, found, monkeypatch):
    """Empty or relative, XDG_CACHE_HOME does not count; nothing goes to the working directory."""
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if given is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert str(cache()) == found


def test_no_home(monkeypatch, capsys):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache() is None
    make, calls = written("truth")
    for _ in range(2):
        assert cached("homeless", "key", "x", make).read_text() == "truth"
    said = capsys.readouterr().err
    assert len(calls) == 1 and said.count("\n") == 1 and "there is no home folder" in said


def test_cache_that_cannot_be_written(tmp_path, monkeypatch, capsys):
    """A line says so, and the run goes on."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    make, calls = written("truth")
    assert cached("blocked", "key", "x", make).read_text() == "truth"
    said = capsys.readouterr().err
    assert re.fullmatch(r"the cache .*/file/sam-snn cannot be used \(Not a directory\): what is "
                        r"built lasts for this run only; XDG_CACHE_HOME names another folder\n",
                        said)


def test_no_space_at_all(own_cache, capsys):
    """First without the cache, then a way out."""
    def make(folder):
        raise golden.io.cache.Full("no space left")
    with pytest.raises(BadInput, match="no space left; TMPDIR and XDG_CACHE_HOME name other"):
        cached("full", "key", "x", make)
    assert "cannot be used (no space left)" in capsys.readouterr().err


def test_key(own_cache, monkeypatch):
    """Tool, compiler and options are part of what a program is found by."""
    found = []
    monkeypatch.setattr(sim.verilate, "cached", lambda kind, digest, *_: found.append(digest))
    sim.verilate.verilated("text")
    sim.verilate.verilated("text")
    monkeypatch.setattr(sim.verilate, "tools", lambda: ["another version"])
    sim.verilate.verilated("text")
    monkeypatch.setattr(sim.verilate, "arguments", lambda *_: ["another option"])
    sim.verilate.verilated("text")
    assert found[0] == found[1] and len(set(found)) == 3


def without(tmp_path, *names):
    """A PATH with all programs but these."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for path in os.scandir(place) if os.path.isdir(place) else ():
            if path.name not in names and not (folder / path.name).is_symlink():
                (folder / path.name).symlink_to(path.path)
    return str(folder)


def run_rtl(folder, *, env=None, **changes):
    """The finished process of sim.run --engine rtl on two images."""
    NETWORK.save(folder / "net.npz")
    np.save(folder / "images.npy", images(NETWORK, 2))
    words = ["--network", folder / "net.npz", "--images", folder / "images.npy", "--engine", "rtl",
             "--out", folder / "r.npz"]
    return subprocess.run([sys.executable, "-m", "sim.run", *map(str, words)], cwd=ROOT, text=True,
                          capture_output=True, env={**os.environ, **(env or {}), **changes})


@pytest.mark.rotated
@pytest.mark.parametrize("name", ["c++", "make"])
def test_missing_tool(name, own_cache, tmp_path):
    done = run_rtl(tmp_path, PATH=without(tmp_path, name))
    assert done.returncode == 2 and not (tmp_path / "r.npz").exists()
    assert done.stderr.strip() == (
        f"error: the simulation is compiled with c++ and make; there is no {name} on PATH "
        "(on Debian: apt install g++ make)")


@pytest.mark.rotated
def test_needs_no_perl(own_cache, tmp_path):
    done = run_rtl(tmp_path, PATH=without(tmp_path, "perl"))
    assert done.returncode == 0, done.stderr


def test_two_at_once_on_a_cold_cache(own_cache, tmp_path):
    both = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        draw(2, plain=True, steps=(16,)).save(folder / "net.npz")
        np.save(folder / "images.npy", images(NETWORK, 2))
        both.append(Started(["sim.run", "--network", folder / "net.npz", "--images",
                             folder / "images.npy", "--engine", "rtl", "--out", folder / "r.npz"],
                            folder))
    assert [started.ended(400)[0] for started in both] == [0, 0]
    assert len([path for path in (own_cache / "verilated").iterdir() if path.is_dir()]) == 1
    a, b = (np.load(tmp_path / name / "r.npz") for name in "ab")
    assert all(np.array_equal(a[key], b[key]) for key in a.files) and len(a.files) > 5


# --- a simulation that does not end

STUCK = r"(\\finished\$\d+ +<= )[^;]*;"          # a pass never says that it is done


def planted(pattern, new):
    """Change that plants a fault in the Verilog."""
    def change(text):
        text, count = re.subn(pattern, new, text)
        assert count == 1, f"{count} places like {pattern}"
        return text
    return change


@pytest.fixture(scope="module")
def stuck():
    return Simulation(NETWORK, quick=True, change=planted(STUCK, r"\g<1>1'h0;"))


@pytest.mark.parametrize("stall", [0, 0.5])
def test_no_end(stuck, stall):
    """It stops, and says which image, where, and how many cycles were spent and foretold."""
    with pytest.raises(Fault) as found:
        stuck.run(images(NETWORK, 2), stall=stall)
    most = stuck.most_cycles
    assert str(found.value) == (
        f"the simulated accelerator failed: image 1 of 2 has no end: {2 * most + 10_001:,} cycles "
        f"spent, at most {most:,} foretold; it is in pass 1, layer 1. This is a fault of the "
        "hardware or of its plan, not of the network or the image")


def test_no_end_of_several_at_once(stuck):
    with pytest.raises(Fault, match="has no end"):
        stuck.run_parallel(images(NETWORK, 6), jobs=2)


def test_no_end_of_a_command(stuck, monkeypatch, tmp_path, capsys):
    NETWORK.save(tmp_path / "net.npz")
    np.save(tmp_path / "images.npy", images(NETWORK, 2))
    monkeypatch.setattr(sim.rtl, "Simulation", lambda *args, **kwargs: stuck)
    from sim.run import main
    with pytest.raises(SystemExit) as stop:
        main(["--network", str(tmp_path / "net.npz"), "--images", str(tmp_path / "images.npy"),
              "--engine", "rtl", "--out", str(tmp_path / "r.npz")])
    assert stop.value.code == 1 and not (tmp_path / "r.npz").exists()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(lines) == 1 and "has no end" in lines[0]


def test_endless_output():
    """Scores without end: they are not taken for results, and they end."""
    def change(text):
        text = planted(r"(\.\\o__valid\$\d+ \()o_scores__valid", r"\g<1>")(text)
        return planted(r"wire o_scores__valid;", "wire o_scores__valid = 1'h1;")(text)
    simulation = Simulation(NETWORK, quick=True, change=change)
    with pytest.raises(Fault, match="has no end|output after the last|a wrong number of words"):
        simulation.run(images(NETWORK, 2))


@pytest.mark.parametrize("network", [
    NETWORK, draw(394, rich=True, steps=(20,)), draw(7, steps=(33,)), draw(11, encoder="ternary")])
def test_foretold(network):
    """No image takes more than what no image takes, under stalls neither, all pixels white or not.

    And it is no wild guess: an image of a small network takes a twentieth of it at least.
    """
    some = images(network, 3)
    some[0] = 255
    simulation = Simulation(network, quick=True)
    found = simulation.run(some)
    assert found.cycles.max() <= simulation.most_cycles < 20 * found.cycles.max()
    stalled = simulation.run(some, stall=0.9)
    assert np.array_equal(stalled.logits, run(some, network).logits)


def test_results_that_cannot_be_written():
    """The harness says so, rather than leaving half of its records."""
    simulation = Simulation(NETWORK, quick=True)
    with pytest.raises(OSError, match="results of the simulation: .*No space left"):
        simulation.fail(*full(simulation), 2)


def full(simulation):
    """(exit code, last line) of the harness, its results going to a full device."""
    from golden.formats import exp_table
    from golden.io.processes import folder
    from hw.interface import pixel_words
    from hw.plan.packing import configuration
    plan = simulation.accelerator.plan
    pixels = pixel_words(images(NETWORK, 2), word_steps=plan.word_steps, planes=plan.planes)
    with folder() as where:
        config = configuration(plan, table=exp_table(0.5, NETWORK.steps), mode="paper")
        (where / "config").write_bytes(config.astype("<u2").tobytes())
        (where / "pixels").write_bytes(pixels.astype("<u2").tobytes())
        done = subprocess.run(
            [simulation.program, "config", "pixels", "/dev/full", str(pixels[0].size), "2", "0",
             "1", "8", str(10**9)], cwd=where, text=True, capture_output=True)
    return done.returncode, done.stderr.strip()
