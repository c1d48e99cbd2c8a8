"""Temporal Spike Attribution, its variant of present spikes (TSA-S)."""

import numpy as np

from golden.explain.faithfulness import probabilities
from golden.explain.methods.base import Explanation, Method, behind, where_words
from golden.explain.paths import network_paths

__all__ = ["HERE", "Tsa"]


class Tsa(Method):
    """Nguyen et al., arXiv 2311.02110: decayed spikes times weights, forward, times confidence.

    F[t, i] = P(c) sum over paths i, j, ..., c of N_i[t] w_ij N_j[t] w_j... with N[t] = decay**(T -
    t) where the neuron spikes in step t and 0 elsewhere: each of the L layers on the way decays. So
    F is the attribution by active paths with decay**L in place of decay, times P(c).
    """

    name, cost = "tsa", "one pass"
    says = "decayed spikes times weights on the way to a class, times its confidence (TSA-S)"
    takes = ("decay",)

    def explain(self, asked):
        steps, decay = asked.network.steps, asked.question.decay
        paths = network_paths(asked.network, asked.target, layer=asked.layer, spikes=asked.hidden)
        share = probabilities(asked.result.logits[0], asked.network)[asked.target]
        aged = decay ** (behind(asked.network, asked.layer) * (steps - np.arange(steps)))
        values = share * aged[:, None] * paths * asked.spikes.reshape(steps, -1)
        values = values.reshape(asked.spikes.shape)
        return Explanation(
            values, values.sum(axis=1), "decayed path weight",
            f"Temporal spike attribution of {where_words(asked.layer)} (TSA-S, decay {decay:g})",
            [f"Sum: {values.sum():.4g}, confidence {share:.3f}"])


HERE = (Tsa(),)
