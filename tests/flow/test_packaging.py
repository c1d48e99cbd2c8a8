"""What makes an export easy to use elsewhere: a FuseSoC core, and registers on an AXI4-Lite bus."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from flow.export.command import main
from flow.export.units import export_layer, export_sam
from golden.network import load
from hw.ip.axi_lite import base
from sim.verilate import environment
from tests.helpers.exported import verilator, yosys_reads

SHAPE, STEPS = (2, 2, 3), 4


def exported(folder, **options):
    export_sam(folder / "unit.v", SHAPE, steps=STEPS, tools=False, **options)
    return yaml.safe_load((folder / "unit.core").read_text().removeprefix("CAPI=2:\n"))


@pytest.mark.parametrize("axi_lite", [False, True])
def test_a_core_names_the_files_that_are_there(tmp_path, axi_lite):
    core = exported(tmp_path, axi_lite=axi_lite)
    named = [name for files in core["filesets"].values() for each in files["files"]
             for name in ([each] if isinstance(each, str) else each)]
    assert sorted([*named, "unit.core"]) == sorted(path.name for path in tmp_path.iterdir())
    tops = {name: target["toplevel"] for name, target in core["targets"].items()}
    top = "unit_axil" if axi_lite else "unit"
    assert tops == {"default": top, "sim": "unit_tb", "lint": top}
    for name in tops.values():
        assert any(f"module {name}" in (tmp_path / file).read_text() for file in named)


def test_registers_of_an_older_export_go(tmp_path):
    exported(tmp_path, axi_lite=True)
    assert (tmp_path / "unit_axil.v").exists()
    assert exported(tmp_path)["filesets"]["rtl"]["files"] == ["unit.v"]
    assert not (tmp_path / "unit_axil.v").exists()


@pytest.mark.parametrize("name", ["unit.core", "unit_axil.v"])
def test_a_foreign_file_stays(tmp_path, name, capsys):
    (tmp_path / name).write_text("mine")
    with pytest.raises(SystemExit, match="2"):
        main(["sam", "--network", "digits", "--no-tools", "--out", str(tmp_path / "unit.v")])
    said = capsys.readouterr().err
    assert name in said and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_the_register_map_heads_the_file(tmp_path):
    """Each port's four registers, at the addresses of hw.ip.axi_lite."""
    exported(tmp_path, axi_lite=True)
    head = (tmp_path / "unit_axil.v").read_text().partition("\n\n")[0]
    ports = re.findall(r"// port (\d+), (\w+):", head)
    assert [name for _, name in ports] == ["s_axis_events", "s_axis_config", "m_axis_map"]
    for n, _ in ports:
        assert f"// 0x{base(int(n)):02x}  DATA " in head
        assert f"// 0x{base(int(n)) + 12:02x}  STATUS " in head
    assert head.count("  LAST ") == 2 and "  HIGH " not in head


@pytest.mark.slow
def test_other_tools_read_it(tmp_path):
    """The unit behind its registers, and a layer, of several words."""
    exported(tmp_path, axi_lite=True)
    stage = load("dense784").stages[-1]
    export_layer(str(tmp_path / "layer.v"), stage, steps=STEPS, tools=False, axi_lite=True)
    for module in ("unit", "layer"):
        whole = (tmp_path / f"{module}.v").read_text() + (tmp_path / f"{module}_axil.v").read_text()
        (tmp_path / f"{module}_all.v").write_text(whole.replace(f"{module}_axil", f"{module}_all"))
        yosys_reads(tmp_path, f"{module}_all")
        verilator(tmp_path, "--lint-only", "-Wno-fatal", "--top-module", f"{module}_all",
                  f"{module}_all.v")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("fusesoc", path=os.path.dirname(sys.executable))
                    and not shutil.which("fusesoc") and "CI" not in os.environ,
                    reason="no FuseSoC: pip install '.[test]'")
def test_fusesoc_lints_the_core(tmp_path):
    """And sets a simulation up; a core whose file is gone is one that it refuses."""
    exported(tmp_path, axi_lite=True)
    tool = shutil.which("fusesoc", path=os.path.dirname(sys.executable)) or "fusesoc"
    env = {**environment(), **{f"XDG_{name}_HOME": str(tmp_path / "home") for name in (
        "CONFIG", "CACHE", "DATA")}}

    def fusesoc(*words):
        return subprocess.run([tool, "--cores-root", str(tmp_path), "run", "--work-root",
                               str(tmp_path / "work"), *words, "sam-snn:export:unit"],
                              cwd=tmp_path, env=env, text=True, capture_output=True)
    done = fusesoc("--target", "lint")
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    assert "unit_axil" in (next((tmp_path / "work").glob("*.vc"))).read_text()
    shutil.rmtree(tmp_path / "work")
    done = fusesoc("--setup", "--target", "sim")
    assert done.returncode == 0 and (tmp_path / "work/unit_tb.hex").is_file(), done.stderr
    shutil.rmtree(tmp_path / "work")
    (tmp_path / "unit.v").unlink()
    assert fusesoc("--target", "lint").returncode
