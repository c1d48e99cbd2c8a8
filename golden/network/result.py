"""What a run gives: the arrays that golden.run, a simulation and a chip all answer with."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np

from golden.formats import SCORE_FRAC

__all__ = ["Result", "joined", "stacked"]


@dataclass
class Result:
    """What a run of N images gives; the same from golden, RTL and board.

    A Result of one image (of a board, or ``image``) has no axis N, and its numbers are ints.

    Members
    -------
    logits : (N, classes) int32
        Scores after the last step, in membrane units (or spikes, by the network's readout).
    scores : (N, T, classes) int32
        The same after every step.
    counts : (N, layers + 1) int64
        Spikes of the input and of each spiking layer.
    maps : dict tap -> (N, T, H, W) int32
        SAM in units of 2**-SCORE_FRAC; empty where a chip gives sums only. From a chip of form
        BYTES each value is rounded down to a multiple of 2**e, e the exponent of its pixel.
    spikes : dict tap -> (N, T, C, H, W) uint8
    spikes_input : (N, T, C, H, W)
    cycles : None or (N,) int64
        Clock cycles from the first pixel taken to the last result given.
    traces : None or (N, C, H, W) int64
        golden.explain.traces.traces of a layer, from an accelerator that gives them.
    explained : dict (stream, layer) -> (N, ...) int64
        What an accelerator gives of other explanations, by hw.interface.Output.
    causes : None or (N, passes + 1, causes) int64
        Clock cycles of the input and each pass by hw.engine.profiler.StallReason, from a
        simulation.
    saturated : None or (N,) int64
        Map values that stayed at the top of ``map_bits``; None where all maps are exact. From a
        chip it is 0 where the maps hold every sum, and None of another form than FULL unless the
        chip counts them.
    operations : None or (N, 2) int64
        Synaptic operations, and those of weights that are not 0 (golden.activity), where they were
        asked for.
    sums : dict tap -> (N, H, W) int64
        The maps summed over time, from a chip.
    waits : None or (N,) int64
        Cycles in which a result waited for the wire, from a chip that counts them.
    corrupt : None, bool or (N,) bool
        Whether the weights on a chip are no longer those that were written (hw.memory.scrub); False
        where the chip does not look.
    """

    logits: np.ndarray
    scores: np.ndarray
    counts: np.ndarray
    maps: dict = field(default_factory=dict)
    spikes: dict = field(default_factory=dict)
    spikes_input: np.ndarray | None = None
    cycles: np.ndarray | None = None
    traces: np.ndarray | None = None
    causes: np.ndarray | None = None
    saturated: np.ndarray | None = None
    sums: dict = field(default_factory=dict)
    waits: np.ndarray | None = None
    corrupt: np.ndarray | None = None
    explained: dict = field(default_factory=dict)
    operations: np.ndarray | None = None

    @property
    def pred(self) -> int | np.ndarray:
        """(N,) class of the largest logit, the first of equals; an int of one image."""
        found = self.logits.argmax(axis=-1)
        return int(found) if self.logits.ndim == 1 else found

    def image(self, n: int) -> "Result":
        """The Result of image ``n``."""
        return self.each(lambda values: values[n])

    def each(self, form: Callable) -> "Result":
        """A Result of ``form`` of every array."""
        return Result(**{name: {key: form(values) for key, values in value.items()}
                         if isinstance(value, dict) else None if value is None else form(value)
                         for name, value in vars(self).items()})

    def arrays(self) -> dict:
        """The result as named arrays, the contents of the .npz that every engine writes.

        Spikes are there where the engine gives them: a chip does not.
        """
        found = {"pred": self.pred, "logits": self.logits, "scores": self.scores,
                 "counts": self.counts}
        for name in ("spikes_input", "cycles", "traces", "saturated", "waits"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        for tap in self.maps:
            if tap in self.spikes:
                found[f"spikes_{tap}"] = self.spikes[tap]
            found[f"sam_{tap}"] = self.maps[tap]
            found[f"sam_frac_{tap}"] = np.int64(SCORE_FRAC)
        for tap in self.sums:
            found[f"sam_sum_{tap}"] = self.sums[tap]
        for (name, layer), values in self.explained.items():
            found[f"{name}_{layer}"] = values
        return found


def joined(results: list[Result]) -> Result:
    """One Result of several of N images, in order."""
    return together(results, np.concatenate)


def stacked(results: list[Result], names: list[str] | None = None) -> Result:
    """One Result of several of one image, in order; with ``names`` of these members only."""
    return together(results, np.stack, names)


def together(results: list[Result], join, names: list[str] | None = None) -> Result:
    """A Result whose every array is ``join`` of the list of those of ``results``."""
    found = {}
    for name in names or [each.name for each in fields(Result)]:
        values = [getattr(result, name) for result in results]
        if isinstance(values[0], dict):
            found[name] = {key: join([value[key] for value in values]) for key in values[0]}
        else:
            found[name] = None if values[0] is None else join(values)
    return Result(**found)
