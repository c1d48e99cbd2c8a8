"""What a chain must keep to be a network: each rule raises BadInput naming the layer and the rule.

The rules are those of golden.network.Network and of golden.importers.float_network.FloatNetwork;
what a single operation or layer must keep, its class checks.
"""

from golden.formats import MOST_STEPS, bits_signed
from golden.io.errors import rule
from golden.network.encoders import ENCODERS
from golden.network.ops.base import bounded
from golden.network.ranges import membrane_range

__all__ = ["READOUTS", "check", "check_widths"]

READOUTS = ("membrane", "count", "first")


def check(network):
    """Raise BadInput unless ``network`` keeps every rule of its docstrings, widths apart."""
    name = network.name
    rule(bounded(network.steps, 1, MOST_STEPS), name,
         f"steps must be 1 to {MOST_STEPS}, not {network.steps}")
    rule(len(network.shape) == 3 and all(bounded(n, 1, 4096) for n in network.shape), name,
         f"the input shape must be (C, H, W), each 1 to 4096, not {network.shape}")
    rule(network.encoder in ENCODERS, name,
         f"encoder must be one of {', '.join(ENCODERS)}, not {network.encoder}")
    rule(network.readout in READOUTS, name,
         f"readout must be one of {', '.join(READOUTS)}, not {network.readout}")
    rule(bounded(network.seed, 1, 2**32 - 1), name,
         f"seed must be 1 to 2**32 - 1, not {network.seed}")
    rule(isinstance(network.notes, dict), name, "notes must be named texts")
    rule(network.layers and network.layers[-1].weighted, name,
         "the last layer must be a weighted one")
    check_layers(network)
    check_places(network)
    names, count = network.notes.get("classes"), network.classes
    rule(names is None or isinstance(names, (list, tuple)) and len(names) == count
         and all(isinstance(each, (str, int, float)) for each in names), name,
         f"notes: classes must be a list of {count} names, one a class")


def check_layers(network):
    """Raise BadInput unless every layer keeps its rules and fits the layer before it."""
    where = [getattr(layer, "name", "") or f"{network.name}: layer {n} of {len(network.layers)}"
             for n, layer in enumerate(network.layers, 1)]
    for n, layer in enumerate(network.layers):
        layer.check(where[n], network, network.layers[:n])
    shape = network.shape
    for n, layer in enumerate(network.layers):
        shape = layer.fit(shape, where[n])


def check_places(network):
    """Raise BadInput unless exactly the layers that may spike do, and the last gives classes."""
    last = network.stages[-1]
    for stage in network.stages:
        where = place(network, stage)
        rule(stage.layer.spiking or stage is last, where,
             'only the last layer may accumulate (reset "none")')
    accumulates = network.readout == "membrane"
    rule(last.layer.spiking != accumulates, place(network, last),
         f'readout "{network.readout}" needs a last layer that '
         + ('accumulates (reset "none")' if accumulates else "spikes"))
    rule(last.shape[1:] == (1, 1), place(network, last),
         f"the last layer must give one value a class, not a map of {last.shape[1:]}")


def place(network, stage):
    """What messages call a stage."""
    return getattr(stage.layer, "name", "") or f"{network.name}: weighted layer {stage.index}"


def check_widths(network):
    """Raise BadInput unless every membrane of an integer network fits 32 bits."""
    for stage in network.stages:
        bits = bits_signed(*membrane_range(stage, network.steps))
        rule(bits <= 32, place(network, stage),
             f"membranes need {bits} bits; at most 32 are kept")
