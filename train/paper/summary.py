"""results/README.md from the results.json of every experiment."""

import json
from pathlib import Path

from golden.io.errors import BadInput
from golden.io.files import output, replacing
from train.paper.report import HOLDS, NOT, PART, SIZE, Claim

BEYOND = Claim(
    "All this on VGG11 and Tiny-ImageNet, with 200 classes and 500 steps of conversion.", SIZE,
    "neither the data set nor the time to train on it is at hand, and 12 million weights are far "
    "beyond the chip; the networks here are those that it runs")

HEAD = "# What holds"
FIRST = "hypotheses"        # the experiment that follows results/PROTOCOL.md
BRIEF = ("gap", "ROAD", "AUC", "pointing", "MPRT", "completeness")
WORDS = """\
Verdicts are those of [PROTOCOL.md](PROTOCOL.md), which was committed before the first run: \
**shown** (the difference is on the hypothesis' side in every network, its chance is below its \
level after Holm's correction for all tests of the page, and shuffled networks do not show the \
same), **contradicted** (as certain, on the other side), **not shown** (everything else; a tie \
contradicts nothing), **undecided** (more than a tenth of the pictures without an answer, or \
fewer than three networks); over the settings also **shown in part** and **shown and \
contradicted**."""
OLD = """\
What follows was measured before the protocol and by other rules: t intervals over the \
pictures of one network, not corrected for the many settings; "holds here" where all settings' \
intervals lie above 0, "holds in part" where more do than lie below it, else "does not hold \
here", ties too. Masks are at the resolution of the layer unless a table says otherwise. \
"Surrogate" networks of scenes were ReLU networks and learnt two epochs as spikes, and the \
reference that they are compared with is their own parent. It is replaced experiment by \
experiment."""


def read(folder, names):
    """The results.json of every experiment, by name."""
    found = {}
    for name in names:
        path = Path(folder) / name / "results.json"
        if not path.is_file():
            raise BadInput(f"{path}: missing; `python -m train.experiments {name}` makes it")
        try:
            found[name] = json.loads(path.read_text())
        except ValueError:
            raise BadInput(f"{path}: not readable as JSON") from None
    return found


def phrase(verdicts, name, yes, no, neither):
    """What is said of a hypothesis: of a verdict in part, which part of the settings it is."""
    word = verdicts.get(name)
    return {"shown": yes, "contradicted": no, "shown in part": f"{yes} in some settings only",
            "shown and contradicted": f"{yes} in one setting and {no} in another",
            "undecided": f"{neither} (undecided)"}.get(word, neither)


def mean_of(one, hypothesis, form="+.2f"):
    """The differences of a hypothesis, a setting after the other."""
    return ", ".join(f"{test['setting']} {test['mean']:{form}}" for test in one["tests"]
                     if test["hypothesis"] == hypothesis)


def sentences(one):
    """Five sentences of what the evidence says, from the results of ``FIRST``."""
    said = lambda *words: phrase(one["verdicts"], *words)
    pairs = [test for test in one["tests"] if test["hypothesis"] == "H6"]
    share = f"in {100 * (pairs[0]['mean'] + 0.5):.0f} % of the scenes, " if pairs else ""
    return [
        "SAM " + said("H2", "is more faithful", "is less faithful",
                      "was not shown to be more faithful")
        + f" than a plain count of spikes ({mean_of(one, 'H2')} of the answer's probability) and "
        + said("H4", "lies better on the object", "lies worse on the object",
               "was not shown to lie better on the object")
        + f" ({mean_of(one, 'H4', '+.3f')} of AUC).",
        "A contribution map, which adds up to the score, "
        + said("H1", "is more faithful than SAM", "is less faithful than SAM",
               "was not shown to be more faithful than SAM")
        + f" ({mean_of(one, 'H1')}), and SAM "
        + said("H3", "lies better on the single object", "lies worse on the single object",
               "was not shown to lie better on the single object")
        + f" ({mean_of(one, 'H3', '+.3f')} of AUC).",
        "With two objects in one scene the contributions to their classes "
        + said("H6", f"lie the right way round {share}where SAM has one map for both",
               "lie the wrong way round", "were not shown to lie the right way round") + ".",
        "z+ down to the layer before the deepest "
        + said("H7", "is more faithful than SAM and localises as well",
               "fails to be both more faithful than SAM and as well placed",
               "was not shown to be both more faithful than SAM and as well placed")
        + ", and TSA at the input "
        + said("H8", "localises worse than SAM", "localises better than SAM",
               "was not shown to localise worse than SAM") + ".",
        "SAM "
        + said("H5", "localises better than the middle of the picture, a shuffled network and "
               "spikes moved about", "does not localise better than all its controls",
               "was not shown to localise better than all its controls")
        + f" ({mean_of(one, 'H5', '+.3f')} of AUC to the best of them), and maps of a class "
        + said("H9", "hang on what was learnt more than the count does",
               "hang on what was learnt less than the count does",
               "were not shown to hang on what was learnt more than the count does") + "."]


