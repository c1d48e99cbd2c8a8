"""The accelerator's side of the wire."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.deframer import Deframer
from boards.link.executor import Executor
from boards.link.framer import Framer
from boards.link.layouts import CONFIG, COUNT, pixel
from hw.memory.signature import SIGN

__all__ = ["Link"]


class Link(wiring.Component):
    """Between bytes and the streams of an accelerator: the protocol of docs/protocol.md.

    Parameters
    ----------
    identity : boards.protocol.identity.Identity
        What the chip says of itself; tells the size of an image and the widths of the results.

    Members
    -------
    i : In(stream.Signature(8, always_ready=True))
        Bytes from the host; stored at once (boards.link.deframer).
    o : Out(stream.Signature(8))
        Bytes to the host.
    o_pixels, o_config : Out
        The accelerator's ``i_pixels`` and ``i_config``.
    sign, signed : Out(SIGN), In(8)
        The accelerator's own.
    i_maps, i_scores, i_counts, i_traces : In
        The accelerator's ``o_maps``, ``o_scores``, ``o_counts`` and, if the identity has traces,
        ``o_traces``.
    boot : In(boards.protocol.identity.Boot)
        What to say of the weights in flash, unless the identity says Boot.NONE.
    executed, labelled : Out(1)
        A request was carried out without error; the label was written to its end.
    signing : Out(1)
        The weight memory is being signed, before LABEL is answered.
    reset : Out(1)
        Resets the accelerator, for one cycle.
    busy : Out(1)
        An image is running.
    """

    def __init__(self, *, identity):
        self._identity, self.traces = identity, identity.traces
        traces = ({"i_traces": In(stream.Signature(unsigned(identity.trace_bits)))}
                  if identity.traces else {})
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)),
            "o": Out(stream.Signature(8)),
            "o_pixels": Out(stream.Signature(pixel(identity.pixel_bits))),
            "o_config": Out(stream.Signature(CONFIG)),
            "sign": Out(SIGN),
            "signed": In(8),
            "i_maps": In(stream.Signature(unsigned(identity.map_bits))),
            "i_scores": In(stream.Signature(signed(identity.score_bits))),
            "i_counts": In(stream.Signature(COUNT)),
            **traces,
            "boot": In(2),
            "executed": Out(1),
            "labelled": Out(1),
            "signing": Out(1),
            "reset": Out(1),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        told = self._identity
        m.submodules.deframer = deframer = Deframer()
        m.submodules.executor = executor = Executor(
            size=told.image_bytes, words=told.words, pixel_bits=told.pixel_bits,
            experiments=bool(told.experiments))
        m.submodules.framer   = framer   = Framer(
            identity=told.pack(), map_width=told.map_bits, score_width=told.score_bits,
            trace_width=told.trace_bits if told.traces else 0)

        wiring.connect(m, wiring.flipped(self.i), deframer.i)
        wiring.connect(m, deframer.o, executor.i)
        wiring.connect(m, executor.o_pixels, wiring.flipped(self.o_pixels))
        wiring.connect(m, executor.o_config, wiring.flipped(self.o_config))
        wiring.connect(m, executor.o_label, framer.i_label)
        wiring.connect(m, executor.o_answer, framer.i_answer)
        wiring.connect(m, wiring.flipped(self.i_maps), framer.i_maps)
        wiring.connect(m, wiring.flipped(self.i_scores), framer.i_scores)
        wiring.connect(m, wiring.flipped(self.i_counts), framer.i_counts)
        if told.traces:
            wiring.connect(m, wiring.flipped(self.i_traces), framer.i_traces)
        wiring.connect(m, framer.o, wiring.flipped(self.o))
        answer, label, counts = executor.o_answer, executor.o_label, self.i_counts
        m.d.comb += [
            executor.stop.eq(deframer.stop),
            executor.overtaken.eq(deframer.overtaken),
            deframer.rewind.eq(executor.rewind),
            deframer.done.eq(executor.done),
            executor.busy.eq(self.busy),
            self.sign.eq(executor.sign), executor.signed.eq(self.signed),
            self.signing.eq(executor.sign.read),
            framer.boot.eq(self.boot),
            self.reset.eq(executor.reset),
            self.executed.eq(executor.done & (answer.p.error == 0)),
            self.labelled.eq(label.valid & ~label.p.signature & (label.p.index == 7)),
        ]
        started = Signal()
        m.d.sync += started.eq(executor.start)
        with m.If(started):
            m.d.sync += self.busy.eq(1)
        with m.If(self.reset | (counts.valid & counts.ready & counts.p.last)):
            m.d.sync += self.busy.eq(0)

        return m
