"""Frames the answers and the results of the accelerator."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from boards.link.crc import CRC16
from boards.link.executor import ANSWER, LABEL
from boards.link.stuffing import Stuffer
from boards.protocol.codec import BLOCK, Kind, bytes_of
from boards.protocol.identity import BOOT_AT, LABEL_AT, SIGNATURE_AT, Boot
from hw.interface import COUNT_BITS

__all__ = ["Framer", "COUNT", "WORD_BITS"]

WORD_BITS = 32     # of the widest result word
FULL  = BLOCK - 4  # a word that begins here still ends within a block
COUNT = data.StructLayout({"data": COUNT_BITS, "last": 1})


class Framer(wiring.Component):
    """Sends answers and result words as frames of boards.protocol.codec, with numbers and CRC.

    Where several wait, an answer goes first, then maps, scores, counts and traces. A result frame
    takes words of its stream until it holds 237 to 240 bytes, until the image ends, or until that
    stream has nothing while something else waits. Words go whole into one frame, most significant
    byte first, in as few bytes as hold their width. Result frames are numbered modulo 256 from
    power-up on. A byte leaves at most every 2 cycles.

    Parameters
    ----------
    identity : bytes
        What an answer to IDENTIFY carries, at most 240 bytes.
    map_width, score_width, trace_width : int
        Widths of the result words, at most 32; without traces 0.

    Members
    -------
    i_answer : In(stream.Signature(ANSWER))
        Answers; each is taken when it is framed.
    i_maps : In(stream.Signature(unsigned(map_width)))
    i_scores : In(stream.Signature(signed(score_width)))
    i_counts : In(stream.Signature(COUNT))
    i_traces : In(stream.Signature(unsigned(trace_width)))
        Results of the accelerator; ``last`` ends the image. ``i_traces`` only with a width.
    i_label : In(stream.Signature(LABEL, always_ready=True))
        Writes to the label or to the signature in the identity: a memory with a port of its own
        for them.
    boot : In(Boot)
        Sent in the identity unless that says Boot.NONE.
    o : Out(stream.Signature(8))
        Stuffed frames.
    """

    def __init__(self, *, identity, map_width, score_width, trace_width=0):
        if not BOOT_AT < len(identity) <= BLOCK:
            raise ValueError(f"identity must be {BOOT_AT + 1} to {BLOCK} bytes, "
                             f"not {len(identity)}")
        widths = {"map_width": map_width, "score_width": score_width,
                  "trace_width": trace_width or 1}
        for name, width in widths.items():
            if not 1 <= width <= WORD_BITS:
                raise ValueError(f"{name} must be 1 to {WORD_BITS}, not {width}")
        self._identity, self._traced = bytes(identity), bool(trace_width)
        traces = {"i_traces": In(stream.Signature(unsigned(trace_width)))} if trace_width else {}
        super().__init__({
            "i_answer": In(stream.Signature(ANSWER)),
            "i_maps": In(stream.Signature(unsigned(map_width))),
            "i_scores": In(stream.Signature(signed(score_width))),
            "i_counts": In(stream.Signature(COUNT)),
            **traces,
            "i_label": In(stream.Signature(LABEL, always_ready=True)),
            "boot": In(2),
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

        sources = [self.i_maps, self.i_scores, self.i_counts]
        words   = [self.i_maps.p, self.i_scores.p, self.i_counts.p.data]
        if self._traced:
            sources, words = [*sources, self.i_traces], [*words, self.i_traces.p]
        valids  = Cat(self.i_answer.valid, *(source.valid for source in sources))
        kind    = Signal(range(len(valids)))   # of the frame: 0 an answer, else a source from 1 on
        answers = kind == 0
        number  = Signal(8)
        count   = Signal(8)       # of data bytes in this frame
        size    = max(bytes_of(len(value)) for value in words)
        word    = Signal(8 * size)             # the byte that is next on top
        part    = Signal(range(size))          # bytes of the word behind that one
        final   = Signal()        # the word ends the image
        some    = Signal()        # was there in the last cycle
        here    = Signal()        # the source of the frame had a word in the last cycle
        took    = Signal(len(valids))          # what was, for a cycle, to be told its source
        # Compared a cycle ahead: a byte stays for two.
        filled, single, ended = Signal(), Signal(), Signal()
        byte, flag, valid = Signal(8), Signal(), Signal()
        held    = Signal.like(stuffer.i.p)     # cuts the way of a byte, and of ready, into two
        full    = Signal()
        fresh   = Signal()        # it has just been filled
        free    = ~full           # where ``valid``: the byte moves
        moves   = valid & free

        m.d.comb += [
            write.addr.eq(Mux(self.i_label.p.signature, SIGNATURE_AT | self.i_label.p.index[:2],
                              LABEL_AT | self.i_label.p.index)),
            write.data.eq(self.i_label.p.data),
            write.en.eq(self.i_label.valid),
            read.addr.eq(count),
            stuffer.i.p.eq(held),
            stuffer.i.valid.eq(full),
            crc.data.eq(held.data),
            crc.en.eq(fresh),
            *(source.ready.eq(took[n]) for n, source in enumerate([self.i_answer, *sources])),
        ]
        m.d.sync += [fresh.eq(moves), took.eq(0), some.eq(valids.any()),
                     full.eq(moves | (full & ~stuffer.i.ready))]
        m.d.sync += [filled.eq(count >= FULL), single.eq(part == 0),
                     ended.eq(count == len(self._identity) - 1)]
        with m.If(free):                       # of no meaning where nothing moves
            m.d.sync += [held.data.eq(byte), held.end.eq(flag)]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += count.eq(0)
                for n in reversed(range(len(valids))):
                    with m.If(valids[n]):
                        m.d.sync += kind.eq(n)
                with m.If(some):
                    m.next = "Seq"

            with m.State("Seq"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(Mux(answers, self.i_answer.p.seq, number))
                with m.If(free):
                    m.next = "Kind"

            with m.State("Kind"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(Mux(answers, Kind.ANSWER | self.i_answer.p.error,
                                        Kind.MAPS & ~7 | kind))
                with m.If(free):
                    m.next = "Look"
                    with m.If(answers):
                        m.next = "Check"
                        with m.If(self.i_answer.p.identity):
                            m.next = "Identity"

            with m.State("Look"):
                m.d.sync += here.eq(valids.bit_select(kind, 1))
                m.next = "Word"

            with m.State("Word"):
                with m.Switch(kind):
                    for n, value in enumerate(words, 1):
                        with m.Case(n):
                            room = size - bytes_of(len(value))
                            wide = Signal(Shape(8 * bytes_of(len(value)), value.shape().signed))
                            m.d.comb += wide.eq(value)
                            m.d.sync += [word.eq(wide << 8 * room), part.eq(size - room - 1),
                                         single.eq(size - room == 1)]
                            m.d.sync += took[n].eq(here)
                with m.If(here):
                    m.next = "Data"
                with m.Elif(some):
                    m.next = "Check"
                with m.Else():
                    m.next = "Look"
                m.d.sync += final.eq(self.i_counts.p.last & (kind == 3))

            with m.State("Data"):
                m.d.comb += byte.eq(word[-8:])
                m.d.comb += valid.eq(1)
                with m.If(free):
                    m.d.sync += count.eq(count + 1)
                    m.d.sync += part.eq(part - 1)
                    m.d.sync += word.eq(word << 8)
                    with m.If(single):
                        m.next = "Look"
                        with m.If(filled | final):
                            m.next = "Check"

            with m.State("Identity"):
                m.d.comb += byte.eq(read.data)
                if self._identity[BOOT_AT] != Boot.NONE:
                    with m.If(count == BOOT_AT):
                        m.d.comb += byte.eq(self.boot)
                m.d.comb += valid.eq(1)
                with m.If(free):
                    m.d.sync += count.eq(count + 1)
                    m.next = "Fetch"
                    with m.If(ended):
                        m.next = "Check"

            with m.State("Fetch"):
                m.next = "Identity"

            with m.State("Check"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(crc.crc[8:])
                with m.If(free):
                    m.next = "Last"

            with m.State("Last"):
                m.d.comb += valid.eq(1)
                m.d.comb += byte.eq(crc.crc[8:])
                with m.If(free):
                    m.next = "End"

            with m.State("End"):
                m.d.comb += valid.eq(1)
                m.d.comb += flag.eq(1)
                with m.If(free):
                    m.d.sync += number.eq(number + ~answers)
                    m.d.sync += took[0].eq(answers)
                    m.next = "Told"

            with m.State("Told"):
                m.d.sync += some.eq(0)
                m.next = "Idle"

        return m
