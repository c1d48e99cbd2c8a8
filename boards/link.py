"""The accelerator's side of the wire."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.deframer import Deframer
from boards.executor import CONFIG, PIXEL, Executor
from boards.framer import COUNT, Framer

__all__ = ["Link"]


class Link(wiring.Component):
    """Between bytes and the streams of an accelerator: the protocol of docs/protocol.md.

    Parameters
    ----------
    identity : boards.protocol.Identity
        What the chip says of itself; tells the size of an image and the widths of the results.

    Members
    -------
    i : In(stream.Signature(8, always_ready=True))
        Bytes from the host; stored at once (boards.deframer).
    o : Out(stream.Signature(8))
        Bytes to the host.
    o_pixels, o_config : Out
        The accelerator's ``i_pixels`` and ``i_config``.
    i_maps, i_scores, i_counts : In
        The accelerator's ``o_maps``, ``o_scores`` and ``o_counts``.
    reset : Out(1)
        Resets the accelerator, for one cycle.
    busy : Out(1)
        An image is running.
    """

    def __init__(self, *, identity):
        self._identity = identity
        super().__init__({
            "i": In(stream.Signature(8, always_ready=True)),
            "o": Out(stream.Signature(8)),
            "o_pixels": Out(stream.Signature(PIXEL)),
            "o_config": Out(stream.Signature(CONFIG)),
            "i_maps": In(stream.Signature(unsigned(identity.map_bits))),
            "i_scores": In(stream.Signature(signed(identity.score_bits))),
            "i_counts": In(stream.Signature(COUNT)),
            "reset": Out(1),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.deframer = deframer = Deframer()
        m.submodules.executor = executor = Executor(pixels=self._identity.pixels)
        m.submodules.framer   = framer   = Framer(
            identity=self._identity.pack(),
            map_width=self._identity.map_bits, score_width=self._identity.score_bits)

        wiring.connect(m, wiring.flipped(self.i), deframer.i)
        wiring.connect(m, deframer.o, executor.i)
        wiring.connect(m, executor.o_pixels, wiring.flipped(self.o_pixels))
        wiring.connect(m, executor.o_config, wiring.flipped(self.o_config))
        wiring.connect(m, executor.o_label, framer.i_label)
        wiring.connect(m, executor.o_answer, framer.i_answer)
        wiring.connect(m, wiring.flipped(self.i_maps), framer.i_maps)
        wiring.connect(m, wiring.flipped(self.i_scores), framer.i_scores)
        wiring.connect(m, wiring.flipped(self.i_counts), framer.i_counts)
        wiring.connect(m, framer.o, wiring.flipped(self.o))
        m.d.comb += [
            executor.stop.eq(deframer.stop),
            executor.overtaken.eq(deframer.overtaken),
            deframer.rewind.eq(executor.rewind),
            deframer.done.eq(executor.done),
            executor.busy.eq(self.busy),
            self.reset.eq(executor.reset),
        ]
        counts = self.i_counts
        with m.If(executor.start):
            m.d.sync += self.busy.eq(1)
        with m.If(self.reset | (counts.valid & counts.ready & counts.p.last)):
            m.d.sync += self.busy.eq(0)

        return m
