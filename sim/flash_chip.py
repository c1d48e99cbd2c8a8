"""A SPI flash as a chip sees it at its pins, for simulations in Python."""

__all__ = ["FlashChip"]


class FlashChip:
    """A W25Q128 as iCE40 leaves it behind configuration; sim/pins.cpp has the same.

    It sleeps until command AB and 3 us more; reads by one line with command 03, by four with EB
    behind a mode byte and 4 clocks, once bit 1 of status register 2 was written with command 31
    right behind command 50. SPI mode 0. What it does not understand it does not answer, and lines
    that nobody drives are 1.

    Parameters
    ----------
    memory : bytes
        From address 0 on; behind them FF.
    waking : int
        Cycles that it takes to wake.
    takes_quad : bool
        Whether it lets itself be told to use four lines.
    waits : int
        Clocks between mode byte and data.

    Attributes
    ----------
    conflicts : int
        Cycles in which it and the chip drove one line.
    """

    def __init__(self, memory, *, waking=150, takes_quad=True, waits=4):
        self.memory, self.waking, self.takes_quad, self.waits = memory, waking, takes_quad, waits
        self.now, self.woken, self.conflicts = 0, None, 0
        self.quad = self.may = False
        self.last_cs = self.last_clk = 0
        self._deselect()

    def _deselect(self):
        self.clocks = self.into = self.command = self.address = self.out = self.drives = 0

    @property
    def awake(self) -> bool:
        """Whether it takes commands."""
        return self.woken is not None and self.now >= self.woken + self.waking

    def see(self, cs, clk, o, oe):
        """One cycle of the chip's clock; returns the four lines behind it."""
        self.now += 1
        self.conflicts += bool(self.drives & oe)
        if not cs:
            if self.last_cs:
                self._end()
            self._deselect()
        elif clk and not self.last_clk:
            self._rise(o | ~oe & 15)
        elif self.last_clk and not clk:
            self._fall()
        self.last_cs, self.last_clk = cs, clk
        return self.out & self.drives | o & oe | ~self.drives & ~oe & 15

    def _end(self):
        """A command has ended."""
        byte = (self.clocks, self.into & 0xFF)
        if byte == (8, 0xAB):
            self.woken = self.now
        if self.clocks == 16 and self.into >> 8 & 0xFF == 0x31 and self.may and self.awake:
            self.quad = self.takes_quad and bool(self.into >> 1 & 1)
        self.may = byte == (8, 0x50) and self.awake

    def _rise(self, level):
        self.clocks += 1
        wide = self.command == 0xEB
        self.into = self.into << 4 | level if wide else self.into << 1 | level & 1
        if self.clocks == (14 if wide else 32):
            self.address = self.into & 0xFFFFFF
        if self.clocks == 8 and self.awake:
            self.command = self.into & 0xFF
            if self.command == 0xEB and not self.quad:
                self.command = 0

    def _fall(self):
        if self.command not in (0x03, 0xEB):
            return
        wide = self.command == 0xEB
        at = 4 * (self.clocks - 16 - self.waits) if wide else self.clocks - 32
        if at < 0:
            return
        place = self.address + at // 8
        byte = self.memory[place] if place < len(self.memory) else 0xFF
        self.drives = 15 if wide else 2
        self.out = byte >> 4 - at % 8 & 15 if wide else (byte >> 7 - at % 8 & 1) << 1
