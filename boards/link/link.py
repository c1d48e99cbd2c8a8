"""The accelerator's side of the wire."""

from typing import Any

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
    i_maps, i_scores and so on : In
        The accelerator's streams of results, those of ``identity.outputs``.
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
        self._identity, self.outputs = identity, identity.outputs
        self._words = {name: Shape(output.bits, output.signed)
                       for name, output in self.outputs.items()}
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)),
            "o": Out(stream.Signature(8)),
            "o_pixels": Out(stream.Signature(pixel(identity.pixel_bits))),
            "o_config": Out(stream.Signature(CONFIG)),
            "sign": Out(SIGN),
            "signed": In(8),
            **{f"i_{name}": In(stream.Signature(COUNT if name == "counts" else shape))
               for name, shape in self._words.items()},
            "boot": In(2),
            "executed": Out(1),
            "labelled": Out(1),
            "signing": Out(1),
            "reset": Out(1),
            "busy": Out(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        identity = self._identity
        m.submodules.deframer = deframer = Deframer()
        m.submodules.executor = executor = Executor(
            size=identity.image_bytes, words=identity.words, pixel_bits=identity.pixel_bits,
            experiments=bool(identity.experiments))
        m.submodules.framer   = framer   = Framer(identity=identity.pack(), words=self._words)

        wiring.connect(m, wiring.flipped(self.i), deframer.i)
        wiring.connect(m, deframer.o, executor.i)
        wiring.connect(m, executor.o_pixels, wiring.flipped(self.o_pixels))
        wiring.connect(m, executor.o_config, wiring.flipped(self.o_config))
        wiring.connect(m, executor.o_label, framer.i_label)
        wiring.connect(m, executor.o_answer, framer.i_answer)
        for name in self.outputs:
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{name}")),
                           getattr(framer, f"i_{name}"))
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
