"""What is worth knowing of a build: as data, as a page, on the terminal."""

from typing import TYPE_CHECKING, Any

from flow import steps
from flow.critical_path import sentence
from flow.design import memories
from flow.estimate.memories import capacity, efforts
from golden.formats import SCORE_FRAC, map_top
from golden.io.console import Table

if TYPE_CHECKING:
    from boards.platform.target import Target
    from flow.config import BuildConfig
    from flow.estimate.memories import Store
    from flow.timing import Form
    from golden.io.console import Console
    from golden.network.graph import Network
    from hw.accelerator import Accelerator
    from hw.plan.planner import Plan

__all__ = ["ENERGY_WARNING", "costs", "map_sums", "markdown", "report_of", "show"]

ENERGY_WARNING = "ESTIMATE, nothing was measured: other designs on this chip, scaled."


def costs(plan: "Plan", stores: "list[Store]", hz: float) -> dict[str, list[dict]]:
    """Memory plan and cycles of a report."""
    return {
        "memory_plan": [{"what": store.what, "where": f"{store.blocks} {store.kind}",
                         "rows": store.depth, "width": store.width, "bits": store.bits,
                         "capacity": capacity(store), "mbit_s": round(store.width * hz / 1e6)}
                        for store in stores],
        "walks": [{"what": effort.what, "walks": effort.walks, "visits": effort.visits,
                   "cycles_quiet": effort.quiet, "cycles_busy": effort.busy}
                  for effort in efforts(plan)],
    }


def map_sums(accelerator: "Accelerator") -> str:
    """What the maps of an accelerator hold, in a sentence."""
    needed, there = accelerator.exact_width, accelerator.map_width
    if not accelerator.taps:
        return "none"
    if there == needed:
        return f"all exact, at every gamma and in every mode, in {there} bits"
    return (f"exact below {map_top(there) / 2**SCORE_FRAC:.3f}, where larger ones stay: {there} "
            f"bits, and all would need {needed}")


def report_of(network: "Network", accelerator, routes: dict, target: "Target", *, hz: int,
              config: "BuildConfig", dsp_forms: "dict[str, Form] | None" = None) -> dict[str, Any]:
    """Everything worth knowing of the routes (flow.steps.seeds_routed), as plain data.

    ``dsp_forms`` are flow.steps.dsp_forms', of which those without registers are told.
    Of several seeds, the fastest is the one that is kept; ``seeds`` lists all that found a place
    and ``unplaced`` the others.
    """
    clocks = {seed: steps.fmax(route) for seed, route in routes.items() if route}
    seed = max(clocks, key=lambda seed: (clocks[seed], -seed))
    used, fmax = steps.used(routes[seed], target), clocks[seed]
    limits = {key: routes[seed]["utilization"][name]["available"]
              for key, name in target.used.items()}
    plan = accelerator.plan
    return {
        "device": target.device, "board": target.board, **used, "available": limits,
        "fmax_mhz": fmax, "clock_mhz": hz / 1e6, "timing_met": fmax >= hz / 1e6,
        "unregistered": sorted(name for name, form in (dsp_forms or {}).items() if form.bare),
        "seed": seed,
        "seeds": [{"seed": n, "fmax_mhz": mhz, **steps.used(routes[n], target)}
                  for n, mhz in clocks.items()],
        "unplaced": [n for n, route in routes.items() if not route],
        "lanes": plan.lanes, "word_steps": plan.word_steps,
        "trains": plan.trains, "schedule": plan.order,
        "taps": list(accelerator.taps), "options": config.options,
        "sam_mode": config.sam_mode, "gamma": config.gamma,
        "network": network.name, "digest": network.digest,
        "memories": [{"what": what, "used": n, "limit": limit} for what, n, limit in plan.usage],
        **costs(plan, memories(accelerator), hz),
        "widths": {"weight": plan.weight_bits, "sum": plan.sum_bits,
                   "membrane": plan.membrane_bits, "map": accelerator.map_width},
        "map_sums": map_sums(accelerator),
        "tools": steps.versions(target.family),
    }


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = [f"# {report['network']} on {report['board']}", "",
             "| what | used | available |", "|---|---|---|"]
    lines += [f"| {key} | {report[key]} | {limit} |" for key, limit in report["available"].items()]
    lines += [f"| {m['what']} | {m['used']} | {m['limit']} |" for m in report["memories"]]
    lines += ["", f"Clock {report['clock_mhz']:g} MHz, reached {report['fmax_mhz']:g} MHz: "
              f"timing {'met' if report['timing_met'] else 'MISSED'}.", "",
              *unregistered(report), *expected(report)]
    lines += ["## Memory plan", "",
              "A row is read in a cycle; the blocks of small memories are estimated.", "",
              "| what | where | rows | bits a row | bits | of | Mbit/s |",
              "|---|---|---|---|---|---|---|"]
    lines += [f"| {m['what']} | {m['where']} | {m['rows']:,} | {m['width']} | {m['bits']:,} | "
              f"{m['capacity']:,} | {m['mbit_s']:,} |" for m in report["memory_plan"]]
    lines += ["", "## Cycles", "",
              "Estimated for each layer, without loading the image: where inputs hardly spike, and "
              "where every neuron spikes in every word of steps.", "",
              "| what | walks | visits a walk | cycles, quiet | cycles, busy |",
              "|---|---|---|---|---|"]
    lines += [f"| {w['what']} | {w['walks']:,} | {w['visits']} | {w['cycles_quiet']:,} | "
              f"{w['cycles_busy']:,} |" for w in report["walks"]]
    lines += [f"| all | | | {sum(w['cycles_quiet'] for w in report['walks']):,} | "
              f"{sum(w['cycles_busy'] for w in report['walks']):,} |", ""]
    versions = report["tools"] | report.get("versions", {})
    lines += [f"- {key}: {report[key]}" for key in (
        "device", "digest", "lanes", "word_steps", "schedule", "taps", "sam_mode", "gamma",
        "map_sums", "seed")]
    lines += [f"- options: {', '.join(f'{k} {v}' for k, v in report['options'].items())}",
              f"- bits: {', '.join(f'{k} {v}' for k, v in report['widths'].items())}",
              f"- tools: {', '.join(f'{k} {v}' for k, v in versions.items())}", ""]
    return "\n".join(lines)


