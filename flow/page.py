"""report.html of a build: one page that needs nothing else, with the memories as a picture."""

from html import escape

from flow.critical_path import sentence
from flow.report import ENERGY_WARNING

__all__ = ["memory_map", "page"]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #2a6fb0; --soft: #2a6fb055; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; } code { overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: .7rem; padding: 0; list-style: none; }
.tiles li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; }
.tiles b { display: block; font-size: 1.4rem; }
.estimate { border-left: .3rem solid #c77700; padding-left: .8rem; }
svg { max-width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; }
""".strip()
WIDE, HIGH, LEFT, UNIT = 720, 22, 300, 34   # of the memory map, pixels


def memory_map(report: dict) -> str:
    """The memories of a report as SVG: a row each, a box a block, filled as far as it is used."""
    rows, y = [], 0
    for store in report["memory_plan"]:
        count, kind = store["where"].split()
        unit = min(UNIT, (WIDE - LEFT - 60) / int(count))
        whole = unit * int(count)
        share = min(1.0, store["bits"] / store["capacity"])
        y += HIGH
        boxes = "".join(f'<rect x="{LEFT + n * unit:g}" y="{y - 14}" width="{unit - 2:g}" '
                        'height="15" fill="none" stroke="currentColor"/>'
                        for n in range(int(count)))
        rows.append(
            f'<g><title>{escape(store["what"])}: {store["bits"]:,} of {store["capacity"]:,} bits'
            f'</title><text x="{LEFT - 8}" y="{y - 2}" text-anchor="end">'
            f'{escape(store["what"])}</text><rect x="{LEFT}" y="{y - 14}" '
            f'width="{whole * share:.1f}" height="15" fill="var(--bar, #2a6fb0)"/>{boxes}'
            f'<text x="{LEFT + whole + 6:g}" y="{y - 2}">{count} {escape(kind)}, {share:.0%}'
            '</text></g>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {y + 8}" '
            f'width="{WIDE}" role="img" aria-label="memories and how far they are filled">'
            f'{"".join(rows)}</svg>')


def table(head: list[str], rows: list) -> str:
    """A table of texts and numbers."""
    cells = lambda tag, row: "".join(f"<{tag}>{escape(str(each))}</{tag}>" for each in row)
    return (f'<div class="wide"><table><tr>{cells("th", head)}</tr>'
            + "".join(f"<tr>{cells('td', row)}</tr>" for row in rows) + "</table></div>")


def page(report: dict) -> str:
    """The whole page; ``report`` is that of flow.report.report_of with what flow.build adds."""
    image, energy, path = report["image"], report["energy"], report["critical_path"]
    logic = next(key for key in ("lc", "lut") if key in report)
    tiles = [
        ("logic cells", f"{report[logic]:,} of {report['available'][logic]:,}"),
        ("clock", f"{report['clock_mhz']:g} MHz, {'met' if report['timing_met'] else 'MISSED'}"),
        ("chip, an image (estimate)", f"{image['chip_ms']:g} ms")]
    if energy:
        tiles.append(("energy an image (ESTIMATE)",
                      "{:g} to {:g} &micro;J".format(*energy["microjoules"])))
    parts = [
        f"<h1>{escape(report['network'])} on {escape(report['board'])}</h1>",
        '<ul class="tiles">' + "".join(f"<li>{what}<b>{value}</b></li>" for what, value in tiles)
        + "</ul>",
        "<h2>Size</h2>",
        table(["what", "used", "available", "share"],
              [(key, f"{report[key]:,}", f"{limit:,}", f"{report[key] / limit:.0%}")
               for key, limit in report["available"].items()]),
        "<h2>Time</h2>",
        f"<p>Estimated: {image['cycles']:,} cycles an image with {escape(image['source'])}; "
        f"{image['bytes_to']:,} bytes to the chip "
        f"and {image['bytes_from']:,} from it. The chip alone: {image['chip_images_s']:g} images "
        "a second.</p>",
        table(["baud", "ms an image", "images/s"],
              [(f"{each['baud']:,}", each["ms"], each["images_s"]) for each in image["rates"]]),
        "<h2>Energy</h2>"]
    if energy:
        parts.append(
            f'<p class="estimate"><b>{ENERGY_WARNING}</b><br>'
            "{:g} to {:g} mW, {:g} to {:g} &micro;J an image.".format(
                *energy["milliwatts"], *energy["microjoules"])
            + f"<br>{escape(energy['formula'])}<br>{escape(energy['source'])}</p>")
    else:
        parts.append("<p>No estimate: no measurement of this chip is known.</p>")
    parts += ["<h2>Memories</h2>", memory_map(report),
              "<h2>Cycles</h2>",
              table(["what", "walks", "visits a walk", "cycles, quiet", "cycles, busy"],
                    [(each["what"], f"{each['walks']:,}", each["visits"],
                      f"{each['cycles_quiet']:,}", f"{each['cycles_busy']:,}")
                     for each in report["walks"]]),
              "<h2>What bounds the clock</h2>",
              f"<p>{escape(sentence(path)) if path else 'The log names no path.'} Place and route "
              f"reached {report['fmax_mhz']:g} MHz.</p>",
              "<h2>Make it again</h2>",
              f"<p><code>{escape(report['command'])}</code></p>",
              f"<p>Network {escape(report['network'])}, digest "
              f"<code>{escape(report['digest'])}</code>.</p>",
              table(["tool", "version"], (report["tools"] | report["versions"]).items()),
              "<h2>Options</h2>",
              table(["option", "value"], [*report["options"].items(),
                                          *((f"{key}, bits", value)
                                            for key, value in report["widths"].items()),
                                          ("maps hold", report["map_sums"])])]
    title = f"{report['network']} on {report['board']}"
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
            + "\n".join(parts) + "\n</body></html>\n")
