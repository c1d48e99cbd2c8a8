"""The chip as the netlist after synthesis on real images: all that leaves it is golden's.

``python -m sim.gates`` runs sim.netlist on some real images and compares.
"""

import argparse
import json
import re
import sys
from collections import Counter

import numpy as np

from golden.images import load_images
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import load
from golden.run import run
from sim.netlist import Gates


def summary(network, found, wanted, text):
    """Report of a run: which arrays equal golden's; raises ArithmeticError if one does not."""
    arrays = {name: (getattr(found, name), getattr(wanted, name))
              for name in ("logits", "scores", "counts")}
    arrays |= {f"maps of layer {tap}": (found.maps[tap], wanted.maps[tap]) for tap in found.maps}
    for name, (got, want) in arrays.items():
        if not np.array_equal(got, want):
            raise ArithmeticError(f"{name} of the netlist are not golden's")
    cells = Counter(re.findall(r"^  (SB_\w+) ", text, flags=re.M))
    return {"network": network.digest, "images": len(found.logits), "taps": list(found.maps),
            "equal": list(arrays), "cells": sum(cells.values()), "kinds": dict(cells),
            "cycles": int(found.cycles.sum())}


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m sim.gates", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="fashion", metavar="NET")
    parser.add_argument("--images", default="fashion", metavar="FILE")
    parser.add_argument("--limit", type=int, default=3, help="images (default: %(default)s)")
    parser.add_argument("--out", metavar="FILE.json")
    args = parser.parse_args(argv)
    if args.limit < 1:
        raise BadInput(f"--limit must be at least 1, not {args.limit}")
    if args.out is not None:
        output(args.out, args.network, args.images, suffix=".json")
    network = load(args.network)
    images = load_images(args.images, network)[0][:args.limit]
    taps = network.default_taps      # of the chip that ships
    gates = Gates(network, taps=taps)
    found = {"stamp": stamp("gates", "sim.gates", argv, rtl=gates.netlist)}
    try:
        found |= summary(network, gates.run(images), run(images, network, taps=taps),
                         gates.netlist)
    except ArithmeticError as error:
        say(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    say(f"{found['images']} images: {', '.join(found['equal'])} equal golden; "
        f"{found['cells']:,} cells, {found['cycles']:,} cycles")
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
