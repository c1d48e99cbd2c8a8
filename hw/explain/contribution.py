"""Contributions: what each pixel of the deepest spiking layer gave to each class."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.io.errors import rule
from hw.interface import Output

__all__ = ["UNIT", "Contribution"]


class Contribution(wiring.Component):
    """C[c, p] of golden.explain.contribution, for each pixel and each class.

    Where the read-out is walked pixel by pixel (hw.plan.pixels) and nothing leaks, the membrane of
    a class at the run's last step is C[c, p] << frac in the segment of pixel p, by itself and
    exact. So nothing is added or multiplied here: the unit takes it, leaves the fraction bits out,
    which are 0, and holds it until it is taken, a cycle later or more.

    Parameters
    ----------
    bits : int
        Of a membrane.
    frac : int
        Fraction bits of the read-out.
    width : int
        Signed width that every contribution fits.

    Members
    -------
    i : In(stream.Signature(signed(bits), always_ready=True))
        None comes while ``busy``, and none in the cycle after another.
    busy : Out(1)
        A contribution waits to be taken.
    o : Out(stream.Signature(unsigned(width)))
        In two's complement.
    """

    READS_READOUT = True

    def __init__(self, *, bits, frac, width):
        self.bits, self.frac, self.width = bits, frac, width
        super().__init__({
            "i": In(stream.Signature(signed(bits), always_ready=True)),
            "busy": Out(1),
            "o": Out(stream.Signature(unsigned(width))),
        })

    @classmethod
    def built(cls, plan, layers):
        """(Contribution, Output) of the layer before the read-out, of a plan by pixels."""
        network, last = plan.network, plan.network.stages[-1]
        rule(tuple(layers) == (last.index - 1,), network.name, "contributions are those of the "
             f"deepest spiking layer, {last.index - 1}, not of {', '.join(map(str, layers))}")
        _, height, width = last.source
        unit = cls(bits=plan.membrane_bits, frac=last.layer.frac, width=plan.contribution_bits)
        return unit, Output(
            "contributions", ("y", "x", "channel"),
            {last.index - 1: (height, width, network.classes)}, unit.width, signed=True,
            meaning="contributions, signed: of each pixel to each class, (y, x, class) order")

    def elaborate(self, platform):
        m = Module()

        m.d.comb += self.busy.eq(self.o.valid)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid):
            m.d.sync += [
                self.o.valid.eq(1), self.o.payload.eq(self.i.payload >> self.frac)]

        return m


UNIT = Contribution
