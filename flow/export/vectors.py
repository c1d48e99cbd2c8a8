"""Words for the testbenches of exported units, and the model's answers to them.

The only file of hw that runs the model: what is exported is checked against it.
"""

from typing import TYPE_CHECKING

import numpy as np

from golden.explain.traces import attribute, decay_table, traces
from golden.formats import MODES, exp_table
from golden.run import run
from golden.sam import activation_map
from golden.stages import forward
from hw.interface import pixel_words, score_words, write_words
from hw.ip.testbench import Packet
from hw.plan.packing import configuration

if TYPE_CHECKING:
    from golden.network.layers import Stage
    from hw.accelerator import Accelerator
    from hw.ip.axi import Port
    from hw.ip.dense_layer import DenseLif
    from hw.ip.events import EventAttribution, EventSam

BEYOND = 0xFFFF   # a neuron that no layer has
RATES = (0.05, 0.3)  # chance of a spike in the images drawn


def drawn(shape: tuple[int, ...], steps: int, seed: int = 1) -> np.ndarray:
    """(N, T, *shape) spikes: an image at each of ``RATES``, with a silent step and a silent end."""
    rng = np.random.default_rng(seed)
    found = np.stack([rng.random((steps, *shape)) < rate for rate in RATES]).astype(np.int64)
    found[:, steps // 2] = 0
    found[0, -1] = 0
    return found


def events(words: list[list[int]], silent: int) -> tuple[list[int], list[bool]]:
    """Words and tlasts of spikes from the words of each step; ``silent`` stands for none."""
    found, lasts = [], []
    for step in words:
        step = list(step) or [silent]
        found += step
        lasts += [False] * (len(step) - 1) + [True]
    return found, lasts


def shuffled(array: np.ndarray, seed: int) -> np.ndarray:
    """``array`` in an order drawn anew: events of a step come in any."""
    return np.random.default_rng(seed).permutation(array)


def config_words(writes: list[tuple[int, int]]) -> list[int]:
    """Tdata of (index, data)."""
    return [data & 0xFFFF | index << 16 for index, data in writes]


def twos(values: list[np.ndarray] | np.ndarray, width: int) -> list[int]:
    """``values`` as tdata of ``width`` bits."""
    return [int(value) & (1 << width) - 1 for value in np.ravel(values)]


def for_sam(unit: "EventSam", ports: "dict[str, Port]", shape: tuple[int, int, int], *,
            gamma: float, mode: str, mode_index: int) -> tuple[list[Packet], list[Packet]]:
    """(sent, expected) of an EventSam under ``ports``, those of its Axi by stream."""
    channels, height, width = shape
    spikes = drawn(shape, unit.steps)
    table = exp_table(gamma, unit.steps)
    steps = []
    for n, step in enumerate(spikes.reshape(-1, channels, height * width)):
        channel, pixel = shuffled(np.argwhere(step), n).T
        steps.append((channel | pixel << 16).tolist())
    words, lasts = events(steps, BEYOND << 16 | BEYOND)
    maps = activation_map(spikes, gamma=gamma, mode=mode)
    pixels = height * width
    sent = [
        Packet(ports["i_config"].name, 32, config_words(
            [*enumerate(table.tolist()), (mode_index, MODES.index(mode))])),
        Packet(ports["i_events"].name, 32, words, lasts, after=ports["i_config"].name)]
    expected = [Packet(ports["o_map"].name, ports["o_map"].width, twos(maps, 32),
                       ([False] * (pixels - 1) + [True]) * (maps.size // pixels))]
    return sent, expected


def for_attribution(unit: "EventAttribution", ports: "dict[str, Port]", weights: np.ndarray, *,
                    decay: float, weight_index: int) -> tuple[list[Packet], list[Packet]]:
    """(sent, expected) of an EventAttribution with ``weights`` (N, K)."""
    neurons, outputs = weights.shape
    spikes = drawn((neurons,), unit.steps)
    table = decay_table(decay, unit.steps)
    steps = [shuffled(np.flatnonzero(step), n).tolist()
             for n, step in enumerate(spikes.reshape(-1, neurons))]
    words, lasts = events(steps, BEYOND)
    chosen = [outputs - 1, 0]
    found = [attribute(traces(image, table), weights[:, output])
             for image, output in zip(spikes, chosen, strict=True)]
    port = ports["o_attributions"]
    writes = [*enumerate(table.tolist()),
              *enumerate(weights.T.ravel().tolist(), start=weight_index)]
    sent = [Packet(ports["i_config"].name, 32, config_words(writes)),
            Packet(ports["i_events"].name, 16, words, lasts, after=ports["i_config"].name)]
    if "i_output" in ports:
        sent.append(Packet(ports["i_output"].name, 16, chosen))
    expected = [Packet(port.name, port.width, twos(found, port.width),
                       ([False] * (neurons - 1) + [True]) * len(found))]
    return sent, expected


def for_layer(unit: "DenseLif", ports: "dict[str, Port]", stage: "Stage",
              steps: int) -> tuple[list[Packet], list[Packet]]:
    """(sent, expected) of a DenseLif of a golden.network.Stage."""
    spikes = drawn(stage.source, steps)
    found, membranes = forward(spikes, stage, steps)
    count = len(spikes)

    def packed(values, size):
        """Words of (N, T, n) spikes, ``size`` a word."""
        values = np.pad(values, ((0, 0), (0, 0), (0, -values.shape[2] % size)))
        return (values.reshape(-1, size) @ (1 << np.arange(size))).tolist()

    def packet(name, words):
        """Packet of all images."""
        each = len(words) // count
        return Packet(ports[name].name, ports[name].width, words,
                      ([False] * (each - 1) + [True]) * count)
    flat = lambda values: values.reshape(count, steps, -1)
    answer = (packed(flat(found).astype(np.int64), unit.out_word) if unit.spiking
              else twos(membranes, ports[unit.result].width))
    return ([packet("i_spikes", packed(flat(spikes), unit.in_word))],
            [packet(unit.result, answer)])


def for_accelerator(accelerator: "Accelerator", ports: "dict[str, Port]", images: np.ndarray, *,
                    gamma: float, mode: str, decay: float) -> tuple[list[Packet], list[Packet]]:
    """(sent, expected) of an Accelerator on ``images``."""
    network, plan, taps = accelerator.network, accelerator.plan, accelerator.taps
    result = run(images, network, gamma=gamma, mode=mode)
    traced = accelerator.attribution
    writes = configuration(
        plan, table=exp_table(gamma, network.steps), mode=mode,
        decays=() if traced is None else decay_table(decay, network.steps))
    pixels = pixel_words(images, word_steps=plan.word_steps, planes=plan.planes)
    count = len(images)

    def packets(name, values):
        """Packet of (N, ...) values, one packet an image."""
        each = values.reshape(count, -1)
        return Packet(ports[name].name, ports[name].width, twos(each, ports[name].width),
                      ([False] * (each.shape[1] - 1) + [True]) * count)

    sent = [Packet(ports["i_config"].name, 40, write_words(writes)),
            Packet(ports["i_pixels"].name, ports["i_pixels"].width, pixels.ravel().tolist(),
                   ([False] * (pixels.shape[1] - 1) + [True]) * count,
                   after=ports["i_config"].name)]
    outputs = accelerator.outputs
    expected = [packets("o_scores", score_words(outputs["scores"], result.scores))]
    if taps:
        expected.append(packets("o_maps", outputs["maps"].words(result.maps)))
    if traced is not None:
        found = traces(result.spikes[traced].swapaxes(0, 1), decay_table(decay, network.steps))
        expected.append(packets("o_traces", outputs["traces"].words({traced: found})))
    counts = packets("o_counts", np.pad(result.counts, ((0, 0), (0, 1))))
    for place in np.flatnonzero(counts.lasts):
        counts.words[place] = None                   # cycles, which the stalls decide
    return sent, [*expected, counts]
