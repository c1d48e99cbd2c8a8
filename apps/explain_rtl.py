"""Explanations that the simulated chip makes itself: traces, and runs with spikes taken away."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from golden.explain.methods.base import Explanation, where_words
from golden.explain.paths import network_paths
from golden.explain.saliency import Importance, Saliency
from golden.explain.traces import attribute, quantised
from golden.formats import SCORE_FRAC
from golden.io.errors import BadInput
from sim.rtl import Simulation

if TYPE_CHECKING:
    from golden.network.graph import Network


class Chip:
    """An accelerator built for one method, and its run of one image.

    Parameters
    ----------
    network : golden.network.Network
    image : as golden.run.check_images takes one
    method : "attribution", "saliency" or "causal"
    layer : int
        Whose spikes are explained; for attribution a spiking layer, else also 0, the input.
    decay : float
        Of the traces.

    Members
    -------
    result : golden.network.result.Result
    """

    def __init__(self, network: "Network", image: np.ndarray, method: str, layer: int, *,
                 decay: float):
        self.network, self.image, self.method, self.layer = network, image, method, layer
        options = {"attribution": layer} if method == "attribution" else {"experiments": True}
        self.simulation = Simulation(network, taps=(layer,) if layer else (), **options)
        self.decay = decay
        self.result = self.simulation.run(image[None], decay=decay)

    def explained(self, target, begin):
        """The Explanation of class ``target``.

        ``begin`` takes a number of runs and gives what is called after each.
        """
        where = where_words(self.layer)
        shape = self.network.stages[self.layer].source
        cycles = int(self.result.cycles[0])
        if self.method == "attribution":
            paths = network_paths(self.network, target, layer=self.layer)
            if paths.ndim > 1:
                raise BadInput(f"--layer {self.layer}: path weights behind it differ from step to "
                               "step (BNTT), and a trace has one")
            weights, shift = quantised(paths)
            found = attribute(self.result.traces[0].ravel(), weights).reshape(shape)
            heat = found.sum(axis=0)[None] * 2.0**(shift - SCORE_FRAC)
            return Explanation(
                found, heat, "path weight x trace", f"Attribution of the class score to {where} "
                f"(on the chip, decay {self.decay:g})",
                [f"Sum of attributions: {heat.sum():.4f}", f"Cycles: {cycles}"], signed=True)
        spikes = self.result.spikes[self.layer] if self.layer else self.result.spikes_input
        trains = spikes[0].reshape(self.network.steps, -1)
        base = float(self.result.logits[0, target])
        if self.method == "saliency":
            deletions = [(int(t), int(n)) for t, n in np.argwhere(trains)]
        else:
            deletions = [(None, n) for n in range(trains.shape[1])]
        falls, taken = self.without(deletions, target, begin(len(deletions)))
        said = [f"Cycles of {1 + len(deletions)} runs on the chip: {cycles + taken}"]
        if self.method == "saliency":
            change = np.zeros(trains.shape)
            change[trains != 0] = falls
            found = Saliency(map=change, spikes=trains, output_neuron=target, base=base,
                             runs=1 + len(deletions))
            values = change.reshape(-1, *shape)
            return Explanation(
                values, values.sum(axis=1), "fall of the class score",
                f"Fall of the class score without each spike of {where} (on the chip)",
                found.summary().splitlines() + said, signed=True)
        found = Importance(map=falls, groups=None, output_neuron=target, base=base,
                           runs=1 + len(deletions), replaced=False, silenced=None)
        values = falls.reshape(shape)
        return Explanation(
            values, values.sum(axis=0)[None], "fall of the class score",
            f"Fall of the class score without each neuron of {where} (on the chip)",
            found.summary().splitlines() + said, signed=True)

    def without(self, deletions: list, target: int, tick: Callable) -> tuple[np.ndarray, int]:
        """Fall of the target's score by each deletion, and the cycles of all these runs."""
        if not deletions:
            return np.zeros(0), 0
        scores, cycles = self.simulation.without_each(
            self.image, self.layer, deletions, tick=tick)
        return float(self.result.logits[0, target]) - scores[:, target], int(cycles.sum())
