"""An explanation that the wire has no fields for: the identity says what its words are."""

from dataclasses import replace

import numpy as np
import pytest

from boards.host import Board
from boards.platform.top import Top, identify
from boards.protocol.identity import SIGNED, Identity, Part, parts_of
from golden.explain.contribution import adds_up, contributions, of_result
from golden.formats import exp_table
from golden.network import Layer, Network, Neuron
from golden.network.result import stacked
from golden.run import run
from hw.accelerator import Accelerator
from hw.interface import EXPLANATIONS, Output
from hw.plan.packing import configuration
from hw.plan.pixels import plan_of
from sim.pins import SimulatedPort
from verify.networks import draw, images

NETWORK = draw(3, steps=(4,), plain=True)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(EXPLANATIONS, "tallies", "tests.helpers.tally")


def identity(**options):
    return identify(Accelerator(NETWORK, explain={"tallies": (1,)}, **options), clock_hz=4_000_000)


def test_the_identity_describes_it():
    told = identity(attribution=1)
    channels, height, width = NETWORK.stages[0].shape
    assert told.further == (Part(6, 7, 1, height, width, channels, 0),)
    assert Identity.unpack(told.pack()) == told
    output = told.outputs["tallies"]
    assert (output.code, output.bits, output.count) == (6, 7, channels * height * width)
    assert told.results == sum(each.count for each in told.outputs.values())
    plain = identify(Accelerator(NETWORK), clock_hz=4_000_000)
    assert plain.further == () and len(told.pack()) == len(plain.pack()) + 11


@pytest.mark.parametrize("part, rule", [
    (Part(7, 7, 1, 1, 1, 1), "of explanations that this program knows"),
    (Part(4, 7, 1, 1, 1, 1), "of explanations that this program knows"),
    (Part(0, 7, 1, 1, 1, 1), "of explanations that this program knows"),
    (Part(6, 33, 1, 1, 1, 1), "of some words"), (Part(6, 7, 0, 1, 1, 1), "of some words"),
    (Part(6, 7, 1), "of some words"), (Part(6, 8, 2, 1, 1, 1), "alike for each layer of a stream"),
    (Part(6, 7, 2, 1, 1), "alike for each layer of a stream"),
    (Part(6, 7, 2, 65535, 65535, 65535), "at most 16777216 words")])
def test_makes_no_sense(part, rule):
    told = identity()
    parts = (part,) if rule.startswith("of") else (*told.further, part)
    with pytest.raises(ValueError, match=f"makes no sense: .* must be {rule}"):
        Identity.unpack(replace(told, further=parts).pack())


def test_an_identity_cut_short_within_a_part():
    with pytest.raises(ValueError, match="an identity of [0-9]+ bytes, not "):
        Identity.unpack(identity().pack()[:-1])


def test_an_order_that_the_wire_does_not_have():
    with pytest.raises(ValueError, match="words of tallies must come in the order y, x, channel, "
                                         "step, not step, y"):
        parts_of(Output("tallies", ("step", "y"), {1: (2, 3)}, 4))


@pytest.mark.slow
@pytest.mark.parametrize("traced", [None, 1])
def test_over_the_pins(traced):
    """Its frames have its own code, whether or not traces come before it."""
    accelerator = Accelerator(NETWORK, explain={"tallies": (1,)}, attribution=traced)
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000)
    with (SimulatedPort(top, quick=True) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        board.load(configuration(accelerator.plan, table=exp_table(0.5, NETWORK.steps),
                                 mode="paper", tallies=[3]), label=NETWORK.digest)
        pictures = images(NETWORK, 2)
        wanted = run(pictures, NETWORK)
        for n, picture in enumerate(pictures):
            result = board.explain(picture)
            tallies = wanted.spikes[1][n].sum(axis=0, dtype=np.int64)
            assert np.array_equal(result.explained["tallies", 1], 16 * tallies + 3)
            assert np.array_equal(result.scores, wanted.scores[n])
            assert (result.traces is None) == (traced is None)


@pytest.mark.slow
def test_contributions_over_the_pins():
    """Signed words, told so by the identity; they add up to the scores that the wire brings."""
    network = Network((1, 4, 4), 5, (
        Layer(np.arange(-4, 5).reshape(1, 1, 3, 3), 4, Neuron(np.int64(9), np.int64(2**12)),
              padding=1),
        Layer(np.random.default_rng(2).integers(-8, 8, (3, 16)), 4,
              Neuron(np.int64(0), np.int64(0), reset="none"), frac=2, bias=np.array([5, -3, 1]))))
    accelerator = Accelerator(network, explain={"contributions": (1,)}, lanes=2)
    told = identify(accelerator, clock_hz=4_000_000)
    bits = accelerator.plan.contribution_bits
    assert told.further == (Part(5, bits | SIGNED, 1, 4, 4, 3, 0),)
    assert Identity.unpack(told.pack()).outputs["contributions"].signed
    top = Top(accelerator, clock_hz=4_000_000, baud=1_000_000)
    with (SimulatedPort(top, quick=True) as port,
          Board(port, timeout=20e-3, clock=port.clock) as board):
        plan = plan_of(network, by_pixel="contributions" in board.identify().outputs, lanes=2,
                       word_steps=16)
        board.load(configuration(plan, table=exp_table(0.5, network.steps), mode="paper"),
                   label=network.digest)
        pictures = images(network, 3)
        wanted = run(pictures, network)
        found = stacked([board.explain(picture) for picture in pictures])
    shares = found.explained["contributions", 1]
    assert np.array_equal(shares, contributions(wanted.spikes[1], network)) and shares.min() < 0
    assert np.array_equal(of_result(found, network), shares)
    assert adds_up(shares, found.scores, network).all()
    assert np.array_equal(found.scores, wanted.scores)
