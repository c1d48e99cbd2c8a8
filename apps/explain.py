"""python -m sim.explain: why a network sees in an image what it sees, as a picture."""

import zipfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.progress import Progress

from apps import explain_contribution as contribution
from golden.attribution import SpikeAttributor
from golden.explain.perturb import NetworkModel
from golden.explain.saliency import CausalImportance, TemporalSaliency
from golden.explain.traces import checked_decay
from golden.formats import GAMMA, MODES, SCORE_FRAC, exp_table
from golden.images import PICTURES, load_images
from golden.io.arguments import command_parser, index, network_option, resize_option
from golden.io.console import Console
from golden.io.errors import BadInput, command, rule
from golden.io.files import output, publishing
from golden.io.shipped import sample_of
from golden.io.text import say, short
from golden.network import load
from golden.progress import watched
from golden.run import check_taps, run
from sim.run import run_engine

METHODS = ("sam", "attribution", "saliency", "causal", "contribution")
SHOWN = 16          # steps in a picture


def parser(prog="python -m sim.explain"):
    """Arguments of the command."""
    found = command_parser(
        prog, "Why a network sees in an image what it sees, as a picture.", examples=(
            "--network fashion --index 3 --out e.png",
            "--network fashion --index 3 --method saliency --out saliency.png",
            "--network scenes --method contribution --class 0 --versus 3 --out c.png",
            "--network net.npz --images shirt.jpg --resize --engine rtl --out e.png"))
    network_option(found, required=True)
    found.add_argument("--images", "--image", dest="image", metavar="FILE",
                       help="a picture, or image --index of an .npy, .npz or folder of pictures "
                            "(default: the sample of a network that comes with the project)")
    resize_option(found)
    found.add_argument("--index", type=int, default=0, metavar="I",
                       help="which image of several (default: 0)")
    found.add_argument("--method", choices=METHODS, default="sam",
                       help="activation map, path weights, deleted spikes, silenced neurons, or "
                            "what each pixel gave to a class, exactly (default: sam)")
    found.add_argument("--engine", choices=("golden", "rtl"), default="golden",
                       help="the NumPy model, or the RTL in Verilator: for attribution its traces "
                            "times path weights, for contribution its own sums, else spikes taken "
                            "away on the chip (default: golden)")
    found.add_argument("--out", required=True, metavar="FILE.png",
                       help="the picture; the raw map goes to FILE.npz")
    found.add_argument("--layer", "--tap", type=int, metavar="L",
                       help="sam: the layer mapped (default: the last with a map); others: whose "
                            "spikes are explained (default: 0, the input; attribution in rtl: "
                            "the last hidden layer)")
    found.add_argument("--output-neuron", "--class", dest="output_neuron", type=int, metavar="K",
                       help="explain this class (default: the predicted one)")
    found.add_argument("--versus", type=int, metavar="B",
                       help="contribution: against this class (default: the best of the others)")
    found.add_argument("--alone", action="store_true",
                       help="contribution: of the class alone, against no other")
    found.add_argument("--gamma", type=float, default=GAMMA,
                       help="steepness of SAM (default: %(default)s)")
    found.add_argument("--mode", choices=MODES, default="paper",
                       help="SAM definition (default: paper)")
    found.add_argument("--decay", type=float, default=0.9,
                       help="attribution: what a step leaves of a spike (default: 0.9)")
    found.add_argument("--paths", choices=("active", "linear"), default="active",
                       help="attribution in golden: only paths whose hidden neurons spike, or all "
                            "(default: active)")
    return found


@dataclass(frozen=True, eq=False)
class Explanation:
    """A map and what to write beside it.

    Members
    -------
    map : (T, H, W), (T, C, H, W) or (C, H, W)
        Raw: SAM in units of 2**-SCORE_FRAC, else one number a spike or (causal) a neuron; of a
        contribution C are the classes.
    heat : (T, H, W) or (1, H, W) float64
        As drawn: summed over channels; of a contribution the class less the other.
    unit : str
        Of ``heat``.
    title : str
    lines : list of str
    whole : str
        What one map (1, H, W) is.
    """

    map: np.ndarray
    heat: np.ndarray
    unit: str
    title: str
    lines: list
    whole: str = "each neuron"


