"""python -m sim.explain: why a network sees in an image what it sees, as a picture."""

import zipfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from rich.progress import Progress

from apps.look import bar, drawable, greys, overlay, top_of
from golden.explain.methods import METHODS, answer, checked, class_of, named
from golden.explain.methods.base import Explanation, Question
from golden.formats import GAMMA, MODES, SCORE_FRAC
from golden.images import PICTURES, load_images
from golden.io.arguments import command_parser, index, network_option, resize_option
from golden.io.console import Console
from golden.io.errors import command, rule
from golden.io.files import output, publishing
from golden.io.shipped import pictures_of
from golden.io.text import say, short
from golden.network import load
from golden.progress import watched
from golden.run import run
from sim.run import run_engine

if TYPE_CHECKING:
    import argparse

    from golden.network.graph import Network

__all__ = ["Explanation", "Question", "answered", "arrays_of", "draw", "drawable", "heading_of",
           "main", "parser", "read_image"]

SHOWN = 16          # steps in a picture


def parser(prog: str = "python -m sim.explain") -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        prog, "Why a network sees in an image what it sees, as a picture.", examples=(
            "--network fashion --index 3 --out e.png",
            "--network fashion --index 3 --method saliency --out saliency.png",
            "--network scenes --method contribution --class 0 --versus 3 --out c.png",
            "--network scenes --method zplus --layer 3 --class 0 --out z.png",
            "--network net.npz --images shirt.jpg --resize --engine rtl --out e.png"))
    network_option(found, required=True)
    found.add_argument("--images", "--image", dest="image", metavar="FILE",
                       help="a picture, or image --index of an .npy, .npz or folder of pictures "
                            "(default: the sample of a network that comes with the project)")
    resize_option(found)
    found.add_argument("--index", type=int, default=0, metavar="I",
                       help="which image of several (default: 0)")
    found.add_argument("--method", choices=METHODS, default="sam", metavar="NAME", help="; ".join(
        f"{method.name}: {method.says}" for method in METHODS.values()) + " (default: sam)")
    found.add_argument("--engine", choices=("golden", "rtl"), default="golden",
                       help="the NumPy model, or the RTL in Verilator: for attribution its traces "
                            "times path weights, for contribution its own sums, else spikes taken "
                            "away on the chip (default: golden)")
    found.add_argument("--out", required=True, metavar="FILE.png",
                       help="the picture; the raw map goes to FILE.npz")
    found.add_argument("--layer", "--tap", type=int, metavar="L",
                       help="whose map is drawn, 0 for the input (default: sam, count: the last "
                            "with a map; contribution: the deepest; zplus: the one before it; "
                            "attribution in rtl: the last hidden one; others: 0)")
    found.add_argument("--output-neuron", "--class", dest="output_neuron", type=int, metavar="K",
                       help="explain this class (default: the predicted one)")
    found.add_argument("--versus", type=int, metavar="B",
                       help="against this class (default: none; contribution: the best of the "
                            "others; zplus: the mean of all)")
    found.add_argument("--alone", action="store_true",
                       help="contribution: of the class alone, against no other")
    found.add_argument("--gamma", type=float, default=GAMMA,
                       help="steepness of SAM, by whatever definition (default: %(default)s)")
    found.add_argument("--mode", choices=MODES, default="paper",
                       help="SAM definition (default: paper)")
    found.add_argument("--decay", type=float, default=0.9,
                       help="attribution, tsa: what a step leaves of a spike (default: 0.9)")
    found.add_argument("--paths", choices=("active", "linear"), default="active",
                       help="attribution in golden: only paths whose hidden neurons spike, or all "
                            "(default: active)")
    found.add_argument("--window", type=int, metavar="N",
                       help="occlusion: side of the square (default: a quarter of the image)")
    return found


def read_image(path, network, place, *, resize=False):
    """(image, label or None): number ``place`` of the images at ``path``, or the picture there."""
    images, labels = load_images(path, network, resize=resize)
    if Path(path).suffix.lower() in PICTURES:
        return images[0], None
    place = index(place, len(images), "--index")
    return images[place], None if labels is None else int(labels[place])


def name(network: "Network", number: int) -> str:
    """A class as people call it."""
    found = short(network.label(number))
    return found if found == str(number) else f"{found} ({number})"


def check_drawn(network, question):
    """Raise BadInput, in one line, where a map would be one pixel: it says nothing of where."""
    shape = network.stages[question.layer].source
    others = [str(layer) for layer in (0, *network.map_taps) if layer != question.layer]
    rule(shape[1:] != (1, 1), "--layer", f"layer {question.layer} is {shape[0]} neurons at one "
         f"pixel, which is no map; those with one: {', '.join(others)} (0 is the input; "
         "--method attribution has it)")


