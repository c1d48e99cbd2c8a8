"""Fields of NIR's nodes as numbers, words and shapes; each raises BadInput naming node and rule."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from golden.io.errors import rule
from golden.io.values import reals
from golden.network.ops.base import compact

__all__ = ["field", "number", "padding_of", "shape_of", "side", "text", "two"]


def field(node: dict[str, Any], key: str, where: str):
    """A field of a node that must be there."""
    rule(key in node, where, f"has no {key}")
    return node[key]


def side(value: int | np.ndarray, where: str, what: str) -> int:
    """A whole number from itself or from two equal ones."""
    values = two(value, where, what)
    rule(values[0] == values[1], where, f"{what} must be the same in both directions, "
         f"not {np.asarray(value).tolist()}")
    return values[0]


def two(value: int | np.ndarray | tuple[int, int], where: str, what: str) -> tuple[int, int]:
    """(down, across), whole numbers, from one number or two."""
    values = np.ravel(reals(value, where, what))
    rule(len(values) in (1, 2), where, f"{what} must be one number or two, not {len(values)}")
    rule((values == np.floor(values)).all() and (np.abs(values) <= 4096).all(), where,
         f"{what} must be a whole number up to 4096, not {values.max():g}")
    return int(values[0]), int(values[-1])


def padding_of(node: dict[str, Any], where: str, span: Sequence,
               stride: tuple[int, int]) -> tuple[int, int]:
    """(down, across) zeros around a map, from numbers or the words "same" and "valid"."""
    value = field(node, "padding", where)
    if not isinstance(value, str):
        return two(value, where, "padding")
    rule(value in ("same", "valid"), where, f'padding must be "same", "valid" or a number, '
         f"not {value!r}")
    if value == "valid":
        return (0, 0)
    rule(stride == (1, 1) and all(n % 2 for n in span), where, 'padding "same" needs stride 1 and '
         f"an odd kernel, not {compact(stride)} and {compact(tuple(span))}")
    return tuple(n // 2 for n in span)


def number(fields: dict[str, Any], key: str, default: float) -> float:
    """One number of a graph's metadata."""
    found = np.ravel(reals(fields.get(key, default), "metadata", key))
    rule(len(found) == 1, "metadata", f"{key} must be one number")
    return float(found[0])


def text(fields: dict[str, Any], key: str, default: str | None = None) -> str | None:
    """A word of a graph's metadata."""
    found = fields.get(key, default)
    rule(found is None or isinstance(found, str), "metadata", f"{key} must be a word")
    return found


def shape_of(node: dict, where: str, rows: bool = False):
    """(shape as (C, H, W), whether it is a vector, whether a batch axis came first) of an Input.

    With ``rows`` two numbers are (C, L), and three (1, C, L).
    """
    shape = np.atleast_1d(reals(field(node, "shape", where), where, "shape"))
    rule(shape.ndim == 1 and (shape == np.floor(shape)).all() and (shape >= 1).all()
         and (shape <= 4096 * 4096).all(), where, "shape must be whole numbers from 1")
    shape = tuple(int(n) for n in shape)
    batch = len(shape) == 4 or len(shape) == (3 if rows else 2) and shape[0] == 1
    shape = shape[1:] if batch else shape
    shape = (shape[0], 1, shape[1]) if rows and len(shape) == 2 else shape
    rule(len(shape) in (1, 3), where, f"shape must be (inputs) or (C, H, W), or either behind a "
         f"batch axis, not {shape}")
    return (*((shape, False) if len(shape) == 3 else ((*shape, 1, 1), True)), batch)