def read_image(path, network, place, *, resize=False):
    """(image, label or None): number ``place`` of the images at ``path``, or the picture there."""
    images, labels = load_images(path, network, resize=resize)
    if Path(path).suffix.lower() in PICTURES:
        return images[0], None
    place = index(place, len(images), "--index")
    return images[place], None if labels is None else int(labels[place])


def name(network, number):
    """A class as people call it."""
    found, number = short(network.label(number)), str(number)
    return found if found == number else f"{found} ({number})"


def default_layer(network):
    """The last spiking layer that has a map, or the last one."""
    return (network.map_taps or network.taps)[-1]


def explained(question, network, image, result, target, layer, progress):
    """The Explanation that was asked for, in golden or (SAM) as ``result`` holds it."""
    if question.method == "sam":
        found = result.maps[layer][0]
        return Explanation(
            found, found / 2.0**SCORE_FRAC, "activation",
            f"Spike activation map of layer {layer} (gamma {question.gamma:g}, {question.mode}, "
            f"{question.engine})", [f"Largest: {found.max() / 2**SCORE_FRAC:.3f}"])
    shape = network.stages[layer].source
    spikes = result.spikes_input[0] if layer == 0 else result.spikes[layer][0]
    trains = spikes.reshape(network.steps, -1)
    where = "the input" if layer == 0 else f"layer {layer}"
    if question.method == "attribution":
        hidden = None
        if question.paths == "active":
            hidden = [result.spikes[stage.index][0] for stage in network.stages[layer:-1]]
        found = SpikeAttributor(question.decay).attribute(
            spikes, network, target, paths=question.paths, hidden=hidden, layer=layer)
        values, unit = found.scores, "path weight x age"
        title = (f"Attribution of the class score to spikes of {where} "
                 f"({question.paths} paths, decay {question.decay:g})")
    elif question.method == "saliency":
        found = TemporalSaliency(NetworkModel(network, layer), progress=progress).explain(
            trains, target)
        values, unit = found.saliency_map(), "fall of the class score"
        title = f"Fall of the class score without each spike of {where}"
    else:
        found = CausalImportance(NetworkModel(network, layer), progress=progress).explain(
            trains, target)
        values, unit = found.importance_map()[None], "fall of the class score"
        title = f"Fall of the class score without each neuron of {where}"
    values = values.reshape(-1, *shape)
    return Explanation(values if question.method != "causal" else values[0], values.sum(axis=1),
                       unit, title, found.summary().splitlines())


def drawable(image):
    """(H, W) or (H, W, 3) to draw of an image (C, H, W) or of spike frames (T, C, H, W).

    Three channels are colours. Of two, as a camera of events has them, the first is red and the
    second cyan, and where both are alike it is grey. Of any other number the mean is drawn; of
    frames their sum, its largest value the brightest.
    """
    if image.ndim == 4:
        image = image.sum(axis=0, dtype=np.int64)
        image = image * 255 // max(int(image.max()), 1)
    if len(image) == 1:
        return image[0]
    if len(image) in (2, 3):
        return np.moveaxis(image[[0, 1, 1]] if len(image) == 2 else image, 0, -1)
    return image.mean(axis=0)


