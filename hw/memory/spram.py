"""iCE40UP single-port RAM."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.vendor import SiliconBluePlatform

__all__ = ["SPRAM", "Simulated"]

DEPTH = 2**14


def is_up5k(platform):
    """Whether ``platform`` has SPRAM."""
    return (isinstance(platform, SiliconBluePlatform)
            and platform.device in ("iCE40UP5K", "iCE40UP3K"))


class Simulated:
    """Given in place of a platform: the portable gateware, with an SPRAM that forgets as the real.

    After a write it shows the complement of what it had read, so that nobody's bench passes who
    still looks at that.
    """


class SPRAM(wiring.Component):
    """``depth`` words of 16 bits, at most 16384: one SPRAM of the iCE40UP5K, or a memory like it.

    Instantiated, since Yosys infers SPRAM only for memories without initial contents and Amaranth
    gives every memory some. On the device the contents at power-up are undefined. Reads or writes
    one word a cycle; a word read appears one cycle after its address and stays until the next
    read.

    Members
    -------
    addr : In(14)
        Word address.
    r_en : In(1)
        Read the word at ``addr``; ignored in a cycle that writes.
    r_data : Out(16)
        Word last read; undefined after a write until the next read.
    w_en : In(1)
        Write ``w_data`` at ``addr``.
    w_data : In(16)
    """

    addr: In(14)
    r_en: In(1)
    r_data: Out(16)
    w_en: In(1)
    w_data: In(16)

    def __init__(self, *, depth=DEPTH):
        if not 1 <= depth <= DEPTH:
            raise ValueError(f"SPRAM depth must be 1 to {DEPTH}, not {depth}")
        self.depth = depth
        super().__init__()

    def elaborate(self, platform):
        m = Module()

        if is_up5k(platform):
            m.submodules.spram = Instance("SB_SPRAM256KA",
                i_CLOCK=ClockSignal(), i_ADDRESS=self.addr, o_DATAOUT=self.r_data,
                i_DATAIN=self.w_data, i_WREN=self.w_en, i_MASKWREN=C(0b1111, 4),
                # POWEROFF is active low.
                i_CHIPSELECT=self.r_en | self.w_en, i_STANDBY=C(0, 1), i_SLEEP=C(0, 1),
                i_POWEROFF=C(1, 1))
        else:
            m.submodules.memory = mem = memory.Memory(shape=16, depth=self.depth, init=[])
            read, write = mem.read_port(), mem.write_port()
            m.d.comb += [
                read.addr.eq(self.addr), read.en.eq(self.r_en & ~self.w_en),
                write.addr.eq(self.addr), write.en.eq(self.w_en), write.data.eq(self.w_data),
                self.r_data.eq(read.data),
            ]
            if isinstance(platform, Simulated):
                forgot = Signal()
                with m.If(self.w_en | self.r_en):
                    m.d.sync += forgot.eq(self.w_en)
                m.d.comb += self.r_data.eq(read.data ^ forgot.replicate(16))

        return m
