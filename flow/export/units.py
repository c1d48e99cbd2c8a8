"""Units as plain Verilog, each with a testbench that checks it.

Ports are valid/ready streams with AXI4-Stream names; the table of ports heads the file.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flow import steps
from flow.export import vectors
from flow.export.packaging import CORE_HEAD, beside, core_of, registers_of
from flow.export.scan import Scan, scan_cells
from flow.verilog import verilog_of
from golden.explain.traces import checked_decay, decay_table, quantised
from golden.formats import GAMMA, MODES, MOST_STEPS, SCORE_FRAC, exp_table, map_bits
from golden.io import processes
from golden.io.console import Console
from golden.io.errors import BadInput
from golden.io.files import output, publishing
from golden.io.text import short
from golden.network.encoders import encoder_of
from hw.ip.axi import Axi
from hw.ip.dense_layer import layer_unit
from hw.ip.events import MODE, WEIGHTS, EventAttribution, EventSam
from hw.ip.testbench import HEAD, testbench

if TYPE_CHECKING:
    import numpy as np

    from golden.network.graph import Network
    from golden.network.layers import Stage
    from hw.ip.testbench import Packet

TARGETS = ("generic", "ice40")
WEIGHT_BITS = 8
CLOCK_HZ = 24_000_000
LAST = {"scores": "the image's last score", "traces": "the image's last neuron",
        "counts": "cycles, the end of the image"}   # what tlast of a stream says

# Stands in for the iCE40's memory in every simulator; Yosys defines SYNTHESIS.
SPRAM_MODEL = """
`ifndef SYNTHESIS
module SB_SPRAM256KA (input [13:0] ADDRESS, input [15:0] DATAIN, input [3:0] MASKWREN, input WREN,
                      input CHIPSELECT, input CLOCK, input STANDBY, input SLEEP, input POWEROFF,
                      output reg [15:0] DATAOUT);
  reg [15:0] words [0:16383];
  always @(posedge CLOCK) if (CHIPSELECT) begin
    if (WREN) words[ADDRESS] <= DATAIN;
    else DATAOUT <= words[ADDRESS];
  end
endmodule
`endif
"""


def module_of(path: str | Path) -> str:
    """Name of the module in ``path``; raise BadInput unless it is one of Verilog."""
    path = Path(path)
    if path.suffix != ".v":
        raise BadInput(f"{path}: must end in .v")
    if not re.fullmatch(r"[A-Za-z_]\w*", path.stem, re.ASCII):
        raise BadInput(f"{path}: {path.stem} is no name of a Verilog module")
    return path.stem


def port_table(axi: Axi, meanings: dict[str, str]) -> list[str]:
    """Lines that say what every port is."""
    lines = ["clk                        in     1  all in one clock domain, rising edge",
             "rst                        in     1  active high, synchronous"]
    for port in axi.ports:
        into, back = ("in", "out") if port.slave else ("out", "in")
        parts = [("tdata", into, port.width), ("tvalid", into, 1), ("tready", back, 1)]
        if port.last:
            parts.append(("tlast", into, 1))
        for part, way, width in parts:
            lines.append(f"{port.name + '_' + part:26} {way:4} {width:3}  "
                         + (meanings[port.member] if part == "tdata" else "")
                         + (meanings.get(port.member + ".last", "") if part == "tlast" else ""))
    return [line.rstrip() for line in lines]


def check_files(path: str | Path, *inputs: str | None) -> None:
    """BadInput where an export to ``path`` would take away one of ``inputs`` or a foreign file."""
    path, module = Path(path), module_of(path)
    bench = path.with_name(f"{module}_tb.v")
    head = HEAD.splitlines()[0].partition("{module}")[0] + module
    ours = lambda _: bench.read_text().startswith(head)
    output(path, *inputs)
    output(bench, *inputs, what="the testbench", known=ours)
    core, registers = beside(path)
    output(core, *inputs, what="the core", known=lambda _: core.read_text().startswith(
        CORE_HEAD.format(module=module)))
    output(registers, *inputs, what="the registers", known=lambda _: registers.read_text()
           .startswith(f"// {module} behind the registers of"))
    output(path.with_name(f"{module}_tb.hex"), *inputs, what="the testbench's", known=ours)
    output(path.with_suffix(".json"), *inputs, what="the report", known=lambda path: {
        "what", "fmax_mhz", "scan_lc"} <= json.loads(path.read_text()).keys())


def texts(path: str | Path, axi: Axi, *, title: list[str], meanings: dict[str, str], target: str,
          sent: "list[Packet]", expected: "list[Packet]",
          axi_lite: bool = False) -> dict[Path, str]:
    """{path: text} of the module, its testbench, the testbench's words and a FuseSoC core.

    With ``axi_lite`` also the module behind registers (flow.export.packaging).
    """
    check_files(path)
    module = module_of(path)
    if target not in TARGETS:
        raise BadInput(f"target must be one of {', '.join(TARGETS)}, not {target}")
    platform = None
    if target == "ice40":
        from amaranth_boards.icebreaker import ICEBreakerPlatform
        platform = ICEBreakerPlatform()
    body = verilog_of(axi, name=module, platform=platform, emit_src=False,
                           strip_internal_attrs=True)
    head = [*title, "", "A word moves in each cycle in which tvalid and tready are high.", "",
            *port_table(axi, meanings)]
    text = "".join(f"// {line}".rstrip() + "\n" for line in head) + "\n" + body
    if "SB_SPRAM256KA" in body:
        text += SPRAM_MODEL
    bench, words = testbench(module, sent, expected)
    path = Path(path)
    core, registers = beside(path)
    found = {path: text, path.with_name(f"{module}_tb.v"): bench,
             path.with_name(f"{module}_tb.hex"): words,
             core: core_of(module, title[0], registers=axi_lite)}
    if axi_lite:
        found[registers] = registers_of(module, axi, meanings)
    return found


def publish(path: str | Path, files: dict[Path, str], report: dict[str, Any] | None = None) -> None:
    """Write the {path: text} of an export, and its report if there is one, all or none.

    The report and the registers of an older export go, as they are about another module.
    """
    about, registers = Path(path).with_suffix(".json"), beside(Path(path))[1]
    if report is not None:
        files = {**files, about: json.dumps(report, indent=2) + "\n"}
    with publishing(without=[each for each in (about, registers) if each not in files]) as put:
        for name, text in files.items():
            put(name).write_text(text)


def made(path: str | Path, axi: Axi, files: dict[Path, str], report: dict[str, Any], *, tools: bool,
         seed: int, console: Console | None) -> dict[str, Any]:
    """Write an export; with ``tools`` after the iCE40 flow, which adds what it takes to ``report``.

    Raises Failed if it does not fit; nothing is written then.
    """
    if not tools:
        publish(path, files)
        return report
    path = Path(path)
    with processes.folder("sam-export-") as work, \
            (console or Console(stderr=True)).status("synthesis, place and route ..."):
        folder = steps.synthesised(Scan(axi, name=path.stem, text=files[path]), work)
        routed = steps.routed(folder, hz=CLOCK_HZ, seed=seed)
    report = {**report, **steps.used(routed), "scan_lc": scan_cells(axi),
              "fmax_mhz": steps.fmax(routed),
              "device": "iCE40UP5K-SG48", "seed": seed}
    publish(path, files, report)
    return report


def told(report: dict[str, Any]) -> str:
    """One line of what a unit takes."""
    return (f"iCE40UP5K: {report['lc']} LC (of which up to {report['scan_lc']} are the scan chain "
            f"around it), {report['ebr']} EBR, {report['spram']} SPRAM, {report['dsp']} DSP, "
            f"{report['fmax_mhz']:.2f} MHz")


def export_attribution(path: str | Path, weights: "np.ndarray", *, steps: int, decay: float,
                       target: str = "ice40", tools: bool = True, seed: int = 1,
                       network: str | None = None, axi_lite: bool = False,
                       console: Console | None = None) -> dict[str, Any]:
    """Write an EventAttribution and say what it takes.

    Parameters
    ----------
    path : str or Path
        FILE.v; FILE_tb.v, FILE_tb.hex, FILE.core and (with ``tools``) FILE.json appear beside it.
    weights : (N,) or (N, K) array
        Path weights of the outputs; kept in 8 bits (golden.explain.traces.quantised).
    steps : int
        T of an image.
    decay : float
    target : "ice40" or "generic"
        Whether more than eight EBR of weights lie in SPRAM.
    tools : bool
        Whether to send the file through synthesis, place and route.
    network : str
        For the header.
    axi_lite : bool
        Whether FILE_axil.v is written too, the unit behind registers (hw.ip.axi_lite).

    Returns
    -------
    dict
        The report.

    Raises BadInput naming the argument that does not fit.
    """
    weights, shift = quantised(weights, WEIGHT_BITS)
    weights = weights.reshape(len(weights), -1)
    neurons, outputs = weights.shape
    decay = checked_decay(decay)
    if not 1 <= steps <= MOST_STEPS:
        raise BadInput(f"steps must be 1 to {MOST_STEPS}, not {steps}")
    if neurons * outputs > 2**14:
        raise BadInput(f"weights must be at most {2**14}, not {neurons} neurons times {outputs} "
                       "outputs: choose one output neuron")
    unit = EventAttribution(neurons=neurons, steps=steps, outputs=outputs, bits=WEIGHT_BITS,
                            weights=weights.T.ravel(), table=decay_table(decay, steps))
    axi = Axi(unit)
    ports = {port.member: port for port in axi.ports}
    title = [f"Spike attribution of {neurons} neurons for {outputs} output(s) over {steps} steps"
             + (f", {network}." if network else "."),
             f"Decay {decay:g} a step; a weight of 1 is {2.0**shift:g} of the network's units.",
             f"Attributions are in units of 2**{shift - SCORE_FRAC} of them: "
             "the sum of decay**(T - t) over the neuron's",
             "spikes at t, times its path weight to the output."]
    in_spram = unit.weigher.in_spram and target == "ice40"
    if in_spram:
        title.append("The weights lie in SPRAM, which is empty at power-up: write them first.")
    meanings = {
        "i_events": "address of a neuron that spikes, 0 to "
                    f"{neurons - 1}; any other: no spike",
        "i_events.last": "the step ends, also in a step without spikes",
        "i_config": "[31:16] index, [15:0] data: decay**index in 2**-15; 0x8000 + n weight n",
        "i_output": "the output to explain, once an image; wanted after its last step",
        "o_attributions": "signed, neuron after neuron, after the image's last step",
        "o_attributions.last": "the image's last neuron"}
    sent, expected = vectors.for_attribution(unit, ports, weights, decay=decay,
                                             weight_index=WEIGHTS)
    files = texts(path, axi, title=title, meanings=meanings, target=target, sent=sent,
                  expected=expected, axi_lite=axi_lite)
    report = {"what": "attribution", "neurons": neurons, "outputs": outputs, "steps": steps,
              "decay": decay, "weight_bits": WEIGHT_BITS, "weight_unit": 2.0**shift,
              "weights_in": "SPRAM" if in_spram else "EBR", "target": target, "network": network}
    return made(path, axi, files, report, tools=tools, seed=seed, console=console)


def export_sam(path: str | Path, shape: tuple[int, int, int], *, steps: int, gamma: float = GAMMA,
               mode: str = "paper", target: str = "generic", tools: bool = True, seed: int = 1,
               network: str | None = None, axi_lite: bool = False,
               console: Console | None = None) -> dict[str, Any]:
    """Write an EventSam of a layer of ``shape`` (C, H, W); as ``export_attribution`` otherwise."""
    channels, height, width = shape
    if max(channels, height * width) >= vectors.BEYOND:
        raise BadInput(f"shape must have fewer than {vectors.BEYOND} channels and pixels")
    unit = EventSam(channels=channels, pixels=height * width, steps=steps,
                    map_width=map_bits(channels, steps), table=exp_table(gamma, steps),
                    mode=MODES.index(mode))
    axi = Axi(unit)
    ports = {port.member: port for port in axi.ports}
    title = [f"Spike Activation Map of {channels} channels of {height} x {width} over {steps} steps"
             + (f", {network}." if network else "."),
             f"Kim & Panda 2021 (arXiv:2103.14441); gamma {gamma:g}, mode {mode}. "
             "Values are in units of 2**-8."]
    meanings = {
        "i_events": f"a spike: [15:0] channel, 0 to {channels - 1}; [31:16] pixel y * {width} + x; "
                    "any other: no spike",
        "i_events.last": "the step ends, also in a step without spikes",
        "i_config": "[31:16] index, [15:0] data: exp(-gamma index) in 2**-15; 0x100 mode: "
                    "0 paper, 1 inclusive, 2 official",
        "o_map": "unsigned, pixel after pixel, after each step",
        "o_map.last": "the step's last pixel"}
    sent, expected = vectors.for_sam(unit, ports, shape, gamma=gamma, mode=mode, mode_index=MODE)
    files = texts(path, axi, title=title, meanings=meanings, target=target, sent=sent,
                  expected=expected, axi_lite=axi_lite)
    report = {"what": "sam", "shape": list(shape), "steps": steps, "gamma": gamma, "mode": mode,
              "target": target, "network": network}
    return made(path, axi, files, report, tools=tools, seed=seed, console=console)


def export_layer(path: str, stage: "Stage", *, steps: int, target: str = "generic",
                 tools: bool = True, seed: int = 1, network: str | None = None,
                 axi_lite: bool = False, console: Console | None = None) -> dict[str, Any]:
    """Write a DenseLif of a golden.network.Stage; as ``export_attribution`` otherwise."""
    unit = layer_unit(stage, steps, network)
    axi = Axi(unit)
    ports = {port.member: port for port in axi.ports}
    outputs, inputs = unit.weights.shape
    title = [f"Layer {stage.index} of {network}: {inputs} to {outputs}, dense, {steps} steps.",
             f"Step by step: {unit.cycles} cycles a step where nothing waits, whatever spikes.",
             "Weights and thresholds are initial contents of the memory."]
    part = lambda count, word: (f"bit n: neuron n spikes, {count} of them" if count == word else
                                f"bit n: neuron {word} w + n spikes in the step's word w, "
                                f"of {-(-count // word)}")
    meanings = {
        "i_spikes": part(inputs, unit.in_word), "i_spikes.last": "the image's last word",
        "o_spikes": part(outputs, unit.out_word), "o_spikes.last": "the image's last word",
        "o_membranes": "signed, neuron after neuron, after each step",
        "o_membranes.last": "the image's last value"}
    sent, expected = vectors.for_layer(unit, ports, stage, steps)
    files = texts(path, axi, title=title, meanings=meanings, target=target, sent=sent,
                  expected=expected, axi_lite=axi_lite)
    report = {"what": "layer", "layer": stage.index, "inputs": inputs, "outputs": outputs,
              "steps": steps, "weight_bits": stage.layer.bits, "cycles_a_step": unit.cycles,
              "target": target, "network": network}
    return made(path, axi, files, report, tools=tools, seed=seed, console=console)


def export_accelerator(path: str, network: "Network", images: "np.ndarray", *,
                       target: str = "generic", gamma: float = GAMMA, mode: str = "paper",
                       decay: float = 0.9, axi_lite: bool = False,
                       **options: Any) -> dict[str, Any]:
    """Write an Accelerator, checked on ``images``; ``options`` are its own."""
    from hw.accelerator import Accelerator
    accelerator = Accelerator(network, gamma=gamma, mode=mode, **options)
    packets = {output.port: output.count
               for name, output in accelerator.outputs.items() if name != "counts"}
    axi = Axi(accelerator, packets=packets)
    ports = {port.member: port for port in axi.ports}
    taps = ", ".join(map(str, accelerator.taps)) or "none"
    title = [f"Accelerator of {short(network.name)} (digest {network.digest}), "
             f"{' x '.join(map(str, network.shape))}, {network.steps} steps.",
             f"Mapped layers: {taps}. Write the weights once before the first image; configuration",
             "is taken between images."]
    meanings = {
        "i_pixels": "pixels, (y, x, channel) order" if not encoder_of(network).frames
                    else "trains, (y, x, channel, chunk, plane) order, bit t for step t",
        "i_pixels.last": "the image's last word",
        "i_config": "[33:32] space, [31:16] index, [15:0] data",
        "o_maps": "unused",
        **{output.port: output.meaning for output in accelerator.outputs.values()},
        **{f"{output.port}.last": LAST.get(name, "the image's last value")
           for name, output in accelerator.outputs.items()}}
    sent, expected = vectors.for_accelerator(accelerator, ports, images, gamma=gamma, mode=mode,
                                             decay=decay)
    if not accelerator.taps:
        expected.append(vectors.Packet(ports["o_maps"].name, ports["o_maps"].width, []))
    publish(path, texts(path, axi, title=title, meanings=meanings, target=target, sent=sent,
                        expected=expected, axi_lite=axi_lite))
    return {"what": "accelerator", "network": network.name, "digest": network.digest,
            "target": target, "taps": list(accelerator.taps)}
