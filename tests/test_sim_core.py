"""Run the cocotb bench of Walker and Engine."""

import numpy as np
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from hw.engine import Engine
from hw.plan import Plan
from hw.walker import Walker
from sim.build import run_bench
from tests.networks import draw, images

# name: seed and options of tests.networks.draw, lanes, word_steps.
CASES = {
    "lanes1": (46, {}, 1, 4),
    "lanes2": (20, {}, 2, 8),
    "lanes4": (3, {"plain": True, "steps": (16,)}, 4, 16),
    "lanes8": (38, {"uniform": True, "steps": (20,)}, 8, 16),
    "wide": (243, {"rich": True, "steps": (5,)}, 4, 8),
    "norms": (291, {"rich": True, "steps": (5,)}, 4, 4),
}


class Core(wiring.Component):
    """A Walker and its Engine; ports of either under their names."""

    def __init__(self, plan, *, walker=None, engine=None):
        self.walker, self.engine = walker or Walker(plan), engine or Engine(plan)
        inner = {"i", "number", "start"}
        super().__init__({
            **{name: member for name, member in self.walker.signature.members.items()
               if name != "o"},
            **{name: member for name, member in self.engine.signature.members.items()
               if name not in inner}})

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker, m.submodules.engine = self.walker, self.engine
        connect(m, self.walker.o, self.engine.i)
        m.d.comb += [self.engine.number.eq(self.number), self.engine.start.eq(self.start)]
        for part in (self.walker, self.engine):
            for name, member in part.signature.members.items():
                if name in ("i", "o") or (part is self.engine and name in ("number", "start")):
                    continue
                ours, theirs = getattr(self, name), getattr(part, name)
                m.d.comb += ours.eq(theirs) if member.flow == wiring.Out else theirs.eq(ours)
        connect(m, self.engine.o, flipped(self.o))
        return m


def test_bench(tmp_path):
    units, params = {}, {}
    for name, (seed, options, lanes, word_steps) in CASES.items():
        network = draw(seed, **options)
        network.save(tmp_path / f"{name}.npz")
        np.save(tmp_path / f"{name}.npy", images(network, 2))
        units[name] = Core(Plan(network, lanes=lanes, word_steps=word_steps))
        params[name] = {"network": str(tmp_path / f"{name}.npz"), "lanes": lanes,
                        "word_steps": word_steps, "images": str(tmp_path / f"{name}.npy")}
    run_bench(units, "sim.bench_core", params, tmp_path)
