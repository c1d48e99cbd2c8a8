"""Cycles and synaptic operations of the RTL on real images, against golden."""

from pathlib import Path

import numpy as np

from bench.store import digest, kept
from flow.design import engine_size
from flow.estimate.cycles import image_cycles, planes_of, trains_of
from golden.activity import of_result
from golden.images import load_images
from golden.network import load
from golden.run import run_batched
from hw.engine.profiler import StallReason
from hw.plan.size import EngineSize
from sim.rtl import Simulation

ALL = "all"            # of ``sam``: on every spiking layer, the first too


def model():
    """Digest of the golden model's sources."""
    return digest(*(path.read_bytes() for path in sorted(Path("golden").rglob("*.py"))))


def measure(network, images, count, *, sam=True, size=None, quick=False, jobs=2, tick=lambda: None):
    """What the chip of hw.build does with a file's first images.

    ``size`` are other lanes, steps and perhaps trains than those of the build. ``sam`` is True for
    the usual taps, False for no SAM unit, or ``ALL``.

    Returns
    -------
    dict
        ``cycles``, ``operations`` and, of these, ``effective`` ones, whose weight is not 0, of each
        image, the cycles by the ``law`` of
        flow.estimate.cycles, ``spikes`` of the input and all layers, whether all scores, maps and
        counts were ``equal`` to golden's, and the ``causes`` of the cycles of each pass.
    """
    net = load(network)
    pictures = load_images(images, net)[0][:count]
    taps = net.taps if sam == ALL else net.default_taps if sam else ()
    size = EngineSize(*(size or engine_size(net)))
    simulation = Simulation(net, taps=taps, quick=quick, **size._asdict())

    def make():
        golden = run_batched(pictures, net)
        found = simulation.run_parallel(pictures, jobs=jobs, tick=tick)
        equal = (np.array_equal(found.scores, golden.scores)
                 and np.array_equal(found.counts, golden.counts)
                 and all(np.array_equal(found.maps[tap], golden.maps[tap]) for tap in taps))
        met = of_result(net, golden)
        sources = [planes_of(simulation.accelerator.plan, golden.spikes_input),
                   *(golden.spikes[tap] for tap in net.taps)]
        law = image_cycles(simulation.accelerator.plan, [
            trains_of(simulation.accelerator.plan, source) for source in sources]).sum(axis=1)
        return {"network": net.name, "digest": net.digest, "images": len(pictures),
                **size._asdict(), "taps": list(taps), "equal": equal,
                "cycles": found.cycles.tolist(), "operations": met[:, 0].tolist(),
                "effective": met[:, 1].tolist(),
                "law": law.tolist(), "spikes": golden.counts.sum(axis=1).tolist(),
                "causes": found.causes.sum(axis=0).tolist(),
                "cause_names": [cause.name.lower() for cause in StallReason][
                    :found.causes.shape[2]]}
    # The program's folder is named by the Verilog and the harness.
    key = [simulation.program.parent.name, net.digest, digest(pictures.tobytes()), model(),
           digest(Path(__file__).read_bytes())]
    return kept("images", key, make)
