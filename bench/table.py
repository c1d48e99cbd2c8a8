"""bench/README.md: the table, with what it was measured with."""

from bench.rows import rows

WORDS = {"aim": "aim", "must": "must", "no": "**no**", "stated": "stated", "?": "?"}


def page(results, limits):
    """The text of bench/README.md."""
    tools = ", ".join(f"{name} {version}" for name, version in results["tools"].items())
    lines = [
        "# Benchmark", "",
        "Written by `make bench`, which measures every row and also writes `results.json` and the "
        "plots; `make bench ARGS=--quick` measures what is deterministic and compares it with "
        "`results.json`. A synaptic operation counts only if a real spike met a real weight.", "",
        f"Measured {results['date']} with {tools}; Python {results['python']} on "
        f"{results['machine']}, {results['cores']} cores.", "",
        "| what | must | aim | measured | reached | what limits it |",
        "|---|---|---|---|---|---|"]
    for row in rows(results["measured"], limits):
        lines.append(f"| {row.name} | {row.must} | {row.aim} | {row.measured} | "
                     f"{WORDS[row.met]} | {row.limit} |")
    for name, why in results["failed"].items():
        lines += ["", f"Not measured: {name}: {why}."]
    lines += ["", *seeds(results["measured"]), *causes(results["measured"]),
              *model(results["measured"]), *pictures()]
    return "\n".join(lines).rstrip() + "\n"


def seeds(measured):
    """The clock of every seed."""
    if "clock" not in measured:
        return []
    lines = ["## Clock by seed", "", "`python -m hw.build ice40 --lanes 4 --word-steps 16 "
             "--clock 48 --place-seed 1..10`", "",
             "| seed | MHz | LC |", "|---|---|---|"]
    return lines + [f"| {each['seed']} | {each['fmax_mhz']:.2f} | {each['lc']:,} |"
                    for each in measured["clock"]] + [""]


def causes(measured):
    """Cycles of each pass by cause."""
    found = (measured.get("images") or {}).get("causes")
    if not found:
        return []
    names = measured["images"]["cause_names"]
    lines = ["## Cycles by layer and by cause", "",
             "Counted in the RTL, the sum over all images; every cycle has one cause.", "",
             f"| pass | {' | '.join(names)} | all |", "|---" * (len(names) + 2) + "|"]
    for n, row in enumerate(found):
        lines.append(f"| {n or 'load'} | {' | '.join(f'{count:,}' for count in row)} | "
                     f"{sum(row):,} |")
    totals = [sum(row[n] for row in found) for n in range(len(names))]
    lines.append(f"| all | {' | '.join(f'{count:,}' for count in totals)} | {sum(totals):,} |")
    return [*lines, ""]


def model(measured):
    """The cost model beside what was built."""
    if "area" not in measured:
        return []
    lines = [
        "## Cost model",
        "",
        'Predicted by `flow.estimate` before building, beside Yosys and nextpnr; "others" is the '
        "prediction of a fit that never saw the network.",
        "",
        "| network | lanes x steps | LC predicted | LC | error | others | EBR predicted, real "
        "| SPRAM | DSP |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in measured["area"]:
        real, guess = each["real"], each["predicted"]
        error = lambda value, real=real: f"{100 * (value / real['lc'] - 1):+.1f} %"
        lines.append(
            f"| {each['name']} | {each['lanes']} x {each['word_steps']} | {guess['lc']:,} | "
            f"{real['lc']:,} | {error(guess['lc'])} | {error(each['without'])} | "
            f"{guess['ebr']}, {real['ebr']} | {guess['spram']}, {real['spram']} | "
            f"{guess['dsp']}, {real['dsp']} |")
    return [*lines, ""]


def pictures():
    """The plots."""
    from bench.plots import PLOTS
    lines = ["## Plots", ""]
    for name, title in PLOTS.items():
        lines += [f"![{title}](plots/{name}.png)", "", f"*{title}.*", ""]
    return lines
