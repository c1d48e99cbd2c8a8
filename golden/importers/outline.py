"""A network by its layers alone, before it is trained: "2x34x34 conv12k5 pool2 dense10".

The first word is the input, C x H x W or one number; then come, in order,

- ``conv12k5``: 12 channels by kernels of 5 x 5; ``s2`` stride, ``p1`` padding, ``g4`` groups
- ``pool2``, ``maxpool2``, ``avgpool2``, ``sumpool2``: of 2 x 2, ``s1`` stride, behind the neurons
- ``dense10``

Behind each layer of weights stand leaky neurons; the last accumulates. ``784-128-10`` is short for
``784 dense128 dense10``.
"""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.importers.builder import NetworkBuilder
from golden.importers.float_network import FloatNeuron
from golden.importers.quantise import quantise
from golden.io.errors import rule

if TYPE_CHECKING:
    from golden.network.graph import Network

__all__ = ["Outline", "Part", "outline_of", "parsed"]

WORDS = (
    ("conv", re.compile(r"conv(?P<channels>\d+)k(?P<kernel>\d+)(?:s(?P<stride>\d+))?"
                        r"(?:p(?P<padding>\d+))?(?:g(?P<groups>\d+))?")),
    ("pool", re.compile(r"(?P<how>max|avg|sum)?pool(?P<kernel>\d+)(?:s(?P<stride>\d+))?")),
    ("dense", re.compile(r"(?:dense|linear|fc)(?P<channels>\d+)")))
MOST_WEIGHTS = 2**26


@dataclass(frozen=True)
class Part:
    """A layer: ``kind`` "conv", "dense" or, by ``how`` it pools, "pool"."""

    kind: str
    channels: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    how: str = "max"

    @property
    def word(self) -> str:
        """As it stands in a list of layers."""
        if self.kind == "dense":
            return f"dense{self.channels}"
        if self.kind == "pool":
            stride = "" if self.stride == self.kernel else f"s{self.stride}"
            return f"{self.how}pool{self.kernel}{stride}"
        extras = "".join(f"{key}{value}" for key, value, usual in (
            ("s", self.stride, 1), ("p", self.padding, 0), ("g", self.groups, 1))
            if value != usual)
        return f"conv{self.channels}k{self.kernel}{extras}"


@dataclass(frozen=True)
class Outline:
    """Layers, and what a network needs beside them.

    Members
    -------
    shape : (C, H, W)
    parts : tuple of Part
    steps, bits : int
    encoder : str
    beta : float
        What a step leaves of a membrane.
    """

    shape: tuple
    parts: tuple
    steps: int = 16
    bits: int = 4
    encoder: str = "bernoulli"
    beta: float = 0.9

    @property
    def words(self) -> str:
        """The list of layers."""
        return " ".join(["x".join(map(str, self.shape)), *(part.word for part in self.parts)])

    @property
    def hidden(self) -> list[int]:
        """Places of the hidden layers of weights among the parts whose width may change."""
        return [n for n, part in enumerate(self.parts[:-1])
                if part.kind != "pool" and part.groups == 1 and all(
                    each.groups == 1 for each in self.parts[n + 1:])]

    def wider(self, place: int, channels: int) -> "Outline":
        """With so many channels in the part at ``place``."""
        parts = list(self.parts)
        parts[place] = replace(parts[place], channels=channels)
        return replace(self, parts=tuple(parts))

    def network(self) -> "Network":
        """An integer Network of these layers, its weights drawn: for estimates, not for use.

        Raises BadInput naming the word and the rule where the layers do not fit each other.
        """
        rng = np.random.default_rng(1)
        builder = NetworkBuilder(self.shape, self.steps, self.encoder)
        rule(self.parts and self.parts[-1].kind == "dense", self.words,
             "the last layer must be a dense one, of as many channels as classes")
        for n, part in enumerate(self.parts):
            if part.kind == "pool":
                builder.pool(part.word, part.how, part.kernel, part.stride)
                continue
            inputs = int(np.prod(builder.shape)) if part.kind == "dense" else (
                builder.shape[0] // part.groups * part.kernel**2)
            rule(inputs * part.channels <= MOST_WEIGHTS, part.word,
                 f"has {inputs * part.channels} weights, more than {MOST_WEIGHTS}")
            weights = rng.normal(0, np.sqrt(2 / max(inputs, 1)), (part.channels, inputs))
            if part.kind == "dense":
                builder.dense(part.word, weights)
            else:
                builder.conv(part.word, weights.reshape(part.channels, -1, part.kernel,
                                                        part.kernel),
                             stride=part.stride, padding=part.padding, groups=part.groups)
            if n + 1 < len(self.parts):
                builder.neuron(part.word, FloatNeuron(
                    beta=np.float64(self.beta), threshold=np.float64(1), reset="subtract"))
        return quantise(builder.done(name=self.words), bits=self.bits)


def parsed(text: str, **options: Any) -> Outline:
    """Outline of a list of layers; ``options`` are its other members. BadInput names the word."""
    words = text.split()
    if len(words) == 1 and re.fullmatch(r"\d{1,6}(-\d{1,6})+", words[0]):
        first, *rest = words[0].split("-")
        words = [first, *(f"dense{count}" for count in rest)]
    rule(words and re.fullmatch(r"\d{1,6}(x\d{1,6}){0,2}", words[0]), text or "layers",
         "must begin with the input, as 1x28x28 or 784, and go on with layers, as conv12k5 pool2 "
         "dense10")
    shape = tuple(int(n) for n in words[0].split("x"))
    shape = {1: (*shape, 1, 1), 2: (1, *shape), 3: shape}[len(shape)]
    return Outline(shape, tuple(map(part_of, words[1:])), **options)


def part_of(word: str):
    """The Part that a word means."""
    for kind, pattern in WORDS:
        if len(word) <= 40 and (match := pattern.fullmatch(word)):
            values = {key: value if key == "how" else int(value)
                      for key, value in match.groupdict().items() if value is not None}
            if kind == "pool":
                values.setdefault("stride", values["kernel"])
            rule(all(key == "padding" or key == "how" or 1 <= value <= 2**16
                     for key, value in values.items()), word, "numbers must be 1 to 65536")
            return Part(kind, **values)
    rule(False, word, "is no layer; layers are conv12k5, pool2, avgpool2, sumpool2 and dense10")


def outline_of(network: "Network") -> Outline | None:
    """Outline of an integer Network; None where it has parts that no outline has."""
    parts = []
    if network.branched:
        return None
    for layer in network.layers:
        if any(isinstance(getattr(layer, key, 1), tuple) for key in (
                "kernel", "stride", "padding", "dilation")):
            return None
        if not layer.weighted:
            if layer.padding or layer.ceil:
                return None
            parts.append(Part("pool", kernel=layer.kernel, stride=layer.stride, how=layer.kind))
            continue
        if layer.norm is not None or layer.recurrent is not None or not layer.op.plain:
            return None
        if layer.dense:
            parts.append(Part("dense", layer.channels))
        else:
            parts.append(Part("conv", layer.channels, layer.kernel, layer.stride, layer.padding,
                              layer.groups))
    leak = max(float(np.max(stage.layer.neuron.leak)) for stage in network.stages) / 2**16
    return Outline(network.shape, tuple(parts), steps=network.steps,
                   bits=max(stage.layer.bits for stage in network.stages),
                   encoder=network.encoder, beta=round(1 - leak, 6))
