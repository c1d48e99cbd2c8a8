"""The tutorials in examples/: short, and each does what its first lines say."""

import importlib.util
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import pytest

import sam_snn
from flow.export.command import main
from golden.io.errors import BadInput
from sim.runner import passed, simulate
from tests.helpers.commit import commit

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def example(name):
    """The module of an example; what it shares with others is found as where it is run."""
    if str(ROOT / "examples") not in sys.path:
        sys.path.append(str(ROOT / "examples"))
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / f"examples/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_are_short_and_say_how_they_run(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 70 and f"python examples/{path.name}" in "\n".join(lines[:6])


def test_a_foreign_design_has_the_map_of_the_model():
    chip, model = example("foreign_top").main()
    assert (chip == model).all() and model.any(axis=0).tolist() == [True, True, True, False]


@pytest.mark.slow
def test_the_cocotb_test_to_copy(tmp_path):
    """It passes on the file that its first lines make, and fails on another unit."""
    main(["sam", "--network", "digits", "--no-tools", "--out", str(tmp_path / "dut.v")])
    text = (tmp_path / "dut.v").read_text()
    names = ["s_axis_events_tdata", "s_axis_events_tlast", "s_axis_events_tvalid",
             "s_axis_config_tdata", "s_axis_config_tvalid", "m_axis_map_tready"]
    example("cocotb_sam")                           # puts examples/ where modules are found
    with mock.patch.dict("os.environ", {"PYTHONPATH": str(ROOT / "examples")}):
        passed(simulate(text, names, "cocotb_sam", {}, tmp_path), "cocotb_sam")
        (tmp_path / "other").mkdir()
        main(["sam", "--network", "digits", "--no-tools", "--gamma", "1",
              "--out", str(tmp_path / "dut.v")])
        found = simulate((tmp_path / "dut.v").read_text(), names, "cocotb_sam", {},
                         tmp_path / "other")
    assert "assert" in found["two_spikes_make_a_map"]


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("litex") and "CI" not in os.environ,
                    reason="no LiteX: pip install '.[test]'")
def test_a_litex_soc_reads_the_map_of_golden(tmp_path):
    """The SoC that the example writes, simulated."""
    main(["sam", "--network", "digits", "--axi-lite", "--no-tools", "--out",
          str(tmp_path / "sam.v")])
    done = subprocess.run([sys.executable, str(ROOT / "examples/litex_sam.py"), "sam.v"],
                          cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    text = "\n".join((tmp_path / name).read_text() for name in (
        "litex_sam.v", "sam_axil.v", "sam.v"))
    names = [f"wb_{name}" for name in ("adr", "dat_w", "sel", "cyc", "stb", "we", "cti", "bte")]
    passed(simulate(text.replace("module top (", "module dut ("), names, "sim.benches.litex_sam",
                    {"steps": 16, "channels": 16, "pixels": 16, "base": 0x30000000}, tmp_path),
           "sim.benches.litex_sam")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_tutorial_5_is_refused_and_what_is_said_fits(capsys):
    fits, made = example("tutorial5").main(epochs=2)
    assert not fits and "weight memory, rows needs" in str(fits)
    assert made.fits("icebreaker") and made.network.encoder == "current"
    assert capsys.readouterr().out.count("RTL = golden in every array") == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_tutorial_6_runs_on_the_chip_in_either_order(capsys):
    first, behind = example("tutorial6").main(epochs=1)
    assert first.network.stages[0].layer.greatest is not None and first.fits("icebreaker")
    assert first.report.agreement.startswith("torch = float network on 32 of 32 predictions")
    assert behind.fits("icebreaker")
    assert capsys.readouterr().out.count("RTL = golden in every array") == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_tutorial_7_runs_on_the_chip(capsys):
    made = example("tutorial7").main(count=200, epochs=1)
    assert made.fits("icebreaker")
    assert made.report.agreement.startswith("torch = float network on 32 of 32 predictions, 100 %")
    assert capsys.readouterr().out.count("RTL = golden in every array") == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_sew_resnet_runs_on_the_chip(capsys):
    """Each block's last neurons and those of all blocks before it are read by the next."""
    made = example("sew_resnet").main(epochs=2)
    assert made.report.agreement.startswith("torch = float network on 32 of 32 predictions, 100 %")
    assert [len(stage.inputs) for stage in made.network.stages] == [1, 1, 1, 2, 1, 3, 1, 4]
    of_float, of_integers = made.report.accuracy
    assert of_float > 0.75 and of_integers > of_float - 0.03
    assert made.fits("icebreaker")
    assert capsys.readouterr().out.count("RTL = golden in every array") == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["norse", "sinabs", "spikingjelly"])
def test_other_frameworks_models_run_on_the_chip(name, capsys):
    """What the framework's own last layer fires is the float network's, to the last spike."""
    made = example(f"{name}_digits").main()
    assert made.report.agreement.startswith(
        "reference = float network on 100 of 100 predictions, 100 % of spikes")
    assert made.report.accuracy[1] > 0.8 and made.fits("icebreaker")
    for spikes in made.run(engine="golden").spikes.values():
        assert 0.005 <= spikes.mean() <= 0.5
    assert capsys.readouterr().out.count("RTL = golden in every array") == 1


# Trained for its bitstream, one with each commit, in a size that is soon routed; and the MHz that
# it meets, leaks of sinabs fewer.
BITSTREAMS = (("norse_digits", {}, 24), ("sinabs_digits", {}, 16), ("spikingjelly_digits", {}, 24),
              ("tutorial5", {"epochs": 2}, 24), ("tutorial6", {"epochs": 1}, 24),
              ("tutorial7", {"count": 200, "epochs": 1}, 24), ("sew_resnet", {"epochs": 1}, 24))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_example_has_its_bitstream(tmp_path):
    name, short, clock = BITSTREAMS[commit() % len(BITSTREAMS)]
    made = example(name).main(**short)
    made = made[-1] if isinstance(made, tuple | list) else made
    report = made.build(out=tmp_path / "chip", clock_mhz=clock, lanes=4, word_steps=8)
    assert report["timing_met"] and (tmp_path / "chip" / "top.bin").stat().st_size > 100_000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["norse", "sinabs", "spikingjelly"])
def test_other_frameworks_modules_are_refused_with_their_way_in(name):
    with pytest.raises(BadInput, match=rf"module.* get in as NIR graphs: .*to_nir writes one, "
                                       rf'which producer "{name}" \(--from {name}\) reads'):
        sam_snn.compile(example(f"{name}_digits").net(), shape=(1, 16, 16))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_fine_tuning_gains():
    before, after = example("finetune").main()
    assert after > before + 0.05
