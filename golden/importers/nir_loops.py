"""Loops of NIR graphs: weights that read a neuron's spikes and lead back to it.

A graph without a delay of its own has a loop run by its reader: each hands a neuron the spikes of
the step before.
"""

import numpy as np

from golden.importers.nir_fields import field, padding_of, side, two
from golden.importers.producers import Rules
from golden.io.errors import rule
from golden.io.values import reals
from golden.network.ops import FloatRecurrent

__all__ = ["LINEAR", "LOOPED", "loop_of", "without_loops"]

LOOPED = ("LIF", "IF", "CubaLIF")           # neurons that may have one
LINEAR = ("Linear", "Affine", "Conv2d", "Scale")    # what it may hold


def without_loops(nodes: dict, pairs: list[tuple[str, str]], prefix: str) -> tuple:
    """(nodes, edges, loops) of a graph, loops of one neuron through one node of weights taken out.

    ``loops`` has the (name, node) of the weights by the neuron's name.
    """
    found, taken = {}, set()
    for name, node in nodes.items():
        if node["type"] not in LINEAR:
            continue
        ins = [start for start, end in pairs if end == name]
        outs = [end for start, end in pairs if start == name]
        if len(ins) != 1 or ins != outs or name in ins:
            continue
        neuron = ins[0]
        rule(nodes[neuron]["type"] != "NIRGraph", f"node {prefix + name!r}",
             f"leads from the graph {neuron!r} back to it; put it beside the neuron in that graph")
        rule(nodes[neuron]["type"] in LOOPED, f"node {prefix + name!r}", "closes a loop without a "
             f"spiking neuron: it leads from {neuron!r} ({nodes[neuron]['type']}) back to it")
        rule(neuron not in found, f"node {prefix + neuron!r}",
             "has two loops; one node of weights may lead back to a neuron")
        found[neuron] = prefix + name, node
        taken.add(name)
    return ({name: node for name, node in nodes.items() if name not in taken},
            [pair for pair in pairs if not taken & set(pair)], found)


def weights_of(node: dict, where: str) -> np.ndarray:
    """The weights of a node of LINEAR; those of a Scale are a diagonal."""
    if node["type"] != "Scale":
        return reals(field(node, "weight", where), where, "weight")
    scale = reals(field(node, "scale", where), where, "scale")
    rule(scale.ndim == 1 or scale.ndim == 3 and scale.shape[1:] == (1, 1), where,
         f"scale must be one number a channel in a loop, not of shape {scale.shape}")
    found = np.diag(scale.reshape(len(scale)))
    return found if scale.ndim == 1 else found[:, :, None, None]


def loop_of(loop: tuple | None, rules: Rules) -> tuple:
    """(loop, notes) of a (name, node) of weights: a FloatRecurrent and what the report says of it;
    nothing of None.
    """
    if loop is None:
        return None, ()
    name, inner = loop
    rule(not rules.several, f"node {name!r}", "leads back to a neuron that fires several spikes in "
         "a step, which is not supported; --spikes single if it was trained so")
    there = f"node {name!r} ({inner['type']})"
    weights = weights_of(inner, there)
    if inner["type"] == "Conv2d":
        rule(weights.ndim == 4, there, f"weight must have 4 dimensions, not {weights.ndim}")
        span = weights.shape[2:]
        same = tuple(n // 2 for n in span)
        stride = two(field(inner, "stride", there), there, "stride")
        usual = (side(inner.get("groups", 1), there, "groups") == 1
                 and two(inner.get("dilation", 1), there, "dilation") == stride == (1, 1)
                 and all(n % 2 for n in span)
                 and padding_of(inner, there, span, stride) == same)
        rule(usual, there, "a recurrent convolution must keep the size of its map: an odd "
             "kernel, stride, dilation and groups 1, and padding of half the kernel")
    elif inner["type"] != "Scale":
        rule(weights.ndim == 2, there, f"weight must have 2 dimensions, not {weights.ndim}")
    bias = inner.get("bias")
    if bias is not None:
        bias = reals(bias, there, "bias")
        bias = np.broadcast_to(bias, weights.shape[:1]) if bias.ndim == 0 else bias
        bias = bias if bias.any() else None
    notes = (f"{name} leads back to it, a step later",)
    if bias is not None:
        told = {"weights": "is not added in the first step, as nirtorch cuts loops",
                "spikes": "is added in the first step too, as snnTorch cuts loops"}
        notes = (*notes, f"the bias of {name} {told[rules.cut]} (--cut)")
    return FloatRecurrent(weights, bias, rules.cut), notes
