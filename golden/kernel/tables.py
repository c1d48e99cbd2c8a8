"""Which trains and which weights reach each pixel of a stage, as the compiled kernel reads them."""

from functools import lru_cache

import numpy as np

from golden.network.ops import Dense
from golden.network.ops.base import pair

__all__ = ["places_of", "rows_of"]


def places_of(chain: list, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(starts, places) of a chain of sliding operations on maps of ``shape``.

    Output pixel p reads ``places[starts[p]:starts[p + 1]]``: pairs of a pixel of the first map and
    of the place in the last operation's window, once for every way from the one to the other.

    Returns
    -------
    starts : (pixels + 1,) int32
    places : (ways, 2) int32
        Both read-only: of chains alike they are the same arrays.
    """
    return found_places(tuple(None if isinstance(op, Dense) else (
        *map(pair, (op.stride, op.padding, op.dilation)), op.window, op.sides(there))
        for op, there in zip(chain, reached(chain, shape), strict=True)), shape)


def reached(chain, shape):
    """Shapes of the maps that the operations of a chain read; channels stay as they are."""
    for op in chain:
        yield shape
        if not isinstance(op, Dense):
            shape = (shape[0], *op.sides(shape))


@lru_cache(maxsize=256)
def found_places(steps, shape):
    """``places_of``; an operation is its stride, padding, dilation, window and sides of its output.

    None stands for a dense one.
    """
    ways = [[(pixel, 0)] for pixel in range(shape[1] * shape[2])]
    for step in steps:
        if step is None:
            ways = [[(pixel, place) for place, each in enumerate(ways) for pixel, _ in each]]
            continue
        (down, across), (top, left), (dy, dx), window, (height, breadth) = step
        after = []
        for y in range(height):
            for x in range(breadth):
                found = []
                for place, (i, j) in enumerate(np.ndindex(*window)):
                    row, column = y * down + i * dy - top, x * across + j * dx - left
                    if 0 <= row < shape[1] and 0 <= column < shape[2]:
                        found += [(pixel, place) for pixel, _ in ways[row * shape[2] + column]]
                after.append(found)
        ways, shape = after, (shape[0], height, breadth)
    starts = np.cumsum([0, *map(len, ways)], dtype=np.int32)
    places = np.array([pair for each in ways for pair in each], dtype=np.int32).reshape(-1, 2)
    starts.flags.writeable = places.flags.writeable = False
    return starts, places


def rows_of(op, shape: tuple[int, int, int]) -> np.ndarray:
    """(places, source channels, outputs of a group): weights of a place and a source channel.

    ``shape`` is that of the map which ``op`` reads. A source channel has the weights of its group's
    outputs, which are those of all where there is one group.
    """
    weights = op.weights
    if isinstance(op, Dense):
        weights = weights.reshape(len(weights), shape[0], 1, -1)
    outputs, inputs = weights.shape[:2]
    per_group = outputs // op.groups
    rows = weights.reshape(op.groups, per_group, inputs, -1).transpose(3, 0, 2, 1)
    return rows.reshape(rows.shape[0], op.groups * inputs, per_group)