def expected(report: dict[str, Any]):
    """Lines of a page about time and energy of an image, the slowest path and how to repeat it.

    None where the report is without them.
    """
    if "image" not in report:
        return []
    image, energy, path = report["image"], report["energy"], report["critical_path"]
    lines = ["## An image", "",
             f"Estimated: {image['cycles']:,} cycles, {image['chip_ms']:g} ms of the chip alone, "
             f"with {image['source']}; {image['bytes_to']:,} bytes to the chip and "
             f"{image['bytes_from']:,} from it.", "",
             "| baud | ms an image | images/s |", "|---|---|---|"]
    lines += [f"| {each['baud']:,} | {each['ms']:g} | {each['images_s']:g} |"
              for each in image["rates"]]
    if any(each["weights"] == "streamed" for each in image.get("layers", [])):
        lines += ["", "Weights from flash, layer by layer:", "",
                  "| layer | weights | MB an image | MB/s | bound by | cycles | ms |",
                  "|---|---|---|---|---|---|---|"]
        lines += [f"| {each['layer']} | {each['weights']} | {each['mb']:g} | {each['mb_s']:g} | "
                  f"{each['bound']} | {each['cycles']:,} | {each['ms']:g} |"
                  for each in image["layers"]]
    if energy:
        lines += ["", ENERGY_WARNING, "", "Energy: {:g} to {:g} mW, {:g} to {:g} uJ an image. "
                  .format(*energy["milliwatts"], *energy["microjoules"])
                  + f"{energy['formula']}; {energy['source']}."]
    return [*lines, "", "## What bounds the clock", "",
            sentence(path) if path else "The log names no path.", "",
            "## Make it again", "", f"`{report['command']}`", ""]


def unregistered(report: dict[str, Any]) -> list[str]:
    """Lines of a page about multipliers through which a path goes on without a register."""
    count = len(report["unregistered"])
    return [f"{count} multipliers without registers, whose delay is in that clock.", ""] * bool(
        count)


def show(report: dict[str, Any], console: "Console") -> None:
    """Print the report as a table."""
    table = Table(title=f"{report['network']} on {report['device']}")
    for column in ("what", "used", "available"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for key, limit in report["available"].items():
        table.add_row(key, f"{report[key]:,}", f"{limit:,}")
    for memory in report["memories"]:
        table.add_row(memory["what"], f"{memory['used']:,}", f"{memory['limit']:,}")
    table.add_row("fmax / clock, MHz", f"{report['fmax_mhz']:.2f}", f"{report['clock_mhz']:g}")
    table.add_row("timing met", "yes" if report["timing_met"] else "NO", "")
    console.print(table)
    for line in unregistered(report):
        console.print(line, end="\n" if line else "")
    if any(each["weights"] == "streamed" for each in report.get("image", {}).get("layers", [])):
        layers = Table(title="weights from flash, estimated")
        for column in ("layer", "weights", "MB an image", "MB/s", "bound by", "ms"):
            layers.add_column(column, justify="right")
        for each in report["image"]["layers"]:
            layers.add_row(*(f"{each[key]}" for key in (
                "layer", "weights", "mb", "mb_s", "bound", "ms")))
        console.print(layers)
    if report["unplaced"]:
        console.print(f"no place for the last cells with seed "
                      f"{', '.join(map(str, report['unplaced']))}; kept: seed {report['seed']}")
    if len(report["seeds"]) > 1:
        clocks = Table(title=f"place and route for {report['clock_mhz']:g} MHz")
        for column in ("seed", "MHz", "cells", "met"):
            clocks.add_column(column, justify="right")
        for each in report["seeds"]:
            cells = each["lc"] if "lc" in each else each["lut"]
            clocks.add_row(str(each["seed"]), f"{each['fmax_mhz']:.2f}", f"{cells:,}",
                           "yes" if each["fmax_mhz"] >= report["clock_mhz"] else "NO")
        met = sum(each["fmax_mhz"] >= report["clock_mhz"] for each in report["seeds"])
        console.print(clocks)
        every = len(report["seeds"]) + len(report["unplaced"])
        console.print(f"{met} of {every} seeds meet {report['clock_mhz']:g} MHz; "
                      f"kept: seed {report['seed']}")
