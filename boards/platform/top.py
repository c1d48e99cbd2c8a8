"""The chip between its pins."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from boards.link.boot import Loader
from boards.link.counters import Counters
from boards.link.flash_reader import flash_pins
from boards.link.link import Link
from boards.link.maps import BlockFloat, TimeSum, width_of, words_of
from boards.link.uart import Receiver, Transmitter, divisor_for
from boards.link.weight_feed import WeightFeed
from boards.protocol.codec import BLOCK
from boards.protocol.flash_image import WORDS
from boards.protocol.identity import Boot, Identity, MapEncoding
from boards.protocol.outputs import told as told_of
from golden.formats import map_top
from golden.io.errors import BadInput
from golden.network.encoders import encoder_of
from hw.interface import Flag, Output, count_output, streams

if TYPE_CHECKING:
    from hw.accelerator import Accelerator

__all__ = ["Top", "attach", "condenser", "identify"]


def condenser(accelerator: "Accelerator", form):
    """The component that gives the maps their form, None for Form.FULL."""
    make = {MapEncoding.FULL: None, MapEncoding.SUM: TimeSum, MapEncoding.BYTES: BlockFloat}[form]
    return make and make(width=accelerator.map_width, steps=accelerator.network.steps)


def identify(accelerator: "Accelerator", *, clock_hz: int, form: MapEncoding = MapEncoding.FULL,
             counters: bool = False) -> Identity:
    """What the chip says of itself (boards.protocol.identity.Identity)."""
    network, plan, outputs = accelerator.network, accelerator.plan, dict(accelerator.outputs)
    shapes = {stage.index: stage.shape for stage in network.stages}
    rounds = plan.walk_steps if plan.rounded else None
    words = words_of(form, steps=network.steps)
    outputs |= {
        "maps": Output("maps", ("y", "x", "step" if rounds else "word"),
                       {tap: (*shapes[tap][1:], words) for tap in accelerator.taps},
                       width_of(form, width=accelerator.map_width, steps=network.steps),
                       round_steps=rounds),
        "counts": count_output(layers=outputs["counts"].count - 2, counters=counters, flags=True)}
    told = Identity(
        digest=network.digest, clock_hz=clock_hz, steps=network.steps, classes=network.classes,
        channels=network.shape[0], height=network.shape[1], width=network.shape[2],
        pixel_bits=len(accelerator.i_pixels.p.data),
        frames=plan.run_chunks * plan.planes if encoder_of(network).frames else 0,
        lanes=plan.lanes, word_steps=plan.word_steps, form=form,
        words=plan.resident_rows * plan.row_words,
        experiments=int(getattr(accelerator, "experiments", False)),
        outputs={name: told_of(outputs[name]) for name in streams() if name in outputs})
    if len(told.pack()) > BLOCK:
        raise BadInput(f"{network.digest}: what the chip says of itself takes {len(told.pack())} "
                       f"bytes of at most {BLOCK}: explain fewer layers (--taps)")
    return told


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
    form : boards.protocol.identity.MapEncoding
        Of the maps reported.
    counters : bool
        Whether map values held at the top and waits for the wire are counted
        (boards.link.counters).
    boot : None or int
        Address in flash of the blocks that load the weights (boards.link.boot); None for no flash.
    flash_lines : int
        Data lines by which it is read, 1 or 4.

    Members
    -------
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.
    busy : Out(1)
        An image is running.
    those of boards.link.flash_reader.flash_pins
        Only with ``boot``.
    failed : Out(1)
        The weights in flash were refused, or those streamed for the last image came damaged; only
        with ``boot``.

    Raises ValueError where weights are streamed and there is no ``boot``, whose flash they are in.
    """

    def __init__(
        self,
        accelerator,
        *,
        clock_hz,
        baud=1_000_000,
        form=MapEncoding.FULL,
        counters=False,
        boot=None,
        flash_lines=4,
    ):
        self.accelerator, self.form, self.counters = accelerator, form, counters
        self.boot, self.flash_lines = boot, flash_lines
        self.streamed = bool(accelerator.plan.banks)
        if self.streamed and boot is None:
            raise ValueError("weights are streamed from flash, of which boot must say where it is")
        self.identity = identify(accelerator, clock_hz=clock_hz, form=form, counters=counters)
        self.divisor = divisor_for(clock_hz=clock_hz, baud=baud)
        ports = {"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)}
        if boot is not None:
            self.identity = replace(self.identity, boot=Boot.LOADING)
            ports |= {**flash_pins(), "failed": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.link        = link        = Link(identity=self.identity)
        m.submodules.receiver    = receiver    = Receiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(divisor=self.divisor)
        if self.boot is None:
            connect(m, receiver.o, link.i)
            connect(m, link.o, transmitter.i)
        else:
            m.submodules.loader = loader = Loader(
                address=self.boot, lines=self.flash_lines, onward=WORDS if self.streamed else None)
            from_flash = loader.active
            m.d.comb += [
                link.i.valid.eq(Mux(from_flash, loader.o.valid, receiver.o.valid)),
                link.i.payload.eq(Mux(from_flash, loader.o.payload, receiver.o.payload)),
                transmitter.i.valid.eq(link.o.valid & ~from_flash),
                transmitter.i.payload.eq(link.o.payload),
                link.o.ready.eq(transmitter.i.ready | from_flash),
                link.boot.eq(loader.state),
                loader.executed.eq(link.executed), loader.labelled.eq(link.labelled),
                loader.signing.eq(link.signing),
                loader.flash_i.eq(self.flash_i),
                *(getattr(self, name).eq(getattr(loader, name)) for name in (
                    "flash_cs", "flash_clk", "flash_o", "flash_oe")),
                self.failed.eq(loader.state == Boot.REFUSED),
            ]
        feed = self.feed(m, loader, link) if self.streamed else None
        attach(m, link, self.accelerator, form=self.form, counters=self.counters, feed=feed)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.busy.eq(link.busy),
        ]

        return m


    def feed(self, m, loader, link):
        """What makes the accelerator's weights of the flash, behind the boot; it is told of, and
        the red LED lights, until an image's weights came undamaged.
        """
        m.submodules.feed = feed = WeightFeed()
        connect(m, loader.contents, feed.i)
        refused = loader.state == Boot.REFUSED
        m.d.comb += [
            loader.read.eq(feed.read), feed.ended.eq(loader.ended),
            feed.damaged.eq(loader.damaged),
            link.boot.eq(Mux(feed.void, Boot.REFUSED, loader.state)),
            self.failed.eq(refused | feed.void),
        ]
        return feed


def attach(m: Module, link, accelerator: "Accelerator", *, form=MapEncoding.FULL,
           counters: bool = False, feed: WeightFeed | None = None) -> None:
    """Put an accelerator into ``m`` and connect it to a link, which resets it, and to the ``feed``
    of weights that are streamed, if there is one.
    """
    # Registered: whatever decides on a reset is no part of the accelerator's critical path.
    reset = Signal()
    m.d.sync += reset.eq(link.reset)
    resettable = ResetInserter(reset)
    m.submodules.accelerator = resettable(accelerator)
    connect(m, link.o_pixels, accelerator.i_pixels)
    connect(m, link.o_config, accelerator.i_config)
    m.d.comb += [accelerator.sign.eq(link.sign), link.signed.eq(accelerator.signed)]
    results = [link.i_maps]
    for name, output in link.outputs.items():
        if name not in ("maps", "counts"):
            results.append(getattr(link, f"i_{name}"))
            connect(m, getattr(accelerator, output.port), results[-1])

    maps, counts, busy = accelerator.o_maps, accelerator.o_counts, Const(0)
    if made := condenser(accelerator, form):
        m.submodules.form = resettable(made)
        connect(m, maps, made.i)
        maps, busy = made.o, made.busy
    connect(m, maps, link.i_maps)
    counter = Counters(counting=counters)
    m.submodules.counters = resettable(counter)
    damaged = Const(0)
    if feed is not None:
        connect(m, feed.o, accelerator.i_weights)
        m.d.comb += feed.wanted.eq(accelerator.weights_read)
        damaged = feed.void
    m.d.comb += counter.flags.eq(accelerator.corrupt << Flag.CORRUPT | damaged << Flag.DAMAGED)
    if counters:
        raw, top = accelerator.o_maps, map_top(accelerator.map_width)
        m.d.sync += [
            counter.saturated.eq(raw.valid & raw.ready & (raw.payload == top)),
            counter.waits.eq(Cat(each.valid & ~each.ready for each in results).any()),
        ]
    # Nor before the check of the last weights.
    waits = counts.p.last & feed.checking if feed is not None else Const(0)
    m.d.comb += [counter.i.p.eq(counts.p), counter.i.valid.eq(counts.valid & ~waits),
                 counts.ready.eq(counter.i.ready & ~waits)]
    counts = counter.o
    # The counts end an image: not before the last of the maps has gone.
    m.d.comb += [
        link.i_counts.p.eq(counts.p),
        link.i_counts.valid.eq(counts.valid & ~busy),
        counts.ready.eq(link.i_counts.ready & ~busy),
    ]
