"""From numbers of single pictures to intervals, verdicts and files."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from golden.io.files import output, publishing

HOLDS, PART, NOT, SIZE = ("holds here", "holds in part", "does not hold here",
                          "cannot be tested at this size")
NUMBERS = "numbers.npz"


def centred(values, level):
    """(mean, half width of its t interval, count) of the finite values."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    n = len(values)
    half = 0.0
    if n > 1:
        half = float(stdtrit(n - 1, 0.5 + level / 2) * values.std(ddof=1) / np.sqrt(n))
    return float(values.mean()) if n else float("nan"), half, n


def bounds(mean, half, n):
    """What is kept of an interval: a dict of mean, low, high and n."""
    return {"mean": digits(mean), "low": digits(mean - half), "high": digits(mean + half), "n": n}


def interval(values, level=0.95):
    """Mean of the finite values and its t interval: a dict of mean, low, high and n."""
    return bounds(*centred(values, level))


def across(networks, level=0.95):
    """Interval of the mean over several networks' scores of the same pictures, (networks, N).

    Its half width is the hypotenuse of two: that of the pictures' means over the networks, and that
    of the networks' means over the pictures. Of one network it is ``interval`` of its pictures.
    """
    networks = np.asarray(networks, dtype=float)
    networks = networks[:, np.isfinite(networks).all(axis=0)]
    mean, half, n = centred(networks.mean(axis=0), level)
    return bounds(mean, float(np.hypot(half, centred(networks.mean(axis=1), level)[1])), n)


def digits(value):
    """A number to five significant digits, so that files do not change with the machine."""
    return float(f"{value:.5g}")


def text(found, form=".3f"):
    """An interval as people read it: 0.512 ± 0.004."""
    return f"{found['mean']:{form}} ± {found['high'] - found['mean']:{form}}"


@dataclass
class Claim:
    """One sentence of the paper, or of ours, and what came out.

    Members
    -------
    what : str
        The claim, in a line.
    verdict : one of HOLDS, PART, NOT, SIZE
    because : str
        The numbers, in a line.
    settings : str
        The numbers of every setting, where there are many.
    """

    what: str
    verdict: str
    because: str
    settings: str = ""


def judged(what, differences, *, better="higher", form=".3f", aside=""):
    """A Claim that every one of ``differences`` is above 0.

    It holds where all intervals are, in part where more are above than below, and else does not.

    Parameters
    ----------
    differences : dict of name -> interval
        Of a difference that the claim says is positive, one for each setting.
    better : str
        What a positive difference is called.
    """
    if not differences:
        return Claim(what, SIZE, "no network or data set here allows the comparison" + aside)
    yes = [name for name, found in differences.items() if found["low"] > 0]
    no = [name for name, found in differences.items() if found["high"] < 0]
    verdict = HOLDS if len(yes) == len(differences) else PART if len(yes) > len(no) else NOT
    rest = len(differences) - len(yes) - len(no)
    ends = sorted(differences, key=lambda name: differences[name]["mean"])
    ends = ends[::len(ends) - 1] if len(ends) > 1 else ends
    signed = lambda name: f"{name} {text(differences[name], '+' + form)}".replace("± +", "± ")
    because = (f"{better} in {len(yes)} of {len(differences)} settings, the opposite in {len(no)}, "
               f"no difference seen in {rest}: {' to '.join(map(signed, ends))}{aside}")
    return Claim(what, verdict, because, "; ".join(map(signed, differences)))


@dataclass
class Report:
    """What an experiment found, to be written as figure, table and JSON.

    Members
    -------
    title : str
    rows : list of dict
        A table; intervals are dicts of ``interval``.
    claims : list of Claim
    note : str
        What a reader must know to read the table.
    data : dict
        Anything else worth keeping.
    figures : list of matplotlib figures
        The first becomes figure.png, the others figure2.png and so on.
    how : str
        What the numbers of the table are.
    tables : dict of title -> rows
        Further tables behind the claims.
    arrays : dict of name -> array
        Numbers of every picture, for numbers.npz.
    """

    title: str
    rows: list
    claims: list
    note: str = ""
    data: dict = field(default_factory=dict)
    figures: list = field(default_factory=list)
    how: str = "numbers are means over the pictures with 95 % t intervals"
    tables: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict)


