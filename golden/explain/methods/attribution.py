"""How much each spike moves a class, by the weights on its way: golden.attribution."""

from golden.attribution import PATHS, SpikeAttributor
from golden.explain.methods.base import Explanation, Method, where_words
from golden.io.errors import rule
from golden.run import check_taps

__all__ = ["HERE", "SpikeAttribution"]


class SpikeAttribution(Method):
    """score[t, i] = P[i] spike[t, i] decay**(T - t), P the path weight to the class."""

    name, cost = "attribution", "one pass backwards"
    says = "how much each spike moves a class, by the weights on its way"
    rtl, takes = True, ("decay", "paths")

    def check(self, network, question):
        rule(question.paths in PATHS, "--paths",
             f"must be one of {', '.join(PATHS)}, not {question.paths}")

    def layer(self, network, question):
        """Without a choice the input; of the chip, which has traces of one layer, the last."""
        if question.engine == "golden":
            return super().layer(network, question)
        layer = question.layer
        if layer is None:
            layer = network.taps[-1] if network.taps else 0
        return check_taps([layer], network, "--layer")[0]

    def explain(self, asked):
        question = asked.question
        hidden = None
        if question.paths == "active":
            hidden = [asked.spikes_of(stage.index) for stage in
                      asked.network.stages[asked.layer:-1]]
        found = SpikeAttributor(question.decay).attribute(
            asked.spikes, asked.network, asked.target, paths=question.paths, hidden=hidden,
            layer=asked.layer)
        values = found.scores.reshape(asked.spikes.shape)
        return Explanation(
            values, values.sum(axis=1), "path weight x age",
            f"Attribution of the class score to spikes of {where_words(asked.layer)} "
            f"({question.paths} paths, decay {question.decay:g})", found.summary().splitlines())


HERE = (SpikeAttribution(),)
