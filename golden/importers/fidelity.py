"""How faithful an integer network is to the float one: layer by layer, and measured on images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from golden.encode import encode
from golden.importers import float_run
from golden.io.console import Table, Text
from golden.readout import class_scores
from golden.run import check_images
from golden.stages import Given, forward

if TYPE_CHECKING:
    from golden.importers.float_network import FloatLayer
    from golden.io.console import Console
    from golden.network.graph import Network

LONG = 40       # characters of a note that is told once


@dataclass(frozen=True)
class Line:
    """One weighted layer, in a word.

    ``exact`` means equal spikes for every input, whatever it is; ``rounded`` that numbers were
    rounded; ``different`` that the layer follows another rule than the original's.

    Members
    -------
    index : int
    name : str
    reasons : tuple of str
        Why it is not exact; empty where it is.
    notes : tuple of str
    agreement : None or float
        Share of (image, step, neuron) whose spikes are equal, on the images given.
    spikes : None or (int, int)
        Of the float and of the integer layer.
    other_rule : bool
        Whether a reason is that the layer follows another rule.
    """

    index: int
    name: str
    reasons: tuple
    notes: tuple
    agreement: float | None = None
    spikes: tuple | None = None
    other_rule: bool = False

    @property
    def verdict(self) -> str:
        """In one word."""
        if not self.reasons:
            return "exact"
        return "different" if self.other_rule else "rounded"

    @property
    def silent(self) -> bool:
        """Whether the integer layer gave no spike on the images given, though it may."""
        return self.agreement is not None and self.spikes[1] == 0


@dataclass(frozen=True)
class Report:
    """All lines, and with images what the whole network does.

    Members
    -------
    images : int
    predictions : None or float
        Share of images with the same predicted class.
    accuracy : None or (float, float)
        Of the float and of the integer network, where labels are known.
    agreement : str
        What the way in found when it ran the original beside the float network; "" if it did not.
    """

    name: str
    lines: tuple
    images: int = 0
    predictions: float | None = None
    accuracy: tuple | None = None
    agreement: str = ""

    @property
    def approximate(self) -> tuple:
        """Lines that are not exact."""
        return tuple(line for line in self.lines if line.reasons)

    @property
    def first(self) -> str:
        """What a reader wants first, in one line: accuracies, and the agreement with the original.

        Without images, how many layers are exact.
        """
        parts = []
        if self.accuracy:
            parts.append("accuracy float {:.2%}, integer {:.2%}".format(*self.accuracy))
        if self.images:
            parts.append(f"same predictions on {self.predictions:.2%} of {self.images} images")
        if not parts and self.lines:
            exact = len(self.lines) - len(self.approximate)
            parts.append(f"{exact} of {len(self.lines)} layers exact; images with labels measure "
                         "the accuracy (--calibrate)")
        return "; ".join([*parts, *filter(None, [self.agreement])])

    @property
    def warnings(self) -> tuple[str, str]:
        """A line for each layer that is silent."""
        found = []
        for line in self.lines:
            if line.silent:
                was = (f"the float network's gave {line.spikes[0]}" if line.spikes[0]
                       else "nor did the float network's")
                found.append(f"warning: layer {line.index} ({line.name}) gave no spike on "
                             f"{self.images} images; {was}")
        return tuple(found)

    def print(self, console: "Console") -> None:
        """Print the first line, the table and the warnings on a golden.io.console.Console."""
        console.print(self.first, highlight=False, soft_wrap=True)
        if self.lines:
            console.print(self.table())
        for line in self.warnings:
            console.print(line, highlight=False, soft_wrap=True)

    def notes(self) -> dict:
        """What a network file keeps of the report."""
        found = {"fidelity": [line.verdict for line in self.lines]}
        if self.images:
            found["same predictions"] = self.predictions
        if self.accuracy:
            found["accuracy float, integer"] = list(self.accuracy)
        return found

    def table(self) -> Table:
        """The report as a rich Table."""
        found = blank(f"{self.name}: how it is kept")
        if self.images:
            found.add_column("equal spikes", justify="right")
        told = {}
        for line in self.lines:
            notes = [f"(as layer {told[note]})" if note in told and len(note) > LONG else
                     f"({note})" for note in line.notes]
            for note in line.notes:
                told.setdefault(note, line.index)
            text = "\n".join([*line.reasons, *notes])
            row = [str(line.index), line.name, mark(line.verdict), text]
            if self.images:
                row.append("-" if line.agreement is None else f"{line.agreement:.4%}\n"
                           f"{line.spikes[0]} / {line.spikes[1]}")
            found.add_row(*row)
        if self.images:
            found.caption = "equal spikes: share of steps and neurons; spikes float / integer"
        return found


def blank(title: str) -> Table:
    """A table with the columns of a report."""
    found = Table(title=title)
    found.add_column("layer", justify="right")
    for column in ("what", "kept", "why"):
        found.add_column(column, overflow="fold")
    return found


def mark(verdict: str):
    """A verdict in its colour."""
    return Text(verdict, style={"exact": "green", "rounded": "yellow"}.get(verdict, "red"))


def refused(error) -> Table:
    """Table of a network that a way in refused: its layers until then, and the part that failed."""
    found = blank("not supported")
    layers = [layer for layer in error.done if layer.weighted]
    for index, layer in enumerate(layers, 1):
        found.add_row(str(index), layer.name, "-", "")
    where, _, text = str(error).partition(": ")
    found.add_row(str(len(layers) + 1), where, mark("unsupported"), text)
    return found


def compare(float_network, network: "Network", reasons: list, images: np.ndarray | None = None,
            labels: np.ndarray | None = None) -> Report:
    """Report of an integer network against the float one that it was made of.

    Parameters
    ----------
    float_network : golden.importers.float_network.FloatNetwork
    network : golden.network.Network
    reasons : list of tuple of str
        Of golden.importers.quantise.quantise_with_report.
    images, labels : None or arrays
        As golden.run takes them; each layer then sees what the layers before it really gave.
    """
    names = [(stage.index, stage.layer.name or f"layer {stage.index}", tuple(why),
              stage.layer.notes)
             for stage, why in zip(float_network.stages, reasons, strict=True)]
    others = [ruled_otherwise(stage.layer, why)
              for stage, why in zip(float_network.stages, reasons, strict=True)]
    agreement = str(float_network.notes.get("agreement", ""))
    if images is None:
        return Report(network.name, tuple(
            Line(*name, other_rule=other) for name, other in zip(names, others, strict=True)),
            agreement=agreement)
    size = len(network.stages)
    equal, total = np.zeros(size), np.zeros(size)
    counts, same, right = np.zeros((2, size), dtype=np.int64), 0, np.zeros(2)
    batch = float_run.batch_of(float_network)
    for n in range(0, len(images), batch):
        part = check_images(images[n:n + batch], network)
        wanted = float_run.run(part, float_network)
        given = Given(network, encode(part, network))
        for k, stage in enumerate(network.stages):
            first, *rest = given.to(stage)
            active, membranes = forward(first, stage, network.steps, None, rest)
            given.put(stage, active)
            if stage.layer.spiking:
                equal[k] += np.count_nonzero(wanted.spikes[k] == active)
                total[k] += active.size
                counts[:, k] += np.count_nonzero(wanted.spikes[k]), np.count_nonzero(active)
        pred = class_scores(active, membranes, network.readout)[:, -1].argmax(axis=1)
        same += np.count_nonzero(wanted.pred == pred)
        if labels is not None:
            for row, found in enumerate((wanted.pred, pred)):
                right[row] += np.count_nonzero(found == labels[n:n + batch])
    lines = tuple(
        Line(*name, agreement=equal[n] / total[n] if total[n] else None,
             spikes=tuple(map(int, counts[:, n])), other_rule=others[n])
        for n, name in enumerate(names))
    accuracy = None if labels is None else tuple(map(float, right / len(images)))
    return Report(network.name, lines, len(images), same / len(images), accuracy, agreement)


def ruled_otherwise(layer: "FloatLayer", reasons: tuple[str, ...]) -> bool:
    """Whether a reason is that a rule of a float layer's original is not kept."""
    return any(reason in layer.approximations for reason in reasons)


def measured(network: "Network", images: np.ndarray | None = None,
             labels: np.ndarray | None = None) -> Report:
    """Report of an integer network alone, whose original is not at hand: its accuracy, no lines."""
    told = "a network of integers, taken as it is"
    if images is None or labels is None:
        return Report(network.name, (), agreement=told)
    correct = 0
    for n in range(0, len(images), 64):
        part = check_images(images[n:n + 64], network)
        given = Given(network, encode(part, network))
        for stage in network.stages:
            first, *others = given.to(stage)
            active, membranes = forward(first, stage, network.steps, None, others)
            given.put(stage, active)
        pred = class_scores(active, membranes, network.readout)[:, -1].argmax(axis=1)
        correct += int(np.count_nonzero(pred == labels[n:n + 64]))
    return Report(network.name, (), agreement=f"{told}: accuracy {correct / len(images):.2%} of "
                                              f"{len(images)} images")
