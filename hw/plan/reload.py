"""Another network on a chip that is built: its weights and thresholds in the chip's formats."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from golden.network import Layer, rule
from golden.network.linear import unpooled
from hw.plan.parameters import BIAS
from hw.plan.planner import Plan

__all__ = ["Reload", "reload"]


@dataclass(frozen=True)
class Reload(Plan):
    """The Plan of ``network`` in the number formats of a chip that was built from ``chip``.

    Made by ``reload``; hw.plan.packing.configuration turns it into the writes.
    """

    chip: Plan | None = None

    @cached_property
    def weight_bits(self):
        """Width of a weight in memory: the chip's."""
        return self.chip.weight_bits

    @cached_property
    def membrane_bits(self):
        """Width of a membrane, and of biases in memory: the chip's."""
        return self.chip.membrane_bits

    @cached_property
    def segments(self):
        """Parts into which the inputs of the read-out are cut: as on the chip."""
        return self.chip.segments

    @cached_property
    def per_channel(self):
        """Whether parameters come with every group: as on the chip."""
        return self.chip.per_channel

    @cached_property
    def kept(self):
        """Parameters kept in the weight memory: the chip's."""
        return self.chip.kept


def reload(chip, network):
    """Plan of ``network`` for a chip of the same topology.

    What a chip keeps in memory may differ: weights, and the parameters of neurons that Plan.kept
    names. All else is wired: shapes, places, models and orders of neurons, fraction bits, BNTT and
    the widths that follow from the numbers.

    Parameters
    ----------
    chip : hw.plan.planner.Plan
        Of the accelerator.
    network : golden.network.Network

    Raises BadInput naming the layer and what does not fit.
    """
    if chip.by_pixel:
        network = unpooled(network)
    same_topology(chip, network)
    rule(not chip.banks or network.digest == chip.network.digest, network.name,
         f"the chip streams weights of layers {', '.join(map(str, chip.streamed_layers))} from its "
         "flash, where no host writes: build it for this network (hw.build --weights flash) and "
         "write its flash.bin")
    size = {"lanes": chip.lanes, "word_steps": chip.word_steps, "by_pixel": chip.by_pixel,
            "from_flash": chip.from_flash}
    rule(chip.per_channel or not Plan(network, **size).per_channel, network.name,
         "neurons differ from channel to channel, and the chip has one kind for a layer")
    made = Reload(network, **size, chip=chip)
    needs = lambda what: (getattr(Plan, what).func(made), getattr(chip, what))
    widths = {"weights": needs("weight_bits"),
              **{f"{name}s": (made.formats[name].bits, format.bits)
                 for name, format in chip.formats.items() if not format.signed},
              "sums": needs("sum_bits"), "currents": needs("current_bits"),
              "membranes": needs("membrane_bits"), "scores": needs("score_bits"),
              **({"contributions": needs("contribution_bits")} if chip.by_pixel else {})}
    for what, (needed, there) in widths.items():
        rule(needed <= there, network.name,
             f"{what} need {needed} bits where the chip has {there}")
    return made


def same_topology(chip, network):
    """Raise BadInput unless everything that is wired in the chip is so in ``network``."""
    built = chip.network
    for what in ("shape", "steps", "encoder", "readout"):
        rule(getattr(network, what) == getattr(built, what), network.name,
             f"{what} is {getattr(network, what)} where the chip has {getattr(built, what)}")
    rule(len(network.layers) == len(built.layers), network.name,
         f"has {len(network.layers)} layers where the chip has {len(built.layers)}")
    for n, (layer, wired) in enumerate(zip(network.layers, built.layers, strict=True), 1):
        where = f"{network.name}: layer {n} of {len(network.layers)}"
        for what, mine, its in wired_of(layer, wired, chip.kept):
            rule(np.array_equal(mine, its), where,
                 f"{what} is {brief(mine)} where the chip has {brief(its)}")


def wired_of(layer, wired, kept):
    """(what, of the layer, of the chip's layer) of all that is not in the chip's memories."""
    pair = lambda of: (of(layer), of(wired))
    yield "kind", *pair(lambda x: type(x).__name__)
    if not isinstance(layer, Layer):
        for what in ("kind", "kernel", "stride", "padding"):
            yield what, getattr(layer, what), getattr(wired, what)
        return
    yield "shape of the weights", layer.weights.shape, wired.weights.shape
    for what in ("stride", "padding", "groups", "frac"):
        yield what, getattr(layer, what), getattr(wired, what)
    yield "neuron", *pair(lambda x: x.model)
    for what, mine in layer.neuron.choices().items():
        yield what, mine, wired.neuron.choices()[what]
    if BIAS not in kept:
        yield BIAS, *pair(lambda x: x.biases)
    for field in layer.neuron.fields:
        if field.name not in kept and layer.neuron.reads(field):
            yield field.name, *pair(lambda x, name=field.name: x.per_channel(
                getattr(x.neuron, name)))
    yield "BNTT", layer.norm is not None, wired.norm is not None
    if layer.norm is not None and wired.norm is not None:
        for n, what in enumerate(("BNTT gain", "BNTT offset", "BNTT shift")):
            yield what, layer.norm[n], wired.norm[n]


def brief(value):
    """A value in a message: of many, the first and the last."""
    values = np.ravel(value).tolist()
    return ", ".join(map(str, values)) if len(values) <= 4 else f"{values[0]}, ..., {values[-1]}"
