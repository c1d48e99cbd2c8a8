"""Spike attribution: the share of each input spike in an output, by path weight and age.

``SpikeAttributor`` is the rule in floating point, spike by spike; golden.explain.traces has it in
integers, as the hardware keeps it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.explain.paths import dense_paths, gates, matrices, network_paths
from golden.explain.traces import (
    checked_decay,
)
from golden.io.arguments import positive, spike_trains
from golden.io.errors import BadInput
from golden.network import Network

if TYPE_CHECKING:
    from pathlib import Path

PATHS = ("linear", "active")


@dataclass(frozen=True, eq=False)
class Attribution:
    """Scores of input spikes for one output.

    Members
    -------
    scores : (T, N) float64
        Signed; 0 where there is no spike.
    spikes : (T, N) uint8
    path_weights : (N,) or (T, N) float64
    output_neuron : int
    decay : float
    """

    scores: np.ndarray
    spikes: np.ndarray
    path_weights: np.ndarray
    output_neuron: int
    decay: float

    @property
    def total(self) -> float:
        """Sum of all scores: the output that SpikeAttributor.attribute states."""
        return float(self.scores.sum())

    def top_k(self, k: int) -> list[tuple[int, int, float]]:
        """The ``k`` spikes of largest magnitude as (t, n, score), largest first.

        Fewer if there are fewer spikes; of equals the earlier, then the lower neuron, comes first.
        """
        found = np.argwhere(self.spikes)
        scores = self.scores[self.spikes != 0]
        order = np.argsort(-np.abs(scores), kind="stable")[:positive(k, "k")]
        return [(int(t), int(n), float(score))
                for (t, n), score in zip(found[order], scores[order], strict=True)]

    def temporal_profile(self) -> np.ndarray:
        """(T,) sum of the scores of each step."""
        return self.scores.sum(axis=1)

    def spatial_importance(self, shape: tuple[int, int] | None = None) -> np.ndarray:
        """(N,) sum of the scores of each neuron, or the same in ``shape``: (H, W), (C, H, W) ..."""
        found = self.scores.sum(axis=0)
        if shape is None:
            return found
        try:
            return found.reshape(shape)
        except (TypeError, ValueError):
            raise BadInput(f"shape must hold {found.size} neurons, not {shape}") from None

    def summary(self) -> str:
        """A few lines for people."""
        count = int(np.count_nonzero(self.spikes))
        lines = [f"Attribution of {count} spikes to output neuron {self.output_neuron} "
                 f"(decay {self.decay:g})",
                 f"Sum of scores: {self.total:.4f} "
                 f"(for: {self.scores[self.scores > 0].sum():.4f}, "
                 f"against: {self.scores[self.scores < 0].sum():.4f})"]
        if count:
            t, n, score = self.top_k(1)[0]
            lines += [f"Largest: {score:.4f} at (t={t}, neuron={n})",
                      f"Peak step: t={int(np.abs(self.temporal_profile()).argmax())}"]
        return "\n".join(lines)


class SpikeAttributor:
    """Attribution of input spikes by path weight and age.

    Parameters
    ----------
    decay : float
        What is left of a spike after one step; 0 <= decay < 1.

    Members
    -------
    last : None or Attribution
        Result of the last ``attribute``.
    """

    def __init__(self, decay: float):
        self.decay = checked_decay(decay)
        self.last = None

    def attribute(self, input_spikes: list[list[int]] | np.ndarray,
                  weights: list | np.ndarray | Network, output_neuron: int, *,
                  paths: str = "linear", hidden: list[np.ndarray] | None = None,
                  layer: int = 0) -> Attribution:
        """Score every input spike: score[t, i] = P[i] spike[t, i] decay**(T - t).

        P[i] is the path weight of input i to the output (golden.explain.paths). A spike at the last
        step, t = T - 1, has faded by one step. The scores sum exactly to an output:

        - "linear": to O(T) of the leaky linear network, O(0) = 0 and
          O(t+1) = decay (O(t) + sum_i P[i] spike[t, i]). With one matrix this is the real
          accumulating read-out (golden.neurons.lif, reset "none", L = decay) after one more leak.
        - "active": to the same O(T) of the chain in which a hidden neuron hands on its input
          current in the steps in which it spikes, and nothing in others; P[t, i] counts only paths
          whose hidden neurons spike in step t.

        By hand: decay 1/2, spikes [[1, 1], [0, 1]] and one matrix [[2], [-1]] score
        [[2/4, -1/4], [0, -1/2]], which sum to -1/4 = O(2): O(1) = (2 - 1)/2, O(2) = (1/2 - 1)/2.

        Parameters
        ----------
        input_spikes : (T, N) of 0 and 1
            With a Network also (T, C, H, W).
        weights : list of (in, out) arrays, or golden.network.Network
        output_neuron : int
        paths : "linear" or "active"
        hidden : None or list of arrays of 0 and 1
            "active": spikes of the layers between input and output, in order, (T, n) or
            (T, C, H, W).
        layer : int
            With a Network: the weighted layer whose spikes ``input_spikes`` are, 0 for the input.

        Returns
        -------
        Attribution

        Raises ValueError naming the argument that does not fit.
        """
        if paths not in PATHS:
            raise BadInput(f"paths must be one of {', '.join(PATHS)}, not {paths}")
        if paths == "linear" and hidden is not None:
            raise BadInput('hidden is for paths "active" only')
        if paths == "active" and hidden is None:
            raise BadInput('hidden must hold the hidden spikes for paths "active"')
        if isinstance(weights, Network):
            stages = weights.stages[layer:] if isinstance(layer, int) and layer >= 0 else ()
            if not stages:
                raise BadInput(f"layer must be 0 to {len(weights.stages) - 1}, not {layer}")
            spikes = spike_trains(input_spikes, shape=stages[0].source)
            if hidden is not None:
                hidden = [spikes.reshape(-1, *stages[0].source),
                          *gates(hidden, [stage.source for stage in stages[1:]])]
            weight = network_paths(weights, output_neuron, layer=layer, spikes=hidden)
        else:
            spikes, weights = spike_trains(input_spikes), matrices(weights)
            if spikes.shape[1] != weights[0].shape[0]:
                raise BadInput(f"input_spikes has {spikes.shape[1]} neurons where weights[0] takes "
                               f"{weights[0].shape[0]}")
            weight = dense_paths(weights, output_neuron, hidden)
        steps = len(spikes)
        if weight.ndim == 2 and len(weight) != steps:
            raise BadInput(f"input_spikes has {steps} steps where "
                           f"{'hidden' if hidden is not None else 'the network'} has {len(weight)}")
        faded = self.decay ** (steps - np.arange(steps))
        self.last = Attribution(scores=spikes * weight * faded[:, None], spikes=spikes,
                                path_weights=weight, output_neuron=int(output_neuron),
                                decay=self.decay)
        return self.last

    def export_fpga(self, path: "Path", target: str = "ice40", *,
                    tools: bool = True) -> dict[str, Any]:
        """Write a Verilog unit that attributes as the last ``attribute`` did, to its output.

        FILE.v, a self-checking testbench and, with ``tools``, FILE.json with what it takes of an
        iCE40UP5K (flow.export.units.export_attribution). The unit keeps one trace a neuron and
        weighs it at the end, in integers; it takes any spikes of as many neurons and steps.

        Returns
        -------
        dict
            The report.
        """
        # Here alone golden calls hw: the tutorial's name for it is a method of this class.
        from flow.export.units import export_attribution
        if self.last is None:
            raise BadInput("export_fpga exports the last attribution: call attribute first")
        if self.last.path_weights.ndim > 1:
            raise BadInput('export_fpga needs paths "linear": the unit holds one weight a neuron')
        return export_attribution(path, self.last.path_weights, steps=len(self.last.spikes),
                                  decay=self.decay, target=target, tools=tools)
