"""The 16-to-8 dense layer of LIF neurons alone, as hw.export writes it."""

from pathlib import Path

import numpy as np

from bench.store import ROOT, kept
from flow import steps
from flow.export.units import export_layer
from golden.network import Layer, Network, Neuron

INPUTS, OUTPUTS, BITS, STEPS = 16, 8, 8, 16


def network():
    """16-8 with weights of all values that 8 bits hold, order B, leak 1 - 2^-4."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-2**(BITS - 1), 2**(BITS - 1), (OUTPUTS, INPUTS))
    lif = Neuron(np.int64(200), np.int64(4096))
    return Network((1, INPUTS, 1), STEPS, (Layer(weights, BITS, lif),), encoder="frames",
                   readout="count", name="16-to-8")


def measure(*, seed=1):
    """The export's report: lc (with the scan chain around it), scan_lc, ebr, dsp, cycles_a_step."""
    stage = network().stages[0]
    sources = [Path(path).read_text() for path in (
        "hw/ip/dense_layer.py", "hw/ip/axi.py", "flow/export/scan.py", "flow/export/units.py")]

    def make():
        return export_layer(ROOT / "unit" / "layer.v", stage, steps=STEPS, network="16-to-8",
                            seed=seed)
    return kept("unit", [network().digest, sources, seed, steps.versions()], make)
