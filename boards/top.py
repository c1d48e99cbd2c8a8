"""The chip between its pins."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from boards.link import Link
from boards.protocol import Identity, Tap
from boards.uart import Receiver, Transmitter, divisor_for

__all__ = ["Top", "attach", "identify"]


def identify(accelerator, *, clock_hz):
    """What the chip says of itself (boards.protocol.Identity)."""
    network, stages = accelerator.network, {s.index: s for s in accelerator.network.stages}
    return Identity(
        digest=network.digest, clock_hz=clock_hz, steps=network.steps, classes=network.classes,
        channels=network.shape[0], height=network.shape[1], width=network.shape[2],
        lanes=accelerator.plan.lanes,
        map_bits=accelerator.map_width, score_bits=accelerator.score_width,
        maps=accelerator.maps_per_image, scores=accelerator.scores_per_image,
        counts=accelerator.counts_per_image,
        taps=tuple(Tap(tap, *stages[tap].shape[1:]) for tap in accelerator.taps))


class Top(wiring.Component):
    """An accelerator that speaks the protocol of docs/protocol.md over a UART.

    All in ``sync``; knows no board, so that it is simulated at its pins as it is built.

    Parameters
    ----------
    accelerator : hw.accelerator.Accelerator
    clock_hz : int
        Frequency of ``sync``.
    baud : int
        Of the UART, at most a quarter of the clock; 8 data bits, no parity, one stop bit.

    Members
    -------
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.
    busy : Out(1)
        An image is running.
    """

    def __init__(self, accelerator, *, clock_hz, baud=1_000_000):
        self.accelerator = accelerator
        self.identity = identify(accelerator, clock_hz=clock_hz)
        self._divisor = divisor_for(clock_hz=clock_hz, baud=baud)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()

        m.submodules.link        = link        = Link(identity=self.identity)
        m.submodules.receiver    = receiver    = Receiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = Transmitter(divisor=self._divisor)
        # Registered: whatever decides on a reset is no part of the accelerator's critical path.
        reset = Signal()
        m.d.sync += reset.eq(link.reset)
        m.submodules.accelerator = ResetInserter(reset)(self.accelerator)

        connect(m, receiver.o, link.i)
        connect(m, link.o, transmitter.i)
        attach(m, link, self.accelerator)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.busy.eq(link.busy),
        ]

        return m


def attach(m, link, accelerator):
    """Connect the streams of a link and an accelerator."""
    connect(m, link.o_pixels, accelerator.i_pixels)
    connect(m, link.o_config, accelerator.i_config)
    connect(m, accelerator.o_maps, link.i_maps)
    connect(m, accelerator.o_scores, link.i_scores)
    connect(m, accelerator.o_counts, link.i_counts)
