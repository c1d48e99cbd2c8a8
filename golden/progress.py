"""How a run of the integer model comes along, shown on a terminal or told in lines."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from golden.cost import Clock
from golden.io.console import bar

if TYPE_CHECKING:
    from golden.io.console import Console

__all__ = ["watched"]


@contextlib.contextmanager
def watched(network, count: int, console: "Console") -> Iterator:
    """A golden.cost.Clock that shows how golden.run comes along with ``count`` images.

    On a terminal it is a bar; elsewhere it is a line a stage, from when the run has taken some
    seconds.
    """
    if not console.is_terminal:
        yield Clock(network, count, tell=console.print)
        return
    with bar(console, "golden") as show:
        yield Clock(network, count, show=lambda share, left: show(share))
