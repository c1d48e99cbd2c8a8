"""The chip simulated at its pins, as a port for boards.host.Board."""

import struct
import subprocess
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

from boards.host import LinkError
from golden.io.processes import folder, started
from sim.verilate import text_of, verilated

__all__ = ["SimulatedPort"]

HARNESS = Path(__file__).with_name("pins.cpp")
SLICE = 20_000  # cycles a read waits for a frame


@lru_cache(maxsize=8)
def program_of(top, quick: bool):
    """The harness around a ``boards.platform.top.Top``, made once for each."""
    return verilated(text_of(top), quick=quick, harness=HARNESS,
                     flags="-DFLASH" if top.boot is not None else "")


class SimulatedPort:
    """A ``boards.platform.top.Top`` in Verilator with a UART at its pins, without PLL and pads.

    Has what Board needs: ``write``, ``read``, and ``clock``, the simulated time in seconds. Time
    passes only while something is read or the line is broken. Close it, or use it in ``with``.

    Parameters
    ----------
    top : boards.platform.top.Top
    quick : bool
        Build fast rather than run fast.
    drift : float
        By how much the host's bits are longer than the chip's.
    flash : bytes
        What the flash holds, for a Top that reads one.
    program : None or Path
        The harness around the same Top, if made otherwise (sim.gates).
    """

    def __init__(self, top, *, quick: bool = False, drift: float = 0.0, flash=b"", program=None):
        self.top, self.hz = top, top.identity.clock_hz
        self.cycles = self.sent = self.received = 0
        self.busy = self.failed = False
        program = program or program_of(top, quick)
        bit = round(256 * top.divisor * (1 + drift))
        with ExitStack() as opened, folder("sam-flash-") as contents:
            (contents / "flash").write_bytes(flash)
            self._process = opened.enter_context(started(
                [program, str(bit), str(contents / "flash")], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE))
            self.read(0)                      # it has read the flash
            self._opened = opened.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __str__(self):
        return "simulation"

    def close(self) -> None:
        """End the simulation."""
        if self._process:
            self._process = None
            self._opened.close()

    def clock(self):
        """Simulated seconds."""
        return self.cycles / self.hz

    def write(self, some) -> None:
        """Put bytes on the line, behind those that wait."""
        self.sent += len(some)
        self._tell(b"W", len(some), some)

    def hold(self, cycles) -> None:
        """Break the line: hold it at 0."""
        self._tell(b"B", cycles)

    def flip(self, place: int, bit: int) -> None:
        """Turn a bit of the flash over, of the byte at address ``place``."""
        self._tell(b"F", 8 * place + bit)

    def read(self, size=None, *, cycles=SLICE):
        """What arrives within so many cycles, or until a frame has come; b"" if nothing.

        ``size`` 0 takes no time; otherwise it is not looked at.
        """
        self._tell(b"R", 0 if size == 0 else cycles)
        self.cycles, state, count = struct.unpack("=QII", self._ask(16))
        self.busy, self.failed = bool(state & 1), bool(state & 2)
        self.received += count
        return self._ask(count)

    def _tell(self, letter, number, some=b""):
        if self._process is None:
            raise LinkError(self, "the simulation is closed")
        try:
            self._process.stdin.write(letter + struct.pack("=I", number) + some)
            self._process.stdin.flush()
        except OSError:
            raise LinkError(self, "the simulation ended") from None

    def _ask(self, size):
        some = self._process.stdout.read(size)
        if len(some) < size:
            raise LinkError(self, "the simulation ended")
        return some
