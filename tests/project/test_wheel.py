"""The wheel: one name in site-packages, all rooms and networks in it, runs from any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from golden.io.shipped import networks
from verify.house import modules

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ROOMS = ("golden", "hw", "boards", "flow", "sim", "apps", "train")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the tree, made without a network."""
    work = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                             capture_output=True, check=True).stdout.splitlines()
    for name in tracked:
        if not name.startswith(("results/", "docs/", "tests/")) and (ROOT / name).exists():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, work / name)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", code], cwd=work, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return next((work / "dist").glob("*.whl"))


def test_one_name_is_claimed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sam_snn"}
    for path in (ROOT / "sam_snn").rglob("*.py"):
        assert str(path.relative_to(ROOT)) in names, path
    for module, path in modules().items():
        if module.partition(".")[0] in ROOMS:
            assert f"sam_snn/rooms/{path.relative_to(ROOT)}" in names, module
    assert not [name for name in names if "/rooms/verify" in name or "/rooms/bench" in name]
    models = {Path(name).stem for name in names if "/rooms/models/" in name}
    assert {*networks(), "fashion_sample", "README"} <= models and "fashion_ann" not in models


def test_it_runs_from_any_folder(wheel, tmp_path):
    """Unpacked as pip does, in a folder that knows nothing of the checkout."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        entry = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "sam-snn = sam_snn.command:main" in archive.read(entry).decode()
    here = tmp_path / "here"
    here.mkdir()
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    code = ("import sam_snn, golden, hw, sim; from sam_snn.command import main; "
            "assert all('site' in each.__file__ for each in (golden, hw, sim)), golden.__file__; "
            "main('{}'.split())")
    for words, left in (("run --network digits --limit 2 --engine rtl --out r.npz", "r.npz"),
                        ("explain --network digits --out e.png", "e.png"),
                        ("fits 784-128-10", None), ("export --help", None)):
        done = subprocess.run([sys.executable, "-c", code.format(words)], cwd=here, env=env,
                              text=True, capture_output=True)
        assert done.returncode == 0, (words, done.stderr)
        assert left is None or (here / left).exists(), words
