"""Where the measured figures stand under the roofs of the chip: docs/design/roofline.md."""

from pathlib import Path

import numpy as np

from bench.rows import common_clock
from boards.platform.device import ICE40UP5K

PAGE = Path("docs/design/roofline.md")
BEGIN, END = "<!-- written by make bench -->", "<!-- end -->"
LC = ICE40UP5K.limits["lc"]
SPENT = {
    "useful": "a train with spikes is added", "starved": "visits find nothing, the queue is empty",
    "handover": "a walk's end hands its sums on", "param": "thresholds come",
    "drain": "an end waits for the neurons", "output": "scores or maps have yet to leave",
    "load": "the image comes", "pipeline": "filled, emptied, or turned to the next layer"}


def block(measured):
    """Lines between the marks, of what was measured."""
    images = measured["images"]
    causes = np.array(images["causes"])
    spent = dict(zip(images["cause_names"], causes.sum(axis=0).tolist(), strict=True))
    total, done = sum(images["cycles"]), sum(images["operations"])
    lanes, steps, useful = images["lanes"], images["word_steps"], spent["useful"]
    cells = measured.get("size", {}).get("lc")
    lines = [
        "| roof | operations a cycle | why |", "|---|---|---|",
        f"| adders | {lanes * steps} | {lanes} lanes of {steps} steps"
        + (f", in a chip of {cells:,} of {LC:,} LC" if cells else "") + " |",
        f"| one train and {lanes} weights a cycle | {done / useful:.2f} | on real images a train "
        f"that is not all zero holds so many spikes for its lanes: {done:,} operations in "
        f"{useful:,} useful cycles |",
        f"| **measured** | **{done / total:.2f}** | {100 * useful / total:.1f} % of "
        f"{total:,} cycles are useful |", "",
        f"Of 100 cycles of an image (mean of {images['images']}, SAM on layers "
        f"{', '.join(map(str, images['taps']))}):", "",
        "| cycles | spent because |", "|---|---|"]
    lines += [f"| {100 * count / total:.1f} | {SPENT[name]} |"
              for name, count in sorted(spent.items(), key=lambda item: -item[1])]
    lost = (causes.sum(axis=1) - causes[:, images["cause_names"].index("useful")])[1:]
    worst = int(lost.argmax())
    lines += ["", f"Most is lost in pass {worst + 1}: {lost[worst] / images['images']:,.0f} of its "
              f"{causes[worst + 1].sum() / images['images']:,.0f} cycles."]
    if "clock" in measured:
        mhz = common_clock(measured["clock"])
        lines += ["", f"At {mhz:.2f} MHz, which 8 of 10 seeds reach: {done / total * mhz:.0f} M "
                  f"operations a second of {done / useful * mhz:.0f} M under the second roof."]
    return lines


def updated(text, measured):
    """``text`` of the page with the block between its marks written anew."""
    if not (measured.get("images") or {}).get("causes"):
        return text
    before, rest = text.split(BEGIN + "\n")
    after = rest.split(END + "\n")[1]
    return "\n".join([before + BEGIN, "", *block(measured), "", END + "\n"]) + after
