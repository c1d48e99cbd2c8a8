"""sdist and wheel, installed by pip into an empty environment, in a folder outside the tree."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
from pathlib import Path

import pytest

from golden.io.extras import EXTRAS, way_out
from verify.house import packages

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTED_AS = {"pillow": "PIL", "pyserial": "serial", "scikit-learn": "sklearn",
               "scikit-image": "skimage"}
BUILD = "from setuptools import build_meta; print(build_meta.build_{}({!r}))"


def names(requirements):
    """What Python imports of these requirements."""
    found = set()
    for each in requirements:
        name = each.partition("[")[0].partition(">")[0].partition("=")[0].partition("<")[0]
        found.add(IMPORTED_AS.get(name, name.replace("-", "_")))
    return found


def brought(extra):
    """What an extra brings, and those that it names in turn."""
    found = names(PROJECT["optional-dependencies"][extra])
    for each in PROJECT["optional-dependencies"][extra]:
        if each.startswith("sam-snn["):
            for other in each[len("sam-snn["):-1].split(","):
                found |= brought(other)
    return found


def test_extras_are_those_of_the_project():
    """Each known package is in its extra, and each that a room imports is in the base or known."""
    for package, extra in EXTRAS.items():
        assert package.removesuffix("_tools") in brought(extra), package
    base = names(PROJECT["dependencies"])
    for room in ("golden", "hw", "boards", "flow", "sim", "apps", "sam_snn", "train"):
        used = set(packages()[room])
        assert used <= base | set(EXTRAS) | {"threadpoolctl"}, (room, used)
    assert not base & set(EXTRAS)


@pytest.mark.parametrize("name, extra", [
    ("amaranth.lib", "rtl"), ("h5py", "nir"), ("torch.nn", "train"), ("golden.x", None),
    (None, None)])
def test_a_missing_package_has_a_way_out(name, extra):
    line = way_out(ModuleNotFoundError("no", name=name))
    assert (line is None) == (extra is None)
    assert extra is None or f"pip install 'sam-snn[{extra}]'" in line


def made(work):
    """(sdist, wheel made out of it) of a copy of the tree."""
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                             capture_output=True, check=True).stdout.splitlines()
    for name in tracked:
        if not name.startswith(("results/", "docs/", "tests/")) and (ROOT / name).exists():
            (work / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, work / "tree" / name)
    build = lambda what, cwd: subprocess.run(
        [sys.executable, "-c", BUILD.format(what, str(work / "dist"))], cwd=cwd, check=True,
        capture_output=True, text=True).stdout.splitlines()[-1]
    sdist = work / "dist" / build("sdist", work / "tree")
    with tarfile.open(sdist) as archive:
        archive.extractall(work / "sdist", filter="data")
    return sdist, work / "dist" / build("wheel", next((work / "sdist").iterdir()))


@pytest.mark.slow
def test_installed_into_an_empty_environment(tmp_path):
    """Four commands without any extra; a fifth says in a line which extra it needs."""
    _, wheel = made(tmp_path)
    venv.create(tmp_path / "env", with_pip=True)
    scripts, here = tmp_path / "env" / "bin", tmp_path / "here"
    here.mkdir()
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", "-c",
                    ROOT / "constraints.txt", wheel], check=True, env=env)

    def ran(words, code=0):
        done = subprocess.run([scripts / "sam-snn", *words.split()], cwd=here, env=env, text=True,
                              capture_output=True)
        assert done.returncode == code, (words, done.stderr)
        return done

    assert "explain" in ran("--help").stdout
    ran("run --network fashion --limit 2 --engine golden --out r.npz")
    ran("explain --network fashion --index 3 --out e.png")
    assert {"r.npz", "e.png"} <= {path.name for path in here.iterdir()}
    assert ran("run --network digits --engine rtl --limit 1 --out r.npz", 2).stderr.endswith(
        "pip install 'sam-snn[rtl]' (in a checkout: pip install -e '.[rtl]')\n")

    page = subprocess.Popen([scripts / "sam-snn", "view", "--demo", "--http", "0"], cwd=here,
                            env={**env, "PYTHONUNBUFFERED": "1"}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        place = next(word for line in page.stdout for word in line.split()
                     if word.startswith("http://"))
        with urllib.request.urlopen(place, timeout=30) as answer:
            assert b"<html" in answer.read()
    finally:
        page.send_signal(signal.SIGINT)
    assert page.wait(30) == 130
