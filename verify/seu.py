"""python -m sim.upsets: flip one random bit of state in each image; tell what became of it.

Groups: the membrane of a neuron under way, the sums behind it, the NCS and the ISI of the SAM unit
(flip-flops, at a random cycle of a random image), and a word of the weight memory (all through the
image, then put right). Every second image is left alone and must be golden's: nothing outlives an
image, and the machine never hangs.
"""

import argparse
import json
import re
import sys

import numpy as np

from flow.yosys import flattened
from golden.images import load_images
from golden.io.arguments import whole
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import load
from golden.run import run_batched

GROUPS = {  # group: registers of the flat design; Amaranth names the first of a tuple $signal
    "membrane": r"engine\.datapath\.lane\d+\.lif\.(kept|\$signal|fired)",
    "sums": r"engine\.datapath\.lane\d+\.(sum|shadow)\d+",
    "NCS": r"explain\.sam\.score\.(kept|grown)",
    "ISI": r"explain\.sam\.score\.last",
}
PART = 100


def struck(text):
    """(Verilog with inputs ``upset`` and ``upset_bit``, [(group, register, bits)]).

    Register n, counted from 1, takes its next value with one bit turned over while ``upset`` is n.
    """
    found = []

    def strike(match):
        width, name = int(match["high"] or 0) + 1, match["name"].strip().lstrip("\\")
        for group, pattern in GROUPS.items():
            if re.fullmatch(pattern, name):
                found.append((group, name, width))
        return match[0]
    re.sub(r"^  reg (?:signed )?(?:\[(?P<high>\d+):0\] )?(?P<name>\\?[\w.$\[\]]+ ?)(?: = .*)?;",
           strike, text, flags=re.M)
    if missing := GROUPS.keys() - {group for group, _, _ in found}:
        raise RuntimeError(f"the flat design has no registers of {', '.join(sorted(missing))}")
    for n, (_, name, _) in enumerate(found, 1):
        pattern = rf"(\\{re.escape(name)} +<= )(.+?);"
        text, count = re.subn(
            pattern, lambda m, n=n: f"{m[1]}({m[2]}) ^ (upset == {n} ? 1 << upset_bit : 0);", text)
        if not count:
            raise RuntimeError(f"{name} is no register of the flat design")
    text, count = re.subn(r"^module dut\(", "module dut(upset, upset_bit, ", text, flags=re.M)
    text = re.sub(r"^(module dut\(.*?\);)", r"\1\n  input [15:0] upset;\n  input [4:0] upset_bit;",
                  text, count=1, flags=re.M | re.S)
    if count != 1:
        raise RuntimeError("no module dut")
    return text, found


class Struck:
    """A simulated accelerator of which single bits can be turned over."""

    def __init__(self, network):
        from sim.rtl import Simulation

        def change(text):
            text, self.registers = struck(flattened(text))
            return text
        self.network = network
        self.simulation = Simulation(network, taps=network.default_taps, change=change)

    def run(self, images, upsets):
        """Result with the register bits ``upsets`` (image, cycle, register, bit) turned over."""
        flips = np.array(upsets, dtype="<u4").reshape(-1, 4)
        return self.simulation.run(images, flips=flips.tobytes())

    def run_weights(self, images, words):
        """Result with bits of weight words {image: (index, bit)} turned over during an image."""
        contents = self.simulation.accelerator.plan.weight_image.ravel()
        writes, undo = [], np.zeros((0, 3), dtype=np.uint16)
        for n in range(len(images)):
            done = undo
            undo = np.zeros((0, 3), dtype=np.uint16)
            if n in words:
                index, bit = words[n]
                word = int(contents[index])
                done = np.concatenate([done, np.array([[0, index, word ^ 1 << bit]], np.uint16)])
                undo = np.array([[0, index, word]], np.uint16)
            writes.append(done)
        return self.simulation.run(images, writes=writes)


def effects(found, n, wanted, at):
    """What the upset of image n did, which is image ``at`` of the golden result."""
    if found.pred[n] != wanted.pred[at]:
        return "class changed"
    if any(not np.array_equal(found.maps[tap][n], wanted.maps[tap][at]) for tap in wanted.maps):
        return "map changed"
    same = (np.array_equal(found.scores[n], wanted.scores[at])
            and np.array_equal(found.counts[n], wanted.counts[at]))
    return "nothing" if same else "scores or counts changed"


def survey(network, images, *, seed, console):
    """{group: {effect: images}}; raises ArithmeticError if an image left alone is not golden's."""
    machine = Struck(network)
    rng = np.random.default_rng(seed)
    wanted = run_batched(images, network, taps=network.default_taps)
    cycles = int(machine.simulation.run(images[:10]).cycles.min())
    groups = [*GROUPS, "weights"]
    table = {group: {} for group in groups}
    for start in range(0, len(images), PART):
        some = images[start:start + PART]
        for group in groups:
            hit = range(1, len(some), 2)
            registers = [n for n, (of, _, _) in enumerate(machine.registers, 1) if of == group]
            try:
                if group == "weights":
                    size = machine.simulation.accelerator.plan.weight_image.size
                    found = machine.run_weights(some, {
                        n: (int(rng.integers(size)), int(rng.integers(16))) for n in hit})
                else:
                    upsets = []
                    for n in hit:
                        chosen = int(rng.choice(registers))
                        upsets.append((n, int(rng.integers(cycles)), chosen,
                                       int(rng.integers(machine.registers[chosen - 1][2]))))
                    found = machine.run(some, upsets)
            except RuntimeError:
                table[group]["hang"] = table[group].get("hang", 0) + 1
                continue
            for n in range(len(some)):
                at = start + n
                effect = effects(found, n, wanted, at)
                if n in hit:
                    table[group][effect] = table[group].get(effect, 0) + 1
                elif effect != "nothing":
                    raise ArithmeticError(f"image {at} was left alone and is not golden's")
        console.print(f"{start + len(some)} of {len(images)} images")
    return table


EFFECTS = ("class changed", "map changed", "scores or counts changed", "nothing", "hang")


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m sim.upsets", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="fashion", metavar="NET")
    parser.add_argument("--images", default="build/fashion_test.npz", metavar="FILE")
    parser.add_argument("--limit", type=int, default=1000, help="images (default: %(default)s)")
    parser.add_argument("--seed", type=whole(0), default=1)
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args(argv)
    if args.limit < 2:
        raise BadInput(f"--limit must be at least 2, not {args.limit}")
    if args.out is not None:
        output(args.out, args.network, args.images, suffix=".json")
    network = load(args.network)
    images, _ = load_images(args.images, network)
    images = images[:args.limit]
    made = stamp("upsets", "sim.upsets", argv)
    try:
        table = survey(network, images, seed=args.seed, console=Console(stderr=True))
    except ArithmeticError as error:
        say(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    shown = Table(title=f"one bit turned over in every second of {len(images)} images")
    for column in ("bit of", *EFFECTS):
        shown.add_column(column, justify="left" if column == "bit of" else "right")
    for group, counts in table.items():
        shown.add_row(group, *(str(counts.get(effect, 0)) for effect in EFFECTS))
    Console().print(shown)
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps({
                "stamp": made, "network": network.digest, "taps": network.default_taps,
                "images": len(images), "seed": args.seed, "table": table}, indent=1) + "\n")
    raise SystemExit(1 if any(counts.get("hang") for counts in table.values()) else 0)


if __name__ == "__main__":
    main()
