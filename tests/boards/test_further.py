"""What the identity says of the words of results, among them those of an explanation like any."""


import numpy as np
import pytest

from boards.host import Board
from boards.platform.top import Top, identify
from boards.protocol.identity import Identity
from boards.protocol.outputs import PART_FIELDS, STREAM_FIELDS, pack_outputs, unpack_outputs
from golden.explain.contribution import adds_up, contributions, of_result
from golden.formats import exp_table
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron
from golden.network.result import stacked
from golden.run import run
from hw.accelerator import Accelerator
from hw.interface import EXPLANATIONS, Output
from hw.plan.packing import configuration
from hw.plan.pixels import plan_of
from sim.pins import SimulatedPort
from tests.helpers.identities import plain_outputs
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
    output = told.outputs["tallies"]
    assert output == Output("tallies", ("y", "x", "channel"), {1: (height, width, channels)}, 7)
    assert Identity.unpack(told.pack()) == told
    assert (output.code, output.bits, output.count) == (6, 7, channels * height * width)
    assert told.results == sum(each.count for each in told.outputs.values())
    plain = identify(Accelerator(NETWORK), clock_hz=4_000_000)
    assert list(plain.outputs) == ["maps", "scores", "counts"]
    assert len(told.pack()) == len(plain.pack()) + 2 * 14   # traces, too


def test_classes_come_in_groups_of_lanes():
    """Eleven classes, four at a time, in one row of the identity."""
    outputs = plain_outputs(steps=5, classes=11, lanes=4, score_bits=9)
    assert list(outputs["scores"].shape) == [0, 4, 8]
    packed = pack_outputs(outputs)
    assert unpack_outputs(packed + b"\xff") == (outputs, len(packed))
    assert len(pack_outputs(plain_outputs(classes=11, lanes=11))) == len(packed)


@pytest.mark.parametrize("changes, rule", [
    ({"code": 7}, "code must be of a stream that this program knows, not 7"),
    ({"code": 0}, "code must be of a stream that this program knows, not 0"),
    ({"code": 4}, "streams before traces must be in order"),
    ({"bits": 33}, "bits of tallies must be 1 to 32, not 33"),
    ({"axes": 0}, "axes of tallies must be those of its words, not none"),
    ({"group": 2}, "group of tallies must be 0, not 2"),
    ({"parts": 0}, "parts of tallies must be layers from 1 on, in order, not \\[\\]"),
    ({"number": 0}, "parts of tallies must be layers from 1 on, in order, not \\[0\\]"),
    ({"lengths": 0}, "lengths of tallies must be at least 1, not 0")])
def test_makes_no_sense(changes, rule):
    """Each field of a row, in an identity that is sound else."""
    row = {"code": 6, "bits": 7, "axes": 7, "round": 0, "group": 0, "parts": 1, "number": 1,
           "lengths": 1} | changes
    sizes = {name: size for name, size, _ in (*STREAM_FIELDS, *PART_FIELDS)}
    row = b"".join(row[name].to_bytes(size, "big") * (3 if name == "lengths" else 1)
                   for name, size in sizes.items())
    told = identity(attribution=1)
    packed = pack_outputs({name: output for name, output in told.outputs.items()
                           if name != "tallies"})
    with pytest.raises(ValueError, match=f"makes no sense: {rule}"):
        unpack_outputs(bytes([packed[0] + 1]) + packed[1:] + row)


def test_two_parts_of_one_number():
    told = identity().outputs
    told["tallies"].shape[2] = told["tallies"].shape[1]
    packed = bytearray(pack_outputs(told))
    packed[-7] = 1
    with pytest.raises(ValueError, match="parts of tallies must be in order, each once, not "):
        unpack_outputs(bytes(packed))


def test_an_identity_cut_short_within_a_part():
    packed = identity().pack()
    for size in range(len(packed) - 20, len(packed)):
        with pytest.raises(ValueError, match="an identity that ends within its outputs"):
            Identity.unpack(packed[:size])
    with pytest.raises(ValueError, match=f"an identity of {len(packed) + 1} bytes, not"):
        Identity.unpack(packed + b"\0")


def test_what_the_wire_does_not_have():
    with pytest.raises(ValueError, match="words of tallies must come in the order y, x, channel, "
                                         "step, word, class, count, not step, y"):
        pack_outputs({"tallies": Output("tallies", ("step", "y"), {1: (2, 3)}, 4)})
    with pytest.raises(ValueError, match="lengths of tallies must be 0 to 65535, not 65536"):
        pack_outputs({"tallies": Output("tallies", ("y",), {1: (2**16,)}, 4)})


def test_more_layers_than_the_identity_holds(monkeypatch):
    """The chip is refused before it is built, by one line that says what to do."""
    monkeypatch.setattr("boards.platform.top.BLOCK", 100)
    with pytest.raises(BadInput, match=r"takes \d+ bytes of at most 100: explain fewer layers"):
        identity()


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
    assert Identity.unpack(told.pack()).outputs["contributions"] == Output(
        "contributions", ("y", "x", "channel"), {1: (4, 4, 3)}, bits, signed=True)
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
