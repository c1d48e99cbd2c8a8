"""``sam-snn build``: flow.build, whose family of chips is that of the board."""

from flow import build
from flow.estimate.fits import board_named
from golden.io.errors import command

__all__ = ["main"]


@command
def main(argv: list[str] | None = None, prog: str = "sam-snn build") -> None:
    """Build for ``--board``, the iCEBreaker without one."""
    build.main(argv, prog=prog, family=lambda board: board_named(board or "icebreaker").family)
