"""python -m tests.helpers.leaky_chip: a network of snnTorch's usual beta .9 as a network file.

Of 2 x 32 x 32 spike frames: conv5 12, max pooling, conv5 32, max pooling, dense 10, without biases,
its weights drawn and quantised as the user's would be. It is what ``hw.build ice40`` must take at
its defaults: every leak of it is a product.
"""

import argparse

import numpy as np

from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.quantise import quantise
from golden.io.arguments import whole
from golden.io.errors import command
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import Pool


def beta9(*, bias=False):
    """The float network, with a bias a channel if asked for."""
    rng = np.random.default_rng(0)
    neuron = FloatNeuron(beta=np.float64(.9), threshold=np.float64(1), reset="subtract", delay=0)

    def layer(*shape):
        bound = np.prod(shape[1:])**-0.5
        return FloatLayer(rng.uniform(-bound, bound, shape), neuron,
                          bias=rng.uniform(-bound, bound, shape[0]) if bias else None)
    return FloatNetwork((2, 32, 32), 16, (
        layer(12, 2, 5, 5), Pool("max", 2, 2), layer(32, 12, 5, 5), Pool("max", 2, 2),
        layer(10, 800)), encoder="frames", readout="count", name="beta9")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.helpers.leaky_chip", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=whole(2), default=8, help="of a weight (default: 8)")
    parser.add_argument("--bias", action="store_true", help="with a bias a channel")
    parser.add_argument("--out", default="build/beta9.npz", metavar="NET.npz")
    args = parser.parse_args(argv)
    output(args.out, suffix=".npz")
    with replacing(args.out) as aside:
        quantise(beta9(bias=args.bias), bits=args.bits).save(aside)
    say(f"wrote {args.out}: python -m hw.build ice40 --network {args.out} --out build/beta9")


if __name__ == "__main__":
    main()
