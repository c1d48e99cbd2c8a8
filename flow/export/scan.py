"""A module with many ports on a chip with few pins, to see what it takes."""

from typing import TYPE_CHECKING, Any

from amaranth import *
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

if TYPE_CHECKING:
    from hw.ip.axi import Axi

__all__ = ["Scan", "scan_cells"]


class Scan(wiring.Component):
    """A Verilog module whose inputs come from a shift register and whose outputs are registered.

    One pin feeds the register; the parity of all outputs, over three levels of registers, goes to
    another, so that nothing can be left out and every path of the module lies between registers.

    Parameters
    ----------
    unit : wiring.Component
        Of which the text was made; its ports.
    name, text : str
        Module and Verilog.
    """

    def __init__(self, unit: "Axi", *, name: str, text: str):
        self._unit, self._name, self._text = unit, name, text
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        platform.add_file(f"{self._name}.v", self._text)
        m.submodules.pin = pin = io.Buffer("i", platform.request("button", 0, dir="-"))
        m.submodules.led = led = io.Buffer("o", platform.request("led_g", 0, dir="-"))
        into, out, ports = [], [], {}
        for path, member, value in self._unit.signature.flatten(self._unit):
            side, way = (into, "i") if member.flow == In else (out, "o")
            wire = Signal(Value.cast(value).shape(), name="__".join(path))
            side.append(wire)
            ports[f"{way}_{wire.name}"] = wire
        m.submodules.unit = Instance(
            self._name, i_clk=ClockSignal(), i_rst=ResetSignal(), **ports)
        chain = Signal(sum(map(len, into)))
        m.d.sync += chain.eq(Cat(pin.i, chain))
        m.d.comb += Cat(into).eq(chain)
        level = Cat(out)
        while len(level) > 1:
            following = Signal(-(-len(level) // 4), name=f"level{len(level)}")
            first = Signal(len(level), name=f"held{len(level)}")
            m.d.sync += first.eq(level)
            m.d.comb += following.eq(Cat(first[n:n + 4].xor() for n in range(0, len(level), 4)))
            level = following
        m.d.comb += led.o.eq(level)

        return m


def scan_cells(unit: "Axi") -> int:
    """The most logic cells that ``Scan`` itself takes: one a register and one a parity."""
    into = out = 0
    for _, member, value in unit.signature.flatten(unit):
        width = len(Value.cast(value))
        into, out = (into + width, out) if member.flow == In else (into, out + width)
    while out > 1:
        into += out + -(-out // 4)
        out = -(-out // 4)
    return into
