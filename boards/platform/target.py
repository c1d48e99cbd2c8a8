"""The boards there is a build for: one file each in boards.platform.targets."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from amaranth import *
from amaranth.lib import io, wiring

from boards.platform.device import Device

if TYPE_CHECKING:
    from boards.platform.top import Top

__all__ = ["OnBoard", "Target", "target_for", "targets"]


@dataclass(frozen=True)
class Target:
    """A board: its device, pins and oscillator. A file of boards.platform.targets is one, TARGET.

    Members
    -------
    name : str
        As --board names it.
    board : str
        For a person.
    chip : Device
        What is on it. Attributes of the board that are its device's: ``family``, ``device`` (its
        name), ``synthesis``, ``used`` (its ``cells``), ``bitstream``, ``lanes``, ``usual``, and
        ``spram`` for whether flow.estimate counts its memories.
    platform : str or Callable
        Its class, as "module:class" of amaranth_boards; or what makes it.
    reference : int
        Frequency of the oscillator in hertz.
    led : None or tuple
        Resource that lights while an image runs.
    red : None or tuple
        Resource that lights while the weights in flash were refused; None where no loader can read
        the flash.
    flash_lines : int
        Data lines of the flash at the chip, 1 or 4.
    flash_bytes : int
        Size of the flash.
    pad : bool
        Whether the oscillator's pin is that of the PLL.
    programmers : tuple
        Commands that write the bitstream, the preferred one first; {file} is the bitstream's.
    first : bool
        Whether it is meant where a family, but no board, is named.
    """

    name: str
    board: str
    chip: Device
    platform: str | Callable
    reference: int
    led: tuple | None
    red: tuple | None = None
    flash_lines: int = 1
    flash_bytes: int = 0
    pad: bool = False
    programmers: tuple = ()
    first: bool = False

    family    = property(lambda self: self.chip.family)
    device    = property(lambda self: self.chip.name)
    synthesis = property(lambda self: self.chip.synthesis)
    used      = property(lambda self: self.chip.cells)
    bitstream = property(lambda self: self.chip.bitstream)
    lanes     = property(lambda self: self.chip.lanes)
    usual     = property(lambda self: self.chip.usual)
    spram     = property(lambda self: self.chip.hard_bits > 0)

    def make(self) -> Any:
        """The platform, for designs that are read and synthesised as boards.platform.device says.

        Its multipliers may hold registers (hw.memory.held).
        """
        make = self.platform
        if isinstance(make, str):
            module, name = make.split(":")
            make = getattr(importlib.import_module(f"amaranth_boards.{module}"), name)
        platform = make()
        platform.holds_registers = True
        return platform

    def frequency(self, mhz: float) -> int:
        """Frequency in hertz that the board gives where ``mhz`` is asked for, or ValueError."""
        hz = round(mhz * 1e6)
        return hz if hz == self.reference else self.chip.pll(hz, reference=self.reference).hz

    def clock(self, hz: int) -> Any:
        """Component that makes the clock."""
        return self.chip.clock(hz=hz, pad=self.pad)


@cache
def targets() -> "tuple[Target, ...]":
    """All boards, the first one of each family ahead of the others, else by name."""
    from boards.platform import targets as folder
    names = (module.name for module in pkgutil.iter_modules(folder.__path__))
    boards = [importlib.import_module(f"{folder.__name__}.{name}").TARGET for name in names]
    return tuple(sorted(boards, key=lambda board: (not board.first, board.name)))


def target_for(family: str, name: str | None = None) -> Target:
    """Target of a family, its first where no name is given; ValueError if there is none such."""
    boards = [target for target in targets() if target.family == family]
    for target in boards:
        if name in (None, target.name):
            return target
    names = ", ".join(target.name for target in boards)
    raise ValueError(f"board must be one of {names} for {family}, not {name}")


class OnBoard(wiring.Component):
    """A ``Top`` on a board: its UART on the USB chip, a LED while an image runs.

    Parameters
    ----------
    top : boards.platform.top.Top
    target : Target
    clock_hz : int
        The frequency that ``top`` was made for; see ``Target.frequency``.
    """

    def __init__(self, top: "Top", target: Target, *, clock_hz: int):
        self._top, self._target, self._hz = top, target, clock_hz
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()

        target = self._target
        request = lambda name, number=0: platform.request(name, number, dir="-")
        uart = request("uart")
        m.domains.sync     = sync  = ClockDomain()
        m.submodules.clock = clock = target.clock(self._hz)
        m.submodules.top   = top   = self._top
        m.submodules.rx    = rx    = io.Buffer("i", uart.rx)
        m.submodules.tx    = tx    = io.Buffer("o", uart.tx)
        # No constraint on the clock, since nextpnr may know the net by another of its names: it is
        # given its frequency by --freq, there being one clock.
        m.d.comb += [
            sync.clk.eq(clock.clk),
            sync.rst.eq(clock.rst),
            top.rx.eq(rx.i),
            tx.o.eq(top.tx),
        ]
        if target.led is not None:
            m.submodules.led = led = io.Buffer("o", request(*target.led))
            m.d.comb += led.o.eq(top.busy)
        if top.boot is not None:
            self.wire_flash(m, request)
            m.submodules.failed = failed = io.Buffer("o", request(*target.red))
            m.d.comb += failed.o.eq(top.failed)

        return m

    def wire_flash(self, m: Module, request: Callable) -> None:
        """The flash by as many lines as the Top reads; WP and HOLD do nothing where it has one."""
        top, quad = self._top, self._top.flash_lines == 4
        flash = request(f"spi_flash_{self._top.flash_lines}x")
        outputs = {"cs": top.flash_cs, "clk": top.flash_clk,
                   **({} if quad else {"copi": top.flash_o[0]})}
        for name, value in outputs.items():
            m.submodules[f"flash_{name}"] = pin = io.Buffer("o", getattr(flash, name))
            m.d.comb += pin.o.eq(value)
        if quad:
            for n in range(4):
                m.submodules[f"flash_{n}"] = pin = io.Buffer("io", flash.dq[n])
                m.d.comb += [pin.o.eq(top.flash_o[n]), pin.oe.eq(top.flash_oe[n]),
                             top.flash_i[n].eq(pin.i)]
            return
        for name in sorted({"wp", "hold"} & set(dir(flash))):
            m.submodules[f"flash_{name}"] = io.Buffer("o", getattr(flash, name))  # inactive
        m.submodules.flash_cipo = cipo = io.Buffer("i", flash.cipo)
        m.d.comb += top.flash_i[1].eq(cipo.i)
