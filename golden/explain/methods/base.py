"""What a method of explanation answers, and what is asked of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from golden.formats import GAMMA
from golden.io.arguments import index
from golden.io.errors import rule
from golden.network import Network
from golden.network.result import Result

__all__ = ["Asked", "Explanation", "Method", "Question", "behind", "input_only", "where_words"]


@dataclass(frozen=True)
class Question:
    """What is asked of an image; members are the options of the command.

    Members
    -------
    method : str
        One of golden.explain.methods.METHODS.
    engine : "golden" or "rtl"
    layer : None or int
        Whose map is wanted, 0 for the input; None for the method's own choice.
    output_neuron : None or int
        The class explained; None for the predicted one.
    gamma, mode :
        Of SAM.
    decay : float
        What a step leaves of a spike: attribution, tsa.
    paths : "active" or "linear"
        Of attribution.
    versus : None or int
        The class that the other is held against.
    alone : bool
        contribution: of the class alone, against no other.
    window : None or int
        occlusion: side of the square that is painted over; None for a quarter of the shorter side.
    """

    method: str = "sam"
    engine: str = "golden"
    layer: int | None = None
    output_neuron: int | None = None
    gamma: float = GAMMA
    mode: str = "paper"
    decay: float = 0.9
    paths: str = "active"
    versus: int | None = None
    alone: bool = False
    window: int | None = None


@dataclass(frozen=True, eq=False)
class Explanation:
    """A map and what to write beside it.

    Members
    -------
    map : (T, H, W), (T, C, H, W) or (C, H, W)
        Raw: SAM in units of 2**-SCORE_FRAC, else one number a spike or (causal, zplus) a neuron; of
        a contribution C are the classes.
    heat : (T, H, W) or (1, H, W) float64
        As drawn: summed over channels; of two classes the first less the other.
    unit : str
        Of ``heat``.
    title : str
    lines : list of str
    whole : str
        What one map (1, H, W) is.
    signed : bool
        Whether values speak for (above 0) and against (below).
    claim : None or float
        What the method says that the sum of ``heat`` is; None where it says nothing of it.
    """

    map: np.ndarray
    heat: np.ndarray
    unit: str
    title: str
    lines: list
    whole: str = "each neuron"
    signed: bool = False
    claim: float | None = None

    def less(self, other, title):
        """The Explanation of this class less another's, by the same method, at the same layer."""
        claim = None if self.claim is None else self.claim - other.claim
        return replace(self, map=self.map - other.map, heat=self.heat - other.heat, title=title,
                       claim=claim,
                       lines=[*self.lines, *(f"of the other class: {line}" for line in other.lines)]
                       )


@dataclass(frozen=True, eq=False)
class Asked:
    """A checked Question about one image that was run.

    Members
    -------
    question : Question
        Its layer is a number.
    network : golden.network.Network
    image : as golden.run takes one
    result : golden.network.result.Result
        Of the image alone; of golden with the spikes of all layers.
    target : int
        The class explained.
    progress : function
        Wraps the iterable of a method's own runs.
    """

    question: Question
    network: Network
    image: np.ndarray
    result: Result
    target: int
    progress: Callable = iter

    @property
    def layer(self):
        """Number of the layer whose map is wanted."""
        return self.question.layer

    @property
    def spikes(self):
        """(T, C, H, W) what the layer hands on; of layer 0 what the encoder does."""
        return self.spikes_of(self.layer)

    def spikes_of(self, layer):
        """(T, C, H, W) of any layer."""
        return self.result.spikes_input[0] if layer == 0 else self.result.spikes[layer][0]

    def claimed(self, versus=None):
        """What spikes gave to the class explained less another, in weight units of the read-out.

        Without another it is the mean of all classes. Of a read-out that is linear in spikes
        (golden.network.linear): the score less the biases of all steps.
        """
        last = self.network.stages[-1].layer
        gave = (self.result.logits[0] - self.network.steps * last.biases) / 2.0**last.frac
        return float(gave[self.target] - (gave.mean() if versus is None else gave[versus]))

    @property
    def hidden(self):
        """[(T, C, H, W)] of the layer and each spiking one behind it, as paths take them."""
        return [self.spikes_of(stage.index - 1) for stage in self.network.stages[self.layer:]]


class Method:
    """One way to explain; a file of this folder has one or several.

    Members
    -------
    name : str
    says : str
        What its map says, for people.
    cost : str
        What it takes beside the run.
    classed : bool
        Whether the map is of a class; else it is the network's, and knows no class.
    signed : bool
    takes : tuple of str
        Members of Question that it reads, beyond layer and classes.
    rtl : bool
        Whether the simulated chip answers too.
    pairs : bool
        Whether ``explain`` looks at ``versus`` itself; else the maps of two classes are subtracted.
    """

    name = says = cost = ""
    classed, signed, rtl, pairs, takes = True, True, False, False, ()

    def layer(self, network, question):
        """Number of the layer that is meant; raise BadInput, in one line, where there is no such.

        Without a choice it is the input.
        """
        layer = 0 if question.layer is None else question.layer
        return index(layer, len(network.stages), "--layer")

    def check(self, network, question):
        """Raise BadInput where the question does not fit the network."""

    def explain(self, asked):
        """The Explanation of an Asked."""
        raise NotImplementedError


def input_only(layer: int | None, name: str) -> int:
    """0; raise BadInput where another layer is asked for."""
    rule(layer in (None, 0), "--layer", f"{name} is about the input, layer 0, not {layer}")
    return 0


def behind(network: Network, layer: int) -> int:
    """Weighted layers behind a layer."""
    return len(network.stages) - layer


def where_words(layer: int) -> str:
    """A layer as people call it."""
    return f"layer {layer}" if layer else "the input"
