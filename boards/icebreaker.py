"""The iCEBreaker: pins, clock and build."""

from amaranth import *
from amaranth.lib import io, wiring
from amaranth_boards.icebreaker import ICEBreakerPlatform

from boards.clock import Clock, pll_for
from boards.toolchain import environment
from boards.top import Top

__all__ = ["Icebreaker", "Top", "build", "frequency"]

OSCILLATOR = 12_000_000
SYNTHESIS = "-dsp -abc9 -device u"


def frequency(mhz):
    """Frequency in hertz that the board gives where ``mhz`` is asked for."""
    hz = round(mhz * 1e6)
    return hz if hz == OSCILLATOR else pll_for(hz, reference=OSCILLATOR).hz


class Icebreaker(wiring.Component):
    """A ``Top`` on the board: its UART on the FTDI chip, the green LED while an image runs.

    Parameters
    ----------
    top : Top
    clock_hz : int
        The frequency that ``top`` was made for; see ``frequency``.
    """

    def __init__(self, top, *, clock_hz):
        self._top, self._hz = top, clock_hz
        super().__init__({})

    def elaborate(self, platform):
        m = Module()

        uart = platform.request("uart", 0, dir={"rx": "-", "tx": "-"})
        m.domains.sync     = sync  = ClockDomain()
        m.submodules.clock = clock = Clock(hz=self._hz)
        m.submodules.top   = top   = self._top
        m.submodules.rx    = rx    = io.Buffer("i", uart.rx)
        m.submodules.tx    = tx    = io.Buffer("o", uart.tx)
        m.submodules.led   = led   = io.Buffer("o", platform.request("led_g", 0, dir="-"))
        # No constraint on the clock, since nextpnr may know the net by another of its names: it is
        # given its frequency by --freq, there being one clock.
        m.d.comb += [
            sync.clk.eq(clock.clk),
            sync.rst.eq(clock.rst),
            top.rx.eq(rx.i),
            tx.o.eq(top.tx),
            led.o.eq(top.busy),
        ]

        return m


def build(top, *, clock_hz, name="top", where="build", **options):
    """Build the bitstream of ``top``; return Amaranth's products. ``options`` override its own."""
    environment()
    options = {"synth_opts": SYNTHESIS, "nextpnr_opts": f"--freq {clock_hz / 1e6:g}", **options}
    return ICEBreakerPlatform().build(
        Icebreaker(top, clock_hz=clock_hz), name=name, build_dir=str(where), **options)
