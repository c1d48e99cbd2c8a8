"""What a class, or SAM, rests on in shallower layers: the z+ rule on spike counts."""

from dataclasses import replace

import numpy as np

from golden.explain.methods.base import Explanation, Method, where_words
from golden.formats import SCORE_FRAC, exp_table
from golden.io.arguments import index
from golden.io.errors import rule
from golden.network import Network, Stage
from golden.network.linear import check_linear, readout_weights
from golden.network.ops import Pool
from golden.sam import scores

__all__ = ["HERE", "ZPlus", "below", "shared", "start_of_class", "start_of_sam"]


def start_of_class(counts: np.ndarray, network: Network, target: int,
                   versus: int | None = None) -> np.ndarray:
    """(C, H, W) (w[target] - w[versus]) n of the deepest layer; the mean of all w for no versus."""
    weights = readout_weights(network).astype(float)
    other = weights.mean(axis=0) if versus is None else weights[versus]
    return (weights[target] - other) * counts


def start_of_sam(trains: np.ndarray, gamma: float) -> np.ndarray:
    """(C, H, W) the summed scores of SAM, mode "paper", of the deepest layer's (T, C, H, W)."""
    table = exp_table(gamma, len(trains))
    return scores(trains[None], table, "paper")[0].sum(axis=0) / 2.0**SCORE_FRAC


def below(trains: np.ndarray, stage: Stage, relevance: np.ndarray) -> np.ndarray:
    """Relevance (C, H, W) of what a stage reads, (T, C, H, W), from that of what it gives.

    Montavon et al. 2017 on counts n = the sum over steps:

        R_i = n_i sum over j of w+_ij R_j / z_j,    z_j = sum over i of w+_ij n_i

    with w+ = max(w, 0). A pool's R is shared among its places by their counts. The sum of R is
    kept, but for that of neurons whose z is 0, which is lost. By hand: n = 2, 1 and two neurons of
    weights 1, 3 and -1, 1 give z = 5, 1; R = 10, 4 becomes 2 * 1 * 10/5 = 4 and
    1 * (3 * 10/5 + 1 * 4/1) = 10.
    """
    entering = [trains]
    for pool in stage.pools:
        entering.append(pool.forward(entering[-1]))
    counts = [each.sum(axis=0, dtype=np.int64).astype(float) for each in entering]
    op = stage.layer.op
    op = replace(op, weights=np.maximum(op.weights, 0).astype(float))
    found = counts[-1] * op.adjoint(shared(relevance, op.forward_real(counts[-1][None])[0])[None],
                                    stage.pooled)[0]
    for pool, count in reversed(list(zip(stage.pools, counts, strict=False))):
        total = Pool("sum", pool.kernel, pool.stride, pool.padding, pool.ceil)
        found = count * total.adjoint(shared(found, total.forward(count[None])[0])[None],
                                      count.shape)[0]
    return found


def shared(relevance: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Relevance over total, and 0 where there is nothing to share it among."""
    return np.divide(relevance, total, out=np.zeros_like(relevance, dtype=float), where=total > 0)


class ZPlus(Method):
    """z+ from the deepest spiking layer down to any, of a class or of SAM."""

    takes = ("gamma",)
    cost = "one pass backwards"

    def __init__(self, name, classed, says):
        self.name, self.classed, self.signed, self.pairs = name, classed, classed, classed
        self.says = says

    def layer(self, network, question):
        """Without a choice the last layer with a map before the deepest."""
        layer = question.layer
        if layer is None:
            taps = [tap for tap in network.map_taps if tap < network.stages[-2].index]
            layer = taps[-1] if taps else 0
        return index(layer, len(network.stages), "--layer")

    def check(self, network, question):
        where = f"--method {self.name}"
        rule(len(network.stages) > 1, where, "the network has one layer, and none that spikes "
             "before it")
        if self.classed:
            check_linear(network, where)
        for stage in reversed(network.stages[self.layer(network, question):-1]):
            layer = stage.layer
            reason = ("takes the greatest of several sums" if layer.greatest is not None else
                      "scales each step by itself (BNTT)" if layer.norm is not None else
                      "reads its own spikes" if layer.recurrent is not None else
                      "reads signs, and not counts" if stage.signed else None)
            rule(reason is None, where, f"layer {stage.index} {reason}, and the z+ rule is of sums "
                 f"over counts: explain --layer {stage.index} or a deeper one")

    def explain(self, asked):
        network, deepest = asked.network, asked.network.stages[-2].index
        trains = asked.spikes_of(deepest)
        start = (start_of_class(trains.sum(axis=0, dtype=np.int64), network, asked.target,
                                asked.question.versus)
                 if self.classed else start_of_sam(trains, asked.question.gamma))
        found, lines = start, [f"layer {deepest}: sum {start.sum():.4f}"]
        for layer in range(deepest - 1, asked.layer - 1, -1):
            before = float(found.sum())
            found = below(asked.spikes_of(layer), network.stages[layer], found)
            lost = round(before - float(found.sum()), 4) + 0.0      # no minus before a 0
            lines.append(f"{where_words(layer)}: sum {found.sum():.4f}, lost on the way {lost:.4f}")
        if asked.layer == 0:
            lines.append("at the input the rule falls apart: what single pixels get there is the "
                         "encoder's noise; take a layer behind it")
        versus = asked.question.versus
        claim = asked.claimed(versus) if self.classed else None
        other = "the mean of all" if versus is None else network.label(versus)
        what = f"{network.label(asked.target)} against {other}" if self.classed else "SAM"
        return Explanation(found, found.sum(axis=0)[None], "relevance",
                           f"z+ relevance of {what} in {where_words(asked.layer)}", lines,
                           "the whole run", claim=claim)


HERE = (ZPlus("zplus", True, "what a class rests on in a shallower layer: the z+ rule on counts"),
        ZPlus("zplus-sam", False, "what SAM of the deepest layer rests on in a shallower one"))
