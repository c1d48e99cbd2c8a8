"""How many spikes there are: what a spike activation map must beat."""

from golden.explain.methods.base import Explanation, Method, where_words
from golden.explain.methods.sam import map_layer

__all__ = ["HERE", "Count"]


class Count(Method):
    """M[y, x, t] = the sum over channels of S[c, y, x, t]; of layer 0 the activations' size."""

    name, says, cost = "count", "how many neurons of a place fire", "none beside the run"
    classed, signed = False, False

    def layer(self, network, question):
        return 0 if question.layer == 0 else map_layer(network, question.layer)

    def explain(self, asked):
        found = abs(asked.spikes.astype("int64")).sum(axis=1)
        return Explanation(found, found.astype(float), "spikes",
                           f"Spikes of {where_words(asked.layer)}",
                           [f"Spikes: {int(found.sum())}"])


HERE = (Count(),)
