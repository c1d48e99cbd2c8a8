"""Branches that meet: the ways of a graph between its neurons, and how they join a network.

A neuron that is reached on several ways takes the sum of what they give. All that stands on a way
is linear, so what is done to a sum is done to each of its terms.
"""

from dataclasses import dataclass, replace

from golden.importers.builder import NetworkBuilder, total
from golden.io.errors import BadInput, rule
from golden.network.ops import FloatSkip
from golden.network.ops.skip import MOST_SKIPS

__all__ = ["Meeting", "Way", "meet", "meetings"]


@dataclass(frozen=True)
class Meeting:
    """What leads to one node that sums: a neuron, or the output.

    Members
    -------
    name : str
        Of the node.
    ways : tuple of (str, tuple of (str, bool))
        The node that a way comes from, a neuron or the input, and the nodes on it, in order; of
        each, whether its bias counts on this way: where two ways meet before it, it does on one.
        The first way comes from the node that is furthest behind, and is the longest of those.
    """

    name: str
    ways: tuple


def meetings(pairs: list, sums: list, entry: str) -> list[Meeting]:
    """The Meetings of a graph without loops, each behind all that it reads.

    Parameters
    ----------
    pairs : list of (str, str)
        Its edges.
    sums : list of str
        The nodes that are neurons, and the output.
    entry : str
        The input.

    Raises BadInput, naming the node, where more ways lead to one than a layer has terms.
    """
    before = {}
    for start, end in pairs:
        before.setdefault(end, []).append(start)
    order, ends = {entry: 0}, {entry, *sums}

    def ways(name):
        """(where it begins, the nodes on it) of each way to a node."""
        found, left = [], [(start, ()) for start in before.get(name, ())]
        while left:
            start, behind = left.pop(0)
            if start in ends:
                found.append((start, behind))
            else:
                left += [(each, (start, *behind)) for each in before.get(start, ())]
            rule(len(found) + len(left) <= MOST_SKIPS + 1, f"node {name!r}", "is reached on more "
                 f"than {MOST_SKIPS + 1} ways from neurons, which is the most of one layer")
        return found

    left, found = {name: ways(name) for name in sums}, []
    while left:
        name = next(each for each, reads in left.items()
                    if all(start in order for start, _ in reads))
        reads = sorted(left.pop(name), key=lambda way: (-order[way[0]], -len(way[1])))
        order[name] = len(order)
        seen, counted = set(), []
        for start, nodes in reads:
            rest = [nodes[n:] for n in range(len(nodes))]
            counted.append((start, tuple((node, rest[n] not in seen)
                                         for n, node in enumerate(nodes))))
            seen.update(rest)
        found.append(Meeting(name, tuple(counted)))
    return found


def meet(reader, meeting: Meeting, nodes: dict, places: dict, loop: tuple | None) -> None:
    """Append to a reader's network what a meeting sums, and its neurons.

    Parameters
    ----------
    reader : golden.importers.nir.Reader
    nodes : dict
        Nodes by name.
    places : dict
        (weighted layer, 0 the input, and whether it gives a vector) by the name of each neuron
        until now; that of this one is entered.
    loop : None or (name, node)
        The weights that lead back to the neuron.
    """
    def read(reader, along):
        for name, counts in along:
            reader.read(name, nodes[name] if counts else {**nodes[name], "bias": None})

    (start, along), *others = meeting.ways
    source, reader.flat = places[start]
    reader.chain.stand(source)
    read(reader, along)
    node = nodes[meeting.name]
    where = f"node {meeting.name!r} ({node['type']})"
    rule(not others or node["type"] != "Output" or all(on_it for _, on_it in meeting.ways), where,
         "sums a neuron's spikes and something else; a network has one output, its last layer")
    for start, along in others:
        source, flat = places[start]
        way = Way(reader.chain, source)
        read(reader.beside(way, flat), along)
        way.meet(where, reader.chain)
    if node["type"] != "Output":
        reader.read(meeting.name, node, loop)
        places[meeting.name] = len(reader.chain.given) - 1, reader.flat


class Way(NetworkBuilder):
    """What stands between a weighted layer, or the input, and where it joins another's sums.

    Parameters
    ----------
    builder : NetworkBuilder
        That of the layers so far.
    source : int
        The weighted layer, 0 the input.
    """

    def __init__(self, builder, source):
        super().__init__(builder.given[source], builder.steps, builder.encoder)
        self.source, self.layers = source, list(builder.layers)
        self.first = len(self.layers)

    def pool(self, where, kind, kernel, stride=None, padding=0, ceil=False):
        """As NetworkBuilder's; sums and averages of spikes are weights, too."""
        self.opened(where)
        super().pool(where, kind, kernel, stride, padding, ceil)

    def meet(self, where, builder):
        """Add the sums of the way to those of a builder's open layer, or to what comes to it.

        Raises BadInput, naming the node ``where`` they meet, if shapes differ.
        """
        for each in (builder, self):
            each.gathered(where)
            each.opened(where)
        more, first = self.open, builder.open
        if self.shape != builder.shape:
            raise BadInput(f"{where}: sums {' x '.join(map(str, builder.shape))} and "
                           f"{' x '.join(map(str, self.shape))}; what meets must have one shape")
        rule(more.norm is None and more.greatest is None, where, "a norm over time or max pooling "
             "of currents before what it is added to is not supported")
        bias = 0 if more.bias is None else more.bias
        builder.open = replace(first, bias=total(first, bias), notes=(
            *first.notes, *more.notes, f"{more.name}, on spikes of "
            f"{f'layer {self.source}' if self.source else 'the input'}, joins its sums"))
        builder.skips += (FloatSkip(self.source, more.weights, more.stride, more.padding,
                                    more.groups, more.dilation),)
