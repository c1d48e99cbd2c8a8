"""python -m hw.export: units for someone else's spikes, in cocotb and by their own testbenches."""

import json
import re

import numpy as np
import pytest

from flow.export.command import main
from flow.export.units import export_attribution, export_sam
from flow.steps import ToolError
from golden.attribution import SpikeAttributor
from golden.explain.traces import attribution_bits
from golden.formats import map_bits
from golden.network import load
from hw.ip.axi import padded
from hw.ip.events import EventAttribution, EventSam
from sim.runner import passed, run_bench, simulate
from tests.helpers.exported import checked, simulated
from verify.networks import draw

pytestmark = pytest.mark.slow

NETWORK = "models/fashion.npz"
FASHION = load(NETWORK)
HIDDEN = FASHION.taps[-1]
LAST = FASHION.stages[-2]    # the last hidden layer, the default of both units
TAPS = ", ".join(map(str, FASHION.taps))
SAMS = {f"s{c}x{p}t{t}": {"channels": c, "pixels": p, "steps": t, "map_width": map_bits(c, t)}
        for c, p, t in ((3, 5, 6), (1, 1, 1), (4, 2, 20), (15, 1, 16))}
ATTRIBUTIONS = {f"a{n}t{t}o{k}": {"neurons": n, "steps": t, "outputs": k, "bits": b}
                for n, t, k, b in ((7, 6, 1, 8), (1, 1, 2, 2), (5, 20, 3, 8))}


def test_bench(tmp_path):
    units = {name: EventSam(**case) for name, case in SAMS.items()}
    units |= {name: EventAttribution(**case) for name, case in ATTRIBUTIONS.items()}
    params = {name: {**case, "width": case["map_width"]} for name, case in SAMS.items()}
    params |= {name: {**case, "width": units[name].weigher.width}
               for name, case in ATTRIBUTIONS.items()}
    run_bench(units, "sim.benches.events", params, tmp_path)


def in_cocotb(path, params, folder):
    """Run the bench on the very file, at the ports that its table names."""
    text = path.read_text()
    inside = text.partition("module dut(")[2].partition("endmodule")[0]
    names = re.findall(r"^  input (?:\[.*\] )?(\w+);", inside, re.M)
    assert {"clk", "rst", "s_axis_events_tdata", "s_axis_config_tvalid"} <= set(names)
    names = [name for name in names if name not in ("clk", "rst")]
    bench = "sim.benches.events"
    passed(simulate(text, names, bench, {"dut": {**params, "axi": True}}, folder), bench)
    return text


def test_exported_sam_in_cocotb(tmp_path):
    shape, steps = (3, 2, 3), 6
    export_sam(tmp_path / "dut.v", shape, steps=steps, tools=False)
    in_cocotb(tmp_path / "dut.v", {"channels": 3, "pixels": 6, "steps": steps,
                                   "width": padded(map_bits(3, steps))}, tmp_path)


@pytest.mark.rotated
@pytest.mark.parametrize("neurons, outputs, target", [
    (9, 1, "generic"), (9, 3, "ice40"), (300, 14, "ice40")])
def test_exported_attribution_in_cocotb(neurons, outputs, target, tmp_path):
    """Weights in EBR, of one output and of three to choose from, and in SPRAM."""
    steps, weights = 5, np.random.default_rng(2).normal(size=(neurons, outputs))
    export_attribution(tmp_path / "dut.v", weights, steps=steps, decay=0.9, target=target,
                       tools=False)
    text = in_cocotb(tmp_path / "dut.v", {
        "neurons": neurons, "outputs": outputs, "steps": steps, "bits": 8,
        "width": padded(attribution_bits(steps, 8))}, tmp_path)
    assert ("SB_SPRAM256KA" in text) == (neurons > 9)


def test_attribution_of_any_output(tmp_path, capsys):
    """The command of the README, through its testbench and the iCE40 flow."""
    main(["attribution", "--network", NETWORK, "--out", str(tmp_path / "explain_ice40.v")])
    said = capsys.readouterr().out
    code, bench = checked(tmp_path, "explain_ice40")
    assert code == 0 and f"PASS: {2 * LAST.neurons} words" in bench
    report = json.loads((tmp_path / "explain_ice40.json").read_text())
    assert report["outputs"] == 10 and report["weights_in"] == "SPRAM"
    assert report["neurons"] == LAST.neurons
    assert report["fmax_mhz"] > 24 and report["lc"] < 1000
    assert report["ebr"] <= 10 and (report["spram"], report["dsp"]) == (1, 2)
    assert f"{report['lc']} LC" in said and f"{report['fmax_mhz']:.2f} MHz" in said
    # A fault is found, and where: the expected value of a late word.
    words = (tmp_path / "explain_ice40_tb.hex").read_text().splitlines()
    words[-2] = f"{int(words[-2], 16) ^ 256:0{len(words[-2])}x}"
    (tmp_path / "explain_ice40_tb.hex").write_text("\n".join(words) + "\n")
    code, bench = simulated(tmp_path, "explain_ice40")
    assert code != 0 and f"word {2 * LAST.neurons - 2} is" in bench


