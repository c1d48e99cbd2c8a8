"""NIR files as plain dicts, and a graph's nodes as one chain whose neurons may have loops."""

import io
import math
from pathlib import Path

import h5py
import numpy as np

from golden.importers.nir_loops import LINEAR, without_loops
from golden.io.errors import BadInput, rule
from golden.io.reading import contents

DAMAGED = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError,
           MemoryError, OverflowError, RecursionError, NotImplementedError)
DEEPEST = 4          # graphs within graphs
MOST_NODES = 1000    # of a graph, those within it too
MOST_NUMBERS = 2**24     # of all arrays together
MOST_TEXT = 4096     # names in the edges of a graph, and characters of each
# What this project's own files say beside NIR (golden.importers.nir_export).
TEXTS = ("type", "edges", "padding", "producer", "encoder", "readout", "reset", "compare",
         "cut")
METADATA = ("producer", "encoder", "steps", "readout", "input_scale", "seed", "shape", "reset",
            "compare", "beta", "cut")
MOST_BYTES = 2**28   # of a file, and of a piece that is unpacked at once
# What the nodes that golden.nir knows have; nothing else of a file is looked at.
FIELDS = ("type", "shape", "weight", "bias", "stride", "padding", "dilation", "groups", "scale",
          "kernel_size", "start_dim", "end_dim", "tau", "tau_syn", "tau_mem", "w_in", "r",
          "v_leak", "v_threshold", "v_reset", "threshold", "edges")


def read_graph(path):
    """The nodes and edges of a NIR file as {"nodes": {name: {field: value}}, "edges": [...]}.

    Read as HDF5 rather than by nir.read, whose nodes refuse grouped convolutions and parameters of
    mixed shapes. Of a node come the FIELDS. Raises BadInput if the file is missing or damaged, or
    has links, data in other files, or more of something than the limits above.
    """
    path = Path(path)
    data = contents(path, "NIR file", MOST_BYTES)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return Nodes().read(item_of(file, "node"))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except DAMAGED as error:
        raise BadInput(f"{path}: not a readable NIR file ({type(error).__name__})") from None


def item_of(group, key):
    """What is at ``key`` of an HDF5 group, None if nothing is; BadInput if it is elsewhere."""
    link = group.get(key, getlink=True)
    rule(link is None or isinstance(link, h5py.HardLink), f"{group.name}/{key}",
         "is a link to another place, which is not followed")
    return None if link is None else group[key]


class Nodes:
    """Reads the nodes of one file and keeps count of them and of their numbers."""

    def __init__(self):
        self.seen, self.numbers = set(), 0

    def read(self, group, depth=0):
        """One node as a dict of its fields; a graph's ``nodes`` are such dicts in turn."""
        rule(isinstance(group, h5py.Group), "node", "is missing, or no group")
        rule(depth <= DEEPEST, group.name, f"graphs are nested more than {DEEPEST} deep")
        place = h5py.h5o.get_info(group.id).addr
        rule(place not in self.seen, group.name, "is linked in twice")
        self.seen.add(place)
        found = {}
        for key in FIELDS:
            item = item_of(group, key)
            if isinstance(item, h5py.Dataset):
                found[key] = self.value(item, key)
        beside = item_of(group, "metadata")
        if isinstance(beside, h5py.Group):
            found["metadata"] = {
                key: self.value(item, key) for key in METADATA
                if isinstance(item := item_of(beside, key), h5py.Dataset)}
        inner = item_of(group, "nodes")
        if isinstance(inner, h5py.Group):
            rule(len(inner) + len(self.seen) <= MOST_NODES, inner.name,
                 f"there are more than {MOST_NODES} nodes")
            found["nodes"] = {name: self.read(item_of(inner, name), depth + 1) for name in inner}
        return found

    def value(self, item, key):
        """What a dataset holds: numbers, or text as str or bytes."""
        kind = item.dtype
        rule(item.size is not None, item.name, "is empty")
        rule(not item.external and not item.is_virtual, item.name,
             "lies in another file, which is not read")
        unpacked = math.prod(item.chunks or (0,)) * kind.itemsize
        rule(unpacked <= MOST_BYTES, item.name,
             f"is packed in pieces of over {MOST_BYTES} bytes")
        if key in TEXTS and kind.kind in "OSU":
            text = h5py.check_string_dtype(kind)
            rule(text is not None and (text.length or 0) <= MOST_TEXT, item.name,
                 f"must be text of at most {MOST_TEXT} characters")
            rule(item.size <= MOST_TEXT, item.name, f"holds more than {MOST_TEXT} names")
            value = item[()]
            return value.decode(errors="replace") if isinstance(value, bytes) else value
        rule(kind.kind in "biuf" and kind.itemsize <= 16, item.name, "must be real numbers")
        self.numbers += item.size
        rule(self.numbers <= MOST_NUMBERS, item.name,
             f"all arrays together have more than {MOST_NUMBERS} numbers")
        return item[()]


