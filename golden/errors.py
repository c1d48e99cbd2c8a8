"""What a user did wrong, in one line; and how a command says so."""

import sys
from functools import wraps

from golden.text import say


class BadInput(ValueError):
    """A file, layer or argument breaks a rule; the message names all three in one line."""


def command(main):
    """Turn BadInput and I/O errors of a command's main() into one line and exit code 2."""
    @wraps(main)
    def guarded(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except BadInput as error:
            say("error:", " ".join(str(error).split()), file=sys.stderr)
            raise SystemExit(2) from None
        except OSError as error:
            say(f"error: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
            raise SystemExit(2) from None
        except MemoryError:
            say("error: not enough memory for this", file=sys.stderr)
            raise SystemExit(2) from None
    return guarded
