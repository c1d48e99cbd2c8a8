"""Text from outside, made fit to be printed: the one place where it is.

Names, notes, labels and paths come from files of others. On a terminal a control character of them
could colour, hide or overwrite what is said; in markup (golden.io.console) a bracket could end it.
"""

import sys
import unicodedata
from typing import Any

LONGEST = 200       # characters of a name that are shown where space is short


def plain(text: str) -> str:
    """``text`` in printable characters of one line; others stand as in Python, ESC as \\x1b."""
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs"
                   else c.encode("unicode_escape", "surrogatepass").decode() for c in str(text))


def short(text: str) -> str:
    """``plain``, cut behind its first 200 characters."""
    found = plain(str(text)[:LONGEST + 1])
    return found if len(found) <= LONGEST else found[:LONGEST] + "…"


def say(*words: str, end: str = "\n", file: Any = None, flush: bool = False) -> None:
    """``print`` of words from anywhere: each of their lines is ``plain``."""
    lines = " ".join(map(str, words)).split("\n")
    print("\n".join(map(plain, lines)), end=end, file=file or sys.stdout, flush=flush)