def short(one):
    """An interval of a scorecard."""
    return "" if one is None else f"{one['mean']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"


def top(one):
    """The lines of what follows the protocol."""
    lines = [*(f"{n}. {sentence}" for n, sentence in enumerate(sentences(one), 1)), "",
             f"![faithfulness and localisation of each map]({FIRST}/{one['figures'][0]})", "",
             "*Each map by how well it lies on the object and by how much the answer hangs on what "
             f"it marks; means with 95 % intervals over {len(one['networks'])} networks and "
             f"{one['pictures']} pictures each ([table]({FIRST}/table.md), [every test]({FIRST}/"
             f"{one['figures'][1]})).*", "", WORDS, "",
             "| no. | hypothesis | verdict | differences with 95 % intervals |",
             "| --- | --- | --- | --- |"]
    for claim in one["claims"]:
        name, what = claim["what"].split(". ", 1)
        lines.append(f"| {name} | {what} | **{claim['verdict']}** | {claim['because']} |")
    lines += ["", "gap: insertion less deletion, black (more is better); ROAD and MPRT: less is "
              "better; AUC, pointing: more; completeness: 0 adds up. All metrics, the other "
              f"definitions of SAM and shuffled networks: [table]({FIRST}/table.md).", ""]
    lines += ["| setting | map | " + " | ".join(BRIEF) + " |",
              "| --- | --- |" + " --- |" * len(BRIEF)]
    lines += [f"| {setting} | {name} | " + " | ".join(short(row[metric]) for metric in BRIEF) + " |"
              for setting, card in one["scorecard"].items() for name, row in card.items()
              if row["gap"] is not None]
    return lines


def page(found):
    """The page as text."""
    claims = [(name, claim) for name, one in found.items() if name != FIRST
              for claim in one["claims"]]
    counts = {kind: sum(claim["verdict"] == kind for _, claim in claims)
              for kind in (HOLDS, PART, NOT, SIZE)}
    counts[SIZE] += 1
    quick = any(one["quick"] for one in found.values())
    lines = [HEAD, ""]
    if quick:
        lines += ["**Made with --quick: a few pictures only, which proves nothing.**", ""]
    if FIRST in found:
        lines += [*top(found[FIRST]), ""]
    lines += ["Written by `python -m train.experiments summary` from the `results.json` of each "
              "experiment; every map is of the integers that the chip computes.", "",
              "## Measured before the protocol", "", OLD, ""]
    lines += ["; ".join(f"{kind}: {count}" for kind, count in counts.items()) + ".", "",
              "| claim | verdict | numbers | figure |", "| --- | --- | --- | --- |"]
    for name, claim in claims:
        figure = found[name]["figures"]
        link = f"[{name}]({name}/{figure[0]})" if figure else name
        lines.append(f"| {claim['what']} | **{claim['verdict']}** | {claim['because']} | {link}, "
                     f"[table]({name}/table.md) |")
    lines.append(f"| {BEYOND.what} | **{BEYOND.verdict}** | {BEYOND.because} | |")
    lines += ["", "## Experiments", "", "| experiment | rules | test pictures of each network |",
              "| --- | --- | --- |"]
    lines += [f"| [{one['title']}]({name}/table.md) | "
              f"{'PROTOCOL.md' if name == FIRST else 'before the protocol'} | {one['pictures']} |"
              for name, one in found.items()]
    lines += ["", "## Networks", "", "Integer accuracy as the network's card in `models/` states "
              "it; references are the ReLU networks whose Grad-CAM and gradients are compared.", "",
              "| network | file | steps | integers right | references | digest | experiments |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    networks = {}
    for name, one in found.items():
        for subject, given in one["networks"].items():
            networks.setdefault(subject, (given, []))[1].append(name)
    lines += [f"| {subject} | [{given['file']}](../{given['file']}) | {given['steps']} | "
              f"{100 * given['accuracy']:.2f} % | {', '.join(given['anns'])} | {given['digest']} | "
              f"{', '.join(where)} |" for subject, (given, where) in networks.items()]
    return "\n".join(lines) + "\n"


def check_place(folder):
    """BadInput where ``write`` would take the place of a page that it did not write."""
    output(Path(folder) / "README.md", what="the summary",
           known=lambda path: path.read_text().startswith(HEAD))


def write(folder, names):
    """Write the page from all of ``names``; gives its path."""
    text = page(read(folder, names))
    path = Path(folder) / "README.md"
    with replacing(path) as aside:
        aside.write_text(text)
    return path
