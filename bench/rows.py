"""The table: what was asked for, what was measured, and what limits it."""

from dataclasses import dataclass

import numpy as np

from bench.measures import CLOCK
from hw.plan.size import EngineSize


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Members
    -------
    name, must, aim : str
    measured : str
        With both halves of every ratio.
    met : "aim", "must", "no", "stated" or "?"
        "stated" where nothing was asked for but the figure, "?" where something was not measured.
    limit : str
        What bounds the figure now.
    """

    name: str
    must: str
    aim: str
    measured: str
    met: str
    limit: str


def grade(value, must, aim, *, most=False):
    """"aim", "must" or "no"; ``most`` where less is better."""
    sign = -1 if most else 1
    reached = lambda target: sign * value >= sign * target
    return "aim" if reached(aim) else "must" if reached(must) else "no"


def worst(*grades):
    """The worse of several grades."""
    return max(grades, key=("aim", "must", "no", "?").index)


def common_clock(found):
    """Megahertz that 8 of 10 seeds reach, at most what was asked for."""
    reached = sorted(each["fmax_mhz"] for each in found)
    return min(float(CLOCK), reached[len(reached) // 5])


def clock(name, must, aim):
    """Row of the seeds of the measure ``name``."""
    def row(r):
        reached = [each["fmax_mhz"] for each in r[name]]
        met = sum(mhz >= CLOCK for mhz in reached)
        return (f"{met} of {len(reached)} seeds close {CLOCK} MHz; {min(reached):.2f} to "
                f"{max(reached):.2f} MHz, median {np.median(reached):.2f}", grade(met, must, aim))
    return row


def per_cycle(name, must, aim):
    """Row of the operations of the measure ``name``."""
    def row(r):
        images = r[name]
        done, cycles = sum(images["operations"]), sum(images["cycles"])
        return (f"**{done / cycles:.2f}** = {done:,} operations / {cycles:,} cycles of "
                f"{images['images']} images, SAM on layers "
                f"{', '.join(map(str, images['taps']))}; "
                f"{sum(images['effective']) / cycles:.2f} without those of weights of 0"
                + ("" if images["equal"] else "; NOT EQUAL to golden"),
                grade(done / cycles, must, aim) if images["equal"] else "no")
    return row


def per_second(r):
    done, cycles = sum(r["images"]["operations"]), sum(r["images"]["cycles"])
    mhz = common_clock(r["clock"])
    rate = done / cycles * mhz
    return (f"**{rate:.0f} M** = {done / cycles:.2f} x {mhz:.2f} MHz, the clock of 8 of 10 seeds",
            grade(rate, 576, 864))


def images_a_second(r):
    mhz, parts, rates = common_clock(r["clock"]), [], []
    for key, name in (("images_small", "fashion_small"), ("images", "fashion")):
        mean = np.mean(r[key]["cycles"])
        rates.append(mhz * 1e6 / mean)
        parts.append(f"{name} **{rates[-1]:.0f}** = {mhz:.2f} MHz / {mean:,.0f} cycles")
    return "; ".join(parts), grade(rates[0], 500, 800)


def cells(name, lc, ebr):
    """Row of the size ``name``; (must, aim) of its cells and block RAMs."""
    def row(r):
        size = r[name]
        return (f"**{size['lc']:,} LC / {size['ebr']} EBR**, {size['spram']} SPRAM, "
                f"{size['dsp']} DSP",
                worst(grade(size["lc"], *lc, most=True), grade(size["ebr"], *ebr, most=True)))
    return row


def sam(size, images, **targets):
    """Row of what SAM adds to the measures ``size`` and ``images``.

    ``targets`` are (must, aim) of further lc, ebr, dsp, those that are asked for, and ``share``,
    that of the cycles in percent.
    """
    def row(r):
        whole, without = r[size], r[f"{size}_without"]
        with_, bare = (sum(r[each]["cycles"]) for each in (images, f"{images}_without"))
        values = {key: whole[key] - without[key] for key in ("lc", "ebr", "dsp")}
        values["share"] = round(100 * (with_ - bare) / bare, 2)
        return (f"**{values['lc']} LC, {values['ebr']} EBR, {values['dsp']} DSP, "
                f"{values['share']:.2f} % cycles**: {whole['lc']:,} - {without['lc']:,} LC (packed "
                f"cells, the same for every seed), {with_:,} / {bare:,} cycles",
                worst(*(grade(values[key], *target, most=True)
                        for key, target in targets.items())))
    return row


def all_taps(r):
    """Row of what SAM costs on every layer: the chip's cycles, and the fastest chip's."""
    parts, shares = [], []
    for name, prefix in (("4 x 16", ""), ("8 x 16 x 4", "fast_")):
        with_, bare = (sum(r[f"{prefix}{each}"]["cycles"])
                       for each in ("images_all_taps", "images_without"))
        shares.append(100 * (with_ - bare) / bare)
        equal = r[f"{prefix}images_all_taps"]["equal"]
        parts.append(f"{name} **{shares[-1]:.2f} %** = {with_:,} / {bare:,} cycles"
                     + ("" if equal else "; NOT EQUAL to golden"))
    return "; ".join(parts), grade(max(shares), 1, 0, most=True)


def on_board(r):
    """Row of what leaves the board, by the wire."""
    parts = []
    for name, key in (("4 x 16", "board"), ("8 x 16 x 4", "fast_board")):
        found = r[key]["rates"]
        parts += [f"{name}, {what} at {int(baud) // 1_000_000} Mbaud **{found[form][baud]:.1f}**"
                  for form, what in (("full", "all maps"), ("sum", "their sums"))
                  for baud in found[form]]
    return f"{'; '.join(parts)}; clock {r['board']['mhz']:g} MHz, estimated", "stated"


def energy(r):
    """Row of the energy of an image."""
    parts = []
    for name, key in (("4 x 16", "board"), ("8 x 16 x 4", "fast_board")):
        found = r[key]["energy"]
        parts.append(f"{name} **{found['microjoules'][0]:.0f} to {found['microjoules'][1]:.0f} uJ**"
                     f", {found['milliwatts'][0]:.0f} to {found['milliwatts'][1]:.0f} mW")
    return f"{'; '.join(parts)}; {found['formula']}; {found['source']}", "stated"


def smallest(r):
    size = r["smallest_size"]
    return (f"**{size['lc']:,} LC**, {size['ebr']} EBR, SAM on layers 2 to 4, 4 lanes of 8 steps",
            grade(size["lc"], 4000, 3300, most=True))


def fast_images(r):
    mean = np.mean(r["fast_images"]["cycles"])
    mhz = common_clock(r["fast_clock"])
    rate = mhz * 1e6 / mean
    return (f"**{rate:.0f}** = {mhz:.2f} MHz, which 8 of {len(r['fast_clock'])} seeds reach, / "
            f"{mean:,.0f} cycles; {CLOCK * 1e6 / mean:.0f} at {CLOCK} MHz",
            grade(rate, 1200, 1600))


def dense(r):
    mean, mhz = np.mean(r["dense"]["cycles"]), CLOCK
    reached = sorted(each["fmax_mhz"] for each in r["dense_clock"])
    mhz = min(float(CLOCK), reached[0])
    ms = mean / mhz / 1e3
    return (f"**{ms:.3f} ms** = {mean:,.0f} cycles / {mhz:.2f} MHz, the slowest of {len(reached)} "
            f"seeds; {r['dense']['lanes']} lanes of {r['dense']['word_steps']} steps, "
            f"{r['dense']['trains']} trains a cycle",
            grade(ms, 0.35, 0.2, most=True))


def braille(r):
    """Row of a Braille reader: a run, with and without maps of both layers."""
    parts = []
    for name, key in (("", "braille"), ("SAM on both layers ", "braille_all_taps")):
        found = r[key]
        mean = np.mean(found["cycles"])
        parts.append(f"{name}**{mean:,.0f} cycles**, {mean / CLOCK / 1e3:.2f} ms at {CLOCK} MHz"
                     + ("" if found["equal"] else "; NOT EQUAL to golden"))
    equal = all(r[key]["equal"] for key in ("braille", "braille_all_taps"))
    return ("; ".join(parts), grade(np.mean(r["braille"]["cycles"]), 38_000, 24_000, most=True)
            if equal else "no")


def recurrent(r):
    found = r["recurrent"]
    done, cycles = sum(found["operations"]), sum(found["cycles"])
    return (f"**{done / cycles:.2f}** = {done:,} operations / {cycles:,} cycles of "
            f"{found['images']} runs, {100 * found['activity'][0]:.1f} % of the hidden neurons' "
            "steps with a spike, no maps" + ("" if found["equal"] else "; NOT EQUAL to golden"),
            grade(done / cycles, 11, 14) if found["equal"] else "no")


def unit(r):
    u = r["unit"]
    return (f"**{u['lc']} LC, {u['dsp']} MAC16**, {u['ebr']} EBR, with the scan chain around it "
            f"(up to {u['scan_lc']} LC); {u['cycles_a_step']} cycles a step, {u['fmax_mhz']:.1f} "
            "MHz",
            worst(grade(u["lc"], 500, 300, most=True), grade(u["dsp"], 1, 0, most=True)))


def law(r):
    found = r["activity"]
    floor = found[0]["cycles"]
    tenth = next(each for each in found if each["wanted"] == 0.1)
    off = max(abs(each["law"] / each["cycles"] - 1) for each in found)
    share = 100 * floor / tenth["cycles"]
    return (
        f"floor **{share:.0f} %** = {floor:,.0f} cycles without a spike / "
        f"{tenth['cycles']:,.0f} at {100 * tenth['activity']:.1f} %; the law of flow.estimate is "
        f"off by at most {100 * off:.2f} % from {100 * found[1]['activity']:.0f} to "
        f"{100 * found[-1]['activity']:.0f} % of all neuron steps",
        "no" if off > 0.01 else "aim" if share < 20 else "must",
    )


def a_second(report):
    """(text, images a second) of one engine of sim.speed."""
    rate, core = report["images_per_second"], report["images_per_second_and_core"]
    return (f"**{rate:,.1f}** by the clock, {report['jobs']} at once; {core:,.1f} for each second "
            f"of a core ({report['images']} images in {report['cpu_seconds']:.2f} s of CPU time)",
            rate)


def golden(r):
    text, rate = a_second({**r["speed"], **r["speed"]["golden"]})
    return text, grade(rate, 1500, 2500)


def simulation(r):
    """Row of the simulation; its grade is that of the fastest chip."""
    parts = []
    for key in ("speed", "fast_speed"):
        found = r[key]
        size = EngineSize(found["lanes"], found["word_steps"], found["trains"])
        text, rate = a_second({**found, **found["rtl"]})
        parts.append(f"{size.text}, SAM on layers {', '.join(map(str, found['taps']))}: {text}")
    return "; ".join(parts), grade(rate, 60, 100)


def against_torch(r):
    first = r["sam_speed"]["rates"][0]
    seconds, times = first["seconds"], first["times faster"]
    ways = [f"{name} {1e3 * seconds[name]:.1f} ms, {factor:.1f} times"
            for name, factor in times.items()]
    main = next(iter(times.values()))
    return (f"**{main:.0f} times** at {100 * first['rate']:g} % spikes, one thread each: golden "
            f"{1e3 * seconds['golden']:.2f} ms; {'; '.join(ways)}", grade(main, 20, 100))


ASKED = (  # name, must, aim, how, what limits it
    ("clock closed by nextpnr", "48 MHz on 8 of 10 seeds", "10 of 10",
     clock("clock", 8, 10), "clock"),
    ("effective synaptic operations a cycle", "12", "18", per_cycle("images", 12, 18),
     "per_cycle"),
    ("the same a second", "576 M", "864 M", per_second, "per_second"),
    ("images a second", "500", "800", images_a_second, "images"),
    ("LC / EBR", "4,200 / 24", "3,300 / 16", cells("size", (4200, 3300), (24, 16)), "cells"),
    ("SAM: extra LC, EBR, DSP, cycles", "250, 2, 1, 1 %", "150, 1, 1, 0",
     sam("size", "images", lc=(250, 150), ebr=(2, 1), dsp=(1, 1), share=(1, 0)), "sam"),
    ("fastest chip (8 x 16 x 4): operations a cycle", "30", "40",
     per_cycle("fast_images", 30, 40), "fast_per_cycle"),
    ("fastest chip: images a second, core", "1,200", "1,600", fast_images, "fast_images"),
    ("fastest chip: clock closed by nextpnr", "48 MHz on 9 of 10 seeds", "10 of 10",
     clock("fast_clock", 9, 10), "fast_clock"),
    ("fastest chip: LC / EBR", "5,000 / 30", "4,800 / 28",
     cells("fast_size", (5000, 4800), (30, 28)), "fast_cells"),
    ("fastest chip: SAM, extra LC and cycles", "220, 1 %", "150, 0",
     sam("fast_size", "fast_images", lc=(220, 150), share=(1, 0)), "fast_sam"),
    ("SAM on all layers, 1 too: extra cycles", "1 %", "0", all_taps, "all_taps"),
    ("smallest chip of four lanes", "4,000 LC", "3,300 LC", smallest, "smallest"),
    ("images a second of the board", "stated", "stated", on_board, "board"),
    ("energy of an image, an estimate", "stated", "stated", energy, "energy"),
    ("dense 784-128-10, 4 bits, T = 25", "0.35 ms", "0.2 ms", dense, "dense"),
    ("Braille graph 12-40 (loop)-7, T = 256, 4 lanes", "38,000 cycles", "24,000", braille,
     "braille"),
    ("700-128 (loop)-20, T = 100, 10 %, 8 lanes: operations a cycle", "11", "14",
     recurrent, "recurrent"),
    ("16-to-8 dense LIF layer alone", "500 LC, 1 MAC16", "300 LC, 0", unit, "unit"),
    ("cycles as activity grows 2 to 50 %", "a stated law", "floor under 20 % at 10 %", law, "law"),
    ("golden, images a second, 2 cores", "1,500", "2,500", golden, "golden"),
    ("RTL simulation, images a second, 2 cores", "60", "100", simulation, "simulation"),
    ("SAM in golden against PyTorch", "20 times", "100 times", against_torch, "torch"),
)


def rows(results, limits):
    """Row for each entry of ``ASKED``; ``limits`` says what bounds each."""
    found = []
    for name, must, aim, how, key in ASKED:
        try:
            measured, met = how(results)
        except (KeyError, TypeError) as error:
            measured, met = f"not measured: {error}", "?"
        found.append(Row(name, must, aim, measured, met, limits.get(key, "")))
    return found
