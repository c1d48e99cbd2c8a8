"""NIR files as plain dicts, and a graph's nodes as one chain."""

from pathlib import Path

import h5py
import numpy as np

from golden.errors import BadInput
from golden.network import rule

DAMAGED = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError,
           MemoryError, OverflowError, RecursionError, NotImplementedError)
DEEPEST = 4          # graphs within graphs
LARGEST = 2**27      # numbers in one array


def read_graph(path):
    """The nodes and edges of a NIR file as {"nodes": {name: {field: value}}, "edges": [...]}.

    Read as HDF5 rather than by nir.read, whose nodes refuse grouped convolutions and parameters of
    mixed shapes. Raises BadInput if the file is missing or damaged.
    """
    path = Path(path)
    rule(path.is_file(), path, "no such NIR file")
    try:
        with h5py.File(path, "r") as file:
            return read_node(file["node"])
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    except DAMAGED as error:
        raise BadInput(f"{path}: not a readable NIR file ({type(error).__name__})") from None


def read_node(group, depth=0):
    """One node as a dict of its fields; a graph's ``nodes`` are such dicts in turn."""
    rule(depth <= DEEPEST, group.name, f"graphs are nested more than {DEEPEST} deep")
    found = {}
    for key, item in group.items():
        if isinstance(item, h5py.Dataset):
            rule(item.size is not None and item.size <= LARGEST, item.name,
                 f"holds more than {LARGEST} numbers")
            value = item[()]
            found[key] = value.decode() if isinstance(value, bytes) else value
        elif key == "nodes":
            found[key] = {name: read_node(node, depth + 1) for name, node in item.items()}
    return found


def word(name):
    """A node's name as a str."""
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def chain_of(graph, prefix=""):
    """[(name, node)] of a graph in order from its input to its output, graphs within it unfolded.

    Raises BadInput, naming the node, unless the graph is one chain.
    """
    nodes = graph.get("nodes")
    rule(isinstance(nodes, dict) and nodes, prefix or "graph", "has no nodes")
    for name, node in nodes.items():
        rule(isinstance(node.get("type"), str), f"node {prefix + name!r}", "has no type")
    edges = np.asarray(graph.get("edges", ()), dtype=object)
    rule(edges.ndim == 2 and edges.shape[1] == 2, prefix or "graph", "edges must be pairs of nodes")
    after, before = {}, {}
    for start, end in dict.fromkeys((word(a), word(b)) for a, b in edges):
        for name in (start, end):
            rule(name in nodes, f"edge {start} -> {end}", f"there is no node {name!r}")
        rule(start != end, f"node {prefix + start!r}", "feeds itself; recurrent graphs are not "
             "supported")
        rule(start not in after, f"node {prefix + start!r}", f"feeds both {after.get(start)!r} "
             f"and {end!r}; only chains are supported")
        rule(end not in before, f"node {prefix + end!r}", f"is fed by both {before.get(end)!r} "
             f"and {start!r}; only chains are supported")
        after[start], before[end] = end, start
    inputs = [name for name, node in nodes.items() if node.get("type") == "Input"]
    rule(len(inputs) == 1, prefix or "graph", f"must have one Input node, not {len(inputs)}")
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
            found += [(inner, node) for inner, node in chain_of(nodes[name], f"{prefix}{name}.")
                      if node.get("type") not in ("Input", "Output")]
        else:
            found.append((prefix + name, nodes[name]))
    return found


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
