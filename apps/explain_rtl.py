"""Explanations that the simulated chip makes itself: traces, and runs with spikes taken away."""

import numpy as np

from golden.explain.paths import network_paths
from golden.explain.saliency import Importance, Saliency
from golden.explain.traces import attribute, quantised
from golden.formats import SCORE_FRAC
from golden.io.errors import BadInput
from sim.rtl import Simulation


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

    def __init__(self, network, image, method, layer, *, decay):
        self.network, self.image, self.method, self.layer = network, image, method, layer
        options = {"attribution": layer} if method == "attribution" else {"experiments": True}
        self.simulation = Simulation(network, taps=(layer,) if layer else (), **options)
        self.decay = decay
        self.result = self.simulation.run(image[None], decay=decay)

    def explained(self, target, begin):
        """(map, heat, unit, title, lines) of class ``target``, as sim.explain draws them.

        ``begin`` takes a number of runs and gives what is called after each.
        """
        where = f"layer {self.layer}" if self.layer else "the input"
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
            return (found, heat, "path weight x trace",
                    f"Attribution of the class score to {where} (on the chip, decay "
                    f"{self.decay:g})",
                    [f"Sum of attributions: {heat.sum():.4f}", f"Cycles: {cycles}"])
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
            return (values, values.sum(axis=1), "fall of the class score",
                    f"Fall of the class score without each spike of {where} (on the chip)",
                    found.summary().splitlines() + said)
        found = Importance(map=falls, groups=None, output_neuron=target, base=base,
                           runs=1 + len(deletions), replaced=False, silenced=None)
        values = falls.reshape(shape)
        return (values, values.sum(axis=0)[None], "fall of the class score",
                f"Fall of the class score without each neuron of {where} (on the chip)",
                found.summary().splitlines() + said)

    def without(self, deletions, target, tick):
        """Fall of the target's score by each deletion, and the cycles of all these runs."""
        if not deletions:
            return np.zeros(0), 0
        scores, cycles = self.simulation.without_each(
            self.image, self.layer, deletions, tick=tick)
        return float(self.result.logits[0, target]) - scores[:, target], int(cycles.sum())
