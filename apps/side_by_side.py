"""python -m apps.side_by_side: one image by several methods, a row each."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from apps.look import bar, drawable, greys, overlay, top_of
from apps.metrics import masks_of
from golden import kernel
from golden.explain import explain
from golden.explain.methods import METHODS, checked
from golden.explain.methods.base import Question
from golden.images import load_images
from golden.io.arguments import command_parser, index, network_option, resize_option
from golden.io.errors import command, rule
from golden.io.files import output, replacing
from golden.io.shipped import pictures_of
from golden.io.text import say
from golden.network import load
from golden.run import run_batched

if TYPE_CHECKING:
    import argparse

__all__ = ["draw", "main", "parser"]

DEFAULT = ("sam", "count", "contribution", "zplus", "tsa")
SHOWN = 6           # steps of a row


def parser() -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        "python -m apps.side_by_side", "One image by several methods of explanation, a row each.",
        examples=("--network scenes --index 1 --out docs/methods.png",
                  "--network fashion --method sam --method occlusion --out m.png"))
    network_option(found, required=True)
    found.add_argument("--images", metavar="FILE",
                       help="as sim.run takes them (default: the sample of a network that comes "
                            "with the project)")
    resize_option(found)
    found.add_argument("--index", type=int, default=0, metavar="I",
                       help="which image of several (default: 0)")
    found.add_argument("--method", action="append", choices=METHODS, metavar="NAME",
                       help=f"{', '.join(METHODS)}; may be repeated (default: "
                            f"{', '.join(DEFAULT)})")
    found.add_argument("--out", required=True, metavar="FILE.png", help="the picture")
    return found


def draw(image, found, heading, mask=None):
    """Figure: the input, then steps and their sum, a row for each {method: (Explanation, layer)}.

    Steps of a row share one scale, their sum has its own, with a bar. A method that is about the
    whole run has no steps. ``mask`` (H, W) is outlined.
    """
    under = greys(image)
    figure = Figure(figsize=(1.35 * (SHOWN + 2) + 1.4, 1.55 * len(found) + 0.6),
                    layout="constrained")
    figure.suptitle(heading, fontsize=11, parse_math=False)
    panels = figure.subplots(len(found), SHOWN + 2, squeeze=False)
    for row, (name, (explanation, layer)) in zip(panels, found.items(), strict=True):
        heat, signed = explanation.heat, explanation.signed
        row[0].imshow(drawable(image), cmap="gray", extent=(0, 1, 1, 0))
        row[0].set_xticks([])
        row[0].set_yticks([])
        row[0].set_ylabel(f"{name}\n{f'layer {layer}' if layer else 'input'}", fontsize=8)
        steps = np.linspace(0, len(heat) - 1, SHOWN).round().astype(int) if len(heat) > 1 else []
        top = top_of(heat[steps], signed) if len(steps) else 1.0
        for panel, t in zip(row[1:-1], steps, strict=False):
            overlay(panel, under, heat[t], top, signed, f"t = {t}")
        for panel in row[1 + len(steps):-1]:
            panel.set_axis_off()
        total = heat.sum(axis=0)
        shown = overlay(row[-1], under, total, top_of(total, signed), signed,
                        "sum of all steps" if len(steps) else explanation.whole)
        bar(figure, shown, row[-1], explanation.unit, beyond=signed)
        if mask is not None:
            for panel in (row[0], row[-1]):
                sides = [(np.arange(side) + 0.5) / side for side in mask.shape]
                panel.contour(sides[1], sides[0], mask, levels=[0.5], colors="tab:green",
                              linewidths=1.0)
    return figure


@command
def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    out = output(args.out, args.network, args.images, suffix=".png")
    network = load(args.network)
    questions = {name: checked(Question(method=name), network) for name in args.method or DEFAULT}
    for name, question in questions.items():
        rule(network.stages[question.layer].source[1:] != (1, 1), "--method",
             f"{name} would show layer {question.layer}, whose neurons are at one pixel")
    source = pictures_of(args.network, args.images)
    images, labels = load_images(source, network, resize=args.resize)
    place = index(args.index, len(images), "--index")
    masks = masks_of(source, network.shape)
    image = images[place]
    result = run_batched(image[None], network, kernel=kernel.default())
    found = {name: (explain(image, network, name, result=result), question.layer)
             for name, question in questions.items()}
    heading = f"{network.name}, image {place}: predicted {network.label(result.pred[0])}"
    if labels is not None:
        heading += f", label {network.label(labels[place])}"
    figure = draw(image, found, heading, None if masks is None else masks[place])
    with replacing(out) as aside:
        figure.savefig(aside, dpi=100, format="png", metadata={"Software": None})
    say(f"{heading}\nwrote {out}")


if __name__ == "__main__":
    main()
