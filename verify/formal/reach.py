"""Every state that a small accelerator can come to: no deadlock, and every word right.

A bounded model checker is lost in a whole accelerator; a simulation that tries everything the
environment may do, in every state, is not (reach.cpp beside this file). What it shows holds for
ever, for any pauses of the input and any stalls of the outputs, on this network and these images.
"""

import argparse
import dataclasses
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from amaranth import Shape

from golden.formats import exp_table
from golden.io.errors import command
from golden.io.evidence import stamp
from golden.io.files import replacing
from golden.io.text import say
from golden.run import run
from hw.accelerator import Accelerator
from hw.interface import pixel_words, score_words
from hw.plan.packing import configuration
from sim.verilate import text_of, verilated
from verify.formal.streams import tiny

HARNESS = Path(__file__).with_name("reach.cpp")
MOST = 5_000_000                      # states, of a kilobyte each where they are still to be tried
# Registers that run on while they decide nothing, which would make every length of a stall a state
# of its own: the count of an image's cycles; and how many trains the dispatcher has left, which
# after the last of them, until the next word comes, here stays at none (hw.engine.dispatcher).
IDLE = {"cycles": "24'd0", "left": r"\g<2> == 5'd31 ? 5'd0 : \g<2> "}
IMAGES = np.array([255, 0], dtype=np.uint8).reshape(2, 1, 1, 1)
GAP = np.array([255, 0, 255], dtype=np.uint8).reshape(1, 1, 1, 3)


def small():
    """The tiny network for images of one pixel, whose white ones spike."""
    network = tiny(side=1)
    first, *others = network.layers
    neuron = dataclasses.replace(first.neuron, compare="ge")
    return dataclasses.replace(network, layers=(dataclasses.replace(first, neuron=neuron), *others))


def row():
    """Three pixels in a row and three channels, which do not fill their stride of four.

    With a silent pixel between two that spike (GAP), stores follow each other without a gap.
    """
    first, last = small().layers
    first = dataclasses.replace(first, weights=np.resize(np.array([1, -2, 1]), (3, 1, 1, 1)))
    last = dataclasses.replace(last, weights=np.resize(np.array([1, -1, -2, 1, 1]), (2, 9)))
    return dataclasses.replace(small(), shape=(1, 1, 3), layers=(first, last))


# name: (network, images) of each walk.
WALKS = {"pixel": (small, IMAGES), "row": (row, GAP)}


def words_of(accelerator, images):
    """(N, words) uint32 of maps, scores and counts as they leave, the last all ones."""
    found = run(images, accelerator.network, taps=accelerator.taps)
    outputs = accelerator.outputs
    maps = outputs["maps"].words(found.maps)
    scores = score_words(outputs["scores"], found.scores) & 2**outputs["scores"].bits - 1
    ends = np.full((len(images), 1), 2**32 - 1)
    return np.hstack([maps, scores, found.counts, ends]).astype("<u4")


def explored(make=Accelerator, *, walk="pixel", most=MOST):
    """What reach.cpp tells of an accelerator of one lane: {states, steps, longest, pairs}.

    ``walk`` is one of WALKS.

    Raises AssertionError saying what is wrong.
    """
    build, images = WALKS[walk]
    network = build()
    accelerator = make(network, lanes=1, word_steps=4)
    text = text_of(accelerator)
    for name, value in IDLE.items():
        text, held = re.subn(rf"^( +{name} <= )(.*?) *;", rf"\g<1>{value};", text, flags=re.M)
        assert held == 1, f"there is no register {name}, or more than one"
    plan = accelerator.plan
    pixels = pixel_words(images, word_steps=plan.word_steps, planes=plan.planes)
    config = configuration(plan, table=exp_table(0.5, network.steps), mode="paper")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "config").write_bytes(config.astype("<u2").tobytes())
        (folder / "pixels").write_bytes(pixels.astype("<u2").tobytes())
        (folder / "wanted").write_bytes(words_of(accelerator, images).tobytes())
        numbers = (pixels[0].size, len(images),
                   Shape.cast(accelerator.i_pixels.p.data.shape()).width,
                   *(accelerator.outputs[name].count for name in ("maps", "scores", "counts")),
                   most)
        done = subprocess.run(
            [verilated(text, harness=HARNESS), "config", "pixels", "wanted", *map(str, numbers)],
            cwd=folder, text=True, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout.strip() or f"it stops with {done.returncode}"
    return dict(zip(("states", "steps", "longest", "pairs"), map(int, done.stdout.split()),
                    strict=True))


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m tests.formal.reach", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", metavar="FILE.json", help="write the figures for docs/proof.md")
    args = parser.parse_args(argv)
    started, made = time.time(), stamp("reach", "tests.formal.reach", argv)
    walks = {}
    for name in WALKS:
        try:
            walks[name] = found = explored(walk=name)
        except AssertionError as error:
            say(f"error: {name}: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        say(f"{name}: {found['states']:,} states, {found['steps']:,} steps between them: every "
            f"word is the model's, and the image under way ends at most {found['longest']} "
            f"cycles after the last stall; {found['pairs']} orders of images; "
            f"{time.time() - started:.0f} s")
    if args.out:
        with replacing(Path(args.out)) as aside:
            aside.write_text(json.dumps({"stamp": made, "walks": walks}, indent=1) + "\n")


if __name__ == "__main__":
    main()
