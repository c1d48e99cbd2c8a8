"""A current that is the same in every step, of numbers whose bits were summed one by one."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Steady"]


class Steady(wiring.Component):
    """current[n] = sum over b of 2**(bits - 1 - b) sums_b[n]; of other sums, they themselves.

    The weights of inputs of several bits are added up for each bit by itself, the highest first, in
    the accumulators of as many steps: sum over i of w_i x_i, x_i = sum over b of 2**b x_ib. By
    Horner's rule, current <- 2 current + sums_b, a bit a cycle.

    Parameters
    ----------
    lanes, sum_bits, current_bits : int
        Both in two's complement.

    Members
    -------
    load : In(1)
        Sums of other walks come, ``takes`` a cycle later or more.
    takes : In(1)
        ``sums`` are those of the next bit.
    of_bits : In(1)
        They are of bits; constant while there are any.
    sums : In(data.ArrayLayout(signed(sum_bits), lanes))
    currents : Out(data.ArrayLayout(signed(current_bits), lanes))
        Of bits, all that were taken since ``load``.
    """

    def __init__(self, *, lanes, sum_bits, current_bits):
        super().__init__({
            "load": In(1), "takes": In(1), "of_bits": In(1),
            "sums": In(data.ArrayLayout(signed(sum_bits), lanes)),
            "currents": Out(data.ArrayLayout(signed(current_bits), lanes)),
        })

    def elaborate(self, platform):
        m = Module()
        for own, current in zip(self.sums, self.currents, strict=True):
            total = Signal(current.shape(), reset_less=True)
            with m.If(self.load):
                m.d.sync += total.eq(0)
            with m.Elif(self.takes):
                m.d.sync += total.eq((total << 1) + own)
            m.d.comb += current.eq(Mux(self.of_bits, total, own))
        return m
