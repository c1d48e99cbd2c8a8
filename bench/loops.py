"""Cycles of networks with loops, which run step by step: a Braille reader, and 128 neurons."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.activity import tuned
from bench.images import model
from bench.store import digest, kept
from golden.activity import of_result
from golden.importers.nir import from_nir
from golden.importers.quantise import quantise_with_report
from golden.network import Layer, Network, Neuron
from golden.network.ops import Recurrent
from golden.run import run
from hw.engine.profiler import StallReason
from hw.plan.size import EngineSize
from sim.rtl import Simulation

BRAILLE = Path(__file__).parents[2] / "shared" / "nir" / "braille_subgraph.nir"
IMAGES = 2


def braille() -> tuple[Network, float]:
    """The NIR paper's reader of 12 - 40 (loop) - 7 over 256 steps, and the share of its inputs that
    spike. BadInput where the graph is not there.
    """
    network = from_nir(BRAILLE, reset="zero", steps=256, encoder="frames")
    return quantise_with_report(network, bits=8)[0], 0.15


def recurrent() -> tuple[Network, float]:
    """700 - 128 (loop) - 20 of drawn weights over 100 steps, of which a tenth of the inputs spike
    and at most a tenth of the neurons.
    """
    rng = np.random.default_rng(18)
    draw = lambda *shape: rng.integers(-7, 8, shape)
    layers = (Layer(draw(128, 700), 4, Neuron(np.int64(1), np.int64(1 << 13)),
                    recurrent=Recurrent(draw(128, 128))),
              Layer(draw(20, 128), 4, Neuron(np.int64(0), np.int64(1 << 12), reset="none")))
    network = Network((700, 1, 1), 100, layers, encoder="frames", name="700-128r-20")
    return tuned(network, frames(network, 0.1), 0.1), 0.1


def frames(network: Network, share: float) -> np.ndarray:
    """Drawn inputs (IMAGES, T, C, H, W), of which so many spike."""
    rng = np.random.default_rng(1)
    return (rng.random((IMAGES, network.steps, *network.shape)) < share).astype(np.uint8)


def measure(make: Callable, *, size: tuple, sam: bool = False) -> dict:
    """What the chip of ``size`` (lanes, steps of a word) does with drawn inputs.

    ``make`` gives the network and the share of its inputs that spike; with ``sam`` all layers are
    mapped. Returns {network, digest, images, lanes, word_steps, trains, taps, equal, cycles,
    operations, effective, activity: the share of spikes of each layer, causes, cause_names} as
    bench.images.measure.
    """
    network, share = make()
    taps = network.taps if sam else ()
    size = EngineSize(*size, 1)
    simulation = Simulation(network, taps=taps, quick=True, **size._asdict())

    def made():
        shown = frames(network, share)
        golden = run(shown, network, taps=network.taps)
        found, met = simulation.run(shown), of_result(network, golden)
        equal = all(np.array_equal(getattr(found, name), getattr(golden, name))
                    for name in ("scores", "counts")) and all(
            np.array_equal(found.maps[tap], golden.maps[tap]) for tap in taps)
        return {"network": network.name, "digest": network.digest, "images": IMAGES,
                **size._asdict(), "taps": list(taps), "equal": equal,
                "cycles": found.cycles.tolist(),
                "operations": met[:, 0].tolist(), "effective": met[:, 1].tolist(),
                "activity": [float(golden.spikes[tap].mean()) for tap in network.taps],
                "causes": found.causes.sum(axis=0).tolist(),
                "cause_names": [cause.name.lower() for cause in StallReason][
                    :found.causes.shape[2]]}
    key = [simulation.program.parent.name, network.digest, model(),
           digest(Path(__file__).read_bytes())]
    return kept("loops", key, made)
