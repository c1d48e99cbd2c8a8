"""Activation maximisation: what picture a spiking network scores highest for each class.

``python -m train.maximise --network fashion --out m.png``. Gradient ascent from noise through the
surrogate gradients of the network's own integers (train.core.explainers.maximised).
"""

import numpy as np
from matplotlib.figure import Figure

from golden.io.arguments import command_parser, network_option, whole
from golden.io.errors import BadInput, command
from golden.io.files import output, replacing
from golden.io.text import plain, say
from golden.network import load
from golden.network.encoders import encoder_of
from golden.run import run


def arguments(argv=None):
    """Parse the command line."""
    parser = command_parser("python -m train.maximise", __doc__.splitlines()[0],
                            examples=("--network fashion --steps 20 --out m.png",))
    network_option(parser, required=True)
    parser.add_argument("--steps", type=whole(1, 1000), default=60, help="of the ascent")
    parser.add_argument("--seed", type=whole(0), default=0, help="of the noise it starts from")
    parser.add_argument("--out", required=True, metavar="FILE.png", help="the picture")
    return parser.parse_args(argv)


def draw(pictures, logits, network):
    """Figure of a picture a class, with the class that golden answers and its score."""
    columns = min(len(pictures), 5)
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(1.9 * columns, 2.3 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for label, (axis, picture, scores) in enumerate(zip(axes, pictures, logits, strict=False)):
        axis.imshow(picture.mean(axis=0), cmap="gray", vmin=0, vmax=255)
        axis.set_title(plain(f"{network.label(label)}: {scores[label]}\nsees "
                             f"{network.label(int(scores.argmax()))}"), fontsize=8,
                       parse_math=False)
    figure.suptitle(plain(f"{network.name}: the picture of the largest score of each class"),
                    fontsize=10, parse_math=False)
    return figure


@command
def main(argv=None):
    args = arguments(argv)
    out = output(args.out, args.network, suffix=".png")
    network = load(args.network)
    if encoder_of(network).frames:
        raise BadInput(f"{args.network}: takes spike frames, and there is no picture to look for")
    from train.core import explainers
    forward = explainers.encoded(network)
    found = np.stack([explainers.maximised(forward, network.shape, label, steps=args.steps,
                                           seed=args.seed) for label in range(network.classes)])
    pictures = np.floor(found).astype(np.uint8)
    logits = run(pictures, network, taps=(), keep=False).logits
    with replacing(out) as aside:
        draw(pictures, logits, network).savefig(aside, dpi=100, format="png",
                                                metadata={"Software": None})
    right = int((logits.argmax(axis=1) == np.arange(network.classes)).sum())
    say(f"wrote {out}: {right} of {network.classes} pictures are answered as their class")


if __name__ == "__main__":
    main()
