"""What an operation on maps of activations answers, and the size of its output."""

import numpy as np

from golden.io.errors import rule

__all__ = ["Operation", "Sliding", "bounded", "output_size"]


def output_size(size, kernel, stride=1, padding=0):
    """Windows that fit a side of ``size``: floor((size + 2 padding - kernel) / stride) + 1."""
    return (size + 2 * padding - kernel) // stride + 1


def bounded(value, low, high):
    """Whether ``value`` is an int, and no bool, from ``low`` to ``high``."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


class Operation:
    """One operation; shapes are (C, H, W).

    Members
    -------
    weighted : bool
        Whether it has weights and neurons behind it, and so begins a stage.
    """

    weighted = False

    def fit(self, shape, where):
        """Shape of the output for an input of ``shape``; raise BadInput where that does not fit."""
        raise NotImplementedError

    def output(self, shape):
        """Shape of the output for an input of ``shape`` that fits."""
        raise NotImplementedError

    def forward(self, activations, top):
        """(N, *output(shape)) of whole numbers (N, *shape) of magnitude up to ``top``; exact."""
        raise NotImplementedError

    def adjoint(self, path, shape):
        """(B, *shape) of ``path`` (B, *output(shape)) by the transposed operation, in float64."""
        raise NotImplementedError

    def words(self, shape):
        """The operation on an input of ``shape``, for people."""
        raise NotImplementedError


class Sliding(Operation):
    """An operation that has a square ``kernel``, a ``stride`` and a ``padding``."""

    def fit(self, shape, where):
        found = self.output(shape)
        rule(min(found[1:]) >= 1, where,
             f"a kernel of {self.kernel} does not fit a map of {shape[1]} x {shape[2]}")
        return found

    def sides(self, shape):
        """(H', W') of the output."""
        return tuple(output_size(n, self.kernel, self.stride, self.padding) for n in shape[1:])

    def scattered(self, shape, path, part):
        """(B, C, H, W): ``part(i, j)`` (B, C, H', W') summed where window place (i, j) reads.

        ``path`` (B, O, H', W') tells the number and the size of the parts.
        """
        channels, height, breadth = shape
        pad, stride, (down, across) = self.padding, self.stride, path.shape[2:]
        found = np.zeros((len(path), channels, height + 2 * pad, breadth + 2 * pad))
        for i, j in np.ndindex(self.kernel, self.kernel):
            found[:, :, i:i + stride * (down - 1) + 1:stride,
                  j:j + stride * (across - 1) + 1:stride] += part(i, j)
        return found[:, :, pad:pad + height, pad:pad + breadth]
