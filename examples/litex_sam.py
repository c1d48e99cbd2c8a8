"""The SAM unit in a LiteX SoC, behind its registers.

    sam-snn export verilog sam --network digits --axi-lite --no-tools --out build/sam.v
    python examples/litex_sam.py build/sam.v        # writes build/litex_sam.v

``Sam`` goes into any SoC; here the SoC's bus has a Wishbone master at its pins, in place of a CPU.
Needs `pip install litex==2024.12 migen`.
"""

import sys
from pathlib import Path

from litex.build.generic_platform import Pins
from litex.build.sim import SimPlatform
from litex.gen import LiteXModule
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import axi, wishbone
from migen import ClockSignal, Instance, ResetSignal
from migen.genlib.io import CRG
from migen.genlib.record import DIR_M_TO_S

BASE, SIZE = 0x3000_0000, 0x100


class Sam(LiteXModule):
    """An exported unit: ``module``_axil of ``source``_axil.v, a slave of the SoC's bus."""

    def __init__(self, platform, source, module="sam"):
        self.bus = bus = axi.AXILiteInterface(address_width=32, data_width=32)
        source = Path(source)
        platform.add_sources(str(source.parent), source.name, f"{source.stem}_axil.v")
        wires = {"i_clk": ClockSignal("sys"), "i_rst": ResetSignal("sys")}
        for name, channel in (("aw", bus.aw), ("w", bus.w), ("b", bus.b), ("ar", bus.ar),
                              ("r", bus.r)):
            to, back = ("o", "i") if name in "br" else ("i", "o")   # answers go the other way
            wires[f"{to}_s_axil_{name}valid"] = channel.valid
            wires[f"{back}_s_axil_{name}ready"] = channel.ready
            for field in {"aw": ["addr"], "w": ["data", "strb"], "b": ["resp"], "ar": ["addr"],
                          "r": ["data", "resp"]}[name]:
                wires[f"{to}_s_axil_{name}{field}"] = getattr(channel, field)
        wires |= {"i_s_axil_awprot": 0, "i_s_axil_arprot": 0}
        self.specials += Instance(f"{module}_axil", **wires)


class SoC(SoCMini):
    """A bus with a master at the pins and the unit at ``BASE``."""

    def __init__(self, source):
        pins = wishbone.Interface(data_width=32, address_width=32, addressing="byte")
        ports = [(name, 0, Pins(width)) for name, width in (("sys_clk", 1), ("sys_rst", 1))]
        ports += [(f"wb_{name}", 0, Pins(len(getattr(pins, name)))) for name, *_ in pins.layout]
        platform = SimPlatform("SIM", ports)
        self.crg = CRG(platform.request("sys_clk"), rst=platform.request("sys_rst"))
        SoCMini.__init__(self, platform, clk_freq=100e6, ident_version=False)
        self.sam = Sam(platform, source)
        self.bus.add_slave("sam", self.sam.bus, SoCRegion(origin=BASE, size=SIZE, cached=False))
        self.bus.add_master("pins", pins)
        for name, _, way in pins.layout:
            pin, wire = platform.request(f"wb_{name}"), getattr(pins, name)
            self.comb += wire.eq(pin) if way == DIR_M_TO_S else pin.eq(wire)


if __name__ == "__main__":
    soc = SoC(sys.argv[1])
    soc.finalize()
    Path(sys.argv[1]).with_name("litex_sam.v").write_text(str(soc.platform.get_verilog(soc)))
