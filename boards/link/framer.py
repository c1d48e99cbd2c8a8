"""Frames the answers and the results of the accelerator."""

from typing import Any

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.identity_memory import IdentityMemory
from boards.link.layouts import ANSWER, COUNT, LABEL
from boards.link.sealer import Sealer
from boards.link.word_bytes import WordBytes
from boards.protocol.codec import BLOCK, Kind
from hw.interface import code_of

__all__ = ["Framer", "WORD_BITS"]

WORD_BITS = 32     # of the widest result word
FULL  = BLOCK - 4  # a word that begins here still ends within a block


class Framer(wiring.Component):
    """Sends answers and result words as frames of boards.protocol.codec, with numbers and CRC.

    Where several wait, an answer goes first, then streams in the order of their codes. A result
    frame takes words of its stream until it holds 237 to 240 bytes, until the image ends, or until
    that stream has nothing while something else waits. Words go whole into one frame, most
    significant byte first, in as few bytes as hold their width. Result frames are numbered modulo
    256 from power-up on. A byte leaves at most every 2 cycles.

    Parameters
    ----------
    identity : bytes
        What an answer to IDENTIFY carries, at most 240 bytes.
    words : dict of stream -> Shape
        Of the result words of each stream, in the order of their codes: maps, scores, counts and
        further ones; at most 32 bits.

    Members
    -------
    i_answer : In(stream.Signature(ANSWER))
        Answers; each is taken when it is framed.
    i_maps, i_scores and so on : In(stream.Signature(words[...]))
    i_counts : In(stream.Signature(COUNT))
        Results of the accelerator; ``last`` ends the image.
    i_label : In(stream.Signature(LABEL, always_ready=True))
        Writes to the label or to the signature in the identity: a memory with a port of its own
        for them.
    boot : In(Boot)
        Sent in the identity unless that says Boot.NONE.
    o : Out(stream.Signature(8))
        Stuffed frames.
    """

    def __init__(self, *, identity, words):
        for name, shape in words.items():
            if not 1 <= Shape.cast(shape).width <= WORD_BITS:
                raise ValueError(f"a word of {name} must have 1 to {WORD_BITS} bits, not "
                                 f"{Shape.cast(shape).width}")
        self._identity = IdentityMemory(identity=identity)
        self._words = data.StructLayout(dict(words))
        super().__init__({
            "i_answer": In(stream.Signature(ANSWER)),
            **{f"i_{name}": In(stream.Signature(COUNT if name == "counts" else shape))
               for name, shape in words.items()},
            "i_label": In(stream.Signature(LABEL, always_ready=True)),
            "boot": In(2),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.submodules.identity = identity = self._identity
        m.submodules.words    = words    = WordBytes(self._words)
        m.submodules.sealer   = sealer   = Sealer()
        wiring.connect(m, wiring.flipped(self.i_label), identity.i_label)
        wiring.connect(m, sealer.o, wiring.flipped(self.o))

        sources = [getattr(self, f"i_{name}") for name in self._words.members]
        codes   = [0, *map(code_of, self._words.members)]
        counts  = codes.index(code_of("counts"))
        answer  = self.i_answer.p
        valids  = Cat(self.i_answer.valid, *(source.valid for source in sources))
        kind    = Signal(range(len(valids)))   # of the frame: 0 an answer, else a source from 1 on
        answers = kind == 0
        number  = Signal(8)
        count   = Signal(8)                    # of data bytes in this frame
        final   = Signal()                     # the word ends the image
        some    = Signal()                     # was there in the last cycle
        here    = Signal()                     # the source of the frame had a word then
        took    = Signal(len(valids))          # what was, for a cycle, to be told its source
        filled  = Signal()                     # compared a cycle ahead: a byte stays for two
        byte, valid = sealer.i.p.data, sealer.i.valid
        free    = sealer.i.ready               # where ``valid``: the byte moves
        for field, source in zip(self._words.members, sources, strict=True):
            m.d.comb += words.words[field].eq(
                source.p.data if field == "counts" else source.p)
        m.d.comb += [
            words.source.eq(kind),
            identity.boot.eq(self.boot),
            identity.index.eq(count),
            *(source.ready.eq(took[n]) for n, source in enumerate([self.i_answer, *sources])),
        ]
        m.d.sync += [took.eq(0), some.eq(valids.any()), filled.eq(count >= FULL)]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += sealer.clear.eq(1)
                m.d.sync += count.eq(0)
                for n in reversed(range(len(valids))):
                    with m.If(valids[n]):
                        m.d.sync += kind.eq(n)
                with m.If(some):
                    m.next = "Seq"

            with m.State("Seq"):
                m.d.comb += [valid.eq(1), byte.eq(Mux(answers, answer.seq, number))]
                with m.If(free):
                    m.next = "Kind"

            with m.State("Kind"):
                m.d.comb += valid.eq(1)
                code = kind if codes == list(range(len(codes))) else Array(codes)[kind]
                m.d.comb += byte.eq(Mux(answers, Kind.ANSWER | answer.error, Kind.MAPS & ~7 | code))
                with m.If(free):
                    m.next = "Read"
                    with m.If(answers):
                        m.next = "Check"
                        with m.If(answer.identity):
                            m.next = "Identity"

            with m.State("Read"):
                m.d.sync += here.eq(valids.bit_select(kind, 1))
                m.next = "Word"

            with m.State("Word"):
                m.d.comb += words.load.eq(1)
                m.d.sync += [took[n].eq(here & (kind == n)) for n in range(1, len(valids))]
                m.d.sync += final.eq(self.i_counts.p.last & (kind == counts))
                with m.If(here):
                    m.next = "Data"
                with m.Elif(some):
                    m.next = "Check"
                with m.Else():
                    m.next = "Read"

            with m.State("Data"):
                m.d.comb += [valid.eq(1), byte.eq(words.o), words.shift.eq(free)]
                with m.If(free):
                    m.d.sync += count.eq(count + 1)
                    with m.If(words.last):
                        m.next = "Read"
                        with m.If(filled | final):
                            m.next = "Check"

            with m.State("Identity"):
                m.d.comb += [valid.eq(1), byte.eq(identity.o)]
                with m.If(free):
                    m.d.sync += count.eq(count + 1)
                    m.next = "Fetch"
                    with m.If(identity.last):
                        m.next = "Check"

            with m.State("Fetch"):
                m.next = "Identity"

            for state, following in (("Check", "Check-Low"), ("Check-Low", "End")):
                with m.State(state):
                    m.d.comb += [valid.eq(1), byte.eq(sealer.check)]
                    with m.If(free):
                        m.next = following

            with m.State("End"):
                m.d.comb += [valid.eq(1), sealer.i.p.end.eq(1)]
                with m.If(free):
                    m.d.sync += number.eq(number + ~answers)
                    m.d.sync += took[0].eq(answers)
                    m.next = "Wait-Ack"

            with m.State("Wait-Ack"):
                m.d.sync += some.eq(0)
                m.next = "Idle"

        return m
