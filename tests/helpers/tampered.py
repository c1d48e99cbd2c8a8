"""Components with a fault planted at their ports or in what they call, whatever their source is."""

from amaranth import *
from amaranth.lib.wiring import In

__all__ = ["cut_off", "tampered"]


def tampered(kind, faults):
    """The class of components ``kind`` with changed ports.

    ``faults`` holds, by the port's path ("scan.opens"), value -> value: of an input what the
    component sees, of an output what it gives.
    """
    class Tampered(kind):
        def __init__(self, *args, **options):
            self.inner = kind(*args, **options)
            super().__init__(*args, **options)

        def elaborate(self, platform):
            m = Module()
            m.submodules.inner = self.inner
            left = dict(faults)
            pairs = zip(self.signature.flatten(self), self.inner.signature.flatten(self.inner),
                        strict=True)
            for (path, member, outer), (_, _, inner) in pairs:
                change = left.pop(".".join(map(str, path)), lambda value: value)
                m.d.comb += (inner.eq(change(outer)) if member.flow == In
                             else outer.eq(change(inner)))
            assert not left, f"{kind.__name__} has no {', '.join(left)}"
            return m
    return Tampered


def cut_off(frac, one, *, unit):
    """As hw.arithmetic.rounding, but nothing is rounded."""
    return Cat(C(0, frac + unit), one)
