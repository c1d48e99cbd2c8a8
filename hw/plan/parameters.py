"""Parameters of neurons: their number formats, and which of them the weight memory keeps.

Everything here iterates over the fields of the golden models and asks the classes of
hw.engine.neurons; no parameter is known by its name.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from golden.formats import bits_unsigned
from golden.network import Field, Layer
from hw.engine.neurons import unit_of
from hw.plan.loops import bias_sets

__all__ = ["BIAS", "Format", "Parameters"]

BIAS = "bias"   # of a layer; kept beside the parameters of its neurons


class Format(NamedTuple):
    """Number format of a parameter."""

    bits: int
    signed: bool


@dataclass(frozen=True)
class Parameters:
    """The parameters of all neurons of a network.

    Parameters
    ----------
    layers : tuple of golden.network.Layer
    where : str
        Of a message. Raises BadInput if a model of the layers has no hardware.
    """

    layers: tuple[Layer, ...]
    where: str

    def __post_init__(self):
        for layer in self.layers:
            unit_of(layer.model, self.where)

    @property
    def units(self) -> dict:
        """{model: its class of hw.engine.neurons}, the model of the first layer first."""
        return {layer.model: unit_of(layer.model, self.where) for layer in self.layers}

    def unit(self, layer: Layer):
        """Class of the layer's neurons."""
        return unit_of(layer.model, self.where)

    def built(self, layer: Layer) -> type:
        """Class that is built for the layer's neurons, and for all others of their model."""
        return self.unit(layer).suited(
            [each.neuron for each in self.layers if each.model == layer.model], self.per_channel)

    @property
    def fields(self) -> dict:
        """{name: [(field, neuron) of each layer whose model has it]}."""
        uses = {}
        for layer in self.layers:
            for field in layer.neuron.fields:
                uses.setdefault(field.name, []).append((field, layer.neuron))
        return uses

    def membranes(self) -> list:
        """(low, high) of each parameter that may be negative, in layers that read it."""
        return [(np.min(values), np.max(values))
                for uses in self.fields.values() for field, neuron in uses
                if is_signed(field) and neuron.reads(field)
                for values in (getattr(neuron, field.name),)]

    def formats(self, membrane_bits: int) -> dict[str, Format]:
        """{name: Format} of every parameter, whether it is kept or not.

        One that may be negative has the format of a membrane, which holds it; any other is as wide
        as its largest value.
        """
        formats = {BIAS: Format(membrane_bits, True)}
        for name, uses in self.fields.items():
            if any(is_signed(field) for field, _ in uses):
                formats[name] = Format(membrane_bits, True)
            else:
                formats[name] = Format(bits_unsigned(max(
                    int(np.max(getattr(neuron, name))) for _, neuron in uses)), False)
        return formats

    @property
    def per_channel(self) -> bool:
        """Whether neurons of one layer differ, so that parameters come with every group.

        So they do where a neuron may spike that is added nothing: lanes without a channel must be
        silent, with parameters of their own.
        """
        return any(
            np.any(bias_sets(layer))
            or any(varies(values) for values in layer.neuron.values(np.asarray).values())
            or not self.unit(layer).silent(layer.neuron) for layer in self.layers)

    def kept(self, per_channel: bool) -> tuple[str, ...]:
        """Names of the parameters that the weight memory keeps, in their order there.

        Those that it always keeps come first, those that are constants of a pass where they can be
        come last.
        """
        loaded = [name for unit in self.units.values() for name in unit.LOADED]
        if not per_channel:
            return tuple(dict.fromkeys(loaded))
        constant = {name for unit in self.units.values() for name in unit.CONSTANT}
        others = [name for name in self.fields if name not in loaded]
        bias = [BIAS] * any(layer.bias is not None or np.any(bias_sets(layer))
                            for layer in self.layers)
        free = [name for name in others if name not in constant and any(
            neuron.reads(field) and np.any(getattr(neuron, name))
            for field, neuron in self.fields[name])]
        differing = [name for name in others if name in constant and any(
            varies(getattr(neuron, name)) for _, neuron in self.fields[name])]
        return tuple(dict.fromkeys([*loaded, *bias, *free, *differing]))


def is_signed(field: Field) -> bool:
    """Whether a parameter may be negative."""
    return field.low is None or field.low < 0


def varies(values) -> bool:
    """Whether the neurons of a layer have different values."""
    return bool(np.min(values) != np.max(values))
