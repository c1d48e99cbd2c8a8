"""How a command ends."""

__all__ = ["exit_code"]


def exit_code(main, *options):
    """Exit code of a command's ``main`` with ``options``, 0 where it returns."""
    try:
        main([str(option) for option in options])
    except SystemExit as done:
        return done.code
    return 0
