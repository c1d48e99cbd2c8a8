"""Tables and lines on a terminal: rich, whose markup no text from outside can reach.

Every str is taken as it stands, by golden.io.text; what is to have a colour comes as a ``Text``.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import rich.console
import rich.table
from rich.progress import Progress
from rich.text import Text

from golden.io.text import plain, short

__all__ = ["Console", "Table", "Text", "bar", "wide"]


def literal(value, form: Callable = plain):
    """A str as a Text of the same lines, without markup; anything else as it is."""
    return Text("\n".join(map(form, value.split("\n")))) if isinstance(value, str) else value


class Console(rich.console.Console):
    """rich's, which prints a str as it stands."""

    def print(self, *values, **options: Any) -> None:
        """Print values; a str without markup and without colours of its own."""
        super().print(*map(literal, values), **options)


def wide(console: Console, columns: int = 110) -> Console:
    """A Console of at least ``columns``: a table cut short to fit a pipe's 80 is of no use."""
    return Console(width=max(console.width, columns))


class Table(rich.table.Table):
    """rich's, whose title, caption and cells stand as they are; titles are cut where too long."""

    def __init__(self, *headers, title: str | None = None, **options: Any):
        super().__init__(*headers, title=literal(title, short), **options)

    def __setattr__(self, name, value):
        super().__setattr__(name, literal(value) if name == "caption" else value)

    def add_row(self, *cells, **options: Any) -> None:
        """Add a row; a cell that is a number stands as one."""
        super().add_row(*(literal(str(cell) if isinstance(cell, (int, float)) else cell)
                          for cell in cells), **options)


@contextlib.contextmanager
def bar(console: Console, title) -> Iterator:
    """A bar on ``console`` for the time of a ``with``: a function of the share that is done."""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share: progress.update(task, completed=share)
