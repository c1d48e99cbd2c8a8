"""Weights from flash at power-up."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.flash_reader import FlashReader, flash_pins
from boards.protocol.codec import FLAG
from boards.protocol.identity import Boot

__all__ = ["Loader"]

PATIENCE = 2**12         # cycles to carry a frame out
FRAME = 2**10            # bytes among which a FLAG must be


class Loader(wiring.Component):
    """Reads frames from the blocks of a SPI flash and feeds them to a Link, as a host would.

    The flash holds requests as they would come over the UART (boards.protocol.flash_image), which
    end by writing the label. Each must be carried out without error before the next one is read.
    If one is not, since it is damaged, missing or longer than a frame, or if the check of a block
    is wrong, the rest is left alone, so that the label stays 0, and the state is Boot.REFUSED.
    Empty frames fill blocks up; more than 1,024 bytes without another frame are none.

    Parameters
    ----------
    address : int
        Of the first block in the flash.
    lines : int
        Of the flash, as FlashReader has them.
    onward : None or int
        Address of the first of the blocks that others read behind the boot, by the same FlashReader
        and through ``read`` to ``damaged``; None for none.

    Members
    -------
    Those of boards.link.flash_reader.flash_pins.
    o : Out(stream.Signature(8, always_ready=True))
        Bytes for the link, while ``active``.
    executed, labelled, signing : In(1)
        As boards.link.link has them.
    active : Out(1)
        The link is to listen to the loader, and its answers are to be swallowed.
    state : Out(Boot)
    read, contents, ended, damaged : In(1), Out(stream.Signature(8)), Out(1), Out(1)
        With ``onward``: those of FlashReader, while not ``active``.
    """

    def __init__(self, *, address: int, lines: int = 4, onward: int | None = None):
        for each in (address, onward or 0):
            if not 0 <= each < 2**24:
                raise ValueError(f"address must be 0 to 2**24 - 1, not {each}")
        self._address, self._lines, self._onward = address, lines, onward
        super().__init__({
            **flash_pins(),
            "o": Out(stream.Signature(8, always_ready=True)),
            "executed": In(1), "labelled": In(1), "signing": In(1),
            "active": Out(1), "state": Out(2, init=Boot.LOADING),
            **({} if onward is None else {
                "read": In(1), "contents": Out(stream.Signature(8)), "ended": Out(1),
                "damaged": Out(1)}),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.reader = reader = FlashReader(lines=self._lines)
        timer = Signal(range(max(PATIENCE, FRAME) + 1))
        done  = Signal()           # the label was written
        fresh = Signal(init=1)     # the byte before was a FLAG, or there was none
        m.d.comb += [
            *(getattr(self, name).eq(getattr(reader, name)) for name in (
                "flash_cs", "flash_clk", "flash_o", "flash_oe")),
            reader.flash_i.eq(self.flash_i),
            reader.address.eq(self._address), reader.read.eq(self.active),
            self.o.payload.eq(reader.o.payload),
            self.active.eq(self.state == Boot.LOADING),
        ]
        if self._onward is not None:
            # The reader rests between the two, since nobody reads on before the boot's end is seen.
            m.d.comb += [
                reader.read.eq(self.active | self.read),
                reader.address.eq(Mux(self.active, self._address, self._onward)),
                self.contents.valid.eq(reader.o.valid & ~self.active),
                self.contents.payload.eq(reader.o.payload),
                self.ended.eq(reader.ended), self.damaged.eq(reader.damaged),
            ]
            with m.If(~self.active):
                m.d.comb += reader.o.ready.eq(self.contents.ready)
        with m.If(self.labelled):
            m.d.sync += done.eq(1)

        with m.FSM():
            with m.State("Byte"):
                m.d.comb += [self.o.valid.eq(reader.o.valid), reader.o.ready.eq(1)]
                with m.If(reader.o.valid):
                    m.d.sync += timer.eq(timer + 1)
                    m.d.sync += fresh.eq(reader.o.payload == FLAG)
                    with m.If((reader.o.payload == FLAG) & ~fresh):
                        m.d.sync += timer.eq(0)
                        m.next = "Wait"
                    with m.Elif(timer == FRAME):
                        m.d.sync += self.state.eq(Boot.REFUSED)
                        m.next = "End"

            with m.State("Wait"):
                m.d.sync += timer.eq(Mux(self.signing, 0, timer + 1))
                with m.If(self.executed):
                    m.d.sync += timer.eq(0)
                    m.next = "Byte"
                    with m.If(done):
                        m.d.sync += self.state.eq(Boot.LOADED)
                        m.next = "End"
                with m.Elif(timer == PATIENCE):
                    m.d.sync += self.state.eq(Boot.REFUSED)
                    m.next = "End"

            with m.State("End"):
                m.d.sync += done.eq(0)

        with m.If(reader.damaged & self.active):
            m.d.sync += self.state.eq(Boot.REFUSED)

        return m
