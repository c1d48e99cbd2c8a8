"""The streams of a unit behind the registers of an AXI4-Lite bus, for a processor."""

from typing import TYPE_CHECKING, Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

if TYPE_CHECKING:
    from hw.ip.axi import Axi, Port

__all__ = ["DATA", "HIGH", "ID", "LAST", "READY", "RESET", "STATUS", "AxiLite", "base"]

ID = 0x314D_4153                            # what is read at 0: "SAM1", the lowest byte first
PORTS, READY, RESET = 0x4, 0x8, 0xC         # behind it, of all ports
DATA, HIGH, LAST, STATUS = 0, 4, 8, 12      # of a port, behind its base
OKAY, SLVERR = 0, 2


def base(n: int) -> int:
    """Address of the four registers of port ``n``, in the order of ``Axi.ports``."""
    return 16 * (n + 1)


class AxiLite(wiring.Component):
    """A unit with one AXI4-Lite port, 32 bits wide, in place of its streams.

    At 0 ID, at 4 the number of ports, at 8 bit n for STATUS of port n; whatever is written at 12
    resets the unit. Port n has four registers from ``base(n)`` on:

    DATA    into the unit: a write gives it tdata[31:0], and with that the word. Out of it: a read
            takes the word and gives tdata[31:0].
    HIGH    tdata[63:32]: into the unit, of the next words that are written; out of it, of the word
            that was read last.
    LAST    tlast: into the unit, of the next word that is written, then 0; out of it, of the word
            that was read last.
    STATUS  1 where a write or read of DATA would be taken: into the unit, the word before is
            gone; out of it, there is one.

    A write of DATA that is not taken, a read where there is no word, a write of less than 32 bits
    and one of a register that is only read answer SLVERR and do nothing else. No access waits for
    the unit: an answer comes a cycle behind its request.

    Parameters
    ----------
    axi : hw.ip.axi.Axi
        Of words of at most 64 bits.
    module : None or str
        Name of the Verilog module that ``axi`` is, to be instantiated; None to build it in.

    Members
    -------
    s_axil_aw*, s_axil_w*, s_axil_b*, s_axil_ar*, s_axil_r*
        The bus, of ``address_bits`` of addresses.
    """

    def __init__(self, axi: "Axi", *, module: str | None = None):
        if wide := [port.name for port in axi.ports if port.width > 64]:
            raise ValueError(f"words must have at most 64 bits: {', '.join(wide)}")
        self.axi, self.module = axi, module
        self.address_bits = 4 + ceil_log2(len(axi.ports) + 1)
        super().__init__({f"s_axil_{name}": way(width) for name, way, width in (
            ("awaddr", In, self.address_bits), ("awprot", In, 3), ("awvalid", In, 1),
            ("awready", Out, 1), ("wdata", In, 32), ("wstrb", In, 4), ("wvalid", In, 1),
            ("wready", Out, 1), ("bresp", Out, 2), ("bvalid", Out, 1), ("bready", In, 1),
            ("araddr", In, self.address_bits), ("arprot", In, 3), ("arvalid", In, 1),
            ("arready", Out, 1), ("rdata", Out, 32), ("rresp", Out, 2), ("rvalid", Out, 1),
            ("rready", In, 1))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        bus = lambda name: getattr(self, f"s_axil_{name}")
        writes, reads, reset = Signal(), Signal(), Signal()
        m.d.comb += [
            writes.eq(bus("awvalid") & bus("wvalid") & (~bus("bvalid") | bus("bready"))),
            reads.eq(bus("arvalid") & (~bus("rvalid") | bus("rready"))),
            bus("awready").eq(writes), bus("wready").eq(writes), bus("arready").eq(reads),
        ]
        taken = Signal()                    # by a register, if something is written
        found, failed = Signal(32), Signal()
        place = lambda address: address[4:]
        word = lambda address: address[2:4]
        whole = bus("wstrb").all()
        with m.If((place(bus("awaddr")) == 0) & (word(bus("awaddr")) == RESET // 4) & whole):
            m.d.comb += [taken.eq(1), reset.eq(writes)]
        wires, ready = self.streams(m, reset), Signal(len(self.axi.ports))
        with m.Switch(bus("araddr")[2:]):
            with m.Case(0):
                m.d.comb += found.eq(ID)
            with m.Case(PORTS // 4):
                m.d.comb += found.eq(len(self.axi.ports))
            with m.Case(READY // 4):
                m.d.comb += found.eq(ready)
        for n, port in enumerate(self.axi.ports):
            put = writes & whole & (place(bus("awaddr")) == n + 1)
            take = reads & (place(bus("araddr")) == n + 1)
            side = into if port.slave else out_of
            shown = side(m, port, wires, put=put, take=take & (word(bus("araddr")) == DATA // 4),
                         word=word(bus("awaddr")), data=bus("wdata"), reset=reset)
            m.d.comb += ready[n].eq(shown["status"])
            with m.If((place(bus("awaddr")) == n + 1) & whole & shown["writable"].bit_select(
                    word(bus("awaddr")), 1)):
                m.d.comb += taken.eq(1)
            with m.If(place(bus("araddr")) == n + 1):
                with m.Switch(word(bus("araddr"))):
                    for k, name in enumerate(("data", "high", "last", "status")):
                        with m.Case(k):
                            m.d.comb += found.eq(shown[name])
                m.d.comb += failed.eq((word(bus("araddr")) == DATA // 4) & ~shown["readable"])

        with m.If(bus("bready")):
            m.d.sync += bus("bvalid").eq(0)
        with m.If(writes):
            m.d.sync += [bus("bvalid").eq(1), bus("bresp").eq(Mux(taken, OKAY, SLVERR))]
        with m.If(bus("rready")):
            m.d.sync += bus("rvalid").eq(0)
        with m.If(reads):
            m.d.sync += [bus("rvalid").eq(1), bus("rresp").eq(Mux(failed, SLVERR, OKAY)),
                         bus("rdata").eq(Mux(failed, 0, found))]

        return m

    def streams(self, m: Module, reset: Signal) -> dict[str, Value]:
        """Signals of the unit's streams, the unit built in or instantiated."""
        if self.module is None:
            m.submodules.unit = ResetInserter(reset)(self.axi)
            return {name: getattr(self.axi, name) for name in self.axi.signature.members}
        wires, ports = {}, {}
        for name, member in self.axi.signature.members.items():
            wires[name] = Signal(member.shape, name=name)
            ports[f"{'i' if member.flow == In else 'o'}_{name}"] = wires[name]
        m.submodules.unit = Instance(self.module, i_clk=ClockSignal(),
                                     i_rst=ResetSignal() | reset, **ports)
        return wires


def into(m: Module, port: "Port", wires: dict, *, put, take, word, data, reset) -> dict[str, Value]:
    """Registers of a stream into the unit; what a read shows of them, and which can be written."""
    low, high = Signal(32, name=f"{port.name}_low"), Signal(32, name=f"{port.name}_high")
    full, last = Signal(name=f"{port.name}_full"), Signal(name=f"{port.name}_last")
    upper, ends = Signal(32, name=f"{port.name}_upper"), Signal(name=f"{port.name}_ends")
    m.d.comb += [wires[f"{port.name}_tdata"].eq(Cat(low, upper)),
                 wires[f"{port.name}_tvalid"].eq(full)]
    if port.last:
        m.d.comb += wires[f"{port.name}_tlast"].eq(ends)
    with m.If(wires[f"{port.name}_tready"]):
        m.d.sync += full.eq(0)
    with m.If(put):
        with m.If((word == DATA // 4) & ~full):
            m.d.sync += [low.eq(data), upper.eq(high), ends.eq(last), full.eq(1), last.eq(0)]
        with m.If(word == HIGH // 4):
            m.d.sync += high.eq(data)
        with m.If(word == LAST // 4):
            m.d.sync += last.eq(data[0])
    with m.If(reset):
        m.d.sync += [full.eq(0), last.eq(0)]
    return {"data": C(0), "high": high, "last": last, "status": ~full, "readable": C(0),
            "writable": Cat(~full, C(0b11, 2), C(0, 1))}


def out_of(m: Module, port: "Port", wires: dict, *, put, take, word, data,
           reset) -> dict[str, Value]:
    """Registers of a stream out of the unit; as ``into`` otherwise."""
    high, last = Signal(32, name=f"{port.name}_high"), Signal(name=f"{port.name}_last")
    tdata, valid = wires[f"{port.name}_tdata"], wires[f"{port.name}_tvalid"]
    m.d.comb += wires[f"{port.name}_tready"].eq(take)
    with m.If(take & valid):
        m.d.sync += high.eq(tdata[32:])
        if port.last:
            m.d.sync += last.eq(wires[f"{port.name}_tlast"])
    return {"data": tdata[:32], "high": high, "last": last, "status": valid, "readable": valid,
            "writable": C(0, 4)}
