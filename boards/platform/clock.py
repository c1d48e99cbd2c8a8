"""The clock of the iCE40UP5K: its PLL, and a reset that waits for it."""

from dataclasses import dataclass
from typing import Any

from amaranth import *
from amaranth.lib import io, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["Clock", "EcpClock", "EcpPll", "Pll", "ResetDelay", "ecp_pll_for", "pll_for"]


@dataclass(frozen=True)
class Pll:
    """Dividers of an SB_PLL40: f = reference (divf + 1) / (divr + 1) / 2**divq."""

    reference: int
    divr: int
    divf: int
    divq: int

    @property
    def hz(self) -> int:
        """Frequency given, rounded down to whole hertz."""
        return self.reference * (self.divf + 1) // (self.divr + 1) // 2**self.divq

    @property
    def filter_range(self) -> int:
        """FILTER_RANGE for the frequency at the phase detector."""
        tops = (17e6, 26e6, 44e6, 66e6, 101e6)
        return 1 + sum(self.reference / (self.divr + 1) >= top for top in tops)


def pll_for(hz: int, *, reference: int = 12_000_000) -> Pll:
    """Dividers whose frequency is nearest to ``hz``.

    Within the limits of the iCE40 sysCLOCK guide (FPGA-TN-02052): phase detector 10 to 133 MHz,
    oscillator 533 to 1066 MHz, output 16 to 275 MHz. ValueError if the nearest is over 1 % off.
    """
    found = [
        pll
        for divr in range(16) if 10e6 <= reference / (divr + 1) <= 133e6
        for divf in range(128) if 533e6 <= reference * (divf + 1) / (divr + 1) <= 1066e6
        for divq in range(1, 7)
        for pll in [Pll(reference, divr, divf, divq)] if 16e6 <= pll.hz <= 275e6
    ]
    best = min(found, key=lambda pll: (abs(pll.hz - hz), pll.divf))
    if abs(best.hz - hz) > 0.01 * hz:
        raise ValueError(f"clock must be within 1 % of a PLL frequency, not {hz} Hz; "
                         f"the nearest is {best.hz} Hz")
    return best


@dataclass(frozen=True)
class EcpPll:
    """Dividers of an EHXPLLL with its output fed back: f = reference * multiply."""

    reference: int
    divide: int
    multiply: int
    output: int

    @property
    def hz(self) -> int:
        """Frequency given, rounded down to whole hertz."""
        return self.reference * self.multiply // self.divide


def ecp_pll_for(hz: int, *, reference: int = 25_000_000) -> EcpPll:
    """Dividers whose frequency is nearest to ``hz``; ValueError if that is over 1 % off.

    Within the limits of Project Trellis' ecppll: phase detector 3.125 to 400 MHz, oscillator 400 to
    800 MHz, output 10 to 400 MHz.
    """
    found = [
        pll
        for divide in range(1, 129) if 3.125e6 <= reference / divide
        for multiply in range(1, 81)
        for pll in [EcpPll(reference, divide, multiply, 1)] if 10e6 <= pll.hz <= 400e6
        for output in range(1, 129) if 400e6 <= pll.hz * output <= 800e6
        for pll in [EcpPll(reference, divide, multiply, output)]
    ]
    best = min(found, key=lambda pll: (abs(pll.hz - hz), abs(pll.hz * pll.output - 600e6)))
    if abs(best.hz - hz) > 0.01 * hz:
        raise ValueError(f"clock must be within 1 % of a PLL frequency, not {hz} Hz; "
                         f"the nearest is {best.hz} Hz")
    return best