def draw(image, explanation, heading):
    """Figure: the input and the sum over steps on the left, an overlay a step on the right.

    Unsigned maps lie over the image in the colours of the paper's figures; signed ones over a pale
    print of it, red for and blue against, fainter towards 0. All steps share one scale, which ends
    at the largest value, or (signed) at the 99.5th percentile of those that are not 0.
    """
    heat = explanation.heat
    signed = heat.min() < 0
    under = drawable(image)
    if image.shape[-3] == 2:            # red and cyan would mix with the colours of the map
        under = under.mean(axis=2)
    steps = np.unique(np.linspace(0, len(heat) - 1, min(len(heat), SHOWN)).round().astype(int))
    across = -(-len(steps) // 2) if len(heat) > 1 else 0
    figure = Figure(figsize=(3 + 1.45 * across, 4.9) if across else (7, 3.9), layout="constrained")
    figure.suptitle(f"{heading}\n{explanation.title}", fontsize=11, parse_math=False)
    left, *right = figure.subfigures(1, 1 + bool(across), squeeze=False, width_ratios=(
        (2.6, 0.4 + 1.45 * across) if across else None)).ravel()

    def scale(values):
        """Largest value of the colours of ``values``."""
        sizes = np.abs(values[values != 0])
        return float(np.percentile(sizes, 99.5) if signed else sizes.max()) if sizes.size else 1.0

    def overlay(axes, values, top, title):
        """``values`` over the image; the mappable for a colour bar."""
        if signed and under.ndim == 2:
            axes.imshow(under, cmap="gray_r", extent=(0, 1, 1, 0), vmin=0,
                        vmax=max(3 * int(under.max()), 1))
        else:
            axes.imshow(under, cmap="gray", extent=(0, 1, 1, 0))
        axes.set_axis_off()
        axes.set_title(title, fontsize=8)
        strength = np.sqrt(np.clip(np.abs(values) / top, 0, 1))
        return axes.imshow(values, cmap="bwr" if signed else "jet", extent=(0, 1, 1, 0),
                           vmin=-top if signed else 0, vmax=top, interpolation="nearest",
                           alpha=strength if signed else 0.6)

    def bar(part, shown, axes, label):
        """Colour bar of ``shown`` beside ``axes``."""
        found = part.colorbar(shown, ax=list(axes), shrink=0.9, aspect=30,
                              extend="both" if signed else "neither")
        found.set_label(label, fontsize=8)
        found.ax.tick_params(labelsize=7)

    panels = left.subplots(*((2, 1) if across else (1, 2)))
    panels[0].imshow(drawable(image), cmap="gray")
    panels[0].set_axis_off()
    panels[0].set_title("input", fontsize=8)
    total = heat.sum(axis=0)
    shown = overlay(panels[1], total, scale(total),
                    "sum of all steps" if across else explanation.whole)
    bar(left, shown, panels, "" if across else explanation.unit)
    if across:
        grid = right[0].subplots(2, across, squeeze=False).ravel()
        for axes in grid[len(steps):]:
            axes.set_axis_off()
        for axes, t in zip(grid, steps, strict=False):
            shown = overlay(axes, heat[t], scale(heat[steps]), f"t = {t}")
        bar(right[0], shown, grid, explanation.unit)
    return figure


def raw_map(path):
    """Whether ``path`` is a raw map of this command, by the names of its arrays."""
    with zipfile.ZipFile(path) as archive:
        return {"map.npy", "heat.npy", "method.npy"} <= set(archive.namelist())


@dataclass(frozen=True)
class Question:
    """What is asked of an image; members are the options of the command."""

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

    def checked(self, network):
        """The Question with a layer; BadInput unless all members fit the network."""
        rule(self.method in METHODS, "--method",
             f"must be one of {', '.join(METHODS)}, not {self.method}")
        rule(self.engine in ("golden", "rtl"), "--engine",
             f"must be golden or rtl, not {self.engine}")
        rule(self.mode in MODES, "--mode", f"must be one of {', '.join(MODES)}, not {self.mode}")
        checked_decay(self.decay)
        try:
            exp_table(self.gamma, 2)
        except ValueError as error:
            raise BadInput(f"--gamma: {error}") from None
        rule(self.method == "contribution" or self.versus is None and not self.alone,
             "--versus" if self.versus is not None else "--alone", "is of --method contribution")
        rule(self.versus is None or not self.alone, "--alone", "takes no --versus")
        sam, layer = self.method == "sam", self.layer
        if self.method == "contribution":
            layer = contribution.check(network, layer, self.versus)
        if layer is None:
            layer = default_layer(network) if sam else 0
        if self.engine == "rtl" and self.method == "attribution":
            if self.layer is None:
                layer = network.taps[-1] if network.taps else 0
            check_taps([layer], network, "--layer")
        elif sam:
            check_taps([layer], network, "--layer")
        else:
            index(layer, len(network.stages), "--layer")
        if self.output_neuron is not None:
            index(self.output_neuron, network.classes, "--output-neuron")
        return replace(self, layer=layer)


def answered(question, network, image, console):
    """(Explanation, Result, class explained) of a checked Question about one image."""
    sam, layer, chip, maps = question.method == "sam", question.layer, None, None
    if question.engine == "rtl" and question.method == "contribution":
        maps, result = contribution.by_chip(network, image, question)
    elif question.engine == "rtl" and not sam:
        from apps.explain_rtl import Chip
        chip = Chip(network, image, question.method, layer, decay=question.decay)
        result = chip.result
    elif question.engine == "rtl":
        result = run_engine(image[None], network, engine="rtl", taps=(layer,),
                            gamma=question.gamma, mode=question.mode, console=console, jobs=1)
    else:
        with watched(network, 1, console) as clock:
            result = run(image[None], network, taps=(layer,) if sam else None,
                         gamma=question.gamma, mode=question.mode, clock=clock)
    pred = int(result.pred[0])
    target = pred if question.output_neuron is None else question.output_neuron
    if question.method == "contribution":
        return Explanation(*contribution.explained(
            network, result, target, question, maps=maps)), result, target
    with Progress(console=console, transient=True) as bar:
        if chip:
            def begin(total):
                """What is called after each of ``total`` runs."""
                task = bar.add_task(question.method, total=total)
                return lambda: bar.advance(task)
            return Explanation(*chip.explained(target, begin)), result, target
        return explained(question, network, image, result, target, layer, lambda it: bar.track(
            it, description=question.method)), result, target


def heading_of(question, network, pred, target, label):
    """What is written above a picture."""
    found = f"predicted: {name(network, pred)}"
    if label is not None:
        found += f"    label: {name(network, label)}"
    return found + ("" if question.method == "sam" else f"    explained: {name(network, target)}")


def arrays_of(question, image, explanation, result, target, label):
    """The arrays of the raw map's file."""
    found = {"map": explanation.map, "heat": explanation.heat, "image": image,
             "pred": int(result.pred[0]), "logits": result.logits[0], "layer": question.layer,
             "output_neuron": target, "method": question.method, "engine": question.engine}
    if question.method == "sam":
        found["frac"] = SCORE_FRAC
    if label is not None:
        found["label"] = label
    return found


@command
def main(argv=None, prog="python -m sim.explain"):
    args = parser(prog).parse_args(argv)
    out = output(args.out, args.network, args.image, suffix=".png")
    raw = output(out.with_suffix(".npz"), args.network, args.image, what="the raw map",
                 known=raw_map)
    network = load(args.network)
    question = Question(**{each.name: getattr(args, each.name)
                           for each in fields(Question)}).checked(network)
    source = args.image or sample_of(args.network)
    rule(source is not None, args.network, "comes with no sample images; name some with --images")
    image, label = read_image(source, network, args.index, resize=args.resize)
    explanation, result, target = answered(question, network, image, Console(stderr=True))
    heading = heading_of(question, network, int(result.pred[0]), target, label)
    figure = draw(image, explanation, heading)
    arrays = arrays_of(question, image, explanation, result, target, label)
    with publishing() as put:
        figure.savefig(put(out), dpi=130)
        np.savez_compressed(put(raw), **arrays)
    say("\n".join([heading, *explanation.lines, f"wrote {out} and {raw}"]))


if __name__ == "__main__":
    main()
