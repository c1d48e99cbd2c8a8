"""A network on images through the Verilated accelerator, with the results of golden.run."""

import errno
import os
import re
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from amaranth import Shape

from flow.estimate.cycles import most_cycles
from golden.explain.traces import decay_table
from golden.formats import GAMMA, exp_table
from golden.io.errors import Fault
from golden.io.processes import folder as temporary
from golden.io.processes import started, workers
from golden.network.result import Result, joined
from golden.run import at_top, check_images, check_taps
from hw.accelerator import Accelerator
from hw.engine.profiler import StallReason
from hw.explain.ablation import mask_writes
from hw.interface import pixel_words, score_arrays
from hw.plan.buffers import aligned, channel_stride
from hw.plan.packing import configuration
from hw.plan.streaming import FLASH_RATE
from sim.verilate import text_of, verilated

if TYPE_CHECKING:
    from golden.network.graph import Network

# Kinds of harness.cpp's records; below them, the codes of hw.interface.Output.
TRAIN, CYCLES, CAUSE = 64, 65, 66
SPARE = 10_000    # cycles that an image may take beside twice those foretold
UNWRITTEN = 5     # exit code of the harness where its results cannot be written


class Simulation:
    """An accelerator, built once and run on any number of images.

    Parameters
    ----------
    network : golden.network.Network
    taps : tuple of int or None
        None for all spiking layers.
    quick : bool
        Build fast rather than run fast, as suits a few images of a small network.
    coverage : bool
        Count lines and toggles (sim.verilate).
    trace : None, "vcd" or "fst"
        ``run`` can then write a waveform of this kind.
    change : function
        Verilog -> the Verilog that is simulated, for those who damage it.
    options :
        Those of hw.accelerator.Accelerator.
    """

    def __init__(self, network: "Network", *, taps: tuple[int, ...] | None = None,
                 quick: bool = False, coverage: bool = False, trace: str | None = None,
                 change=lambda text: text, **options: Any):
        self.network = network
        self.taps = network.taps if taps is None else check_taps(taps, network)
        self.accelerator = Accelerator(network, taps=self.taps, **options)
        self.narrow = options.get("map_bits") is not None
        self.text = change(text_of(self.accelerator))
        self.program = verilated(self.text, quick=quick, coverage=coverage, trace=trace)

    def run(self, images: np.ndarray, *, gamma: float = GAMMA, mode: str = "paper", table=None,
            decay=0.9, writes=(), flips: bytes = b"", keep: bool = True, stall: float = 0,
            seed: int = 1, tick: Callable = lambda: None, tables=None,
            wave: str | Path = os.devnull, rate: int = FLASH_RATE) -> Result:
        """Run all images in one simulation, one after the other without a reset.

        ``decay`` is that of the traces, if built in; ``tables`` are those of other explanations, by
        their streams; ``writes`` holds an array of configuration
        writes for each image, made before it; ``flips`` is for sim.upsets. ``stall`` is the chance
        that an input idles or an output stalls in a cycle, 0 to 0.9; ``tick`` is called after each
        image; where weights are streamed, a word of them comes at the earliest ``rate`` + 1 cycles
        after the one before; ``wave`` is where a simulation with ``trace`` writes its waveform.
        Other parameters and the Result are golden.run's. Raises Fault if the simulation ends early,
        or does not end within twice the cycles that an image can take.
        """
        images = check_images(images, self.network)
        if table is None:
            table = exp_table(gamma, self.network.steps)
        with temporary("sam-rtl-") as folder:
            traced = self.accelerator.attribution is not None
            config = configuration(
                self.accelerator.plan, table=table, mode=mode,
                decays=decay_table(decay, self.network.steps) if traced else (), **(tables or {}))
            for n, some in enumerate(writes):
                config = np.concatenate([config, [(0xFFFF, n >> 16, n & 0xFFFF)], some])
            (folder / "config").write_bytes(config.astype("<u2").tobytes())
            if flips:
                (folder / "flips").write_bytes(flips)
            plan = self.accelerator.plan
            pixels = pixel_words(images, word_steps=plan.word_steps, planes=plan.planes)
            (folder / "pixels").write_bytes(pixels.astype("<u2").tobytes())
            call = [self.program, "config", "pixels", "out", pixels[0].size, len(images),
                    round(256 * stall), seed,
                    Shape.cast(self.accelerator.i_pixels.p.data.shape()).width,
                    2 * (self.most_cycles + plan.stream_words * (rate + 1)) + SPARE, rate]
            if plan.banks:
                (folder / "weights").write_bytes(plan.weight_stream.tobytes())
            with started(list(map(str, call)), cwd=folder, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True,
                         env={**os.environ, "TRACE_FILE": str(Path(wave).absolute())}) as process:
                for _ in process.stdout:
                    tick()
                message = process.stderr.read().strip()
                if process.wait():
                    self.fail(process.returncode, message, len(images))
            records = np.fromfile(folder / "out", dtype="<u4").reshape(-1, 4)
        try:
            return self.result(records, len(images), keep)
        except (ValueError, IndexError, ZeroDivisionError):
            raise Fault("the simulated accelerator failed: a wrong number of words") from None

    @cached_property
    def most_cycles(self) -> int:
        """Cycles that no image exceeds (flow.estimate.cycles)."""
        return most_cycles(self.accelerator.plan, taps=self.taps,
                           traced=self.accelerator.attribution)

    def fail(self, code, message, count: int) -> None:
        """Raise what the harness's exit code and last line mean."""
        if code == UNWRITTEN:
            raise OSError(errno.ENOSPC, f"results of the simulation: {message}")
        if found := re.fullmatch(r"no end (\d+) (\d+) (\d+)", message):
            image, number, spent = map(int, found.groups())
            where = "the loading of the input"
            if number:
                each = self.accelerator.plan.passes[number - 1]
                before = f"{each.merges} before " if each.merging else ""
                where = f"pass {number}, {before}layer {each.stage.index}"
            message = (f"image {image + 1} of {count} has no end: {spent:,} cycles spent, at most "
                       f"{self.most_cycles:,} foretold; it is in {where}. This is a fault of the "
                       "hardware or of its plan, not of the network or the image")
        raise Fault(f"the simulated accelerator failed: {message or f'exit code {code}'}")

    def run_parallel(self, images: np.ndarray, *, jobs: int = 2,
                     **options: Any) -> Result:
        """``run``, the images spread over ``jobs`` simulations."""
        parts = [part for part in np.array_split(images, jobs) if len(part)]
        with workers(jobs) as pool:
            return joined(list(pool.map(lambda part: self.run(part, **options), parts)))

    def without_each(self, image: np.ndarray, layer: int, deletions: list, *, batch: int = 64,
                     jobs: int = 2, tick: Callable = lambda: None):
        """Scores and cycles of one image with some spikes of a layer taken away each time.

        For accelerators with ``experiments``; all is done by writes between runs, as on the chip.

        Parameters
        ----------
        image : (C, H, W) uint8
        layer : int
        deletions : list of (t, neurons)
            As golden.explain.perturb.NetworkModel.without_each takes them; ``neurons`` may also be
            a list of neurons of which all lose their spikes.

        Returns
        -------
        (B, classes) int64, (B,) int64
        """
        def part(start):
            writes, undone = [], np.zeros((0, 3), dtype=np.uint16)
            for step, neurons in deletions[start:start + batch]:
                done, undoing = mask_writes(
                    self.accelerator.plan, layer, np.atleast_1d(neurons), step)
                writes.append(np.concatenate([undone, done]))
                undone = undoing
            return self.run(np.repeat(image[None], len(writes), axis=0), writes=writes, keep=False,
                            tick=tick)
        with workers(jobs) as pool:
            found = joined(list(pool.map(part, range(0, len(deletions), batch))))
        return found.logits.astype(np.int64), found.cycles

    def result(self, records: np.ndarray, count: int, keep: bool) -> Result:
        """Result of the harness's records, in the shapes of golden.run."""
        accelerator, network = self.accelerator, self.network
        kinds = records[:, 0]
        values = lambda kind: records[kinds == kind][:, 3]
        steps = network.steps

        outputs = accelerator.outputs
        found = {name: output.values(values(output.code).reshape(count, -1))
                 for name, output in outputs.items()}
        arrays = {name: output.arrays(found[name]) for name, output in outputs.items()}
        scores = score_arrays(outputs["scores"], found["scores"]).astype(np.int32)
        result = Result(logits=scores[:, -1], scores=scores, counts=arrays["counts"]["spikes"],
                        cycles=values(CYCLES).astype(np.int64))
        result.causes = self.causes(records, count)
        shapes = {stage.index: stage.shape for stage in network.stages}
        for name in accelerator.explained:
            if name == "maps":
                result.maps = {tap: each.astype(np.int32) for tap, each in arrays[name].items()}
            elif name == "traces":
                result.traces, = arrays[name].values()
            else:
                result.explained |= {(name, layer): each for layer, each in arrays[name].items()}
        if self.narrow:
            result.saturated = at_top(result.maps, accelerator.map_width, count)
        if keep:
            trains = records[kinds == TRAIN][:, 1:]
            plan, planes = accelerator.plan, accelerator.plan.planes
            channels, height, breadth = network.shape
            found = self.stored(trains, 0, (channels * planes, height, breadth), count,
                                plan.input_chunks).astype(np.int16)
            if plan.steady_bits:
                bits = 1 << np.arange(plan.steady_bits)[::-1]
                found = np.einsum("ntchw,t->nchw", found[:, :plan.steady_bits], bits)[:, None]
                found = np.repeat(found, steps, axis=1)
            found = found[:, :steps].reshape(count, steps, channels, planes, height, breadth)
            result.spikes_input = np.einsum("ntcphw,p->ntchw", found,
                                            np.array(plan.input_factors, np.int16))
            for tap in network.taps if plan.rounded else self.taps:
                writes = next(each for each in plan.passes
                              if each.stage.index == tap and not each.merging)
                result.spikes[tap] = self.stored(
                    trains, tap, shapes[tap], count, plan.chunks, rounds=plan.rounds,
                    width=plan.walk_steps, at=plan.target_at(writes))[:, :steps]
        return result

    def causes(self, records: np.ndarray, count: int) -> np.ndarray:
        """(N, passes + 1, reasons) cycles of the input and each pass by StallReason."""
        # The image of a record: so many have ended before it.
        image = np.cumsum(records[:, 0] == CYCLES) - 1
        chosen = records[:, 0] == CAUSE
        # Nobody waits for weights that are there.
        reasons = len(StallReason) - (not self.accelerator.plan.banks)
        found = np.zeros((count, len(self.accelerator.plan.passes) + 1, reasons), np.int64)
        np.add.at(found, (image[chosen], *records[chosen, 1:3].T), records[chosen, 3])
        return found

    def stored(self, trains: np.ndarray, number: int, shape: tuple[int, int, int], count: int,
               chunks: int, *, rounds: int = 1, width: int | None = None,
               at: int = 0) -> np.ndarray:
        """(N, ``chunks`` words of steps, C, H, W) uint8: the trains stored for layer ``number``.

        In each of ``rounds`` so many words, of ``width`` steps, from address ``at`` on, or so far
        behind it where what is stored in a round and in the next lies apart.
        """
        plan = self.accelerator.plan
        channels, height, breadth = shape
        chosen, width = trains[trains[:, 0] == number], width or plan.word_steps
        stride = channel_stride(channels)
        chunk = aligned(stride * height * breadth)
        stored = np.zeros((count * rounds, chunks * chunk), dtype=np.uint32)
        image = np.repeat(np.arange(count * rounds), len(chosen) // (count * rounds))
        stored[image, (chosen[:, 1] - at) % (chunks * chunk)] = chosen[:, 2]
        chunks *= rounds
        stored = stored.reshape(count, chunks, chunk)[:, :, :stride * height * breadth]
        bits = stored[..., None] >> np.arange(width, dtype=np.uint32) & 1
        bits = bits.reshape(count, chunks, height, breadth, stride, width)
        bits = bits[..., :channels, :].transpose(0, 1, 5, 4, 2, 3)
        return bits.reshape(count, -1, channels, height, breadth).astype(np.uint8)
