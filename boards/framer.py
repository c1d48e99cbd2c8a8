"""Frames the answers and the results of the accelerator."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.crc import CRC16
from boards.executor import ANSWER, LABEL
from boards.protocol import BLOCK, Kind
from boards.protocol import LABEL as LABEL_AT
from boards.stuffing import Stuffer

__all__ = ["Framer", "COUNT"]

FULL  = BLOCK - 4  # a word that begins here still ends within a block
COUNT = data.StructLayout({"data": 24, "last": 1})


class Framer(wiring.Component):
    """Sends answers and result words as frames of boards.protocol, with numbers and CRC.

    Where several wait, an answer goes first, then maps, scores and counts. A result frame takes
    words of its stream until it holds 237 to 240 bytes, until the image ends, or until that
    stream has nothing while something else waits. Words go whole into one frame, most significant
    byte first, in as few bytes as hold their width. Result frames are numbered modulo 256 from
    power-up on.

    Parameters
    ----------
    identity : bytes
        What an answer to IDENTIFY carries, at most 240 bytes.
    map_width, score_width : int
        Widths of the result words, at most 32.

    Members
    -------
    i_answer : In(stream.Signature(ANSWER))
        Answers; each is taken when it is framed.
    i_maps : In(stream.Signature(unsigned(map_width)))
    i_scores : In(stream.Signature(signed(score_width)))
    i_counts : In(stream.Signature(COUNT))
        Results of the accelerator; ``last`` ends the image.
    i_label : In(stream.Signature(LABEL, always_ready=True))
        Writes to the label in the identity: a memory with a port of its own for them.
    o : Out(stream.Signature(8))
        Stuffed frames.
    """

    def __init__(self, *, identity, map_width, score_width):
        if not LABEL_AT + 8 <= len(identity) <= BLOCK:
            raise ValueError(f"identity must be {LABEL_AT + 8} to {BLOCK} bytes, "
                             f"not {len(identity)}")
        for name, width in (("map_width", map_width), ("score_width", score_width)):
            if not 1 <= width <= 32:
                raise ValueError(f"{name} must be 1 to 32, not {width}")
        self._identity = bytes(identity)
        super().__init__({
            "i_answer": In(stream.Signature(ANSWER)),
            "i_maps": In(stream.Signature(unsigned(map_width))),
            "i_scores": In(stream.Signature(signed(score_width))),
            "i_counts": In(stream.Signature(COUNT)),
            "i_label": In(stream.Signature(LABEL, always_ready=True)),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.stuffer  = stuffer  = Stuffer()
        m.submodules.crc      = crc      = CRC16()
        # A byte of the label that is read while it is written belongs to no answer.
        m.submodules.identity = identity = memory.Memory(
            shape=8, depth=256, init=self._identity, attrs={"no_rw_check": True})
        write, read = identity.write_port(), identity.read_port()
        wiring.connect(m, stuffer.o, wiring.flipped(self.o))

        sources = [self.i_answer, self.i_maps, self.i_scores, self.i_counts]
        words   = [self.i_maps.p, self.i_scores.p, self.i_counts.p.data]
        valids  = Cat(source.valid for source in sources)
        kind    = Signal(2)       # of the frame: an index into sources
        answers = kind == 0
        number  = Signal(8)
        count   = Signal(8)       # of data bytes in this frame
        part    = Signal(2)       # bytes of the word behind this one
        byte, valid = stuffer.i.p.data, stuffer.i.valid
        moves   = Signal()
        present = Signal()        # a word of this kind is there
        taken   = Signal()        # and is done with

        m.d.comb += [
            write.addr.eq(LABEL_AT + self.i_label.p.index),
            write.data.eq(self.i_label.p.data),
            write.en.eq(self.i_label.valid),
            read.addr.eq(count),
            moves.eq(valid & stuffer.i.ready),
            crc.data.eq(byte),
            crc.en.eq(moves),
            *(source.ready.eq(taken & (kind == n)) for n, source in enumerate(sources) if n),
        ]

        # The bytes of a word, the least significant being byte 0, and their number less one.
        word, last = Signal(8 * max((len(value) + 7) // 8 for value in words)), Signal(2)
        with m.Switch(kind):
            for n, value in enumerate(words, 1):
                with m.Case(n):
                    m.d.comb += [word.eq(value), last.eq((len(value) - 1) // 8),
                                 present.eq(valids[n])]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += count.eq(0)
                for n in reversed(range(4)):
                    with m.If(valids[n]):
                        m.d.sync += kind.eq(n)
                with m.If(valids.any()):
                    m.next = "Seq"

            with m.State("Seq"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(Mux(answers, self.i_answer.p.seq, number))
                with m.If(moves):
                    m.next = "Kind"

            with m.State("Kind"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(Mux(answers, Kind.ANSWER | self.i_answer.p.error,
                                        Kind.MAPS & ~3 | kind))
                m.d.sync += part.eq(last)
                with m.If(moves):
                    m.next = "Data"
                    with m.If(answers):
                        m.next = "Check"
                        with m.If(self.i_answer.p.identity):
                            m.next = "Identity"

            with m.State("Data"):
                m.d.comb += byte.eq(word.word_select(part, 8))
                m.d.comb += valid.eq(present)
                with m.If(moves):
                    m.d.sync += count.eq(count + 1)
                    m.d.sync += part.eq(part - 1)
                    with m.If(part == 0):
                        m.d.sync += part.eq(last)
                        m.d.comb += taken.eq(1)
                        with m.If((count >= FULL) | (self.i_counts.p.last & (kind == 3))):
                            m.next = "Check"
                with m.Elif(~present & valids.any()):
                    m.next = "Check"

            with m.State("Identity"):
                m.d.comb += byte.eq(read.data)
                m.d.comb += valid.eq(1)
                with m.If(moves):
                    m.d.sync += count.eq(count + 1)
                    m.next = "Fetch"
                    with m.If(count == len(self._identity) - 1):
                        m.next = "Check"

            with m.State("Fetch"):
                m.next = "Identity"

            with m.State("Check"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(crc.crc[8:])
                with m.If(moves):
                    m.next = "Last"

            with m.State("Last"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(crc.crc[8:])
                with m.If(moves):
                    m.next = "End"

            with m.State("End"):
                m.d.comb += valid.eq(1)
                m.d.comb += stuffer.i.p.end.eq(1)
                with m.If(moves):
                    m.d.sync += number.eq(number + ~answers)
                    m.d.comb += self.i_answer.ready.eq(answers)
                    m.next = "Idle"

        return m