def cell(value):
    """A value of a row for the table."""
    if isinstance(value, dict):
        return text(value) if value["n"] > 1 else f"{value['mean']:.3f}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(rows):
    """Rows as a Markdown table."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |"]
    lines += ["| " + " | ".join(cell(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def check_place(folder, name):
    """BadInput where ``write`` would take the place of a file that it did not write."""
    place = Path(folder) / name
    known = lambda _: "claims" in json.loads((place / "results.json").read_text())
    for file in ("results.json", "table.md", NUMBERS, *(figure_name(n) for n in range(9))):
        output(place / file, what="the experiment's", known=known)


def write(report, name, folder, *, run, subjects, made):
    """Write ``folder``/name/: results.json with the stamp ``made``, table.md and the figures."""
    from matplotlib import pyplot as plt
    place = Path(folder) / name
    given = {"stamp": made,
             "experiment": name, "title": report.title, "quick": run.quick,
             "pictures": run.count(), "note": report.note,
             "networks": {one.name: {
                 "file": f"models/{one.file}", "digest": one.network.digest,
                 "steps": one.network.steps, "accuracy": one.network.notes.get("accuracy"),
                 "anns": [path.stem for path in one.ann_files]} for one in subjects},
             "claims": [vars(claim) for claim in report.claims], "rows": report.rows,
             "figures": [figure_name(n) for n in range(len(report.figures))], **report.data}
    lines = [f"# {report.title}", "", report.note, "",
             f"Made by `python -m train.experiments {name}{' --quick' if run.quick else ''}`; "
             f"{report.how}.", ""]
    lines += [f"![{report.title}]({figure_name(n)})\n" for n in range(len(report.figures))]
    lines += [table(report.rows), "", "## Claims", ""]
    for claim in report.claims:
        lines += [f"- **{claim.verdict}**: {claim.what} {claim.because}."]
        lines += [f"  All: {claim.settings}."] if claim.settings else []
    for title, rows in report.tables.items():
        lines += ["", f"## {title}", "", table(rows)]
    with publishing() as put:
        if report.arrays:
            with open(put(place / NUMBERS), "wb") as file:
                np.savez_compressed(file, **report.arrays)
        for n, figure in enumerate(report.figures):
            figure.savefig(put(place / figure_name(n)), dpi=90)
            plt.close(figure)
        put(place / "table.md").write_text("\n".join(lines) + "\n")
        put(place / "results.json").write_text(
            json.dumps(finite(given), indent=1, allow_nan=False) + "\n")
    return place


def finite(value):
    """``value`` with null in place of every number that is none, as JSON wants it."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def figure_name(n):
    """Name of the n-th figure's file."""
    return f"figure{n + 1 if n else ''}.png"


def canvas(rows, columns, *, width=2.0, height=2.0):
    """(figure, axes array) drawn without a screen."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    return plt.subplots(rows, columns, figsize=(columns * width, rows * height), squeeze=False,
                        layout="constrained")


def show(axis, heat, title=None, *, cmap="jet", low=None, high=None):
    """Draw a map or picture without ticks."""
    axis.imshow(heat, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    if title:
        axis.set_title(title, fontsize=7)


def line(axis, x, intervals, label, **options):
    """Draw means with their intervals as a band."""
    mean, low, high = (np.array([one[key] for one in intervals]) for key in ("mean", "low", "high"))
    drawn, = axis.plot(x, mean, label=label, **options)
    axis.fill_between(x, low, high, alpha=0.25, color=drawn.get_color(), linewidth=0)


def bars(axis, names, groups):
    """Grouped bars with intervals: ``groups`` is label -> list of intervals, one a name.

    Names that would not fit beside each other are slanted; the legend stands beside the axes.
    """
    wide = 0.8 / len(groups)
    for n, (label, found) in enumerate(groups.items()):
        mean = np.array([one["mean"] for one in found])
        half = np.array([one["high"] - one["mean"] for one in found])
        axis.bar(np.arange(len(names)) + (n - (len(groups) - 1) / 2) * wide, mean, wide,
                 yerr=half, label=label, error_kw={"linewidth": 0.8})
    # In points, of which a letter takes 4.5 at most.
    room = 72 / axis.figure.dpi * axis.bbox.width / len(names)
    need = 4.5 * max((len(a + b) / 2 for a, b in pairwise(names)), default=0)
    slanted = {"rotation": 30, "rotation_mode": "anchor", "ha": "right"} if need > room else {}
    axis.set_xticks(range(len(names)), names, fontsize=7, **slanted)
    axis.tick_params(axis="y", labelsize=7)
    if len(groups) > 1:
        axis.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))
