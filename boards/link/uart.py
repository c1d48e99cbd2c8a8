"""UART: 8 data bits, no parity, one stop bit, least significant bit first."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["Receiver", "Transmitter", "divisor_for"]


def divisor_for(*, clock_hz: float, baud: int) -> int:
    """Cycles a bit; ValueError if a whole number of them misses the baud rate by over 1.5 %."""
    if baud < 1:
        raise ValueError(f"baud must be at least 1, not {baud}")
    divisor = round(clock_hz / baud)
    if divisor < 4:
        raise ValueError(f"baud must be at most a quarter of the clock of {clock_hz} Hz, "
                         f"not {baud}")
    error = clock_hz / divisor / baud - 1
    if abs(error) > 0.015:
        raise ValueError(f"baud must be within 1.5 % of a divisor of {clock_hz} Hz, "
                         f"not {error:+.1%} off at {baud}")
    return divisor


def checked(divisor: int) -> int:
    if divisor < 4:
        raise ValueError(f"divisor must be at least 4, not {divisor}")
    return divisor


class Receiver(wiring.Component):
    """Samples each bit once, in its middle, counted from the falling edge of the start bit.

    The middle of the stop bit comes 9.5 bits after that edge, and the edge is seen up to a cycle
    late: baud rates up to (0.5 - 1 / divisor) / 9.5 off are received without error, that is 5.0 %
    at a divisor of 48, 4.6 % at 16, 2.6 % at 4, sender and receiver together.

    A start bit shorter than half a bit is ignored. A byte whose stop bit is 0 is dropped, and no
    start bit is looked for until the line has been 1: a break gives no bytes.

    Parameters
    ----------
    divisor : int
        Cycles a bit, at least 4.

    Members
    -------
    rx : In(1)
        Pin, asynchronous.
    o : Out(stream.Signature(8, always_ready=True))
        Bytes received. Nothing is lost where the reader keeps up with one byte in 9.5 bits.
    """

    def __init__(self, *, divisor: int):
        self.divisor = checked(divisor)
        super().__init__({
            "rx": In(1, init=1),
            "o": Out(stream.Signature(8, always_ready=True)),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        rx = Signal(init=1)
        m.submodules.rx = FFSynchronizer(self.rx, rx, init=1)
        timer = Signal(range(self.divisor))
        shift = Signal(9)  # a 1 goes in ahead of the data: when it comes out, eight bits are in
        middle = timer == self.divisor // 2 - 1

        m.d.comb += self.o.payload.eq(shift[1:])
        m.d.sync += timer.eq(timer + 1)
        with m.If(timer == self.divisor - 1):
            m.d.sync += timer.eq(0)

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += timer.eq(0)
                m.d.sync += shift.eq(1 << 8)
                with m.If(~rx):
                    m.next = "Start"

            with m.State("Start"):
                with m.If(rx):
                    m.next = "Idle"
                with m.Elif(middle):
                    m.next = "Data"

            with m.State("Data"):
                with m.If(middle):
                    m.d.sync += shift.eq(Cat(shift[1:], rx))
                    with m.If(shift[0]):
                        m.d.comb += self.o.valid.eq(rx)
                        m.next = "Idle"
                        with m.If(~rx):
                            m.next = "Break"

            with m.State("Break"):
                with m.If(rx):
                    m.next = "Idle"

        return m


class Transmitter(wiring.Component):
    """Sends a byte in 10 bits of ``divisor`` cycles each, with no pause while bytes are there.

    Parameters
    ----------
    divisor : int
        Cycles a bit, at least 4.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes to send.
    tx : Out(1)
        Pin; 1 while there is nothing to send.
    """

    def __init__(self, *, divisor: int):
        self.divisor = checked(divisor)
        super().__init__({
            "i": In(stream.Signature(8)),
            "tx": Out(1, init=1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        timer = Signal(range(self.divisor))
        shift = Signal(9)  # data and stop bit
        empty = Signal(init=1)  # the 1 of the stop bit has gone out

        m.d.sync += empty.eq(shift == 0)
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(empty):
            m.d.comb += self.i.ready.eq(1)
            with m.If(self.i.valid):
                m.d.sync += [
                    self.tx.eq(0),
                    shift.eq(Cat(self.i.payload, 1)),
                    timer.eq(self.divisor - 1),
                ]
        with m.Else():
            m.d.sync += [
                self.tx.eq(shift[0]),
                shift.eq(shift >> 1),
                timer.eq(self.divisor - 1),
            ]

        return m
