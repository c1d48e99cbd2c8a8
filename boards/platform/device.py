"""The boards there is a build for: platform, pins, clock and tools of each."""

from dataclasses import dataclass

from amaranth import *
from amaranth.lib import io, wiring

from boards.platform.clock import Clock, EcpClock, ecp_pll_for, pll_for

__all__ = ["AFTER_READ", "OnBoard", "Target", "target_for"]

# For Yosys, since Amaranth has no way to say it. What a read gives of an address written in the
# same cycle does not matter, in any memory of ours; otherwise Yosys would build a bypass around
# each block RAM, 300 logic cells in all.
COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 r:COLLISION_X_MASK=1'0"
# The state machines of long paths become one-hot. Yosys does that only where no value at power-up
# is asked for, and then it must be asked for again: from no state at all no reset would lead back.
STATES = "*.executor.*/w:fsm_state *.framer/w:fsm_state *.sam/w:fsm_state"
AFTER_READ = "\n".join((
    COLLISIONS, f"setattr -unset init {STATES}", "proc", "opt -nodffe -nosdff",
    f"fsm {STATES.replace('/w:fsm_state', '')}", f"setattr -set init 1 {STATES}"))


@dataclass(frozen=True)
class Target:
    """A board.

    Members
    -------
    name, family : str
        As --board and as device of hw.build name them.
    board, device : str
        For a person.
    platform : str
        Its class, as "module:class" of amaranth_boards.
    reference : int
        Frequency of the oscillator in hertz.
    pad : bool
        Whether the oscillator's pin is that of the PLL.
    led : tuple
        Resource that lights while an image runs.
    red : None or tuple
        Resource that lights while the weights in flash were refused.
    synthesis : str
        Options of Yosys.
    lanes : None or int
        Output channels computed at once where none are asked for; None for hw.build's choice.
    spram : bool
        Whether flow.estimate.memories's memories are those of this device.
    used : dict
        Names of a report by those of nextpnr's.
    bitstream : str
    usual : float
        Megahertz of the design where none are asked for.
    """

    name: str
    family: str
    board: str
    device: str
    platform: str
    reference: int
    pad: bool
    led: tuple
    red: tuple | None
    synthesis: str
    lanes: int | None
    spram: bool
    used: dict
    bitstream: str = "top.bin"
    usual: float = 24.0

    def make(self):
        """The platform."""
        import importlib
        module, name = self.platform.split(":")
        return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)()

    def frequency(self, mhz):
        """Frequency in hertz that the board gives where ``mhz`` is asked for, or ValueError."""
        hz = round(mhz * 1e6)
        if hz == self.reference:
            return hz
        find = ecp_pll_for if self.family == "ecp5" else pll_for
        return find(hz, reference=self.reference).hz

    def clock(self, hz):
        """Component that makes the clock."""
        if self.family == "ecp5":
            return EcpClock(hz=hz)
        return Clock(hz=hz, pad=self.pad)


ICE40 = {"lc": "ICESTORM_LC", "ebr": "ICESTORM_RAM"}
TARGETS = (
    Target("icebreaker", "ice40", "iCEBreaker", "iCE40UP5K-SG48",
           "icebreaker:ICEBreakerPlatform", 12_000_000, True, ("led_g", 0), ("led_r", 0),
           "-dsp -abc9 -device u", None, True,
           {**ICE40, "spram": "ICESTORM_SPRAM", "dsp": "ICESTORM_DSP"}),
    Target("hx8k", "ice40", "iCE40-HX8K breakout", "iCE40HX8K-CT256",
           "ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform", 12_000_000, False, ("led", 0), ("led", 1),
           "-abc9 -device hx", None, False, ICE40),
    Target("ulx3s", "ecp5", "ULX3S 85F", "LFE5U-85F-6BG381",
           "ulx3s:ULX3S_85F_Platform", 25_000_000, False, ("led", 0), None,
           "-abc9", 16, False,
           {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "ebr": "DP16KD", "dsp": "MULT18X18D"},
           "top.bit", 50.0),
)


def target_for(family, name=None):
    """Target of a family, its first where no name is given; ValueError if there is none such."""
    names = [target.name for target in TARGETS if target.family == family]
    for target in TARGETS:
        if target.family == family and name in (None, target.name):
            return target
    raise ValueError(f"board must be one of {', '.join(names)} for {family}, not {name}")


class OnBoard(wiring.Component):
    """A ``Top`` on a board: its UART on the USB chip, a LED while an image runs.

    Parameters
    ----------
    top : boards.platform.top.Top
    target : Target
    clock_hz : int
        The frequency that ``top`` was made for; see ``Target.frequency``.
    """

    def __init__(self, top, target, *, clock_hz):
        self._top, self._target, self._hz = top, target, clock_hz
        super().__init__({})

    def elaborate(self, platform):
        m = Module()

        target = self._target
        request = lambda name, number=0: platform.request(name, number, dir="-")
        uart = request("uart")
        m.domains.sync     = sync  = ClockDomain()
        m.submodules.clock = clock = target.clock(self._hz)
        m.submodules.top   = top   = self._top
        m.submodules.rx    = rx    = io.Buffer("i", uart.rx)
        m.submodules.tx    = tx    = io.Buffer("o", uart.tx)
        m.submodules.led   = led   = io.Buffer("o", request(*target.led))
        # No constraint on the clock, since nextpnr may know the net by another of its names: it is
        # given its frequency by --freq, there being one clock.
        m.d.comb += [
            sync.clk.eq(clock.clk),
            sync.rst.eq(clock.rst),
            top.rx.eq(rx.i),
            tx.o.eq(top.tx),
            led.o.eq(top.busy),
        ]
        if top.boot is not None:
            flash = request("spi_flash_1x")
            for name in ("cs", "clk", "copi"):
                m.submodules[f"flash_{name}"] = pin = io.Buffer("o", getattr(flash, name))
                m.d.comb += pin.o.eq(getattr(top, f"flash_{name}"))
            for name in sorted({"wp", "hold"} & set(dir(flash))):
                m.submodules[f"flash_{name}"] = io.Buffer("o", getattr(flash, name))  # inactive
            m.submodules.flash_cipo = cipo = io.Buffer("i", flash.cipo)
            m.submodules.failed = failed = io.Buffer("o", request(*target.red))
            m.d.comb += [top.flash_cipo.eq(cipo.i), failed.o.eq(top.failed)]

        return m
