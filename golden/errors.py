"""What a user did wrong, in one line; and how a command says so."""

import sys
from functools import wraps


class BadInput(ValueError):
    """A file, layer or argument breaks a rule; the message names all three in one line."""


def command(main):
    """Turn BadInput and I/O errors of a command's main() into one line and exit code 2."""
    @wraps(main)
    def guarded(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except BadInput as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            raise SystemExit(2) from None
        except OSError as error:
            print(f"error: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
            raise SystemExit(2) from None
    return guarded
