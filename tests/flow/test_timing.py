"""The clock covers multipliers and SPRAM: by hand, and on a product that Yosys makes."""

import json
import subprocess

import pytest
from amaranth import *
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth_boards.icebreaker import ICEBreakerPlatform

from flow.timing import DELAYS, Form, arranged, megahertz
from flow.toolchain import choose
from flow.yosys import yosys
from hw.explain.sam import Sam


def sdf(kind="ICESTORM_DSP", clock="CLK", source="A_3", sink="O_7"):
    """From a register over 2,000 ps to a cell, and over 3,000 ps to another register."""
    triple = lambda ps: f"({ps}:{ps}:{ps}) ({ps}:{ps}:{ps})"
    logic = lambda name: (
        f'(CELL\n(CELLTYPE "ICESTORM_LC")\n(INSTANCE {name})\n(DELAY\n(ABSOLUTE\n'
        f'(IOPATH CLK O {triple(1000)})\n)\n)\n(TIMINGCHECK\n'
        f'(SETUPHOLD (posedge I0) (posedge CLK) {triple(1200)})\n)\n)\n')
    return (f'(CELL\n(CELLTYPE "top")\n(INSTANCE )\n(DELAY\n(ABSOLUTE\n'
            f'(INTERCONNECT from_LC/O p\\[0\\]_DSP/{source} {triple(2000)})\n'
            f'(INTERCONNECT p\\[0\\]_DSP/{sink} to_LC/I0 {triple(3000)})\n)\n)\n)\n'
            f'{logic("from_LC")}{logic("to_LC")}'
            f'(CELL\n(CELLTYPE "{kind}")\n(INSTANCE p\\[0\\]_DSP)\n(DELAY\n(ABSOLUTE\n'
            f'(IOPATH {clock} {sink} {triple(100)})\n)\n)\n(TIMINGCHECK\n'
            f'(SETUPHOLD (posedge {source}) (posedge {clock}) {triple(100)})\n)\n)\n')


@pytest.mark.parametrize("form, slowest", [
    (None, 100 + 3000 + 1200),                       # nextpnr's own
    ("i.o.", 2120 + 3000 + 1200),
    ("..oa", 1000 + 2000 + 6504),
    ("i...", 2120 + 9050 + 3000 + 1200),
    (".m..", 2120 + 9050 + 3000 + 1200),
    ("i..a", 2120 + 9050 + 5263 + 3000 + 1200),
    ("....", 1000 + 2000 + 9050 + 3000 + 1200),
    ("...a", 1000 + 2000 + 9050 + 5263 + 3000 + 1200)])
def test_paths_of_a_multiplier_by_hand(form, slowest):
    found = megahertz(sdf(), None if form is None else {
        "p[0]": Form(*(letter != "." for letter in form))})
    assert found == pytest.approx(1e6 / slowest)


def test_paths_of_an_spram_by_hand():
    text = sdf("ICESTORM_SPRAM", "CLOCK", "ADDRESS_3", "DATAOUT_7")
    assert megahertz(text, {}) == pytest.approx(1e6 / (DELAYS["spram out"] + 3000 + 1200))


def test_a_multiplier_that_is_not_in_the_netlist_is_an_error():
    with pytest.raises(KeyError):
        megahertz(sdf(), {})


class Product(wiring.Component):
    """y = a b, with registers at "inputs", "outputs" or "both", or at neither: "bare"."""

    a: In(16)
    b: In(16)
    y: Out(32)

    def __init__(self, form):
        self.form = form
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        a, b = self.a, self.b
        if self.form != "outputs":
            a, b = (Signal(16, name=f"kept{n}", reset_less=True) for n in range(2))
            m.d.sync += [a.eq(self.a), b.eq(self.b)]
        if self.form == "bare":                              # what the registers hold is seen
            m.d.comb += self.y.eq((self.a ^ 1) * (self.b ^ 1))
        elif self.form == "inputs":
            m.d.comb += self.y.eq(a * b)
        else:
            y = Signal(32, reset_less=True)                  # it has no reset in step with a clock
            m.d.sync += y.eq(a * b)
            m.d.comb += self.y.eq(y)
        return m


def forms(component, folder):
    """Form of each multiplier of a netlist, after the synthesis of the chip."""
    text = rtlil.convert(component, platform=ICEBreakerPlatform(), name="dut", emit_src=False)
    (folder / "dut.il").write_text(text)
    yosys("read_rtlil dut.il; synth_ice40 -dsp -abc9 -device u -top dut; write_json dut.json",
          folder)
    return list(arranged(json.loads((folder / "dut.json").read_text())).values())


@pytest.mark.parametrize("where, inputs, middle", [
    ("bare", False, False), ("inputs", True, False), ("outputs", False, True),
    ("both", True, True)])
def test_registers_are_seen(where, inputs, middle, tmp_path):
    """A planted product without any is told; a register behind one becomes that in its middle."""
    (found,) = forms(Product(where), tmp_path)
    assert found == Form(inputs, middle, False, False) and found.bare == (where == "bare")


@pytest.mark.parametrize("steps", [4, 16, 40])
def test_sam_uses_the_register_of_its_multiplier(steps, tmp_path):
    """One a spike, its sum included; a path through it ends there."""
    (found,) = forms(Sam(steps=steps, word_steps=4, map_width=16), tmp_path)
    assert found == Form(inputs=False, middle=False, outputs=True, adds=True) and not found.bare


LOOP = """
module dut(input clk, input sin, output reg sout);
reg [46:0] s; reg [27:0] p, z;
wire [27:0] y = s[15:0] * (s[16] ? p[27:15] : s[29:17]);
PRODUCT
always @(posedge clk) begin
    s <= {s[45:0], sin}; z <= z[0] ? q + s[40:13] : z + 5; sout <= ^z;
end
endmodule
"""
# Where the product goes: to its register, or, planted, through an adder first.
PRODUCTS = {
    "registered": "always @(posedge clk) p <= y; wire [27:0] q = p;",
    "bare": "wire [27:0] q = y; always @(posedge clk) p <= z ^ y;"}


@pytest.mark.parametrize("form", PRODUCTS)
def test_the_clock_of_a_routed_loop(form, tmp_path):
    """Nextpnr's own delays give its clock; with those of the multiplier it is slower by as much."""
    (tmp_path / "dut.v").write_text(LOOP.replace("PRODUCT", PRODUCTS[form]))
    yosys("read_verilog dut.v; synth_ice40 -dsp -abc9 -device u -top dut; write_json dut.json",
          tmp_path)
    found = arranged(json.loads((tmp_path / "dut.json").read_text()))
    assert [each.bare for each in found.values()] == [form == "bare"]
    subprocess.run([choose()["NEXTPNR_ICE40"], "--quiet", "--up5k", "--package", "sg48", "--json",
                    "dut.json", "--pcf-allow-unconstrained", "--freq", "24", "--seed", "1",
                    "--report", "report.json", "--sdf", "dut.sdf"], cwd=tmp_path, check=True,
                   capture_output=True)
    report = json.loads((tmp_path / "report.json").read_text())
    (told,) = (clock["achieved"] for clock in report["fmax"].values())
    text = (tmp_path / "dut.sdf").read_text()
    assert megahertz(text) == pytest.approx(told, rel=1e-6)
    added = 1000 / megahertz(text, found) - 1000 / told
    assert added >= 0 and (form == "registered" or added > DELAYS["product"] / 2000)
