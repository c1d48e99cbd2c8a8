"""Does what a request asks, once, and answers it."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from boards.link.answerer import Answerer
from boards.link.layouts import ANSWER, CONFIG, LABEL, REQUEST, pixel
from boards.link.pixel_loader import PixelLoader
from boards.link.request_parser import RequestParser
from boards.link.write_loader import WriteLoader
from hw.memory.signature import SIGN

__all__ = ["Executor"]


class Executor(wiring.Component):
    """Carries out the requests of boards.protocol.codec, one at a time, and answers each.

    Kind, length, order and whether an image is running are looked at first: if one is wrong, the
    answer is the Error and nothing happens. A request with the sequence number of the last one
    carried out is answered and not carried out again, until IDENTIFY begins a new session.

    A request that has begun waits for the accelerator without limit, unless ``overtaken`` tells
    that the host has gone on: then it is given up and answered STALLED.

    After a LABEL request the weight memory is signed, a word in two cycles, before it is answered.

    Parameters
    ----------
    size : int
        Bytes of an image.
    words : int
        Of the weight memory.
    pixel_bits : int
        Of a pixel, which comes in one or two bytes, the higher one first.
    experiments : bool
        Whether EXPERIMENT is known.

    Members
    -------
    i : In(stream.Signature(REQUEST))
    stop : In(8)
    rewind, done : Out(1)
    overtaken : In(1)
        The request, as boards.link.deframer gives it.
    o_pixels : Out(stream.Signature(pixel(pixel_bits)))
        Pixels of the image, in order; ``first`` on pixel 0.
    o_config : Out(stream.Signature(CONFIG))
        Writes to the accelerator.
    sign, signed : Out(SIGN), In(8)
        Of the accelerator, as hw.accelerator has them: the word ``o_config.p.index`` is read.
    o_label : Out(stream.Signature(LABEL, always_ready=True))
        Writes to the label, a memory, which always takes them; or to the signature beside it,
        where only the low two bits of ``index`` count.
    o_answer : Out(stream.Signature(ANSWER))
        Answers; ``identity`` asks for the identity to be sent with it.
    start : Out(1)
        The last pixel of an image is taken.
    reset : Out(1)
        The accelerator shall be reset.
    busy : In(1)
        An image is running.
    """

    def __init__(self, *, size: int, words: int, pixel_bits: int = 8, experiments: bool = False):
        if not 1 <= pixel_bits <= 16:
            raise ValueError(f"pixel_bits must be 1 to 16, not {pixel_bits}")
        if not 1 <= words <= 2**16:
            raise ValueError(f"words must be 1 to 65536, not {words}")
        self._size, self._bits, self._experiments = size, pixel_bits, experiments
        self._words = words
        super().__init__({
            "i": In(stream.Signature(REQUEST)),
            "stop": In(8),
            "rewind": Out(1),
            "done": Out(1),
            "overtaken": In(1),
            "o_pixels": Out(stream.Signature(pixel(pixel_bits))),
            "o_config": Out(stream.Signature(CONFIG)),
            "sign": Out(SIGN),
            "signed": In(8),
            "o_label": Out(stream.Signature(LABEL, always_ready=True)),
            "o_answer": Out(stream.Signature(ANSWER)),
            "start": Out(1),
            "reset": Out(1),
            "busy": In(1),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.parser   = parser   = RequestParser(experiments=self._experiments)
        m.submodules.loader   = loader   = PixelLoader(size=self._size, pixel_bits=self._bits)
        m.submodules.writer   = writer   = WriteLoader(words=self._words)
        m.submodules.answerer = answerer = Answerer()
        connect(m, loader.o, flipped(self.o_pixels))
        connect(m, writer.o_config, flipped(self.o_config))
        connect(m, writer.o_label, flipped(self.o_label))
        connect(m, answerer.o, flipped(self.o_answer))

        # One of these takes bytes at a time, and the others do not care. A byte is acknowledged
        # from a register, and is seen once more meanwhile.
        readers, eaten, there = [parser, loader, writer], Signal(), Signal()
        m.d.comb += [self.i.ready.eq(eaten), there.eq(self.i.valid & ~eaten)]
        m.d.sync += eaten.eq(there & Cat(reader.i.ready for reader in readers).any())
        for part in (*readers, answerer):
            m.d.comb += [part.i.p.eq(self.i.p), part.i.valid.eq(there)]

        # Who has the request ends it; the verdicts of the others are 0.
        verdicts = [reader.o_verdict for reader in readers]
        m.d.comb += [
            answerer.i_verdict.p.eq(reduce(or_, (verdict.p.as_value() for verdict in verdicts))),
            answerer.i_verdict.valid.eq(Cat(verdict.valid for verdict in verdicts).any()),
        ]

        m.d.comb += [
            parser.again.eq(answerer.again), parser.busy.eq(self.busy),
            parser.overtaken.eq(self.overtaken), parser.finished.eq(answerer.done),
            loader.begin.eq(parser.pixels), loader.clear.eq(parser.reset),
            loader.over.eq(parser.over), loader.stop.eq(self.stop),
            writer.begin.eq(parser.write), writer.space.eq(parser.space),
            writer.label.eq(parser.label), writer.amid.eq(loader.begun),
            writer.over.eq(parser.over), writer.stop.eq(self.stop),
            self.sign.eq(writer.sign), writer.signed.eq(self.signed),
            self.start.eq(loader.start), self.reset.eq(parser.reset),
            self.rewind.eq(answerer.rewind), self.done.eq(answerer.done),
        ]

        return m
