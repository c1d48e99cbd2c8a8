"""python -m sim.run: what it prints and writes, and how it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.activity import figures
from golden.explain.contribution import contributions, of_result
from golden.network import load
from golden.run import run
from sim.run import main
from verify.networks import draw, images

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path):
    """A network, three images of it, and a place for the results."""
    network = draw(4)
    network.save(tmp_path / "net.npz")
    np.savez(tmp_path / "images.npz", images=images(network, 3), labels=np.array([0, 1, 2]))
    return network, tmp_path


def arguments(folder, **changes):
    """A command line; None leaves an option out."""
    options = {"network": folder / "net.npz", "images": folder / "images.npz",
               "out": folder / "out" / "r.npz", **changes}
    found = []
    for key, value in options.items():
        if value is not None:
            found += [f"--{key.replace('_', '-')}", str(value)]
    return found


def test_writes_what_golden_gives(files, capsys):
    network, folder = files
    main(arguments(folder, limit=2, gamma=0.7, mode="official", tap=2))
    want = run(images(network, 3)[:2], network, taps=(2,), gamma=0.7, mode="official").arrays()
    activity = figures(network, run(images(network, 3)[:2], network)).lines()
    with np.load(folder / "out" / "r.npz") as got:
        assert set(got.files) == set(want)
        assert all(np.array_equal(got[key], want[key]) for key in want)
    printed = capsys.readouterr().out
    assert "images 2" in printed and "correct" in printed and "r.npz" in printed
    assert len(activity) == 2 and all(f"{line}\n" in printed for line in activity)


@pytest.mark.parametrize("engine", ["golden", "rtl"])
def test_contributions_add_up(engine, tmp_path, capsys, monkeypatch):
    """Of each engine the same arrays, and a verdict that follows from them."""
    network, out = load("digits"), tmp_path / "r.npz"
    words = ["--network", "digits", "--limit", "2", "--engine", engine, "--contributions"]
    main([*words, "--out", str(out)])
    pictures = np.load("models/digits_sample.npz")["images"][:2]
    result = run(pictures[:, None], network)
    said, spikes = capsys.readouterr().out, result.spikes[2]
    assert "adds up: yes, on 2 of 2 images" in said
    # The RTL keeps the spikes of the layers that are mapped, here of the deepest alone.
    wanted = figures(network, result).lines()[:2 if engine == "golden" else 1]
    assert [line for line in said.splitlines() if " an image " in line] == wanted
    with np.load(out) as got:
        assert np.array_equal(got["contributions_2"], contributions(spikes, network))
    monkeypatch.setattr("sim.run.of_result", lambda result, network: of_result(
        result, network) + np.arange(2)[:, None, None, None])
    main(words)
    assert "adds up: NO, on 1 of 2 images" in capsys.readouterr().out


def complaint(argv, capsys):
    """The one line on stderr of a run that must end with 2 and print nothing else."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    printed = capsys.readouterr()
    assert caught.value.code == 2 and printed.out == ""
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1, printed.err
    return lines[0]


@pytest.mark.parametrize("changes, rule", [
    ({"network": "none.npz"}, "none.npz: no such network file"),
    ({"images": "none.npy"}, "none.npy: no such file"),
    ({"images": "none"}, "none: no such file or folder, and no images that come with the project"),
    ({"tap": 9}, "--tap: layer 9 is no spiking layer of this network; those are 1, 2, 3"),
    ({"tap": 0}, "--tap: layer 0 is no spiking layer"),
    ({"gamma": -0.5}, "--gamma: gamma must be a finite number of at least 0, not -0.5"),
    ({"gamma": "nan"}, "--gamma: gamma must be a finite number"),
    ({"gamma": "inf"}, "--gamma: gamma must be a finite number"),
    ({"limit": 0}, "--limit must be at least 1, not 0"),
    ({"stall": 0.95}, "--stall must be 0 to 0.9, not 0.95"),
    ({"stall": "nan"}, "--stall must be 0 to 0.9, not nan"),
    ({"jobs": 0}, "--jobs must be at least 1, not 0"),
    ({"out": "r.txt"}, "r.txt: must end in .npz"),
    ({"engine": "rtl", "lanes": 3}, "lanes must be 1, 2, 4, 8 or 16, not 3"),
    ({"engine": "rtl", "word_steps": 5}, "steps of a word must be 4, 8 or 16, not 5"),
])
def test_refuses_in_one_line(changes, rule, files, capsys, monkeypatch):
    _, folder = files
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    line = complaint(arguments(folder, **changes), capsys)
    assert line.startswith("error: ") and rule in line
    assert sorted(folder.rglob("*")) == before, "something was left behind"


def test_refuses_damaged_files_in_one_line(files, capsys):
    _, folder = files
    for name in ("net.npz", "images.npz"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:len(whole) // 2])
        assert f"{name}: not a readable" in complaint(arguments(folder), capsys)
        (folder / name).write_bytes(whole)
    assert not (folder / "out").exists()


def test_leaves_an_old_result_alone(files, capsys):
    """Until a new one is whole."""
    _, folder = files
    (folder / "out").mkdir()
    (folder / "out" / "r.npz").write_bytes(b"old")
    np.save(folder / "bad.npy", np.zeros((2, 3)))
    complaint(arguments(folder, images=folder / "bad.npy"), capsys)
    assert [p.read_bytes() for p in (folder / "out").iterdir()] == [b"old"]


def test_refuses_where_it_cannot_write(files, capsys):
    _, folder = files
    (folder / "file").write_text("in the way")
    with pytest.raises(SystemExit) as caught:
        main(arguments(folder, out=folder / "file" / "r.npz"))
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_as_a_program(files):
    """Unknown options and a good run, from the shell."""
    _, folder = files
    call = [sys.executable, "-W", "error", "-m", "sim.run"]
    bad = subprocess.run([*call, "--nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert bad.returncode == 2 and "Traceback" not in bad.stderr
    good = subprocess.run([*call, *arguments(folder)], cwd=ROOT, capture_output=True, text=True)
    assert good.returncode == 0 and "images 3" in good.stdout, good.stderr