def draw(image: np.ndarray, explanation, heading: str):
    """Figure: the input and the sum over steps on the left, an overlay a step on the right.

    Colours are those of apps.look: signed maps lie red and blue over a pale print of the image.
    All steps share one scale, which ends at the largest value, or (signed) at the 99.5th percentile
    of those that are not 0.
    """
    heat, signed = explanation.heat, explanation.signed
    under = greys(image)
    steps = np.unique(np.linspace(0, len(heat) - 1, min(len(heat), SHOWN)).round().astype(int))
    across = -(-len(steps) // 2) if len(heat) > 1 else 0
    figure = Figure(figsize=(3 + 1.45 * across, 4.9) if across else (7, 3.9), layout="constrained")
    figure.suptitle(f"{heading}\n{explanation.title}", fontsize=11, parse_math=False)
    left, *right = figure.subfigures(1, 1 + bool(across), squeeze=False, width_ratios=(
        (2.6, 0.4 + 1.45 * across) if across else None)).ravel()
    panels = left.subplots(*((2, 1) if across else (1, 2)))
    panels[0].imshow(drawable(image), cmap="gray")
    panels[0].set_axis_off()
    panels[0].set_title("input", fontsize=8)
    total = heat.sum(axis=0)
    shown = overlay(panels[1], under, total, top_of(total, signed), signed,
                    "sum of all steps" if across else explanation.whole)
    bar(left, shown, list(panels), "" if across else explanation.unit, beyond=signed)
    if across:
        grid = right[0].subplots(2, across, squeeze=False).ravel()
        for axes in grid[len(steps):]:
            axes.set_axis_off()
        top = top_of(heat[steps], signed)
        for axes, t in zip(grid, steps, strict=False):
            shown = overlay(axes, under, heat[t], top, signed, f"t = {t}")
        bar(right[0], shown, list(grid), explanation.unit, beyond=signed)
    return figure


def raw_map(path: Path) -> bool:
    """Whether ``path`` is a raw map of this command, by the names of its arrays."""
    with zipfile.ZipFile(path) as archive:
        return {"map.npy", "heat.npy", "method.npy"} <= set(archive.namelist())


def answered(question, network, image, console):
    """(Explanation, Result, class explained) of a checked Question about one image."""
    method, layer = named(question.method), question.layer
    chip = None
    if question.engine == "golden":
        with watched(network, 1, console) as clock:
            result = run(image[None], network, gamma=question.gamma, mode=question.mode,
                         clock=clock)
    elif not method.classed:
        result = run_engine(image[None], network, engine="rtl", taps=(layer,),
                            gamma=question.gamma, mode=method.mode_of(question), console=console,
                            jobs=1)
    elif method.pairs:
        from sim.rtl import Simulation
        result = Simulation(network, taps=(), explain={"contributions": (layer,)}).run(image[None])
    else:
        from apps.explain_rtl import Chip
        chip = Chip(network, image, question.method, layer, decay=question.decay)
        result = chip.result
    target = class_of(question, result)
    with Progress(console=console, transient=True) as shown:
        if chip:
            def begin(total):
                """What is called after each of ``total`` runs."""
                task = shown.add_task(question.method, total=total)
                return lambda: shown.advance(task)
            return chip.explained(target, begin), result, target
        track = lambda work: shown.track(work, description=question.method)
        return answer(question, network, image, result, progress=track), result, target


def heading_of(question, network: "Network", pred: int, target: int, label: int | None) -> str:
    """What is written above a picture."""
    found = f"predicted: {name(network, pred)}"
    if label is not None:
        found += f"    label: {name(network, label)}"
    classed = named(question.method).classed
    return found + (f"    explained: {name(network, target)}" if classed else "")


def arrays_of(question, image: np.ndarray, explanation, result, target: int,
              label: int | None) -> dict[str, Any]:
    """The arrays of the raw map's file."""
    found = {"map": explanation.map, "heat": explanation.heat, "image": image,
             "pred": int(result.pred[0]), "logits": result.logits[0], "layer": question.layer,
             "output_neuron": target, "method": question.method, "engine": question.engine}
    if question.method.startswith("sam"):
        found["frac"] = SCORE_FRAC
    if label is not None:
        found["label"] = label
    return found


@command
def main(argv: list[str] | None = None, prog: str = "python -m sim.explain") -> None:
    args = parser(prog).parse_args(argv)
    out = output(args.out, args.network, args.image, suffix=".png")
    raw = output(out.with_suffix(".npz"), args.network, args.image, what="the raw map",
                 known=raw_map)
    network = load(args.network)
    question = checked(Question(**{each.name: getattr(args, each.name)
                                   for each in fields(Question)}), network)
    check_drawn(network, question)
    source = pictures_of(args.network, args.image)
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
