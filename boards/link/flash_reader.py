"""Reads a SPI flash by one or four data lines, and checks what it reads block by block."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from boards.protocol.codec import CHECK_START
from boards.protocol.flash_blocks import CONTENTS

__all__ = ["FlashReader", "flash_pins"]

# Commands of W25Q and alike: leave power-down; let registers change until power is lost; write
# status register 2; read on by one line; read on by four, behind a mode byte and some clocks.
WAKE, VOLATILE, STATUS, READ, QUAD_READ = 0xAB, 0x50, 0x31, 0x03, 0xEB
QUAD_ENABLE = 0x02       # of status register 2
MODE, WAITS = 0xFF, 4    # no read without a command; clocks before the data
REST = 2**12             # cycles in which the flash wakes: 3 us are enough
PAUSE = 2**4             # cycles between two commands: 50 ns are enough


def flash_pins():
    """Members at the pins of a flash.

    ``flash_cs`` selects it with 1; ``flash_o``, ``flash_oe`` and ``flash_i`` are the lines
    DI, DO, WP, HOLD of the flash, or 0 to 3, of which one bit of ``flash_oe`` each drives.
    """
    return {"flash_cs": Out(1), "flash_clk": Out(1), "flash_o": Out(4), "flash_oe": Out(4),
            "flash_i": In(4)}


class FlashReader(wiring.Component):
    """Gives the contents of the blocks (boards.protocol.flash_blocks) from an address on.

    The flash is woken once, and with four lines told by its volatile register to use them. SPI
    mode 0 at half the clock: a byte in 16 cycles by one line, in 4 by four lines, slower where it
    is not taken. A line is sampled where the flash's clock falls, a whole period after the edge
    that the flash answers.

    Contents are given as they come; that a block was damaged is known 2 cycles behind its last
    byte, before any of the next block is given.

    Parameters
    ----------
    lines : int
        1 or 4.
    contents : int
        Bytes of a block without its check, 1 to 254.

    Members
    -------
    Those of ``flash_pins``.
    read : In(1)
        While it is 1, blocks are read from ``address`` on; 0 for a cycle or more ends that, and
        takes back what ``o`` offers.
    address : In(24)
        Of the first block; steady while ``read``.
    o : Out(stream.Signature(8))
        Contents, block after block, without end.
    ended : Out(1)
        The check of a block was read; what came of it shows in ``damaged`` a cycle later.
    damaged : Out(1)
        The check of a block was wrong since ``read`` became 1.
    """

    def __init__(self, *, lines: int = 4, contents: int = CONTENTS):
        if lines not in (1, 4):
            raise ValueError(f"lines must be 1 or 4, not {lines}")
        if not 1 <= contents <= 254:
            raise ValueError(f"contents must be 1 to 254, not {contents}")
        self._lines, self._contents = lines, contents
        super().__init__({
            **flash_pins(), "read": In(1), "address": In(24),
            "o": Out(stream.Signature(8)), "ended": Out(1), "damaged": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        # Commands one bit a clock, one behind the other: where each ends, and where the read is.
        quad  = self._lines == 4
        sent  = [WAKE, *([VOLATILE, STATUS, QUAD_ENABLE, QUAD_READ] if quad else [READ])]
        bits  = sum((byte >> 7 - n & 1) << 8 * k + n for k, byte in enumerate(sent)
                    for n in range(8))
        ends  = [7, 15, 31] if quad else [7]
        begin = ends[-1] + 1                   # of the read
        place = begin + 8                      # of its address
        mode  = place + 24 // self._lines
        last  = mode + (8 // 4 + WAITS if quad else 0) - 1

        at    = Signal(range(last + 1))        # clock of the commands
        count = Signal(range(REST))            # cycles of a rest; bytes of the block
        woken = Signal()
        part  = Signal(range(8 // self._lines))   # of a byte
        into  = Signal(8)
        crc   = Signal(16, init=CHECK_START)
        ended = Signal()                       # the block has, in the cycle before
        head, body = Signal(), Signal()        # commands go out, bytes come in
        live  = Signal()                       # ``read`` was 1 since the read began
        runs, tick = Signal(), Signal()        # the flash's clock runs, and falls in this cycle
        new   = self.flash_i if quad else self.flash_i[1]
        fed   = crc[-self._lines:] ^ new
        m.d.comb += [
            runs.eq(head | (body & (self.flash_clk | ~self.o.valid | self.o.ready))),
            tick.eq(runs & self.flash_clk),
            self.o.payload.eq(into), self.ended.eq(ended),
        ]
        m.d.sync += [self.flash_clk.eq(runs & ~self.flash_clk), ended.eq(0)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        # What goes out changes with the falling edge. WP and HOLD are 1 until they carry data.
        pieces = [self.address.word_select(n, self._lines) for n in range(24 // self._lines)]
        piece  = Cat(*reversed(pieces)).word_select(
            (at - place)[:len(pieces).bit_length()], self._lines)
        m.d.comb += self.flash_o.eq(Cat(C(bits, 8 * len(sent)).bit_select(at, 1), C(0b111, 3)))
        if quad:
            with m.If(at >= mode):
                m.d.comb += self.flash_o.eq(MODE & 15)
            with m.Elif(at >= place):
                m.d.comb += self.flash_o.eq(piece)
            # The flash lets go of the lines some time after it is deselected.
            with m.If(self.flash_cs & (at < mode + 2)):
                m.d.comb += self.flash_oe.eq(Cat(C(1), at >= place, C(0b11, 2)))
        else:
            with m.If(at >= place):
                m.d.comb += self.flash_o[0].eq(piece)
            m.d.comb += self.flash_oe.eq(0b1101)

        with m.If(tick & body):
            m.d.sync += [into.eq(Cat(new, into)), part.eq(part + 1),
                         # The polynomial of frames, 0x1021.
                         crc.eq((crc << self._lines) ^ fed << 12 ^ fed << 5 ^ fed)]
            with m.If(part.all()):
                m.d.sync += [self.o.valid.eq(count < self._contents), count.eq(count + 1)]
                with m.If(count == self._contents + 1):
                    m.d.sync += [count.eq(0), ended.eq(1)]
        with m.If(ended):
            m.d.sync += crc.eq(CHECK_START)
            with m.If(crc != 0):
                m.d.sync += self.damaged.eq(1)

        with m.FSM():
            with m.State("Rest"):
                m.d.sync += count.eq(count + 1)
                with m.If((at == begin) & ~self.read):
                    m.d.sync += count.eq(0)
                with m.Elif(Mux(woken, count == PAUSE, count == REST - 1)):
                    m.d.sync += [count.eq(0), self.flash_cs.eq(1), woken.eq(at != 0),
                                 live.eq(1)]
                    m.next = "Head"

            with m.State("Head"):
                m.d.comb += head.eq(1)
                with m.If(tick):
                    m.d.sync += at.eq(at + 1)
                    with m.If(Cat(at == end for end in ends).any()):
                        m.d.sync += self.flash_cs.eq(0)
                        m.next = "Rest"
                    with m.Elif(at == last):
                        m.next = "Body"

            with m.State("Body"):
                m.d.comb += body.eq(live)
                with m.If(~live):
                    m.d.sync += [
                        self.flash_cs.eq(0), self.damaged.eq(0), ended.eq(0), count.eq(0),
                        part.eq(0), crc.eq(CHECK_START), at.eq(begin)]
                    m.next = "Rest"

        with m.If(~self.read):
            m.d.sync += [live.eq(0), self.o.valid.eq(0)]

        return m
