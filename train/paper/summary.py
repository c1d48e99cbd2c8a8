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


def page(found):
    """The page as text."""
    claims = [(name, claim) for name, one in found.items() for claim in one["claims"]]
    counts = {kind: sum(claim["verdict"] == kind for _, claim in claims)
              for kind in (HOLDS, PART, NOT, SIZE)}
    counts[SIZE] += 1
    quick = any(one["quick"] for one in found.values())
    lines = [HEAD, "",
             "Written by `python -m train.experiments summary` from the `results.json` of each "
             "experiment; every map is of the integers that the chip computes.", ""]
    if quick:
        lines += ["**Made with --quick: a few pictures only, which proves nothing.**", ""]
    lines += ["; ".join(f"{kind}: {count}" for kind, count in counts.items()) + ".", "",
              "| claim | verdict | numbers | figure |", "| --- | --- | --- | --- |"]
    for name, claim in claims:
        figure = found[name]["figures"]
        link = f"[{name}]({name}/{figure[0]})" if figure else name
        lines.append(f"| {claim['what']} | **{claim['verdict']}** | {claim['because']} | {link}, "
                     f"[table]({name}/table.md) |")
    lines.append(f"| {BEYOND.what} | **{BEYOND.verdict}** | {BEYOND.because} | |")
    lines += ["", "## Experiments", "", "| experiment | test pictures of each network |",
              "| --- | --- |"]
    lines += [f"| [{one['title']}]({name}/table.md) | {one['pictures']} |"
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
