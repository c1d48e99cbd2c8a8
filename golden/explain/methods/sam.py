"""The Spike Activation Map, by each of its four definitions in the wild."""

import numpy as np

from golden.explain.methods.base import Explanation, Method
from golden.formats import SCORE_FRAC, TABLE_FRAC, exp_table, rounded
from golden.network import Network
from golden.run import check_taps
from golden.sam import activation_map

__all__ = ["HERE", "Sam", "last_spike_map", "map_layer"]


def last_spike_map(spikes: np.ndarray, table: np.ndarray) -> np.ndarray:
    """M where only the last spike decays: the sum over channels of exp(-gamma d) at each spike.

    d is the number of steps since the neuron's spike before; a first spike scores 0, as in mode
    "paper" of golden.sam, whose score this is where a neuron has spiked once before. So a public
    port for SpikingJelly has it. By hand: gamma 0 gives 1 at every spike but the first, and mode
    "paper" 0, 1, 2 ...

    Parameters
    ----------
    spikes : (T, C, H, W) of 0 and 1
    table : (>= T,) int
        exp(-gamma d) in units of 2**-TABLE_FRAC (golden.formats.exp_table).

    Returns
    -------
    (T, H, W) int64, in units of 2**-SCORE_FRAC
    """
    spikes = np.asarray(spikes) != 0
    kept = rounded(np.asarray(table), TABLE_FRAC - SCORE_FRAC)
    last = np.full(spikes.shape[1:], -1)
    found = np.zeros((len(spikes), *spikes.shape[2:]), np.int64)
    for t, fired in enumerate(spikes):
        found[t] = np.where(fired & (last >= 0), kept[t - last * (last >= 0)], 0).sum(axis=0)
        last[fired] = t
    return found


def map_layer(network: Network, layer: int | None) -> int:
    """The spiking layer that is meant: without a choice the last that has a map, or the last."""
    if layer is None:
        layer = (network.map_taps or network.taps or (0,))[-1]
    return check_taps([layer], network, "--layer")[0]


class Sam(Method):
    """SAM by one definition; ``mode`` None takes the question's."""

    cost, classed, signed = "none beside the run", False, False

    def __init__(self, name, mode, says, *, rtl=True):
        self.name, self.mode, self.says, self.rtl = name, mode, says, rtl
        self.takes = ("gamma",) if mode else ("gamma", "mode")

    def layer(self, network, question):
        return map_layer(network, question.layer)

    def mode_of(self, question):
        """The definition that a question means."""
        return self.mode or question.mode

    def explain(self, asked):
        question, mode = asked.question, self.mode_of(asked.question)
        if question.engine == "rtl":
            found = asked.result.maps[asked.layer][0]
        elif mode == "last":
            found = last_spike_map(asked.spikes, exp_table(question.gamma, asked.network.steps))
        else:
            found = activation_map(asked.spikes[None], gamma=question.gamma, mode=mode)[0]
        return Explanation(
            found, found / 2.0**SCORE_FRAC, "activation",
            f"Spike activation map of layer {asked.layer} (gamma {question.gamma:g}, {mode}, "
            f"{question.engine})", [f"Largest: {found.max() / 2**SCORE_FRAC:.3f}"])


HERE = (
    Sam("sam", None, "where neurons fire again and again; on the chip"),
    Sam("sam-inclusive", "inclusive", "the same, the spike itself counted"),
    Sam("sam-official", "official", "the same as the authors' script has it"),
    Sam("sam-last", "last", "the same where only the last spike decays, as a port has it",
        rtl=False),
)
