"""python -m bench.walk: what each stage of the engine does in every cycle of some walks, drawn.

The engine alone is simulated, with a memory of trains that all spike but for a silent stretch. A
line of the picture is a stage, a column a cycle, a colour a walk; hatched is what an empty walk
takes.
"""

import tempfile
from pathlib import Path

import numpy as np
from amaranth.sim import Simulator
from matplotlib.figure import Figure

from golden.io.arguments import command_parser
from golden.io.errors import command
from golden.io.files import output, replacing
from golden.io.text import say
from golden.network import Layer, Network, Neuron
from hw.engine.engine import Engine
from hw.engine.walks import now_layout
from hw.plan.planner import Plan
from hw.plan.size import EngineSize

__all__ = ["draw", "main", "recorded", "stages"]

PIXELS, SILENT = 7, (3, 4)      # of a row; those whose trains are all zero
CHANNELS = 24                   # two words of the bitmap
START, CYCLES = 3, 400           # when the pass begins; when it has ended at the latest


def network():
    """A convolution of 1 x 1 over one row of pixels, from 24 channels to 8, and a read-out."""
    weights = np.ones((8, CHANNELS, 1, 1), dtype=np.int64)
    spiking = Neuron(np.int64(20), np.int64(1 << 12))
    quiet = Neuron(np.int64(0), np.int64(0), reset="none")
    return Network((CHANNELS, 1, PIXELS), 16, (
        Layer(weights, 4, spiking), Layer(np.ones((2, 8 * PIXELS), dtype=np.int64), 4, quiet)),
        name="walks")


def recorded(plan):
    """{name: values cycle after cycle} of all signals of the engine in its first pass."""
    engine = Engine(plan)

    def marked(address):
        """A word of the bitmap: of a pixel's 24 channels the first 16, or the others."""
        return 0 if address // 2 in SILENT else 0xFF if address % 2 else 0xFFFF

    async def bench(ctx):
        ctx.set(engine.trains.data, (1 << plan.word_steps) - 1)
        ctx.set(engine.weights.data, sum(1 << 4 * lane for lane in range(plan.lanes)))
        for cycle in range(CYCLES):
            ctx.set(engine.start, cycle == START)
            address, ended = ctx.get(engine.bitmap_addr), ctx.get(engine.done)
            await ctx.tick()
            ctx.set(engine.bitmap_data, marked(address))
            if ended:
                break
    simulator = Simulator(engine)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    with tempfile.TemporaryDirectory(prefix="sam-walk-") as folder:
        path = Path(folder) / "walks.vcd"
        with simulator.write_vcd(str(path)):
            simulator.run()
        return values(path)


def values(path):
    """{dotted name: (cycles,) int} of a value change dump, as each clock edge finds the signals."""
    scope, names, now, rows, clock = [], {}, {}, [], None
    for line in Path(path).read_text().splitlines():
        words = line.split()
        if line.startswith("$scope"):
            scope.append(words[2])
        elif line.startswith("$upscope"):
            scope.pop()
        elif line.startswith("$var"):
            names[".".join([*scope, words[4]])] = words[3]
            clock = words[3] if words[4] == "clk" else clock
        elif line.startswith("b"):
            now[words[1]] = words[0][1:]
        elif line[:1] in ("0", "1"):
            if line == f"1{clock}":
                rows.append(dict(now))
            now[line[1:]] = line[0]
    number = lambda text: int(text, 2) if set(text) <= {"0", "1"} else 0
    return {name: np.array([number(row.get(key, "0")) for row in rows])
            for name, key in names.items()}


def stages(found, plan):
    """{stage: [(cycle, walk)]} of what ``recorded`` found."""
    take = lambda name: found[f"bench.top.{name}"]
    walks = lambda ends: np.concatenate([[0], np.cumsum(ends)[:-1]])
    at = lambda active, ends: [(cycle, walks(ends)[cycle]) for cycle in np.flatnonzero(active)]
    visit, end = take("address_generator.visited"), np.roll(take("address_generator.end"), 1)
    added, ended = take("datapath.fetch.adds"), take("datapath.fetch.ends")
    drained = take("datapath.drain.stepped")
    stored = take("datapath.writer.write__en")
    rows = {"visits": at(visit | end, end), "trains read": at(added | ended, ended)}
    if plan.buffered:
        reads, now = take("datapath.buffer.player.reads"), take("datapath.buffer.player.now")
        fields = now_layout(plan)
        value = lambda name: now >> fields[name].offset & (1 << fields[name].width) - 1
        over = reads & value("load") & (
            (value("slice") == plan.slices - 1) | value("ends_empty"))
        rows["rows added"] = at(reads, over)
    rows["steps drained"] = at(drained, drained & take("datapath.drain.now") & 1)
    rows["trains stored"] = at(stored, stored & (np.cumsum(stored) % plan.lanes == 0))
    return rows


def draw(path, sizes=((8, 16, 1), (8, 16, 4))):
    """Write the picture: a panel for each size of the engine."""
    figure = Figure(figsize=(11, 2.1 * len(sizes) + 0.6), layout="constrained")
    panels = figure.subplots(len(sizes), sharex=True, squeeze=False)[:, 0]
    for axes, size in zip(panels, sizes, strict=True):
        plan = Plan(network(), *size)
        rows = stages(recorded(plan), plan)
        for line, cells in enumerate(rows.values()):
            for cycle, walk in cells:
                silent = walk in SILENT
                axes.barh(line, 1, left=cycle - START, height=0.8, color=f"C{walk}",
                          hatch="////" if silent else None, edgecolor="white", linewidth=0.4)
        axes.set(yticks=range(len(rows)), yticklabels=list(rows))
        axes.set_title(f"{EngineSize(*size).text}: lanes x steps of a word"
                       + " x trains of a cycle" * plan.buffered, fontsize=9, loc="left")
        axes.invert_yaxis()
    panels[-1].set_xlabel("cycle")
    figure.savefig(path, dpi=100, metadata={"Software": None})


@command
def main(argv=None):
    parser = command_parser(
        "python -m bench.walk", "What each stage of the engine does in every cycle, as a picture.",
        examples=("--out docs/design/walk.png",))
    parser.add_argument("--out", metavar="FILE.png", default="docs/design/walk.png")
    args = parser.parse_args(argv)
    output(args.out, suffix=".png")
    with replacing(args.out) as aside:
        draw(str(aside))
    say(f"wrote {args.out}")


if __name__ == "__main__":
    main()
