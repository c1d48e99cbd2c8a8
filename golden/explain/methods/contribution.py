"""What each pixel of the deepest spiking layer gave to a class: golden.explain.contribution."""

import numpy as np

from golden.explain.contribution import (
    adds_up,
    difference,
    rival,
    said,
    step_contributions,
)
from golden.explain.methods.base import Explanation, Method
from golden.io.errors import rule
from golden.network.linear import check_linear

__all__ = ["HERE", "Contributions"]


class Contributions(Method):
    """C[A] - C[B], B by default the best of the other classes."""

    name, cost = "contribution", "none beside the run"
    says = "what each pixel of the deepest layer gave to a class, exactly; on the chip"
    rtl, pairs, takes = True, True, ("alone",)

    def layer(self, network, question):
        deepest, layer = network.stages[-2].index, question.layer
        rule(layer in (None, deepest), "--layer", f"contributions are those of the deepest spiking "
             f"layer, {deepest}, not of {layer}: behind others a class is no sum over spikes")
        return deepest

    def check(self, network, question):
        check_linear(network, "--method contribution")

    def explain(self, asked):
        network, result, target, layer = asked.network, asked.result, asked.target, asked.layer
        versus = asked.question.versus
        if versus is None and not asked.question.alone:
            versus = rival(result.logits[0], target)
        chip = ("contributions", layer) in result.explained
        found = (result.explained["contributions", layer][0] if chip
                 else step_contributions(asked.spikes, network))
        good = adds_up(found[None], result.scores, network)
        heat = difference(found, target, versus)
        heat = heat.astype(np.float64).reshape(-1, *heat.shape[-2:])
        last = network.stages[-1].layer
        against = "" if versus is None else f" against {network.label(versus)}"
        biases = network.steps * last.biases.astype(np.int64)
        bias = biases[target] - (0 if versus is None else biases[versus])
        return Explanation(
            found, heat, "weights of spikes", f"Contribution of layer {layer} to "
            f"{network.label(target)}{against} ({'on the chip' if chip else 'golden'})",
            [f"Sum of the map: {int(heat.sum())}, of membranes {int(heat.sum()) << last.frac}; "
             f"biases, of no pixel: {int(bias)}", said(good)], "sum of all steps",
            claim=(int(result.logits[0, target]) - (0 if versus is None else
                   int(result.logits[0, versus])) - int(bias)) / 2.0**last.frac)


HERE = (Contributions(),)