def test_attribution_of_one_output_of_the_input(tmp_path):
    main(["attribution", "--network", NETWORK, "--layer", "0", "--output-neuron", "3",
          "--no-tools", "--out", str(tmp_path / "one.v")])
    code, said = checked(tmp_path, "one")
    assert code == 0 and "PASS: 1568 words" in said
    head = (tmp_path / "one.v").read_text().split("module one")[0]
    for port in ("s_axis_events_tdata ", "s_axis_config_tvalid ", "m_axis_attributions_tlast "):
        assert port in head
    assert "s_axis_output" not in head


@pytest.mark.rotated
@pytest.mark.parametrize("mode", ["paper", "official"])
def test_sam(tmp_path, mode):
    main(["sam", "--network", NETWORK, "--mode", mode, "--no-tools",
          "--out", str(tmp_path / "sam.v")])
    code, said = checked(tmp_path, "sam")
    values = 2 * FASHION.steps * LAST.shape[1] * LAST.shape[2]
    assert code == 0 and f"PASS: {values} words" in said


@pytest.mark.rotated
@pytest.mark.parametrize("seed, options", [
    (47, ["--lanes", "2", "--word-steps", "4", "--tap", "1"]),
    (20, ["--layer", "1", "--experiments", "--target", "ice40"])])
def test_accelerator(tmp_path, seed, options):
    """Of drawn networks; images, scores, maps, counts and traces."""
    draw(seed).save(tmp_path / "drawn.npz")
    main(["accelerator", "--network", str(tmp_path / "drawn.npz"), *options,
          "--out", str(tmp_path / "whole.v")])
    code, said = checked(tmp_path, "whole")
    assert code == 0 and "PASS" in said


def test_export_fpga(tmp_path):
    """The tutorial's last call."""
    rng = np.random.default_rng(1)
    attributor = SpikeAttributor(0.95)
    attributor.attribute(rng.integers(0, 2, (25, 784)),
                         [rng.normal(size=(784, 20)), rng.normal(size=(20, 10))], 3)
    report = attributor.export_fpga(tmp_path / "explain_ice40.v", target="ice40")
    assert report["neurons"] == 784 and report["steps"] == 25 and report["ebr"] < 30
    code, said = checked(tmp_path, "explain_ice40")
    assert code == 0 and "PASS: 1568 words" in said


def test_export_fpga_needs_a_result(tmp_path):
    with pytest.raises(ValueError, match="call attribute first"):
        SpikeAttributor(0.95).export_fpga(tmp_path / "x.v")
    attributor = SpikeAttributor(0.95)
    spikes = np.ones((3, 4))
    attributor.attribute(spikes, [np.ones((4, 5)), np.ones((5, 2)), np.ones((2, 2))], 1,
                         paths="active", hidden=[np.ones((3, 5)), np.ones((3, 2))])
    with pytest.raises(ValueError, match='needs paths "linear"'):
        attributor.export_fpga(tmp_path / "x.v")
    attributor.attribute(spikes, [np.ones((4, 2))], 1)
    with pytest.raises(ValueError, match="^target must be one of generic, ice40, not ecp5$"):
        attributor.export_fpga(tmp_path / "x.v", target="ecp5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options, message", [
    (["attribution", "--out", "x.vhd"], "x.vhd: must end in .v"),
    (["attribution", "--out", "3x.v"], "3x.v: 3x is no name of a Verilog module"),
    (["attribution", "--output-neuron", "10"], "--output-neuron must be 0 to 9, not 10"),
    (["attribution", "--layer", "9"], f"--layer must be 0 to {HIDDEN}, not 9"),
    (["attribution", "--layer", "1"],
     f"{NETWORK}: 6272 neurons of layer 1 times 10 outputs are more than 16384 weights; choose "
     "one with --output-neuron"),
    (["attribution", "--decay", "1"], "decay must be at least 0 and below 1, not 1.0"),
    (["sam", "--gamma", "-1"], "--gamma: gamma must be a finite number of at least 0, not -1.0"),
    (["accelerator", "--tap", "9"],
     f"--tap: layer 9 is no spiking layer of this network; those are {TAPS}"),
    (["accelerator", "--layer", "0"],
     f"--layer must be one of the spiking layers {TAPS}, not 0"),
])
def test_refuses(tmp_path, capsys, options, message):
    if "--out" not in options:
        options = [*options, "--out", str(tmp_path / "x.v")]
    with pytest.raises(SystemExit, match="^2$"):
        main([*options, "--network", NETWORK])
    assert capsys.readouterr().err == f"error: {message}\n"
    assert not list(tmp_path.iterdir())


def test_says_what_does_not_fit(tmp_path):
    """8,192 neurons have no room in EBR."""
    with pytest.raises(ToolError, match=re.compile("RAM|BRAM|place", re.I)):
        export_attribution(tmp_path / "large.v", np.ones(8192), steps=16, decay=0.9)
    assert not (tmp_path / "large.json").exists()
