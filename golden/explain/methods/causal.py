"""How far a class falls without one neuron: golden.explain.saliency."""

from golden.explain.methods.base import Explanation, Method, where_words
from golden.explain.perturb import NetworkModel
from golden.explain.saliency import CausalImportance

__all__ = ["HERE", "NeuronImportance"]


class NeuronImportance(Method):
    """Fall of the class score, neuron by neuron."""

    name, cost, rtl = "causal", "a run for each neuron", True
    says = "how far it falls without one neuron"

    def explain(self, asked):
        trains = asked.spikes.reshape(asked.network.steps, -1)
        found = CausalImportance(NetworkModel(asked.network, asked.layer),
                                 progress=asked.progress).explain(trains, asked.target)
        values = found.importance_map().reshape(asked.spikes.shape[1:])
        return Explanation(values, values.sum(axis=0)[None], "fall of the class score",
                           "Fall of the class score without each neuron of "
                           f"{where_words(asked.layer)}", found.summary().splitlines())


HERE = (NeuronImportance(),)
