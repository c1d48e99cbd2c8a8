"""What an operation on maps of activations answers, and the size of its output."""

import numpy as np

from golden.io.errors import rule
from golden.synapses import windows

__all__ = ["Operation", "Sliding", "bounded", "bounded_pair", "compact", "output_size", "pair"]


def output_size(size, kernel, stride=1, padding=0, ceil=False):
    """Windows that fit a side of ``size``: floor((size + 2 padding - kernel) / stride) + 1.

    With ``ceil`` it is rounded up, and a window that begins beyond the map is left out.
    """
    if not ceil:
        return (size + 2 * padding - kernel) // stride + 1
    count = -(-(size + 2 * padding - kernel) // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def pair(value: int | tuple[int, int]):
    """(down, across) of one number for both, or of two."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def compact(value) -> int | tuple[int, int]:
    """One number of a pair of equal ones; the pair as a tuple otherwise."""
    down, across = pair(value)
    return down if down == across else (down, across)


def bounded_pair(value: int | tuple[int, int], low: int, high) -> bool:
    """Whether ``value`` is an int or two ints, each ``bounded`` by ``low`` and by ``high``'s."""
    parts = pair(value)
    return len(parts) == 2 and all(bounded(each, low, most)
                                   for each, most in zip(parts, pair(high), strict=True))


def bounded(value: int, low: int, high: int) -> bool:
    """Whether ``value`` is an int, and no bool, from ``low`` to ``high``."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class Operation:
    """One operation; shapes are (C, H, W).

    Members
    -------
    weighted : bool
        Whether it has weights and neurons behind it, and so begins a stage.
    beyond : tuple of str
        What of it no gateware computes, for people; empty where all of it is computed.
    plain : bool
        Windows are squares, whole and without gaps, and as far apart down as across.
    """

    weighted = False
    beyond = ()
    plain = True

    def fit(self, shape, where: str):
        """Shape of the output for an input of ``shape``; raise BadInput where that does not fit."""
        raise NotImplementedError

    def output(self, shape):
        """Shape of the output for an input of ``shape`` that fits."""
        raise NotImplementedError

    def forward(self, activations: np.ndarray, top: int):
        """(N, *output(shape)) of whole numbers (N, *shape) of magnitude up to ``top``; exact."""
        raise NotImplementedError

    def adjoint(self, path, shape):
        """(B, *shape) of ``path`` (B, *output(shape)) by the transposed operation, in float64."""
        raise NotImplementedError

    def words(self, shape):
        """The operation on an input of ``shape``, for people."""
        raise NotImplementedError


class Sliding(Operation):
    """An operation with a ``kernel``, a ``stride`` and a ``padding``, each one number or a pair.

    ``dilation`` is the distance of two places of a window, ``ceil`` whether windows that reach
    beyond the padded map count too.
    """

    dilation, ceil = 1, False

    @property
    def window(self):
        """(KH, KW) of the places of a window."""
        return pair(self.kernel)

    @property
    def span(self):
        """(down, across) that a window covers."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.window, pair(self.dilation),
                                                     strict=True))

    @property
    def plain(self) -> bool:
        return (len(set(self.window)) == 1 and not self.ceil and self.dilation == 1
                and not any(isinstance(each, tuple) for each in (self.stride, self.padding)))

    @property
    def outside(self) -> tuple:
        """What of its windows lies outside the map, for people."""
        return tuple(what for what, has in (("padding", any(pair(self.padding))),
                                            ("windows beyond the map (ceil)", self.ceil)) if has)

    def fit(self, shape: tuple[int, int, int], where: str) -> tuple[int, int, int]:
        found = self.output(shape)
        kernel = " x ".join(map(str, dict.fromkeys(self.span)))
        rule(min(found[1:]) >= 1, where,
             f"a kernel of {kernel} does not fit a map of {shape[1]} x {shape[2]}")
        return found

    def sides(self, shape: tuple[int, int, int]) -> tuple[int, int]:
        """(H', W') of the output."""
        return tuple(output_size(*each, self.ceil) for each in zip(
            shape[1:], self.span, pair(self.stride), pair(self.padding), strict=True))

    def padded(self, shape: tuple[int, int, int]):
        """(H, W) of a map of ``shape`` with the padding, and with all that windows reach."""
        return tuple(max(n + 2 * p, (out - 1) * s + span) for n, p, out, s, span in zip(
            shape[1:], pair(self.padding), self.sides(shape), pair(self.stride), self.span,
            strict=True))

    def windows(self, maps: np.ndarray, dtype: type | None = None, fill=0) -> np.ndarray:
        """As golden.synapses.windows of this operation; outside the map is ``fill``."""
        return windows(maps, self.window, self.stride, self.padding, dtype, fill=fill,
                       dilation=self.dilation, size=self.padded(maps.shape[1:]))

    def scattered(self, shape, path, part):
        """(B, C, H, W): ``part(i, j)`` (B, C, H', W') summed where window place (i, j) reads.

        ``path`` (B, O, H', W') tells the number and the size of the parts.
        """
        channels, height, breadth = shape
        (top, left), (down, across) = pair(self.padding), path.shape[2:]
        (high, wide), (dy, dx) = pair(self.stride), pair(self.dilation)
        found = np.zeros((len(path), channels, *self.padded(shape)))
        for i, j in np.ndindex(*self.window):
            y, x = i * dy, j * dx
            found[:, :, y:y + high * (down - 1) + 1:high,
                  x:x + wide * (across - 1) + 1:wide] += part(i, j)
        return found[:, :, top:top + height, left:left + breadth]

    def steps(self) -> str:
        """Stride, padding, dilation for people."""
        text = lambda value: "x".join(map(str, pair(value))) if isinstance(value, tuple) else value
        return (f"s{text(self.stride)} p{text(self.padding)}"
                + (f" d{text(self.dilation)}" if self.dilation != 1 else ""))
