"""How faithful an integer network is to the float one: layer by layer, and measured on images."""

from dataclasses import dataclass

import numpy as np

from golden.encode import encode
from golden.importers import float_run
from golden.io.console import Table, Text
from golden.readout import class_scores
from golden.run import check_images, forward

LONG = 40       # characters of a note that is told once


@dataclass(frozen=True)
class Line:
    """One weighted layer: ``faithful`` means equal spikes for every input, whatever it is.

    Members
    -------
    index : int
    name : str
    reasons : tuple of str
        Why it is only approximate; empty where it is faithful.
    notes : tuple of str
    agreement : None or float
        Share of (image, step, neuron) whose spikes are equal, on the images given.
    spikes : None or (int, int)
        Of the float and of the integer layer.
    """

    index: int
    name: str
    reasons: tuple
    notes: tuple
    agreement: float | None = None
    spikes: tuple | None = None

    @property
    def verdict(self):
        """In one word."""
        return "approximate" if self.reasons else "faithful"


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
    """

    name: str
    lines: tuple
    images: int = 0
    predictions: float | None = None
    accuracy: tuple | None = None

    @property
    def approximate(self):
        """Lines that are not faithful."""
        return tuple(line for line in self.lines if line.reasons)

    def notes(self):
        """What a network file keeps of the report."""
        found = {"fidelity": [line.verdict for line in self.lines]}
        if self.images:
            found["same predictions"] = self.predictions
        if self.accuracy:
            found["accuracy float, integer"] = list(self.accuracy)
        return found

    def table(self):
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
            caption = f"same predictions on {self.predictions:.2%} of {self.images} images"
            if self.accuracy:
                caption += "; accuracy float {:.2%}, integer {:.2%}".format(*self.accuracy)
            found.caption = caption + "\nequal spikes: share of steps and neurons; float / integer"
        return found


def blank(title):
    """A table with the columns of a report."""
    found = Table(title=title)
    found.add_column("layer", justify="right")
    for column in ("what", "kept", "why"):
        found.add_column(column, overflow="fold")
    return found


def mark(verdict):
    """A verdict in its colour."""
    colour = {"faithful": "green", "approximate": "yellow", "unsupported": "red"}[verdict]
    return Text(verdict, style=colour)


def refused(error):
    """Table of a network that a way in refused: its layers until then, and the part that failed."""
    found = blank("not supported")
    layers = [layer for layer in error.done if layer.weighted]
    for index, layer in enumerate(layers, 1):
        found.add_row(str(index), layer.name, "-", "")
    where, _, text = str(error).partition(": ")
    found.add_row(str(len(layers) + 1), where, mark("unsupported"), text)
    return found


def compare(float_network, network, reasons, images=None, labels=None):
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
    if images is None:
        return Report(network.name, tuple(Line(*name) for name in names))
    size = len(network.stages)
    equal, total = np.zeros(size), np.zeros(size)
    counts, same, right = np.zeros((2, size), dtype=np.int64), 0, np.zeros(2)
    batch = float_run.batch_of(float_network)
    for n in range(0, len(images), batch):
        part = check_images(images[n:n + batch], network)
        wanted = float_run.run(part, float_network)
        active = encode(part, network)
        for k, stage in enumerate(network.stages):
            active, membranes = forward(active, stage, network.steps)
            if stage.layer.spiking:
                equal[k] += np.count_nonzero(wanted.spikes[k] == active)
                total[k] += active.size
                counts[:, k] += np.count_nonzero(wanted.spikes[k]), np.count_nonzero(active)
        pred = class_scores(active, membranes, network.readout)[:, -1].argmax(axis=1)
        same += np.count_nonzero(wanted.pred == pred)
        if labels is not None:
            for row, given in enumerate((wanted.pred, pred)):
                right[row] += np.count_nonzero(given == labels[n:n + batch])
    lines = tuple(
        Line(*name, agreement=equal[n] / total[n] if total[n] else None,
             spikes=tuple(map(int, counts[:, n]))) for n, name in enumerate(names))
    accuracy = None if labels is None else tuple(map(float, right / len(images)))
    return Report(network.name, lines, len(images), same / len(images), accuracy)
