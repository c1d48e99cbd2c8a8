"""Scores leave in their order, none is lost however slowly they leave; one a cycle if at once."""

import random

import pytest
from amaranth.hdl import signed
from amaranth.sim import Simulator

from hw.engine import score_queue
from tests.helpers.planted import changed

COUNT, DELAY = 60, 2        # cycles from taking a score to its coming, as in hw.engine.readout


def left(stall, module=score_queue):
    """(scores that left, cycles): one is taken whenever the queue allows it."""
    queue, found, cycles = module.ScoreQueue(signed(9)), [], 0
    rng = random.Random(1)

    async def bench(ctx):
        nonlocal cycles
        coming, taken, blocked = [], 0, False
        while len(found) < COUNT and cycles < 40 * COUNT:
            takes = not blocked and taken < COUNT
            comes = [n for n, at in coming if at == cycles]
            ctx.set(queue.taken, takes)
            ctx.set(queue.push, len(comes))
            ctx.set(queue.i, comes[0] - 30 if comes else 99)
            ctx.set(queue.o.ready, rng.random() >= stall)
            if takes:
                coming.append((taken, cycles + DELAY))
                taken += 1
            if ctx.get(queue.o.valid) and ctx.get(queue.o.ready):
                found.append(ctx.get(queue.o.payload))
            blocked = ctx.get(queue.full)
            await ctx.tick()
            cycles += 1

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found, cycles


@pytest.mark.parametrize("stall", [0, .1, .5, .9])
def test_in_order_and_none_is_lost(stall):
    found, cycles = left(stall)
    assert found == [n - 30 for n in range(COUNT)]
    if not stall:
        assert cycles == COUNT + DELAY + 1


@pytest.mark.parametrize("old, new", [
    ("then == DEPTH", "0"), ("room_for.eq(count - leaves)", "room_for.eq(count)"),
    ("self.o.valid.eq(self.push | (room_for != 0))", "self.o.valid.eq(self.push)")])
def test_a_planted_fault_is_seen(old, new):
    assert left(.5, changed(score_queue, old, new))[0] != [n - 30 for n in range(COUNT)]
