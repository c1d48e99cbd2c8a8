"""Deterministic figures against the committed ones: none may be more than 2 % worse."""

TOLERANCE = 0.02


def figures(measured, count=None):
    """{what: figure, the less the better}; cycles of the first ``count`` images of each run."""
    found = {}
    for name in ("size", "size_without"):
        for key in ("lc", "ebr", "spram", "dsp"):
            found[f"{name} {key}"] = measured[name][key]
    for key in ("lc", "ebr", "dsp", "cycles_a_step"):
        found[f"unit {key}"] = measured["unit"][key]
    for name in ("images", "images_without", "dense"):
        found[f"{name} cycles"] = sum(measured[name]["cycles"][:count])
    return found


def regressions(measured, committed):
    """A line for each figure of ``measured`` that is worse than in ``committed``."""
    count = len(measured["images"]["cycles"])
    now, before = figures(measured, count), figures(committed, count)
    lines = [f"{name}: {now[name]:,} where results.json has {before[name]:,}"
             for name in now if now[name] > before[name] * (1 + TOLERANCE)]
    for name in ("images", "images_without", "dense"):
        if not measured[name]["equal"]:
            lines.append(f"{name}: the RTL does not equal golden")
    return lines
