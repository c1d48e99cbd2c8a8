"""python -m sim.throughput: cycles and synaptic operations of the RTL on real images.

A synaptic operation is one weight added because a spike was there to be weighed: a spike counts
once for each neuron whose receptive field holds it. Padding, empty words and idle lanes do not
count.
"""

import json

import numpy as np

from golden.formats import GAMMA
from golden.images import load_images
from golden.io.arguments import command_parser, whole
from golden.io.console import Console
from golden.io.errors import command
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import Layer, load
from golden.run import run_batched
from golden.synapses import pooled, weighted
from sim.run import run_engine


def fan_out(stage):
    """(C, H, W) how many weights a spike at each place of a stage's source meets."""
    layer = stage.layer
    ones = Layer(weights=np.ones_like(layer.weights), bits=layer.bits, neuron=layer.neuron,
                 stride=layer.stride, padding=layer.padding, groups=layer.groups)
    # The count is linear in the input: one unit at a time would do; its transpose is cheaper.
    counts = np.zeros(stage.source, dtype=np.int64)
    for place in np.ndindex(*stage.source[1:]):
        unit = np.zeros((1, *stage.source), dtype=np.int64)
        for channel in range(0, stage.source[0], max(1, stage.source[0] // layer.groups)):
            unit[:] = 0
            unit[0, channel, place[0], place[1]] = 1
            flat = unit
            for pool in stage.pools:
                flat = pooled(flat, pool)
            met = int(weighted(flat, ones, 1).sum())
            counts[channel:channel + stage.source[0] // layer.groups, place[0], place[1]] = met
    return counts


def operations(network, result):
    """(N,) synaptic operations of each image of a Result that kept all spikes."""
    sources = [result.spikes_input, *(result.spikes[tap] for tap in network.taps)]
    total = np.zeros(len(result.logits), dtype=np.int64)
    for stage, spikes in zip(network.stages, sources, strict=False):
        total += np.einsum("ntchw,chw->n", (spikes != 0).astype(np.int64), fan_out(stage))
    return total


@command
def main(argv=None):
    parser = command_parser(
        "python -m sim.throughput", "Cycles and synaptic operations of the RTL on real images.",
        examples=("--limit 10",))
    parser.add_argument("--network", default="fashion", metavar="NET")
    parser.add_argument("--images", default="fashion", metavar="FILE")
    parser.add_argument("--limit", type=whole(), default=100, help="images, from the first")
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--trains", type=int, default=1)
    parser.add_argument("--word-steps", type=int, default=16)
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args(argv)
    if args.out is not None:
        output(args.out, args.network, args.images, suffix=".json")
    network = load(args.network)
    images, _ = load_images(args.images, network)
    images = images[:args.limit]
    golden = run_batched(images, network)
    useful = operations(network, golden)
    report = {"network": network.digest, "images": len(images),
              "operations": int(useful.sum()), "taps": {}}
    console = Console(stderr=True)
    say(f"synaptic operations: {useful.sum():,} in {len(images)} images")
    for taps in ((), network.default_taps, network.taps):
        result = run_engine(images, network, engine="rtl", taps=taps, gamma=GAMMA, mode="paper",
                            console=console, lanes=args.lanes, word_steps=args.word_steps,
                            trains=args.trains)
        same = (np.array_equal(result.scores, golden.scores)
                and all(np.array_equal(result.maps[tap], golden.maps[tap]) for tap in taps))
        cycles = int(result.cycles.sum())
        name = ", ".join(map(str, taps)) or "none"
        report["taps"][name] = {"cycles": cycles, "equal": same}
        say(f"SAM on layers {name}: {cycles:,} cycles, mean {cycles / len(images):,.0f}, most "
              f"{result.cycles.max():,}; {useful.sum() / cycles:.2f} operations a cycle; "
              f"rtl {'==' if same else '!='} golden")
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(report, indent=2) + "\n")
    raise SystemExit(0 if all(entry["equal"] for entry in report["taps"].values()) else 1)


if __name__ == "__main__":
    main()