class ResetDelay(wiring.Component):
    """Holds a reset until the clock has been locked for 15 to 31 us without a break.

    Block memories of the iCE40 read as zero for some 3 us after configuration; Amaranth's own reset
    for this device waits 15 us for the same reason. For a domain that has no reset itself.

    Parameters
    ----------
    hz : int
        Frequency of the clock.

    Members
    -------
    locked : In(1)
        The clock is stable; asynchronous.
    rst : Out(1)
        The reset.
    """

    def __init__(self, *, hz: int):
        self._bits = ceil_log2(int(15e-6 * hz) + 1)
        super().__init__({"locked": In(1), "rst": Out(1, init=1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        locked = Signal()
        m.submodules.locked = FFSynchronizer(self.locked, locked)
        count = Signal(self._bits + 1)
        m.d.comb += self.rst.eq(~count[-1])
        with m.If(~locked):
            m.d.sync += count.eq(0)
        with m.Elif(self.rst):
            m.d.sync += count.eq(count + 1)

        return m


class Clock(wiring.Component):
    """Clock and reset of ``sync`` on an iCE40 board, from its oscillator.

    Through the PLL, unless the oscillator has that frequency. The reset is that of ``ResetDelay``.

    Parameters
    ----------
    hz : int
        Frequency wanted: the oscillator's, or one that ``pll_for`` finds.
    pad : bool
        Whether the oscillator's pin is that of the PLL, and of a global net.

    Members
    -------
    clk : Out(1)
        The clock, on a global net.
    rst : Out(1)
        The reset, in step with it.
    """

    def __init__(self, *, hz: int, pad: bool = True):
        self._hz, self._pad = hz, pad
        super().__init__({"clk": Out(1), "rst": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.domains.boot = ClockDomain(reset_less=True, local=True)
        m.submodules.settle = settle = DomainRenamer("boot")(ResetDelay(hz=self._hz))
        pin       = platform.request(platform.default_clk, dir="-")
        reference = int(platform.default_clk_frequency)

        if self._hz == reference:
            if self._pad:
                m.submodules.pin = Instance("SB_GB_IO",
                    p_PIN_TYPE=C(0b000001, 6), io_PACKAGE_PIN=pin.io,
                    o_GLOBAL_BUFFER_OUTPUT=self.clk)
            else:       # it may be any pin
                m.submodules.net = Instance("SB_GB",
                    i_USER_SIGNAL_TO_GLOBAL_BUFFER=reference_in(m, pin),
                    o_GLOBAL_BUFFER_OUTPUT=self.clk)
            m.d.comb += settle.locked.eq(1)
        else:
            pll = pll_for(self._hz, reference=reference)
            if self._pad:
                name, ports = "SB_PLL40_PAD", {"i_PACKAGEPIN": pin.io}
            else:
                name, ports = "SB_PLL40_CORE", {"i_REFERENCECLK": reference_in(m, pin)}
            m.submodules.pll = Instance(name,
                p_FEEDBACK_PATH="SIMPLE",
                p_DIVR=C(pll.divr, 4), p_DIVF=C(pll.divf, 7), p_DIVQ=C(pll.divq, 3),
                p_FILTER_RANGE=C(pll.filter_range, 3),
                **ports, i_RESETB=C(1, 1), i_BYPASS=C(0, 1),
                o_PLLOUTGLOBAL=self.clk, o_LOCK=settle.locked)

        m.d.comb += [
            ClockSignal("boot").eq(self.clk),
            self.rst.eq(settle.rst),
        ]

        return m


def reference_in(m: Module, pin: io.PortLike) -> Value:
    """A clock's pin as a signal."""
    m.submodules.reference = buffer = io.Buffer("i", pin)
    return buffer.i


class EcpClock(wiring.Component):
    """Clock and reset of ``sync`` on an ECP5 board, as ``Clock`` gives them on an iCE40.

    Parameters
    ----------
    hz : int
        Frequency wanted: the oscillator's, or one that ``ecp_pll_for`` finds.

    Members
    -------
    clk, rst : Out(1)
    """

    def __init__(self, *, hz: int):
        self._hz = hz
        super().__init__({"clk": Out(1), "rst": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        m.domains.boot = ClockDomain(reset_less=True, local=True)
        m.submodules.settle = settle = DomainRenamer("boot")(ResetDelay(hz=self._hz))
        pin       = reference_in(m, platform.request(platform.default_clk, dir="-"))
        reference = int(platform.default_clk_frequency)
        if self._hz == reference:
            m.d.comb += [self.clk.eq(pin), settle.locked.eq(1)]
        else:
            pll = ecp_pll_for(self._hz, reference=reference)
            m.submodules.pll = Instance("EHXPLLL",
                p_CLKI_DIV=pll.divide, p_CLKFB_DIV=pll.multiply, p_CLKOP_DIV=pll.output,
                p_CLKOP_CPHASE=pll.output - 1, p_CLKOP_FPHASE=0, p_CLKOP_ENABLE="ENABLED",
                p_FEEDBK_PATH="CLKOP", p_OUTDIVIDER_MUXA="DIVA",
                i_CLKI=pin, i_CLKFB=self.clk, i_RST=C(0, 1), i_STDBY=C(0, 1),
                i_PHASESEL0=C(0, 1), i_PHASESEL1=C(0, 1), i_PHASEDIR=C(0, 1), i_PHASESTEP=C(0, 1),
                i_PHASELOADREG=C(0, 1), i_PLLWAKESYNC=C(0, 1), i_ENCLKOP=C(0, 1),
                o_CLKOP=self.clk, o_LOCK=settle.locked)
        m.d.comb += [
            ClockSignal("boot").eq(self.clk),
            self.rst.eq(settle.rst),
        ]

        return m
