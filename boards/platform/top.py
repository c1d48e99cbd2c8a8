"""The chip between its pins."""

from dataclasses import replace

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from boards.link.boot import Loader
from boards.link.counters import Counters
from boards.link.link import Link
from boards.link.maps import BlockFloat, TimeSum, width_of, words_of
from boards.link.uart import Receiver, Transmitter, divisor_for
from boards.protocol.identity import (
    FIRST_FURTHER,
    Boot,
    Identity,
    MapEncoding,
    Tap,
    parts_of,
)
from golden.formats import map_top
from golden.network.encoders import encoder_of

__all__ = ["Top", "attach", "condenser", "identify"]


def condenser(accelerator, form):
    """The component that gives the maps their form, None for Form.FULL."""
    make = {MapEncoding.FULL: None, MapEncoding.SUM: TimeSum, MapEncoding.BYTES: BlockFloat}[form]
    return make and make(width=accelerator.map_width, steps=accelerator.network.steps)


def identify(accelerator, *, clock_hz, form=MapEncoding.FULL, counters=False):
    """What the chip says of itself (boards.protocol.identity.Identity)."""
    network, stages = accelerator.network, {s.index: s for s in accelerator.network.stages}
    plan = accelerator.plan
    outputs = accelerator.outputs
    traces, pixels = {}, sum(height * width for height, width in (
        stages[tap].shape[1:] for tap in accelerator.taps))
    if "traces" in outputs:
        (layer, shape), = outputs["traces"].shape.items()
        traces = {"trace_bits": outputs["traces"].bits, "trace_layer": layer,
                  **{f"trace_{name}": length for name, length in zip(
                      ("height", "width", "channels"), shape, strict=True)}}
    return Identity(
        digest=network.digest, clock_hz=clock_hz, steps=network.steps, classes=network.classes,
        channels=network.shape[0], height=network.shape[1], width=network.shape[2],
        pixel_bits=len(accelerator.i_pixels.p.data),
        frames=plan.run_chunks * plan.planes if encoder_of(network).frames else 0,
        lanes=plan.lanes, word_steps=plan.word_steps,
        round_steps=plan.walk_steps if plan.rounded else 0, form=form,
        map_bits=width_of(form, width=accelerator.map_width, steps=network.steps),
        score_bits=outputs["scores"].bits,
        words=plan.weight_rows * plan.row_words, maps=pixels * words_of(form, steps=network.steps),
        scores=outputs["scores"].count,
        counts=outputs["counts"].count + 2 * counters, counters=int(counters),
        experiments=int(getattr(accelerator, "experiments", False)),
        **traces, further=tuple(part for output in outputs.values()
                                if output.code >= FIRST_FURTHER for part in parts_of(output)),
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
    form : boards.protocol.identity.MapEncoding
        Of the maps reported.
    counters : bool
        Whether map values held at the top and waits for the wire are counted
        (boards.link.counters).
    boot : None or int
        Address in flash of the frames that load the weights (boards.link.boot); None for no flash.

    Members
    -------
    rx : In(1)
        From the host, asynchronous.
    tx : Out(1)
        To the host.
    busy : Out(1)
        An image is running.
    flash_cs, flash_clk, flash_copi, flash_cipo : Out(1), Out(1), Out(1), In(1)
        Flash, selected by 1; only with ``boot``.
    failed : Out(1)
        The weights in flash were refused; only with ``boot``.
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
    ):
        self.accelerator, self.form, self.counters = accelerator, form, counters
        self.boot = boot
        self.identity = identify(accelerator, clock_hz=clock_hz, form=form, counters=counters)
        self.divisor = divisor_for(clock_hz=clock_hz, baud=baud)
        ports = {"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)}
        if boot is not None:
            self.identity = replace(self.identity, boot=Boot.LOADING)
            ports |= {"flash_cs": Out(1), "flash_clk": Out(1), "flash_copi": Out(1),
                      "flash_cipo": In(1), "failed": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()

        m.submodules.link        = link        = Link(identity=self.identity)
        m.submodules.receiver    = receiver    = Receiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(divisor=self.divisor)
        if self.boot is None:
            connect(m, receiver.o, link.i)
            connect(m, link.o, transmitter.i)
        else:
            m.submodules.loader = loader = Loader(address=self.boot)
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
                loader.cipo.eq(self.flash_cipo),
                self.flash_cs.eq(loader.cs), self.flash_clk.eq(loader.clk),
                self.flash_copi.eq(loader.copi),
                self.failed.eq(loader.state == Boot.REFUSED),
            ]
        attach(m, link, self.accelerator, form=self.form, counters=self.counters)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.busy.eq(link.busy),
        ]

        return m


def attach(m, link, accelerator, *, form=MapEncoding.FULL, counters=False):
    """Put an accelerator into ``m`` and connect it to a link, which resets it."""
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
    if counters:
        counter = Counters()
        m.submodules.counters = resettable(counter)
        raw, top = accelerator.o_maps, map_top(accelerator.map_width)
        m.d.sync += [
            counter.saturated.eq(raw.valid & raw.ready & (raw.payload == top)),
            counter.waits.eq(Cat(each.valid & ~each.ready for each in results).any()),
        ]
        connect(m, counts, counter.i)
        counts = counter.o
    # The counts end an image: not before the last of the maps has gone.
    m.d.comb += [
        link.i_counts.p.eq(counts.p),
        link.i_counts.valid.eq(counts.valid & ~busy),
        counts.ready.eq(link.i_counts.ready & ~busy),
    ]
