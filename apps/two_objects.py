"""python -m apps.two_objects: two objects in a scene, SAM beside contributions to both."""

import numpy as np
from matplotlib.figure import Figure

from golden.explain.contribution import adds_up, said
from golden.formats import SCORE_FRAC
from golden.io.arguments import command_parser, index, network_option
from golden.io.errors import command, rule
from golden.io.files import output, replacing
from golden.io.reading import Archive
from golden.io.text import say
from golden.network import load
from golden.network.linear import check_linear

COLOURS = "tab:green", "tab:orange"   # outlines of the first object and of the second


def parser():
    """Arguments of the command."""
    found = command_parser(
        "python -m apps.two_objects", "Scenes of two objects: SAM beside the contributions to the "
        "two classes, all from the simulated chip.", examples=("--out docs/two_objects.png",))
    network_option(found, default="scenes")
    found.add_argument("--images", default="models/scenes_pairs_sample.npz", metavar="FILE.npz",
                       help="scenes of train.scenes --objects 2 (default: %(default)s)")
    found.add_argument("--index", type=int, action="append", metavar="I",
                       help="a scene; may be repeated (default: 0 and 1)")
    found.add_argument("--out", required=True, metavar="FILE.png", help="the picture")
    return found


def pairs_of(path):
    """(images (N, H, W), pairs (N, 2), masks (N, 2, H, W) bool) of a file of scenes."""
    archive = Archive(path, "file of scenes")
    images, pairs, masks = (archive.read(name) for name in ("images", "pairs", "masks"))
    count = len(images) if images.ndim == 3 else 0
    rule(count and images.dtype == masks.dtype == np.uint8 and pairs.shape == (count, 2)
         and images.shape[2] % 8 == 0
         and masks.shape == (count, 2, images.shape[1], images.shape[2] // 8), path,
         "holds no scenes of two objects: make it by train.scenes --objects 2")
    return images, pairs, np.unpackbits(masks, axis=-1).astype(bool)


def between(values, shape):
    """A map as large as ``shape``, linear between its pixels, which lie at whole strides."""
    rows, columns = (np.arange(side) * count / side for side, count in zip(
        shape, values.shape, strict=True))
    tall = np.array([np.interp(rows, np.arange(len(line)), line) for line in values.T]).T
    return np.array([np.interp(columns, np.arange(len(line)), line) for line in tall])


def draw(network, images, pairs, masks, result):
    """Figure of a row for each scene: the scene, SAM, both contributions and their difference.

    ``result`` is that of an accelerator with the deepest layer's maps and contributions.
    """
    layer, name = network.stages[-2].index, network.label
    tall, wide = images.shape[1:]
    extent = (0, wide, tall, 0)
    figure = Figure(figsize=(13.5, 2.85 * len(images) + 0.5), layout="constrained")
    panels = figure.subplots(len(images), 5, squeeze=False)
    for row, (axes, image, pair, mask) in enumerate(zip(panels, images, pairs, masks,
                                                        strict=True)):
        first, second = map(int, pair)
        shares = result.explained["contributions", layer][row].astype(np.float64)
        heat = result.maps[layer][row].sum(axis=0) / 2**SCORE_FRAC
        axes[0].imshow(image, cmap="gray", extent=extent)
        axes[0].set_title(f"{name(first)} (green),\n{name(second)} (orange);\n"
                          f"answer: {name(int(result.pred[row]))}", fontsize=9)
        drawn = ((heat, "SAM, one map for both"), (shares[first], f"for {name(first)}"),
                 (shares[second], f"for {name(second)}"),
                 (shares[first] - shares[second], f"{name(first)} less {name(second)}"))
        top = max(np.abs(values).max() for values, _ in drawn[1:3]) or 1.0
        for place, (panel, (values, title)) in enumerate(zip(axes[1:], drawn, strict=True)):
            signed = place > 0
            limit = (2 * top if place == 3 else top) if signed else values.max() or 1.0
            panel.imshow(image, cmap="gray_r" if signed else "gray", extent=extent,
                         vmin=0, vmax=3 * int(image.max()) if signed else int(image.max()))
            large = between(values, image.shape)
            shown = panel.imshow(
                large, cmap="bwr" if signed else "jet", extent=extent,
                vmin=-limit if signed else 0, vmax=limit,
                alpha=np.sqrt(np.clip(np.abs(large) / limit, 0, 1)) if signed else 0.6)
            panel.set_title(title, fontsize=9)
            bar = figure.colorbar(shown, ax=panel, shrink=0.85)
            bar.ax.tick_params(labelsize=7)
        for panel in axes:
            panel.set_axis_off()
            for outline, colour in zip(mask, COLOURS, strict=True):
                panel.contour(np.arange(wide) + 0.5, np.arange(tall) + 0.5, outline, levels=[0.5],
                              colors=colour, linewidths=1.2)
    figure.suptitle(f"Two objects in one scene, layer {layer} of {network.name}, all steps, from "
                    "the RTL: red speaks for, blue against", fontsize=11)
    return figure


@command
def main(argv=None):
    args = parser().parse_args(argv)
    out = output(args.out, args.network, args.images, suffix=".png")
    network = load(args.network)
    check_linear(network, "--network")
    images, pairs, masks = pairs_of(args.images)
    chosen = [index(n, len(images), "--index") for n in args.index or (0, 1)]
    for number in pairs[chosen].ravel():
        index(number, network.classes, f"{args.images}: a class")
    images, pairs, masks = images[chosen], pairs[chosen], masks[chosen]
    from sim.rtl import Simulation
    layer = network.stages[-2].index
    result = Simulation(network, taps=(layer,), explain={"contributions": (layer,)}).run(images)
    shares = result.explained["contributions", layer]
    figure = draw(network, images, pairs, masks, result)
    with replacing(out) as aside:
        figure.savefig(aside, dpi=100, format="png", metadata={"Software": None})
    say(said(adds_up(shares, result.scores, network)))
    say(f"wrote {out}")


if __name__ == "__main__":
    main()
