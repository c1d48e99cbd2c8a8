"""Does what a request asks, once, and answers it."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.protocol.codec import Error, Kind, blocks
from hw.interface import DATA_BITS, INDEX_BITS, SPACE_BITS
from hw.memory.signature import SIGN

__all__ = ["Executor", "ANSWER", "CONFIG", "LABEL", "REQUEST", "pixel"]

REQUEST = data.StructLayout({"data": 8, "last": 1})
CONFIG  = data.StructLayout({"data": DATA_BITS, "index": INDEX_BITS, "space": SPACE_BITS})
LABEL   = data.StructLayout({"data": 8, "index": 3, "signature": 1})
ANSWER  = data.StructLayout({"seq": 8, "error": 3, "identity": 1})


def pixel(bits):
    """Layout of a pixel of ``bits`` bits."""
    return data.StructLayout({"data": bits, "first": 1})


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

    def __init__(self, *, size, words, pixel_bits=8, experiments=False):
        if not 1 <= pixel_bits <= 16:
            raise ValueError(f"pixel_bits must be 1 to 16, not {pixel_bits}")
        if not 1 <= words <= 2**16:
            raise ValueError(f"words must be 1 to 65536, not {words}")
        self._blocks, self._bits, self._experiments = blocks(size), pixel_bits, experiments
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

    def elaborate(self, platform):
        m = Module()

        byte     = self.i.p.data
        final    = len(self._blocks) - 1
        seq      = Signal(8)                             # of the last request carried out
        known    = Signal()                              # that there is one in this session
        again    = Signal()
        error    = Signal(3)
        identity = Signal()
        block    = Signal(range(len(self._blocks)))      # expected next
        first    = Signal()
        space    = Signal(2)
        index    = Signal(16)
        further  = Signal(16)
        half     = Signal()                              # the word that is signed was folded once
        high     = Signal(8)
        label    = Signal()
        # Byte of a pixel that is next.
        lower    = Signal() if self._bits > 8 else C(1)
        closing  = Signal()                              # the byte is the request's last
        over     = Signal()                              # the host has gone on
        fits     = Signal(2)                             # as the last block, as another
        asks     = Signal(data.StructLayout({"identify": 1, "reset": 1, "pixels": 1, "write": 1}))
        ends     = Signal()                              # the request has but a kind
        goes     = Signal()                              # it is carried out
        follows, fitting = Signal(), Signal()            # of a block
        # Offers are registers, so that the way from here into the accelerator is its own.
        offers   = Signal(data.StructLayout({"pixel": 1, "config": 1, "label": 1, "answer": 1}))
        taken    = Signal()
        moves    = Signal()                              # it was, in the cycle before
        writes   = [Kind.WEIGHTS, Kind.TABLE, Kind.REGISTERS, Kind.LABEL]
        writes  += [Kind.EXPERIMENT] if self._experiments else []

        # The length is known long before the block's number.
        m.d.sync += fits.eq(Cat(self.stop == 2 + self._blocks[-1],
                                self.stop == 2 + self._blocks[0]))
        m.d.comb += [
            self.o_pixels.p.data.eq(Cat(byte, high)),
            self.o_pixels.p.first.eq(first),
            self.o_config.p.data.eq(Cat(byte, high)),
            self.o_config.p.index.eq(index),
            self.o_config.p.space.eq(space),
            further.eq(index + 1),
            self.o_label.p.data.eq(Mux(self.sign.turn, self.signed, byte)),
            self.o_label.p.index.eq(index),
            self.o_label.p.signature.eq(self.sign.turn),
            self.o_answer.p.seq.eq(byte),
            self.o_answer.p.error.eq(error),
            self.o_answer.p.identity.eq(identity),
            self.o_pixels.valid.eq(offers.pixel),
            self.o_config.valid.eq(offers.config),
            self.o_label.valid.eq(offers.label | self.sign.turn),
            self.o_answer.valid.eq(offers.answer),
            taken.eq(offers.label | (offers.pixel & self.o_pixels.ready)
                     | (offers.config & self.o_config.ready)
                     | (offers.answer & self.o_answer.ready)),
        ]

        # A byte is there for cycles before it moves.
        m.d.sync += [moves.eq(taken), self.start.eq(0), self.reset.eq(0),
                     closing.eq(self.i.p.last), offers.eq(0)]
        with m.If(self.overtaken):
            m.d.sync += over.eq(1)

        # A byte is acknowledged from a register, and is seen once more meanwhile.
        eat   = Signal()
        there = self.i.valid & ~eat
        m.d.comb += self.i.ready.eq(eat)
        m.d.sync += eat.eq(0)

        def offer(which, valid):
            m.d.sync += offers[which].eq(valid & ~taken & ~moves)

        def answer(why=Error.NONE):
            if why != Error.NONE:
                m.d.sync += error.eq(why)
            m.next = "Rewind"

        def written():
            answer()
            with m.If(label):
                m.d.sync += index.eq(0)
                m.next = "Sign"

        with m.FSM():
            with m.State("Seq"):
                m.d.sync += again.eq(known & (byte == seq))
                m.d.sync += [identity.eq(0), error.eq(Error.NONE), over.eq(0)]
                with m.If(there):
                    m.d.sync += eat.eq(1)
                    m.next = "Kind"

            with m.State("Kind"):
                m.d.sync += [space.eq(byte), label.eq(byte[3]), ends.eq(self.i.p.last)]
                m.d.sync += asks.eq(Cat(byte == Kind.IDENTIFY, byte == Kind.RESET,
                                        byte == Kind.PIXELS, Cat(byte == w for w in writes).any()))
                with m.If(there):
                    m.d.sync += eat.eq(1)
                    m.next = "Check"

            # What a byte means is looked at in one cycle, what follows from it in the next.
            with m.State("Check"):
                bare, long = asks.identify | asks.reset, asks.pixels | asks.write
                m.d.sync += [
                    error.eq(Mux(bare, Mux(ends, Error.NONE, Error.LENGTH),
                                 Mux(~long, Error.KIND, Mux(again, Error.NONE, Mux(
                                     self.busy, Error.BUSY,
                                     Mux(ends, Error.LENGTH, Error.NONE)))))),
                    identity.eq(asks.identify & ends),
                    self.reset.eq(asks.reset & ends & ~again),
                    goes.eq(long & ~again & ~self.busy & ~ends),
                ]
                m.next = "Decide"

            with m.State("Decide"):
                m.next = "Rewind"
                with m.If(goes):
                    m.next = "Block"
                    with m.If(asks.write):
                        m.next = "Index"

            with m.State("Block"):
                if self._bits > 8:
                    m.d.sync += lower.eq(0)
                m.d.sync += [
                    first.eq(byte == 0),
                    follows.eq((byte == block) | (byte == 0)),
                    fitting.eq(Mux(byte == final, fits[0], fits[1])),
                ]
                with m.If(there):
                    m.d.sync += eat.eq(1)
                    m.next = "Order"

            with m.State("Order"):
                m.d.sync += error.eq(
                    Mux(~follows, Error.ORDER, Mux(fitting, Error.NONE, Error.LENGTH)))
                m.next = "Rewind"
                with m.If(follows & fitting):
                    m.next = "Pixels"
                    with m.If(first):
                        m.d.sync += block.eq(0)

            with m.State("Pixels"):
                offer("pixel", there & lower)
                m.d.sync += eat.eq(taken | (there & ~lower) if self._bits > 8 else taken)
                with m.If(moves | (there & ~lower) if self._bits > 8 else moves):
                    if self._bits > 8:
                        m.d.sync += [lower.eq(~lower), high.eq(byte)]
                    with m.If(lower):
                        m.d.sync += first.eq(0)
                    with m.If(closing & moves):
                        m.d.sync += self.start.eq(block == final)
                        m.d.sync += block.eq(Mux(block == final, 0, block + 1))
                        answer()
                with m.Elif(over):
                    m.d.sync += offers.eq(0)
                    answer(Error.STALLED)

            with m.State("Index"):
                m.d.comb += self.sign.clear.eq(1)
                m.d.sync += index[8:].eq(byte)
                m.d.sync += error.eq(
                    Mux(block != 0, Error.ORDER, Mux(self.stop[0], Error.NONE, Error.LENGTH)))
                with m.If(there):
                    m.d.sync += eat.eq(1)
                    m.next = "Allow"

            with m.State("Allow"):
                m.next = "Base"
                with m.If(error != Error.NONE):
                    m.next = "Rewind"

            with m.State("Base"):
                m.d.sync += index[:8].eq(byte)
                with m.If(there):
                    m.d.sync += eat.eq(1)
                    m.next = "High"
                    with m.If(self.i.p.last):
                        written()

            with m.State("High"):
                m.d.sync += high.eq(byte)
                with m.If(there):
                    m.d.sync += eat.eq(1)
                    m.next = "Low"

            with m.State("Low"):
                offer("config", there & ~label)
                offer("label", there & label)
                m.d.sync += eat.eq(taken)
                with m.If(moves):
                    m.d.sync += index.eq(further)
                    m.next = "High"
                    with m.If(closing):
                        written()
                with m.Elif(over):
                    m.d.sync += offers.eq(0)
                    answer(Error.STALLED)

            with m.State("Sign"):
                m.d.comb += self.sign.read.eq(1)
                m.d.sync += half.eq(~half)
                with m.If(half):
                    m.d.sync += index.eq(further)
                    with m.If(index == self._words - 1):
                        m.d.sync += index.eq(0)
                        m.next = "Turn"

            # The last four of eight bytes stay.
            with m.State("Turn"):
                m.d.comb += self.sign.turn.eq(1)
                m.d.sync += index.eq(further)
                with m.If(index[:3] == 7):
                    answer()

            with m.State("Rewind"):
                m.d.comb += self.rewind.eq(1)
                m.next = "Answer"

            with m.State("Answer"):
                offer("answer", self.i.valid)
                with m.If(error == Error.NONE):
                    m.d.sync += [seq.eq(byte), known.eq(~identity)]
                with m.If(moves):
                    m.d.comb += self.done.eq(1)
                    m.next = "Seq"

        with m.If(self.reset):
            m.d.sync += block.eq(0)

        return m
