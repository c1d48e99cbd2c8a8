"""Configuration writes: where each goes, and the registers."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interface import DATA_BITS, INDEX_BITS, SPACE_BITS, Register, Space

__all__ = ["CONFIG", "ControlRegisters"]

CONFIG = data.StructLayout({"data": DATA_BITS, "index": INDEX_BITS, "space": SPACE_BITS})


class ControlRegisters(wiring.Component):
    """Takes writes and keeps those to hw.interface.Space.REGISTERS.

    A write takes two cycles, the second of which writes.

    Parameters
    ----------
    mode, seed : int
        Of the registers after a reset.

    Members
    -------
    i : In(stream.Signature(CONFIG))
    allowed : In(1)
        No image is under way; without it no write is taken.
    index, data : Out(INDEX_BITS), Out(DATA_BITS)
        Of the write that ``i`` offers.
    written : Out(2**SPACE_BITS)
        Bit n: it is written in this cycle, to space n.
    mode, seed : Out(2), Out(32)
        The registers.
    """

    def __init__(self, *, mode, seed):
        self._mode, self._seed = mode, seed
        super().__init__({
            "i": In(stream.Signature(CONFIG)), "allowed": In(1),
            "index": Out(INDEX_BITS), "data": Out(DATA_BITS), "written": Out(2**SPACE_BITS),
            "mode": Out(2, init=mode), "seed": Out(2 * DATA_BITS, init=seed),
        })

    def elaborate(self, platform):
        m = Module()

        write = self.i.p
        # From a register, whatever is decided upon it; so a write takes two cycles.
        m.d.sync += self.i.ready.eq(self.i.valid & ~self.i.ready & self.allowed)
        m.d.comb += [
            self.index.eq(write.index), self.data.eq(write.data),
            self.written.eq(Cat(self.i.ready & (write.space == space)
                                for space in range(2**SPACE_BITS))),
        ]
        with m.If(self.written[Space.REGISTERS]):
            with m.Switch(write.index[:2]):
                with m.Case(Register.MODE):
                    m.d.sync += self.mode.eq(write.data[:2])
                with m.Case(Register.SEED_LOW):
                    m.d.sync += self.seed[:DATA_BITS].eq(write.data)
                with m.Case(Register.SEED_HIGH):
                    m.d.sync += self.seed[DATA_BITS:].eq(write.data)

        return m
