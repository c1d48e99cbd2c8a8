"""Lane as Verilog against golden.neurons: every layer of a network, neuron after neuron."""

import json
import os
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge

from golden.network import load
from golden.neurons.population import fire
from golden.synapses import weighted
from hw.engine.neurons.lif_by_sign import SignLif
from hw.plan.packing import header_value, lane_weights, write_parameters
from hw.plan.planner import Plan
from sim.benches.streams import begin, signed

if TYPE_CHECKING:
    from hw.plan.passes import Pass

PARAMS = json.loads(os.environ["BENCH_PARAMS"])
NEURONS = 4  # of each channel


def digits(plan: Plan, each: "Pass", channel):
    """Parameters of a channel as ``weight_bits`` at a time, lowest first."""
    rows = lane_weights(plan, each)
    write_parameters(plan, each, rows)
    group, lane = divmod(channel, plan.lanes)
    return rows[group, :plan.header, lane].tolist()


def norm(plan: Plan, layer, channel, step):
    """Gain and offset at a step in one word, as hw.engine.lane.norm_layout has them."""
    if not plan.normed:
        return 0
    gain, offset = 1 << layer.frac, 0
    if layer.norm is not None:
        gain, offset = (int(layer.norm[n][step, channel]) for n in range(2))
    width, above = plan.norm_bits
    return gain & 2**width - 1 | (offset & 2**above - 1) << width


def below(plan: Plan, each: "Pass"):
    """How far a lane's membrane is below golden's."""
    if plan.parameters.built(each.stage.layer) is SignLif and each.neuron.reset != "none":
        return int(np.max(each.neuron.threshold)) + (each.neuron.compare == "gt")
    return 0


