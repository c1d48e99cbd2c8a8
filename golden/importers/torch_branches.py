"""Branches of a recorded forward that meet: x + block(x) before a neuron, or before its weights;
and products of spikes.
"""

import numpy as np

from golden.importers.branches import Way
from golden.importers.float_network import FloatNeuron
from golden.importers.torch_modules import Translator
from golden.importers.torch_record import NEURONS
from golden.importers.torch_sums import multiplies
from golden.io.errors import rule

__all__ = ["Places"]


class Places:
    """Appends golden.importers.torch_steps.Parts to a network, behind whichever they read.

    Parameters
    ----------
    translator : Translator
        Of the builder of the network.
    """

    def __init__(self, translator):
        self.translator, self.chain = translator, translator.chain
        # Of each neuron's site: its layer, whether it gives a vector, what its spike is worth.
        self.known = {id(None): (0, translator.flat, 1.0)}

    def append(self, part) -> None:
        """Append a part: what its ways give, and the neuron behind it.

        Raises BadInput, naming the module or function, where they do not fit.
        """
        where = part.site.where if part.site else "model"
        if part.site and multiplies(part.site.calls[0]):
            self.multiply(part, where)
            return
        ways = sorted(part.ways, key=lambda way: (-self.known[id(way[1])][0], -len(way[0])))
        (calls, site), *others = ways
        source, flat, height = self.known[id(site)]
        if others or source != self.chain.source:
            self.chain.stand(source)
            self.translator.flat = flat
            self.worth(self.chain, site, height)
        seen = set()
        self.take(self.translator, calls, seen)
        for calls, site in others:
            source, flat, height = self.known[id(site)]
            way = Way(self.chain, source)
            self.worth(way, site, height)
            self.take(Translator(way, flat), calls, seen)
            way.meet(where, self.chain)
        if part.site is not None:
            self.translator.close(part.site.calls[0], part.loop)
            height = 1.0
            if part.site.calls[0].kind in NEURONS:
                height = float(np.max(self.chain.factor))
            self.known[id(part.site)] = len(self.chain.given) - 1, self.translator.flat, height

    def multiply(self, part, where):
        """Append SEW's AND or IAND: x y = [x + y > 1], x (1 - y) = [x - y > 0]."""
        # What stands on a way takes its spikes from 1.
        ways = sorted(((*self.known[id(site)], not calls) for calls, site in part.ways),
                      key=lambda way: -way[0])
        (source, flat, one, plain), (other, _, two, also) = ways
        rule(one == two == 1, where, "multiplies spikes that count other than 1")
        rule(plain or also, where, "multiplies what is 1 where neither spikes, which is not "
             "supported")
        self.chain.stand(source)
        self.translator.flat = flat
        way = Way(self.chain, other)
        for each, kept in ((self.chain, plain), (way, also)):
            each.affine(where, 1.0 if kept else -1.0)
        way.meet(where, self.chain)
        both = plain and also
        self.chain.neuron(where, FloatNeuron(
            beta=np.float64(0), threshold=np.float64(1.5 if both else 0.5), reset="zero"),
            notes=("spikes where both do" if both else "spikes where the one does alone",))
        self.known[id(part.site)] = len(self.chain.given) - 1, flat, 1.0

    @staticmethod
    def worth(builder, site, height):
        """Let a spike of ``site`` count ``height``."""
        if height != 1:
            builder.affine(site.where, height)

    @staticmethod
    def take(translator, places, seen):
        """Append the calls of a way, without biases that counted on another one already."""
        keys = [tuple(id(calls[0]) for calls in places[n:]) for n in range(len(places))]
        for calls, key in zip(places, keys, strict=True):
            translator.counts = key not in seen
            translator.take(calls)
        translator.counts = True
        seen.update(keys)
