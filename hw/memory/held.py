"""Registers that are loaded together, in multipliers of the iCE40UP5K that nobody else needs."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.memory.spram import is_up5k

__all__ = ["HELD_BITS", "PRODUCTS", "Held", "shares"]

PRODUCTS  = 8    # multipliers (SB_MAC16) of an iCE40UP5K
HELD_BITS = 32   # bits of the result registers of one


def shares(spare: int, *bits: int) -> list[int]:
    """How many of ``spare`` multipliers each of some registers takes, which have so many bits."""
    found = []
    for each in bits:
        found.append(min((each + HELD_BITS // 2) // HELD_BITS, spare))   # the rest are few bits
        spare -= found[-1]
    return found


class Product(wiring.Component):
    """The result registers of one SB_MAC16, which take C and D as they are (OLOADTOP, OLOADBOT).

    Yosys' ``ice40_dsp`` would take the cell for a product that it may arrange anew, and cut C and D
    off. So the platform's script hides modules of this name from it (``holds_registers``).
    """

    load: In(1)
    d: In(HELD_BITS)
    q: Out(HELD_BITS)

    def elaborate(self, platform):
        m = Module()
        low = ("AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT",
               "ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT", "CI", "ACCUMCI", "SIGNEXTIN")
        m.submodules.cell = Instance(
            "SB_MAC16", p_TOPOUTPUT_SELECT=Const(1, 2), p_BOTOUTPUT_SELECT=Const(1, 2),
            i_CLK=ClockSignal(), i_CE=self.load, i_OLOADTOP=Const(1), i_OLOADBOT=Const(1),
            i_A=Const(0, 16), i_B=Const(0, 16), i_C=self.d[16:], i_D=self.d[:16],
            **{f"i_{port}": Const(0) for port in low}, o_O=self.q)
        return m


class Held(wiring.Component):
    """``q`` is what ``d`` was when it was loaded last; before that it means nothing.

    On an iCE40UP5K the lowest bits lie in multipliers, 32 in each, for which no logic cells are
    spent. All other bits are flip-flops, and so are all elsewhere, and where the platform has no
    true ``holds_registers``.

    Parameters
    ----------
    bits : int
    products : int
        Multipliers to use at most.

    Members
    -------
    load : In(1)
    d, q : In(bits), Out(bits)
    """

    def __init__(self, bits: int, *, products: int = 0):
        self.products, = shares(products, bits)
        super().__init__({"load": In(1), "d": In(bits), "q": Out(bits)})

    def elaborate(self, platform):
        m = Module()

        inside = 0
        if is_up5k(platform) and getattr(platform, "holds_registers", False):
            inside = self.products * HELD_BITS
        for n in range(0, min(inside, len(self.d)), HELD_BITS):
            own = slice(n, n + HELD_BITS)
            m.submodules[f"held_product{n}"] = product = Product()
            m.d.comb += [product.load.eq(self.load), product.d.eq(self.d[own]),
                         self.q[own].eq(product.q)]
        rest = self.d[inside:]
        if len(rest):
            flops = Signal(len(rest), reset_less=True)
            with m.If(self.load):
                m.d.sync += flops.eq(rest)
            m.d.comb += self.q[inside:].eq(flops)

        return m