def neurons(plan: Plan, each: "Pass", rng) -> Iterator:
    """Neurons of a layer: (channel, additions of each chunk, spikes, membranes).

    An addition is (weight, train); the layer's inputs are random trains.
    """
    stage, steps = each.stage, plan.network.steps
    rates = rng.choice([0, 0.1, 0.5, 1], (NEURONS, 1, 1, 1, 1))
    active = (rng.random((NEURONS, steps, *stage.pooled)) < rates).astype(np.int64)
    sums = weighted(active.reshape(-1, *stage.pooled), stage.layer, 1)
    sums = sums.reshape(NEURONS, steps, *sums.shape[1:])
    spikes, membranes = fire(sums, stage.layer)
    y, x = sums.shape[3] // 2, sums.shape[4] // 2
    # What each weight of the neuron at (y, x) contributes, by the sum over one input alone.
    padded = np.zeros((NEURONS, plan.chunks * plan.word_steps, *stage.pooled), dtype=np.int64)
    padded[:, :steps] = active
    trains = np.tensordot(padded.reshape(NEURONS, plan.chunks, plan.word_steps, -1),
                          1 << np.arange(plan.word_steps), (2, 0))
    count = int(np.prod(stage.pooled))
    alone = weighted(np.eye(count, dtype=np.int64).reshape(count, *stage.pooled), stage.layer, 1)
    for n, channel in np.ndindex(NEURONS, stage.shape[0]):
        adds = [[(int(weight), int(train)) for weight, train in zip(
            alone[:, channel, y, x], trains[n, chunk], strict=True) if weight and train]
            for chunk in range(plan.chunks)]
        yield (channel, adds, spikes[n, :, channel, y, x], membranes[n, :, channel, y, x])


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(case=list(PARAMS), idle=[0.0, 0.4])
async def equals_golden(dut: Any, case: Any, idle) -> None:
    """Additions of a walk go on while the one before is drained, as fast as allowed or slower."""
    plan = Plan(load(PARAMS[case]["network"]), lanes=PARAMS[case]["lanes"],
                word_steps=PARAMS[case]["word_steps"])
    rng = np.random.default_rng(cocotb.RANDOM_SEED)
    port = {name: dut[f"{case}__{name}"] for name in (
        "number", "shared", "train", "weight", "param", "load", "shift", "opens", "feed",
        "step", "last", "spike", "membrane")}
    await begin(dut)
    # A reset leaves the membrane as it was: a last step before the first neuron clears it.
    port["step"].value = port["last"].value = 1
    await RisingEdge(dut.clk)
    port["step"].value = port["last"].value = 0
    for each in plan.passes:
        if each.merging:
            continue
        port["number"].value = each.number - 1
        if not plan.per_channel:
            port["shared"].value = header_value(plan, each.neuron.values(np.max))
        await ClockCycles(dut.clk, 2)              # constants of the pass follow
        # Busy and quiet neurons in turn: a quiet one's walk ends at once, right behind the other's.
        order = list(neurons(plan, each, rng))
        random.shuffle(order)
        walks = [(neuron, chunk) for neuron in order for chunk in range(plan.chunks)]
        walk, work = None, []                      # what is added, and the cycles still to come
        drained, handed = None, plan.word_steps    # what is drained, and its next step
        # The (walk, step) handed on, and the one given to the neuron.
        waiting, given, got = None, None, []
        while walks or walk or waiting or given or handed < plan.word_steps:
            if walk is None and walks:
                walk = walks.pop(0)
                (channel, adds, *_), chunk = walk
                work = [("param", digit, 0) for digit in digits(plan, each, channel)
                        ] if plan.per_channel and chunk == 0 else []
                work += [("add", *add) for add in adds[chunk]]
            busy = random.random() >= idle
            # The steps of a word follow each other without a gap between step and feed.
            steps = given is not None and busy and (
                given[1] == plan.word_steps - 1 or waiting is not None)
            feeds = waiting is not None and (steps or given is None) and (
                waiting[1] > 0 or random.random() >= idle)
            shifts = handed < plan.word_steps and (feeds or waiting is None) and busy
            over = handed + shifts == plan.word_steps
            if plan.per_channel:
                over = handed == plan.word_steps and waiting is None and given is None
            loads = walk is not None and not work and over and random.random() >= idle
            works = bool(work) and not loads and random.random() >= idle

            kind, weight, train = work.pop(0) if works else ("", 0, 0)
            port["param"].value = int(kind == "param")
            port["weight"].value = int(weight) & 2**plan.weight_bits - 1
            port["train"].value = 2**plan.word_steps - 1 if loads else train if kind == "add" else 0
            port["load"].value, port["shift"].value = int(loads), int(shifts)
            port["feed"].value, port["step"].value = int(feeds), int(steps)
            if shifts:
                port["opens"].value = int(handed == 0 and drained[1] == 0)
            if shifts and plan.normed:
                (channel, *_), chunk = drained
                at = min(chunk * plan.word_steps + handed, plan.network.steps - 1)
                dut[f"{case}__norm"].value = norm(plan, each.stage.layer, channel, at)
            if steps:
                (neuron, chunk), at = given
                last = at == plan.word_steps - 1 and chunk == plan.chunks - 1
                port["last"].value = int(last)
            await RisingEdge(dut.clk)
            if steps:
                spikes = each.neuron.reset != "none"
                got.append((int(port["spike"].value) if spikes else 0, signed(
                    port["membrane"].value.to_unsigned(), plan.membrane_bits)
                    + below(plan, each)))
                if last:
                    channel, _, spikes, membranes = neuron
                    count = plan.network.steps
                    want = list(zip(spikes.tolist(), membranes.tolist(), strict=True))
                    wrong = [t for t in range(count) if got[t] != want[t]]
                    assert not wrong, (
                        f"layer {each.stage.index}, channel {channel}, step {wrong[0]}: "
                        f"{got[wrong[0]]} instead of {want[wrong[0]]}")
                    got = []
                given = None
            if feeds:
                given, waiting = waiting, None
            if shifts:
                waiting = drained, handed
                handed += 1
            if loads:
                drained, handed, walk = walk, 0, None
