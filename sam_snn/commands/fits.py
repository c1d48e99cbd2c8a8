"""``sam-snn fits``: does a network fit, how fast is it, and what helps; before it is trained."""

import json
from typing import TYPE_CHECKING

from boards.platform.target import targets
from flow.estimate.fits import ACTIVITY
from golden.importers.cli import numbers
from golden.importers.quantise import quantise
from golden.io.arguments import command_parser
from golden.io.console import Console, wide
from golden.io.errors import command, rule
from golden.io.files import output, replacing
from golden.io.shipped import sample_of
from golden.io.text import say
from golden.network import ENCODERS, Network
from sam_snn.fitting import fits
from sam_snn.sources import drawn_or_read, pictures

if TYPE_CHECKING:
    import argparse

__all__ = ["main"]


def parser(prog: str) -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        prog, "Whether a network fits, how fast it is, and what helps. Nothing is built, and "
        "nothing needs to be trained: all numbers are estimates.", examples=(
            "2x34x34 conv12k5 pool2 conv32k5 pool2 dense10 --steps 16 --bits 4",
            "784-1000-10 --steps 25", "model.py:Net --shape 1,28,28",
            "--network fashion --board icebreaker"),
        codes="Layers: conv12k5 (12 channels by 5 x 5; s2 stride, p1 padding, g4 groups), pool2, "
              "avgpool2, sumpool2, dense10; 784-128-10 is short for 784 dense128 dense10. Exit "
              "code 0: fits a board; 1: fits none; 2: bad input.")
    found.add_argument("what", nargs="*", metavar="LAYERS|NETWORK",
                       help="a list of layers, a network's file or name, a NIR graph, or "
                            "file.py:Class, a torch module")
    found.add_argument("--network", metavar="NET", help="the same as a word")
    found.add_argument("--board", choices=[target.name for target in targets()],
                       help="this one alone (default: all)")
    found.add_argument("--steps", type=int, metavar="T",
                       help="time steps (default: 16, or the network's)")
    found.add_argument("--bits", type=int, default=4, metavar="B", help="of a weight, 2 to 8")
    found.add_argument("--beta", type=float, default=0.9,
                       help="layers: what a step leaves of a membrane")
    found.add_argument("--encoder", choices=ENCODERS,
                       help="how pixels become spikes (default: bernoulli, or the network's)")
    found.add_argument("--shape", metavar="C,H,W", help="of an image; torch modules need it")
    found.add_argument("--images", metavar="FILE",
                       help="whose spikes give the cycles (default: the sample of a network that "
                            "comes with the project, else --activity)")
    found.add_argument("--resize", action="store_true",
                       help="scale pictures to the network's size")
    found.add_argument("--activity", type=float, default=ACTIVITY, metavar="SHARE",
                       help="share of neuron steps with a spike, without images")
    found.add_argument("--lanes", type=int,
                       help="output channels at once (default: the fastest that fit)")
    found.add_argument("--word-steps", type=int,
                       help="time steps of a word, 4, 8 or 16 (default: the fastest that fit)")
    found.add_argument("--trains", type=int,
                       help="trains added in a cycle, 1 to 4 (default: 1)")
    found.add_argument("--no-sam", action="store_true", help="leave the SAM unit out")
    found.add_argument("--out", metavar="FILE.json", help="write the estimates as data")
    return found


@command
def main(argv: list[str] | None = None, prog: str = "sam-snn fits") -> None:
    """Print the estimates, and what helps."""
    args = parser(prog).parse_args(argv)
    words = [*args.what, *filter(None, [args.network])]
    rule(words, "LAYERS|NETWORK", "is missing: name layers, as 784-128-10, or a network")
    rule(0 <= args.activity <= 1, "--activity", f"must be 0 to 1, not {args.activity}")
    rule(0 < args.beta <= 1, "--beta", f"must be above 0, at most 1, not {args.beta}")
    if args.out is not None:
        output(args.out, args.images, suffix=".json")
    shape = None if args.shape is None else numbers(args.shape, "--shape")
    found, outline = drawn_or_read(words, steps=args.steps, bits=args.bits, encoder=args.encoder,
                                   beta=args.beta, shape=shape)
    network = found if isinstance(found, Network) else quantise(found, bits=args.bits)
    source = args.images or (None if outline else sample_of(words[0]))
    images = None if source is None else pictures(source, network, resize=args.resize)[0]
    result = fits(network, args.board, lanes=args.lanes, word_steps=args.word_steps,
                  trains=args.trains,
                  taps=() if args.no_sam else None, images=images, activity=args.activity,
                  original=None if isinstance(found, Network) else found)
    result.print(wide(Console()))
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(result.data(), indent=1) + "\n")
        say(f"wrote {args.out}")
    raise SystemExit(0 if result else 1)
