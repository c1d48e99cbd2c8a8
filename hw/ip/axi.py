"""Streams under the names that AXI4-Stream gives them."""

from dataclasses import dataclass

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Axi", "Port", "padded"]


def padded(width):
    """``width`` rounded up to whole bytes."""
    return -(-width // 8) * 8


@dataclass(frozen=True)
class Port:
    """A stream of an ``Axi``.

    Members
    -------
    name : str
        Prefix of its signals: s_axis_x of the component's i_x, m_axis_x of its o_x.
    member : str
        The component's stream.
    width : int
        Of tdata, whole bytes.
    fields : list of (name, low bit, bits)
        Of tdata.
    last : bool
        Whether it has a tlast.
    """

    name: str
    member: str
    width: int
    fields: list
    last: bool

    @property
    def slave(self):
        """Whether the words come in."""
        return self.name.startswith("s_")


class Axi(wiring.Component):
    """A component whose streams have tdata, tvalid, tready and tlast; other ports are left open.

    The fields of a payload lie in tdata from bit 0 on; above them zeros, or in a word of one signed
    field its sign. ``last`` travels as tlast. ``first`` of an input is made of it: a word is the
    first after reset and after every tlast.

    Parameters
    ----------
    core : wiring.Component
    packets : dict
        Stream that has no ``last`` of its own to words of a packet, for a tlast that is counted.
    """

    def __init__(self, core, *, packets=None):
        self.core, self.packets = core, packets or {}
        self.ports, signature = [], {}
        for member in core.signature.members:
            inner = core.signature.members[member]
            if not (inner.is_signature and isinstance(inner.signature, stream.Signature)):
                continue
            layout = fields(getattr(core, member).payload)
            chosen = [(name, value) for name, value in layout if name not in ("first", "last")]
            at, named = 0, []
            for name, value in chosen:
                named.append((name, at, len(value)))
                at += len(value)
            slave = inner.flow == In
            port = Port(name=f"{'s' if slave else 'm'}_axis_{member[2:]}", member=member,
                        width=padded(at), fields=named,
                        last=len(chosen) < len(layout) or member in self.packets)
            self.ports.append(port)
            flow, back = (In, Out) if slave else (Out, In)
            signature |= {f"{port.name}_tdata": flow(port.width), f"{port.name}_tvalid": flow(1),
                          f"{port.name}_tready": back(1)}
            if port.last:
                signature[f"{port.name}_tlast"] = flow(1)
        super().__init__(signature)

    def elaborate(self, platform):
        m = Module()

        m.submodules.core = self.core
        for port in self.ports:
            inner = getattr(self.core, port.member)
            tdata, tvalid, tready = (getattr(self, f"{port.name}_{part}")
                                     for part in ("tdata", "tvalid", "tready"))
            tlast = getattr(self, f"{port.name}_tlast") if port.last else None
            layout = fields(inner.payload)
            parts = [(name, value) for name, value in layout if name not in ("first", "last")]
            if port.slave:
                first = Signal(init=1, name=f"{port.member}_first")
                if any(name == "first" for name, _ in layout):
                    with m.If(tvalid & tready):
                        m.d.sync += first.eq(tlast)
                values = {"first": first, "last": tlast} | {
                    name: tdata[at:at + bits] for name, at, bits in port.fields}
                m.d.comb += [
                    Value.cast(inner.payload).eq(Cat(values[name] for name, _ in layout)),
                    inner.valid.eq(tvalid), tready.eq(inner.ready),
                ]
            else:
                signs = len(parts) == 1 and parts[0][1].shape().signed
                m.d.comb += [
                    tdata.eq(parts[0][1] if signs else Cat(value for _, value in parts)),
                    tvalid.eq(inner.valid), inner.ready.eq(tready),
                ]
                if port.member in self.packets:
                    sent = Signal(range(self.packets[port.member]), name=f"{port.member}_sent")
                    m.d.comb += tlast.eq(sent == self.packets[port.member] - 1)
                    with m.If(tvalid & tready):
                        m.d.sync += sent.eq(Mux(tlast, 0, sent + 1))
                elif port.last:
                    m.d.comb += tlast.eq(dict(layout)["last"])

        return m


def fields(payload):
    """(name, value) of each field of a payload, lowest first; of a plain one, one named "data"."""
    if not isinstance(payload, data.View):
        return [("data", Value.cast(payload))]
    return [(name, Value.cast(payload[name])) for name, _ in payload.shape()]
