"""The iCEBreaker: pins, clock and build."""

from boards.targets import OnBoard, target_for
from boards.toolchain import environment
from boards.top import Top

__all__ = ["Icebreaker", "SYNTHESIS", "Top", "build", "frequency"]

TARGET = target_for("ice40", "icebreaker")
SYNTHESIS = TARGET.synthesis
frequency = TARGET.frequency


def Icebreaker(top, *, clock_hz):
    """A ``Top`` made for ``clock_hz`` on the board."""
    return OnBoard(top, TARGET, clock_hz=clock_hz)


def build(top, *, clock_hz, name="top", where="build", **options):
    """Build the bitstream of ``top``; return Amaranth's products. ``options`` override its own."""
    environment()
    options = {"synth_opts": SYNTHESIS, "nextpnr_opts": f"--freq {clock_hz / 1e6:g}", **options}
    return TARGET.make().build(
        Icebreaker(top, clock_hz=clock_hz), name=name, build_dir=str(where), **options)
