"""How a run of the integer model comes along, shown on a terminal or told in lines."""

import contextlib

from golden.cost import Clock
from golden.io.console import bar

__all__ = ["watched"]


@contextlib.contextmanager
def watched(network, count, console):
    """A golden.cost.Clock that shows how golden.run comes along with ``count`` images.

    On a terminal it is a bar; elsewhere it is a line a stage, from when the run has taken some
    seconds.
    """
    if not console.is_terminal:
        yield Clock(network, count, tell=console.print)
        return
    with bar(console, "golden") as show:
        yield Clock(network, count, show=lambda share, left: show(share))
