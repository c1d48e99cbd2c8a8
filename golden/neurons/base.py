"""What a neuron model is: named parameters with ranges, a step, and the bounds of its membrane.

A model has two classes. The integer one, a NeuronModel, is what networks hold and chips compute;
the real one, a RealNeuron, is what trained networks have and golden.importers reads. Rules, files,
ranges, summaries and the quantiser iterate over ``fields`` and know no parameter by its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.formats import LEAK_BITS, leak_shift
from golden.io.errors import rule
from golden.io.values import integers, reals

if TYPE_CHECKING:
    from golden.neurons.cuba import Cuba
    from golden.neurons.lif import LIF

__all__ = ["COMPARES", "MEMBRANE", "SHARE", "Field", "NeuronModel", "RealNeuron", "counted",
           "crossing_text", "kept_text", "share_bits", "shared", "shares", "span", "was_kept"]

COMPARES = ("gt", "ge")
MEMBRANE, SHARE = "membrane", "share"   # units of a parameter: a membrane's, or a share of one
HELD = 2.0**39                          # whole numbers of a network file lie within 40 bits


@dataclass(frozen=True)
class Field:
    """A parameter of a neuron model: one number for all channels, or one a channel.

    Parameters
    ----------
    name : str
        Of the attribute, and of the array in a file.
    low, high : None or number
        The least and the largest value; None where there is no bound.
    note : str
        What a message about the range adds.
    unit : MEMBRANE or SHARE
        Whether the quantiser counts it in membrane units.
    resets : None or tuple of str
        The reset orders that read it; None for all.
    """

    name: str
    low: float | None = None
    high: float | None = None
    note: str = ""
    unit: str = MEMBRANE
    resets: tuple | None = None

    def check(self, values: float | np.ndarray, where: str) -> None:
        """Raise BadInput unless the array ``values`` lies in the range."""
        least, most = np.min(values), np.max(values)
        if self.high is None:
            rule(self.low is None or least >= self.low, where, f"{self.name} must not be negative")
        else:
            rule(least >= self.low and most <= self.high, where,
                 f"{self.name} must be {self.low} to {self.high}{self.note}, "
                 f"not {least:g} to {most:g}")


class Parametrised:
    """What integer and real neurons share: choices of an order, and parameters by field.

    Members
    -------
    fields : tuple of Field
    resets : tuple of str
        What a spike may do to the membrane; "none" marks a read-out that never spikes.
    number : function of (values, where, what)
        Checks the numbers of a parameter and returns them as an array.
    reset, compare, delay :
        The choices of this neuron.
    """

    fields, resets, number = (), (), None

    @property
    def spiking(self) -> bool:
        """Whether the neuron hands on spikes."""
        return self.reset != "none"

    def reads(self, field: Field) -> bool:
        """Whether the neuron's order reads a parameter."""
        return field.resets is None or self.reset in field.resets

    def values(self, form) -> dict:
        """{name: form(parameter)} of all fields."""
        return {field.name: form(getattr(self, field.name)) for field in self.fields}

    def check(self, where: str, channels: int) -> None:
        """Raise BadInput unless every choice is one there is and every parameter fits its field."""
        for what, value, known in (("reset", self.reset, self.resets),
                                   ("compare", self.compare, COMPARES)):
            rule(value in known, where, f"{what} must be one of {', '.join(known)}, not {value}")
        rule(self.delay in (0, 1), where, f"delay must be 0 or 1, not {self.delay}")
        for field in self.fields:
            check_shape(type(self).number(getattr(self, field.name), where, field.name), where,
                        field.name, channels)
        for field in self.fields:
            field.check(getattr(self, field.name), where)

    def choices(self) -> dict[str, Any]:
        """What a file's header holds of the neuron."""
        return {"reset": self.reset, "compare": self.compare, "delay": self.delay}

    @classmethod
    def restore(cls, entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Parametrised":
        """The neuron of a header's ``entry`` and its ``arrays`` by name; others are ignored.

        What is absent has its default; TypeError where there is none.
        """
        names = [field.name for field in cls.fields]
        return cls(**{key: arrays[key] for key in names if key in arrays},
                   **{key: entry[key] for key in ("reset", "compare", "delay") if key in entry})


def check_shape(values: np.ndarray, where: str, what: str, channels: int) -> None:
    """Raise BadInput unless ``values`` is one number or one a channel."""
    rule(values.shape in ((), (channels,)), where,
         f"{what} must be one number or one a channel, not of shape {values.shape}")


class NeuronModel(Parametrised):
    """Neurons in integers, a dataclass of parameters and choices.

    Its ``state`` is a tuple that begins with the membrane and with who crosses the threshold (a
    bool array, False where nobody can); a model may keep more behind them.
    """

    number = staticmethod(integers)

    @property
    def adds(self) -> bool:
        """Whether the membrane is the sum of all that was added, so that it tells parts apart."""
        return False

    def start(self, zero):
        """State before the first step, of the integer type of ``zero``."""
        raise NotImplementedError

    def step(self, state, added: np.ndarray, values):
        """State after a step that adds ``added``; ``values`` as of ``values(column)``."""
        raise NotImplementedError

    def bound(self, low, high, values):
        """(lowest, highest) that no membrane leaves, whatever its input.

        Parameters
        ----------
        low, high : (T, channels)
            What one step adds, at least and at most.
        values : dict of (channels,) by name
        """
        raise NotImplementedError

    def reach(self, added: np.ndarray, steps: int):
        """A magnitude that no intermediate of ``steps`` steps exceeds, each adding ``added``."""
        raise NotImplementedError

    @classmethod
    def from_float(cls, real, per_channel, unit):
        """The model of a RealNeuron, membranes counted in ``unit``, (channels,).

        ``per_channel`` makes one number a channel of a parameter.
        """
        raise NotImplementedError

    def exact_bits(self, steps: int):
        """Fraction bits that ``steps`` steps need so that no product is rounded."""
        raise NotImplementedError

    def rounding_reasons(self, real, per_channel):
        """How the shares differ from those of the RealNeuron, as short sentences."""
        raise NotImplementedError

    @property
    def rounds(self):
        """Whether a step has a product that may be rounded."""
        raise NotImplementedError

    def words(self):
        """(what fires, list of what else there is), for people."""
        raise NotImplementedError


class RealNeuron(Parametrised):
    """Neurons in real numbers, as trained; its ``model`` is the NeuronModel it becomes."""

    number = staticmethod(reals)
    model = None

    def step(self, state, added: np.ndarray, values):
        """As NeuronModel.step, in float64."""
        raise NotImplementedError

    def start(self, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As NeuronModel.start, ``zero`` an array of membranes."""
        return zero, np.zeros(zero.shape, dtype=bool)

    def biases(self, per_channel):
        """What a step adds besides the input, (channels,)."""
        raise NotImplementedError

    def constants(self, per_channel: Callable) -> dict[str, np.ndarray]:
        """{name: (channels,)} of the parameters that are counted in membrane units."""
        return {field.name: per_channel(getattr(self, field.name)) for field in self.model.fields
                if field.unit == MEMBRANE and self.reads(field)}

    def lasting(self, per_channel, steps: int):
        """Steps, of ``steps``, for which a membrane remembers an input, at most."""
        raise NotImplementedError

    def suited(self, most: np.ndarray, per_channel: Callable):
        """The RealNeuron whose model is taken for this one: itself, or another of equal spikes.

        ``most`` is what a step adds at most, (channels,), or None where it is not known.
        """
        return self


def counted(values: np.ndarray, unit: int | np.ndarray) -> np.ndarray:
    """``values`` in units of ``unit``, rounded to whole numbers that a file holds."""
    return np.clip(np.rint(values / unit), -HELD, HELD).astype(np.int64)


def shared(values: np.ndarray) -> int | np.ndarray:
    """One number where all channels have the same."""
    return values.flat[0] if (values == values.flat[0]).all() else values


def span(values: np.ndarray, form: str = "{}") -> str:
    """One number, or the range of several, in words."""
    low, high = np.min(values), np.max(values)
    return form.format(low) if low == high else f"{form.format(low)}..{form.format(high)}"


# --- shares ---------------------------------------------------------------------------------------


def shares(kept: np.ndarray):
    """What is dropped where ``kept`` is kept, (channels,), in units of 2**-LEAK_BITS."""
    return shared(np.rint((1 - kept) * 2**LEAK_BITS).astype(np.int64))


def share_bits(leak) -> int:
    """Fraction bits that a product with each of the shares ``leak`` adds, at most."""
    return max(LEAK_BITS - min(LEAK_BITS, (value & -value).bit_length() - 1) if value else 0
               for value in map(int, np.unique(leak)))


def was_kept(what: str, kept: np.ndarray, leak) -> list[str]:
    """How shares ``leak`` differ from those that drop all but ``kept``, as short sentences."""
    drop = 1 - kept
    found = np.broadcast_to(leak, drop.shape) / 2**LEAK_BITS
    if np.abs(drop - found).max() <= 1e-9:
        return []
    worst = np.abs(drop - found).argmax()
    return [f"{what} {1 - drop[worst]:.6g} kept as {1 - found[worst]:.6g}"]


def crossing_text(neuron: "Cuba | LIF") -> str:
    """What makes an integer neuron with a threshold fire, in words."""
    if not neuron.spiking:
        return "accumulates"
    sign = ">" if neuron.compare == "gt" else ">="
    return f"{neuron.reset}, {sign} {span(neuron.threshold)}"


def kept_text(leak: np.ndarray) -> str:
    """L in words: 1 - 2^-k where it is one, else a decimal."""
    leaks = np.unique(leak)
    shift = leak_shift(leaks[0]) if len(leaks) == 1 else None
    if shift is not None:
        return f"1 - 2^-{shift}"
    return span(1 - leaks[::-1] / 2**LEAK_BITS, "{:.4g}")
