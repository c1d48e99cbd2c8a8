"""What command lines share, and what explanations and they ask of their arguments.

Options have one name everywhere: ``--network``, ``--images``, ``--limit``, ``--out``, ``--tap``,
``--mode``. ``--seed`` is where a command's own random choices start (place and route, drawn cases,
training); the encoder's is ``--encoder-seed``.
"""

import argparse
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from golden.io.errors import BadInput
from golden.io.shipped import networks


class Help(argparse.HelpFormatter):
    """Help that names each default, and keeps the lines of the examples."""

    def _get_help_string(self, action):
        """The help of an option, with its default where it does not name one."""
        text = action.help or ""
        if action.option_strings and "default" not in text and not (
                action.default is None or isinstance(action.default, bool)
                or action.default == argparse.SUPPRESS):
            text = f"{text} (default: %(default)s)".strip()
        return text

    def _fill_text(self, text, width, indent):
        """Descriptions filled, but lines that are indented kept as they stand."""
        parts = text.split("\n\n")
        return "\n\n".join(
            "\n".join(indent + line for line in part.splitlines()) if "\n  " in part
            else super(Help, self)._fill_text(part, width, indent) for part in parts)


def command_parser(prog: str, description: str, *, examples: tuple[str, ...] = (),
                   codes: str = "") -> argparse.ArgumentParser:
    """An argument parser whose help ends with examples of the command called ``prog``.

    Parameters
    ----------
    prog : str
        As the user calls the command: ``python -m sim.run``, ``sam-snn run``.
    examples : iterable of str
        Words behind ``prog``.
    codes : str
        What the exit codes mean, beyond 0 for done and 2 for bad input.
    """
    listed = "\n".join(f"  {prog} {words}".rstrip() for words in examples)
    parts = [f"examples:\n{listed}" if listed else "", codes]
    return argparse.ArgumentParser(prog=prog, description=description, formatter_class=Help,
                                   epilog="\n\n".join(filter(None, parts)) or None)


def network_option(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add --network, whose help lists the networks that come along; ``options`` of argparse."""
    parser.add_argument("--network", metavar="NET", help=(
        "network file (.npz), or the name of one that comes with the project: "
        f"{', '.join(networks())}"), **options)


def resize_option(parser: argparse.ArgumentParser) -> None:
    """Add --resize of golden.images.load_images."""
    parser.add_argument("--resize", action="store_true", help=(
        "scale pictures to the network's size; otherwise others are refused"))


def numbers(values, name: str) -> np.ndarray:
    """``values`` as a float64 array; all must be finite numbers."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be an array of numbers") from None
    if not np.isfinite(found).all():
        raise BadInput(f"{name} must be finite, found NaN or infinity")
    return found


def spike_trains(spikes: list[list[int]] | np.ndarray, name: str = "input_spikes", *,
                 shape: tuple[int, int, int] | None = None) -> np.ndarray:
    """``spikes`` as a (T, N) uint8 array, T and N at least 1; all must be 0 or 1.

    With ``shape``, a (C, H, W), N must be its size and (T, C, H, W) is taken too, flattened in
    (c, y, x) order.
    """
    found = np.asarray(spikes)
    if shape is not None and found.ndim == 4 and found.shape[1:] == tuple(shape):
        found = found.reshape(len(found), -1)
    if found.ndim != 2 or not found.size:
        raise BadInput(f"{name} must be (steps, neurons), not of shape {np.shape(spikes)}")
    if shape is not None and found.shape[1] != np.prod(shape):
        raise BadInput(f"{name} must have {np.prod(shape)} neurons, "
                       f"({', '.join(map(str, shape))}), not {found.shape[1]}")
    if not np.isin(found, (0, 1)).all():
        raise BadInput(f"{name} must hold only 0 and 1")
    return found.astype(np.uint8)


def index(value: int, count: int, name: str = "output_neuron") -> int:
    """``value`` as an int; must be one of 0 .. count-1."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        found = operator.index(value)
    except TypeError:
        raise BadInput(f"{name} must be a whole number, not {value!r}") from None
    if not 0 <= found < count:
        raise BadInput(f"{name} must be 0 to {count - 1}, not {found}")
    return found


def whole(low: int = 1, high=2**31 - 1) -> Callable:
    """Type of an option for argparse: a whole number of ``low`` to ``high``."""
    def number(text):
        try:
            found = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be a whole number, not {text[:40]!r}") from None
        if found < low:
            raise argparse.ArgumentTypeError(f"must be at least {low}, not {text[:40]}")
        if found > high:
            raise argparse.ArgumentTypeError(f"must be at most {high}, not {text[:40]}")
        return found
    return number


def real(low: float = 0.0, high: float = 1e9):
    """Type of an option for argparse: a finite number above ``low``, and ``high`` at most."""
    def number(text):
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not low < found <= high:                 # nan is not
            raise argparse.ArgumentTypeError(
                f"must be a number above {low:g}, at most {high:g}, not {text[:40]!r}")
        return found
    return number


def positive(value: int, name: str) -> int:
    """``value`` as an int; must be a whole number of at least 1."""
    try:
        found = operator.index(value)
    except TypeError:
        raise BadInput(f"{name} must be a whole number, not {value!r}") from None
    if found < 1:
        raise BadInput(f"{name} must be at least 1, not {found}")
    return found
