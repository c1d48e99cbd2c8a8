"""What the chip says of itself, in a memory."""

from typing import Any

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.layouts import LABEL
from boards.protocol.codec import BLOCK
from boards.protocol.identity import BOOT_AT, LABEL_AT, SIGNATURE_AT, Boot

__all__ = ["IdentityMemory"]


class IdentityMemory(wiring.Component):
    """The bytes of the identity, of which label and signature are written, and ``boot`` is wired.

    Parameters
    ----------
    identity : bytes
        At power-up, at most 240 bytes.

    Members
    -------
    i_label : In(stream.Signature(LABEL, always_ready=True))
        Writes to the label or to the signature: a port of its own.
    boot : In(Boot)
        Given in place of what the memory has, unless ``identity`` says Boot.NONE.
    index : In(8)
        Byte that is read.
    o : Out(8)
        That byte, in the cycle after. A byte read while it is written is undefined.
    last : Out(1)
        It is the last one.
    """

    def __init__(self, *, identity):
        if not BOOT_AT < len(identity) <= BLOCK:
            raise ValueError(f"identity must be {BOOT_AT + 1} to {BLOCK} bytes, "
                             f"not {len(identity)}")
        self._identity = bytes(identity)
        super().__init__({
            "i_label": In(stream.Signature(LABEL, always_ready=True)),
            "boot": In(2),
            "index": In(8),
            "o": Out(8),
            "last": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        # A byte of the label that is read while it is written belongs to no answer.
        m.submodules.memory = store = memory.Memory(
            shape=8, depth=256, init=self._identity, attrs={"no_rw_check": True})
        write, read, label = store.write_port(), store.read_port(), self.i_label.p
        m.d.comb += [
            write.addr.eq(Mux(label.signature, SIGNATURE_AT | label.index[:2],
                              LABEL_AT | label.index)),
            write.data.eq(label.data),
            write.en.eq(self.i_label.valid),
            read.addr.eq(self.index),
            self.o.eq(read.data),
        ]
        if self._identity[BOOT_AT] != Boot.NONE:
            with m.If(self.index == BOOT_AT):
                m.d.comb += self.o.eq(self.boot)
        m.d.sync += self.last.eq(self.index == len(self._identity) - 1)

        return m
