"""python -m apps.activations: what the channels of every layer do on an image."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from apps.look import bar, drawable, greys, overlay
from golden.images import load_images
from golden.io.arguments import command_parser, index, network_option, whole
from golden.io.errors import command
from golden.io.files import output, replacing
from golden.io.shipped import pictures_of
from golden.io.text import plain, say
from golden.network import load
from golden.run import run

if TYPE_CHECKING:
    import argparse

__all__ = ["busiest", "draw", "main", "parser"]


def parser() -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        "python -m apps.activations", "The channels of every layer that spike most on an image: "
        "spikes of the whole run, place by place.", examples=("--network fashion --out a.png",))
    network_option(found, required=True)
    found.add_argument("--images", metavar="FILE",
                       help="as sim.run takes them (default: the sample that comes along)")
    found.add_argument("--index", type=int, default=0, metavar="I",
                       help="which image (default: %(default)s)")
    found.add_argument("--channels", type=whole(1, 32), default=8, metavar="N",
                       help="of a layer (default: %(default)s)")
    found.add_argument("--out", required=True, metavar="FILE.png", help="the picture")
    return found


def busiest(spikes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(numbers, maps (n, H, W)) of the channels with most spikes, the busiest first.

    A map counts the spikes of the whole run. Of equals the lower number comes first. By hand:
    channels of 1, 3 and 3 spikes are given as 1, 2, 0.

    Parameters
    ----------
    spikes : (T, C, H, W)
    count : int
        Channels, at most.
    """
    maps = np.abs(np.asarray(spikes).astype(np.int64)).sum(axis=0)
    order = np.argsort(-maps.sum(axis=(1, 2)), kind="stable")[:count]
    return order, maps[order]


def draw(image: np.ndarray, layers: dict, count: int, title: str) -> Figure:
    """Figure of a row for each layer, (T, C, H, W) by its number, 0 the input.

    A layer without a map (one place) says its counts in words instead of painting flat squares.
    """
    figure = Figure(figsize=(1.35 * (count + 1) + 0.9, 1.5 * len(layers) + 0.6),
                    layout="constrained")
    panels = figure.subplots(len(layers), count + 1, squeeze=False)
    under = greys(image)
    for axes, (number, spikes) in zip(panels, layers.items(), strict=True):
        order, maps = busiest(spikes, count)
        for axis in axes:
            axis.set_axis_off()
        axes[0].imshow(drawable(image), cmap="gray")
        axes[0].set_title(f"layer {number}" if number else "input", fontsize=9)
        if maps.shape[1:] == (1, 1):
            axes[1].text(0, 0.5, "no map; spikes: " + ", ".join(
                f"{channel}: {total}" for channel, total in zip(
                    order, maps[:, 0, 0], strict=True)), fontsize=8, va="center")
            continue
        top = float(max(maps.max(), 1))
        for axis, channel, heat in zip(axes[1:], order, maps, strict=False):
            shown = overlay(axis, under, heat.astype(float), top, False, f"channel {channel}")
        bar(figure, shown, axes[-1], "spikes of the run", beyond=False)
    figure.suptitle(plain(title), fontsize=11, parse_math=False)
    return figure


@command
def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    out = output(args.out, args.network, args.images, suffix=".png")
    network = load(args.network)
    source = pictures_of(args.network, args.images)
    images, _ = load_images(source, network)
    image = images[index(args.index, len(images), "--index")]
    result = run(image[None], network)
    layers = {0: result.spikes_input[0],
              **{tap: spikes[0] for tap, spikes in sorted(result.spikes.items())}}
    figure = draw(image, layers, args.channels, f"{network.name}, image {args.index}: sees "
                  f"{network.label(int(result.pred[0]))}")
    with replacing(out) as aside:
        figure.savefig(aside, dpi=100, format="png", metadata={"Software": None})
    say(f"wrote {out}: {len(layers)} layers, input first")


if __name__ == "__main__":
    main()
