"""Time of an image at a clock and a baud rate, and its energy: estimates, nothing is measured.

A host that sends an image, waits for its results and sends the next one has an image in
``seconds = 10 to / baud + max(cycles / hz, 10 from / baud)``: 10 bits a byte, results on their way
while the chip computes. ``to`` and ``from`` are the bytes of boards.protocol with frames and
answers, without the escapes that some bytes need.
"""

import numpy as np

from boards.link.uart import divisor_for
from boards.protocol.codec import BLOCK, blocks, bytes_of
from boards.protocol.identity import Identity
from flow.estimate.cycles import drawn_trains, image_cycles, planes_of, trains_of
from flow.estimate.stream import bounds
from golden.images import load_images
from golden.io.shipped import sample_of
from golden.run import run
from hw.plan.planner import Plan

__all__ = ["ACTIVITY", "BAUDS", "MEASURED", "cycles_of", "energy_of", "image_of", "wire_bytes"]

ACTIVITY = 0.05                 # share of neuron steps with a spike that the cycles are drawn with
IMAGES = 4          # whose cycles are averaged
BAUDS = (115_200, 1_000_000, 3_000_000, 6_000_000)
REQUEST, REPORT = 7, 5          # bytes of a frame to the chip, and from it, beside its payload
# Published measurements of spiking or integer networks on an iCE40UP5K: (name, milliwatts,
# megahertz, logic cells in use).
MEASURED = (
    ("SYNtzulu-Conv (2026)", 11.0, 24.0, 4557),
    ("MARLANN", 16.99, 20.0, 3849),
)


def wire_bytes(identity: Identity) -> tuple[int, int]:
    """(bytes to the chip, bytes from it) of an image, each way with frames and answers."""
    sizes = blocks(identity.image_bytes)
    results = [output.count * bytes_of(output.bits) for output in identity.outputs.values()]
    frames = sum(-(-size // (BLOCK - 3)) for size in results)
    return (sum(sizes) + REQUEST * len(sizes),
            sum(results) + REPORT * (frames + len(sizes)))


def allowed(hz: float, baud: int) -> bool:
    """Whether a UART at ``hz`` makes the baud rate."""
    try:
        return divisor_for(clock_hz=hz, baud=baud) > 0
    except ValueError:
        return False


def cycles_of(plan: Plan, network: str) -> tuple[np.ndarray, str]:
    """(mean cycles of the loading of an image and of each pass, on the chip; which spikes they are
    counted with).

    Those of the first ``IMAGES`` sample images where the network, a file or a bare name, comes with
    the project and has some, else spikes drawn at ``ACTIVITY``.
    """
    sample = sample_of(network)
    if sample is None:
        trains = drawn_trains(plan, ACTIVITY, count=1)
        source = f"spikes drawn, in {ACTIVITY:.0%} of the neuron steps"
    else:
        images = load_images(sample, plan.network)[0][:IMAGES]
        result = run(images, plan.network)
        spikes = [result.spikes[stage.index] for stage in plan.network.stages[:-1]]
        trains = [trains_of(plan, planes_of(plan, result.spikes_input), of_input=True),
                  *(trains_of(plan, each) for each in spikes)]
        source = f"the spikes of {len(images)} sample images"
    return image_cycles(plan, trains).mean(axis=0), source


def image_of(plan: Plan, identity: Identity, network: str, *, hz: float, baud: int) -> dict:
    """Time of an image as plain data.

    ``cycles`` and ``chip_ms`` are the chip's alone, as of ``cycles_of``; ``rates`` says for
    ``baud`` and those of ``BAUDS`` that the clock makes how long an image takes; ``layers`` says of
    each weighted one whether its weights are streamed, and what bounds it.
    """
    passes, source = cycles_of(plan, network)
    cycles = float(passes.sum())
    there, back = wire_bytes(identity)
    rates = []
    for each in sorted({baud, *(each for each in BAUDS if allowed(hz, each))}):
        seconds = 10 * there / each + max(cycles / hz, 10 * back / each)
        rates.append({"baud": each, "ms": round(1000 * seconds, 3),
                      "images_s": round(1 / seconds, 2)})
    return {"source": source, "cycles": round(cycles),
            "chip_ms": round(1000 * cycles / hz, 3), "chip_images_s": round(hz / cycles, 1),
            "bytes_to": there, "bytes_from": back, "rates": rates,
            "layers": [each.data(hz) for each in bounds(plan, passes)]}


def energy_of(device: str, cells: int, *, hz: float, cycles: float) -> dict | None:
    """Power and energy of an image as plain data, lowest and highest; None for other chips.

    ``mW = MHz cells p``, where p of each design of ``MEASURED`` is its milliwatts by megahertz and
    logic cell; ``uJ = mW ms``. Clock, chip and board are other ones there, so it is an estimate.
    """
    if not device.startswith("iCE40UP5K"):
        return None
    each = sorted(power / mhz / used for _, power, mhz, used in MEASURED)
    powers = [round(hz / 1e6 * cells * p, 2) for p in (each[0], each[-1])]
    return {
        "estimate": True, "milliwatts": powers,
        "microjoules": [round(power * 1000 * cycles / hz, 2) for power in powers],
        "formula": "mW = MHz x logic cells x p; uJ an image = mW x ms of the chip an image",
        "source": "p as published for the same chip: " + "; ".join(
            f"{name} {power:g} mW at {mhz:g} MHz with {used:,} cells"
            for name, power, mhz, used in MEASURED)}
