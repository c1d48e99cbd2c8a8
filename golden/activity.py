"""How much happens in a run: spikes, silence, synaptic operations with and without zero weights.

The definitions are those of NeuroBench (Yik et al. 2025). A synaptic operation is a weight that is
added because what it weighs is not 0: a spike counts once for each neuron whose receptive field
holds it, padding counts nothing. A max pool hands on one spike for all of a window; a sum or mean
pool hands on each. A loop's weights count for each spike of the layer but those of the last step;
those of a skip for each spike that it reads.
"""

from dataclasses import dataclass, replace

import numpy as np

from golden.network import Network
from golden.network.result import Result
from golden.stages import leading, occupied

__all__ = ["Activity", "Fans", "figures", "of_result"]


def fan(op, shape, pools=(), shapes=()):
    """(C, H, W, 2) int64: weights that each place of ``shape`` meets, and those that are not 0."""
    op = getattr(op, "op", op)              # the sums that a max of currents takes the greatest of
    found = []
    for weights in (np.ones_like(op.weights), (op.weights != 0).astype(int)):
        path = replace(op, weights=weights).adjoint(np.ones((1, *op.output(shape))), shape)
        for pool, before in reversed(list(zip(pools, shapes, strict=True))):
            path = pool.adjoint(path, before)
        found.append(np.rint(path[0]).astype(np.int64))
    return np.stack(found, axis=-1)


class Fans:
    """What a spike meets, layer by layer.

    Parameters
    ----------
    network : golden.network.Network

    Members
    -------
    dense : int
        Synaptic operations of an image if nothing were ever 0.
    """

    def __init__(self, network):
        self.steps, self.of, self.dense = network.steps, {}, 0
        for stage in network.stages:
            first = len(leading(stage))
            loop = stage.layer.recurrent
            feeds = [
                fan(stage.layer.op, stage.pooled, stage.pools[first:], stage.shapes[first:-1]),
                *(fan(each.skip.op, each.source) for each in stage.skips)]
            self.of[stage.index] = feeds, None if loop is None else fan(loop.op, stage.shape)
            self.dense += network.steps * sum(int(each[..., 0].sum()) for each in feeds)
            if loop is not None:
                self.dense += (network.steps - 1) * int(self.of[stage.index][1][..., 0].sum())

    def met(self, stage, reads, own=None):
        """(N, 2) operations of a stage: all, and those of weights that are not 0.

        ``reads`` are (N, C, H, W) of each of the stage's ``inputs``: how many steps each place,
        of the first input behind the leading max pools, is not 0 in; ``own`` the same of its own
        spikes without the last step, of a loop.
        """
        feeds, loop = self.of[stage.index]
        of = [*zip(reads, feeds, strict=True), *([] if loop is None else [(own, loop)])]
        return sum(np.einsum("nchw,chwk->nk", read.astype(np.int64), feed) for read, feed in of)


def of_result(network: Network, result: Result) -> np.ndarray | None:
    """(N, 2) operations of a Result: its own, or from the spikes of all layers; None without."""
    if result.operations is not None:
        return result.operations
    if result.spikes_input is None or any(tap not in result.spikes for tap in network.taps):
        return None
    fans, found = Fans(network), 0
    for stage in network.stages:
        first, *others = (result.spikes[each] if each else result.spikes_input
                          for each in stage.inputs)
        own = result.spikes.get(stage.index)
        found = found + fans.met(stage, [occupied(first, leading(stage)), *map(occupied, others)],
                                 None if own is None else occupied(own[:, :-1]))
    return found


@dataclass(frozen=True)
class Activity:
    """Figures of a run, means over its images.

    Members
    -------
    spikes, input_spikes : float
        Of all spiking layers, and what of the input is not 0.
    sparsity : float
        Share of the neurons' steps without a spike, 0 to 1; the input is none of them.
    operations, effective : None or float
        Synaptic operations, and those of weights that are not 0.
    dense : int
        If nothing were ever 0.
    """

    spikes: float
    input_spikes: float
    sparsity: float
    operations: float | None
    effective: float | None
    dense: int

    def lines(self):
        """For people, one figure a line."""
        found = [f"spikes an image {self.spikes:.1f}, and {self.input_spikes:.1f} of the input; "
                 f"{100 * self.sparsity:.2f} % of the neurons' steps are silent"]
        if self.operations is not None:
            found.append(f"synaptic operations an image {self.operations:.1f}, "
                         f"{self.effective:.1f} of them by weights that are not 0; "
                         f"{self.dense} if all spiked")
        return found


def figures(network: Network, result: Result) -> Activity:
    """The Activity of a Result.

    By hand: two of eight neurons that spike once each in four steps are 30/32 silent.
    """
    counts, met = result.counts.mean(axis=0), of_result(network, result)
    neurons = sum(stage.neurons for stage in network.stages if stage.layer.spiking)
    places = max(network.steps * neurons, 1)
    operations, effective = (None, None) if met is None else met.mean(axis=0).tolist()
    return Activity(float(counts[1:].sum()), float(counts[0]),
                    1 - float(counts[1:].sum()) / places, operations, effective,
                    Fans(network).dense)