def word(name):
    """A node's name as a str."""
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def chain_of(graph, prefix=""):
    """[(name, node, loop)] of a graph from its input to its output, graphs within it unfolded.

    Weights that read a neuron's spikes and lead back to it are no node of the chain but the
    neuron's ``loop``, a (name, node); None where there is none. Raises BadInput, naming the node,
    unless the graph is otherwise one chain.
    """
    nodes, own = graph.get("nodes"), f"graph {prefix[:-1]!r}" if prefix else "graph"
    rule(isinstance(nodes, dict) and nodes, own, "has no nodes")
    for name, node in nodes.items():
        rule(isinstance(node.get("type"), str), f"node {prefix + name!r}", "has no type")
    edges = np.asarray(graph.get("edges", ()), dtype=object)
    rule(edges.ndim == 2 and edges.shape[1] == 2, own, "edges must be pairs of nodes")
    after, before = {}, {}
    pairs = list(dict.fromkeys((word(a), word(b)) for a, b in edges))
    for start, end in pairs:
        for name in (start, end):
            rule(name in nodes, f"edge {start} -> {end}" + (f" in {own}" if prefix else ""),
                 f"there is no node {name!r}; those there are: {', '.join(list(nodes)[:10])}")
    nodes, pairs, back = without_loops(nodes, pairs, prefix)
    for start, end in pairs:
        rule(start != end, f"node {prefix + start!r}", "feeds itself without weights; a loop must "
             f"go from a neuron through {', '.join(LINEAR)} back to it")
        for name in {start: start in after, end: end in before}:
            rule(start not in after and end not in before or not loops(name, pairs),
                 f"node {prefix + name!r}", "feeds itself through others; a loop must go from one "
                 f"neuron through one {', '.join(LINEAR)} back to it")
        rule(start not in after, f"node {prefix + start!r}", f"feeds both {after.get(start)!r} "
             f"and {end!r}; only chains are supported")
        rule(end not in before, f"node {prefix + end!r}", f"is fed by both {before.get(end)!r} "
             f"and {start!r}; only chains are supported")
        after[start], before[end] = end, start
    inputs = [name for name, node in nodes.items() if node.get("type") == "Input"]
    rule(len(inputs) == 1, own, f"must have one Input node, not {len(inputs)}")
    order, name = [], inputs[0]
    rule(name not in before, f"node {prefix + name!r}", "an Input is fed by another node")
    while name is not None:
        order.append(name)
        name = after.get(name)
    lost = [name for name in nodes if name not in order]
    rule(not lost, f"node {prefix + (lost or [''])[0]!r}", "is not on the way from the input to "
         "the output; only chains are supported")
    rule(nodes[order[-1]].get("type") == "Output", f"node {prefix + order[-1]!r}",
         "ends the chain without being an Output")
    found = []
    for name in order:
        if nodes[name].get("type") == "NIRGraph":
            found += [each for each in chain_of(nodes[name], f"{prefix}{name}.")
                      if each[1].get("type") not in ("Input", "Output")]
        else:
            found.append((prefix + name, nodes[name], back.get(name)))
    return found


def loops(name, edges):
    """Whether a node is reached from itself."""
    seen, left = set(), [name]
    while left:
        here = left.pop()
        for start, end in edges:
            if start == here and end not in seen:
                seen.add(end)
                left.append(end)
    return name in seen


def plain(graph):
    """A nir.NIRGraph as ``read_graph`` gives a file."""
    def node_of(node):
        found = dict(node)
        if "nodes" in found:
            found["nodes"] = {key: node_of(inner) for key, inner in found["nodes"].items()}
        return found
    try:
        return node_of(graph.to_dict())
    except DAMAGED as error:
        raise BadInput(f"graph: not a NIR graph ({type(error).__name__})") from None
