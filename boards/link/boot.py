"""Weights from flash at power-up."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.protocol.codec import FLAG
from boards.protocol.identity import Boot

__all__ = ["Loader"]

WAKE, READ = 0xAB, 0x03  # of any SPI flash: leave power-down; read on from an address
REST = 2**12             # cycles to wake up, and to carry a frame out; 3 us are enough to wake
FRAME = 2**10            # bytes among which a FLAG must be


class Loader(wiring.Component):
    """Reads frames from a SPI flash and feeds them to a Link, as a host would.

    The flash holds requests as they would come over the UART (boards.protocol.flash_image), which
    end by writing the label. Each must be carried out without error before the next one is read; if
    one is not, since it is damaged, missing or longer than a frame, the rest is left alone, so that
    the label stays 0, and the state is Boot.REFUSED. SPI mode 0 at a quarter of the clock, 32
    cycles a byte.

    Parameters
    ----------
    address : int
        Of the first frame in the flash.

    Members
    -------
    cs, clk, copi, cipo : Out(1), Out(1), Out(1), In(1)
        Pins of the flash; ``cs`` is 1 while it is selected.
    o : Out(stream.Signature(8, always_ready=True))
        Bytes for the link, while ``active``.
    executed, labelled, signing : In(1)
        As boards.link.link has them.
    active : Out(1)
        The link is to listen to the loader, and its answers are to be swallowed.
    state : Out(Boot)
    """

    cs: Out(1)
    clk: Out(1)
    copi: Out(1)
    cipo: In(1)
    o: Out(stream.Signature(8, always_ready=True))
    executed: In(1)
    labelled: In(1)
    signing: In(1)
    active: Out(1)
    state: Out(2, init=Boot.LOADING)

    def __init__(self, *, address):
        if not 0 <= address < 2**24:
            raise ValueError(f"address must be 0 to 2**24 - 1, not {address}")
        self._address = address
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        phase = Signal(2)          # of a bit: copi changes before 0, clk is 1 in 2 and 3
        bit   = Signal(3)
        out   = Signal(8)
        into  = Signal(8)
        place = Signal(3)          # bytes sent since the flash was selected
        timer = Signal(range(max(REST, FRAME) + 1))
        done  = Signal()           # the label was written
        shifts, whole = Signal(), Signal()
        m.d.comb += [
            self.copi.eq(out[-1]),
            self.o.payload.eq(into),
            self.active.eq(self.state == Boot.LOADING),
            whole.eq(shifts & (phase == 3) & (bit == 7)),
        ]
        m.d.sync += self.clk.eq(shifts & phase[1])
        with m.If(shifts):
            m.d.sync += phase.eq(phase + 1)
            with m.If(phase == 3):
                m.d.sync += [bit.eq(bit + 1), into.eq(Cat(self.cipo, into)), out.eq(out << 1)]
        with m.If(self.labelled):
            m.d.sync += done.eq(1)
        sent = [READ, *self._address.to_bytes(3, "big")]

        with m.FSM():
            with m.State("Select"):
                m.d.sync += [self.cs.eq(1), out.eq(WAKE)]
                m.next = "Wake"

            with m.State("Wake"):
                m.d.comb += shifts.eq(1)
                with m.If(whole):
                    m.next = "Release"

            with m.State("Release"):
                m.d.sync += self.cs.eq(0)
                m.d.sync += timer.eq(timer + 1)
                with m.If(timer == REST):
                    m.d.sync += [self.cs.eq(1), timer.eq(0), out.eq(sent[0])]
                    m.next = "Command"

            with m.State("Command"):
                m.d.comb += shifts.eq(1)
                with m.If(whole):
                    m.d.sync += place.eq(place + 1)
                    with m.Switch(place):
                        for n, byte in enumerate(sent[1:]):
                            with m.Case(n):
                                m.d.sync += out.eq(byte)
                        with m.Default():
                            m.next = "Byte"

            with m.State("Byte"):
                m.d.comb += shifts.eq(1)
                with m.If(whole):
                    m.next = "Give"

            with m.State("Give"):
                m.d.comb += self.o.valid.eq(1)
                m.d.sync += timer.eq(timer + 1)
                m.next = "Byte"
                with m.If(into == FLAG):
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
                with m.Elif(timer == REST):
                    m.d.sync += self.state.eq(Boot.REFUSED)
                    m.next = "End"

            with m.State("End"):
                m.d.sync += self.cs.eq(0)

        return m
