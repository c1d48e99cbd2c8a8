"""How far a class falls without one spike: golden.explain.saliency."""

from golden.explain.methods.base import Explanation, Method, where_words
from golden.explain.perturb import NetworkModel
from golden.explain.saliency import TemporalSaliency

__all__ = ["HERE", "SpikeSaliency"]


class SpikeSaliency(Method):
    """Fall of the class score, spike by spike."""

    name, cost, rtl = "saliency", "a run for each spike", True
    says = "how far the class falls without one spike"

    def explain(self, asked):
        trains = asked.spikes.reshape(asked.network.steps, -1)
        found = TemporalSaliency(NetworkModel(asked.network, asked.layer),
                                 progress=asked.progress).explain(trains, asked.target)
        values = found.saliency_map().reshape(asked.spikes.shape)
        return Explanation(values, values.sum(axis=1), "fall of the class score",
                           "Fall of the class score without each spike of "
                           f"{where_words(asked.layer)}", found.summary().splitlines())


HERE = (SpikeSaliency(),)
