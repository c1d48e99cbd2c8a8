"""``sam-snn explain``: apps.explain, with the methods that live in train."""

import sys

from golden.io.errors import command
from sam_snn.explaining import known

__all__ = ["main"]


@command
def main(argv=None, prog="sam-snn explain"):
    """Explain an image; torch is imported only where a method needs it."""
    words = sys.argv[1:] if argv is None else list(argv)
    known([word.removeprefix("--method=") for word in words])
    from apps.explain import main as explain
    explain(words, prog=prog)


if __name__ == "__main__":
    main()
