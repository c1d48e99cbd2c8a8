"""The benches that mutants run: small, and each compared with the model in every word."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.link.deframer import Deframer
from boards.protocol import codec
from golden.explain.traces import decay_table, traces
from golden.formats import exp_table
from golden.run import run
from hw.interface import table_space
from sim.rtl import Simulation
from sim.verilate import text_of, verilated
from verify.drawn.named import named
from verify.mutation.mutants import mutated
from verify.networks import draw, images

# Runs of one mutant until it is seen: (gamma, mode, decay, stall, images), without a reset between
# images.
RUNS = ((0.5, "paper", 0.8, 0.0, 4), (0.0, "inclusive", 0.99, 0.5, 4),
        (0.2, "official", 0.5, 0.2, 4), (0.05, "paper", 0.0, 0.85, 4),
        (0.02, "official", 0.97, 0.0, 20), (0.3, "inclusive", 0.9, 0.3, 20))


def ignored(steps, *, traced):
    """Writes that nothing may come of: entries behind those of SAM's table and of the traces'."""
    found = [(table_space(name), index, 0x5A5A + index)
             for name in (("maps", "traces") if traced else ("maps",))
             for index in range(1 << steps.bit_length(), 256)]
    return np.array(found, dtype=np.uint16).reshape(-1, 3)


class Accelerated:
    """The accelerator of a small drawn network under images, tables, modes and stalls."""

    def __init__(self, network, parts, *, attribution=None, seed=1, **options):
        self.network, self.attribution = network, attribution
        self.parts, self.options, self.seed = parts, options, seed
        self.images = images(network, 20)
        self.ignored = ignored(network.steps, traced=attribution is not None)

    def build(self):
        """Mutate and compile; return the mutants."""
        found = []

        def change(text):
            text, self.modules, mutants = mutated(text, self.parts, seed=self.seed)
            found.extend(mutants)
            return text
        self.simulation = Simulation(self.network, quick=True, attribution=self.attribution,
                                     change=change, **self.options)
        self.wanted = []
        for gamma, mode, decay, _, count in RUNS:
            want = run(self.images[:count], self.network, gamma=gamma, mode=mode)
            arrays = want.arrays()
            if self.attribution is not None:
                arrays["traces"] = traces(want.spikes[self.attribution].swapaxes(0, 1),
                                          decay_table(decay, self.network.steps))
            self.wanted.append(arrays)
        self.longest = 10**6                                  # cycles an image, all in all
        self.cycles = self.found(*RUNS[0])["cycles"]
        self.longest = 20 * int(self.cycles.max()) + 5_000    # stalls and configuration take more
        return found

    def found(self, gamma, mode, decay, stall, count):
        """Arrays of the RTL."""
        os.environ["LIMIT"] = str(self.longest * count)
        return self.simulation.run(
            self.images[:count], table=exp_table(gamma, self.network.steps), mode=mode, stall=stall,
            decay=decay, writes=[self.ignored], seed=7).arrays()

    def seen(self):
        """What is seen of the mutant that $MUTANT names, or None."""
        for each, wanted in zip(RUNS, self.wanted, strict=True):
            try:
                found = self.found(*each)
            except RuntimeError as error:
                return str(error).split(": ", 1)[-1][:60] or "it stops"
            except (ValueError, IndexError, ZeroDivisionError):
                return "a wrong number of words"
            cycles = found.pop("cycles")
            for name in sorted(wanted):
                if not np.array_equal(found[name], wanted[name]):
                    return name
            if each == RUNS[0] and not np.array_equal(cycles, self.cycles):
                return "cycles"
        return None


class Framed(wiring.Component):
    """A Deframer under plain names."""

    valid: In(1)
    byte: In(8)
    ready: In(1)
    done: In(1)
    rewind: In(1)
    given: Out(1)
    data: Out(8)
    last: Out(1)
    stop: Out(8)
    overtaken: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = Deframer()
        m.d.comb += [
            unit.i.valid.eq(self.valid), unit.i.payload.eq(self.byte), unit.o.ready.eq(self.ready),
            unit.done.eq(self.done), unit.rewind.eq(self.rewind), self.given.eq(unit.o.valid),
            self.data.eq(unit.o.p.data), self.last.eq(unit.o.p.last), self.stop.eq(unit.stop),
            self.overtaken.eq(unit.overtaken),
        ]
        return m


def stream(seed, *, spaced):
    """(records for frames.cpp, frames that must come out) of whole, damaged and odd frames."""
    rng = np.random.default_rng(seed)
    records, wanted = [], []
    for _ in range(60):
        size = int(rng.choice([0, 1, 2, 3, 30, 251, 249, 252]))
        body = rng.choice([0x7D, 0x7E, 0x5D, 0x00, *rng.integers(0, 256, 4)], size + 2)
        body = bytes(body.astype(np.uint8))
        kind = int(rng.integers(6))
        frame = body + codec.check(body).to_bytes(2, "big")
        if kind == 1:
            at = int(rng.integers(len(frame)))
            frame = frame[:at] + bytes([frame[at] ^ 1 << int(rng.integers(8))]) + frame[at + 1:]
        if kind == 2:
            frame = frame[:int(rng.integers(len(frame)))]
        wire = codec.stuff(frame)
        if kind == 5:                      # what need not be stuffed is, as an ESCAPE behind one
            wire = b"".join(bytes([codec.ESCAPE, byte ^ codec.TURN])
                            if byte in (codec.ESCAPE, codec.FLAG, 0x5D) else bytes([byte])
                            for byte in frame) + bytes([codec.FLAG])
        if kind == 3:
            wire = wire[:-1] + bytes([codec.ESCAPE, codec.FLAG])
        for byte in wire:
            while spaced and rng.random() < 0.3:
                records.append((0, int(rng.integers(256))))
            records += [(1, byte), (0, int(rng.integers(256)))]   # one in two cycles at most
        if len(frame) <= 255 and kind != 3 and codec.check(frame) == 0 and len(frame) >= 4:
            wanted.append(frame[:-2])
        records += [(0, 0x7E)] * (12 * len(body) + 100 if spaced else 0)
    return bytes(byte for record in records for byte in record), wanted


class Frames:
    """The Deframer under whole and damaged frames, with a reader that stalls and goes back."""

    def __init__(self, parts):
        self.parts, self.seed = parts, 1

    def build(self):
        """Mutate and compile; return the mutants."""
        text = text_of(Framed())
        text, self.modules, found = mutated(text, self.parts)
        self.program = verilated(text, quick=True, harness=Path(__file__).with_name("frames.cpp"))
        self.streams = [stream(seed, spaced=True) for seed in (1, 2)]
        self.crowded, frames = stream(3, spaced=False)
        self.overtaken = len(frames) - 1
        # A byte taken while the second or the third frame comes is a sign of life of its own.
        body = bytes(range(30))
        wire = codec.stuff(body + codec.check(body).to_bytes(2, "big"))
        self.three = bytes(byte for _ in range(3) for one in wire for byte in (1, one, 0, 0))
        size = 2 * len(wire)
        self.moments = [(size + size // 2, 1), (2 * size + size // 2, 1), (4 * size, 2)]
        return found

    def ran(self, records, *, reads):
        """What frames.cpp writes, or RuntimeError."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "in").write_bytes(records)
            done = subprocess.run([self.program, "in", "out", "100", "5", str(reads)],
                                  cwd=folder, capture_output=True, text=True, timeout=60)
            if done.returncode:
                raise RuntimeError(done.stderr.strip() or f"it stops with {done.returncode}")
            return (Path(folder) / "out").read_bytes()

    def seen(self):
        """What is seen of the mutant that $MUTANT names, or None."""
        try:
            for records, frames in self.streams:
                wanted = b"".join(bytes([0, len(frame) - 1]) + frame for frame in frames)
                if self.ran(records, reads=1) != wanted:
                    return "frames"
            if self.ran(self.crowded, reads=0) != bytes([1, 0]) * self.overtaken:
                return "overtaken"
            for moment, events in self.moments:
                if self.ran(self.three, reads=moment) != bytes([1, 0]) * events:
                    return "overtaken"
        except RuntimeError as error:
            return str(error)
        return None


def sam(count):
    """Parts of the SAM unit, with ``count`` mutants in all."""
    parts = {"scanner": "explain.sam.scanner", "words": "explain.sam.scanner.word",
             "map": "explain.sam.map"}
    return {f"SAM {name}": (path, count // 5) for name, path in parts.items()} | {
        "SAM score": ("explain.sam.score", 2 * count // 5)}


def benches():
    """Name -> bench."""
    plain = draw(96, plain=True, steps=(16,))
    # Norms, parameters of each channel, delays; maxima; first spikes; counts that fill their bits.
    rich, merged, first, counted = (draw(seed, rich=True, steps=(steps,)) for seed, steps in (
        (180, 20), (94, 20), (28, 20), (31, 140)))
    # Layers of one pixel in three chunks, marks in two words; read-out groups of four and three.
    ragged = draw(394, rich=True, steps=(20,))
    return {
        "frames": Frames({"deframer": ("unit", 45), "unstuffer": ("unit.unstuff", 20)}),
        "plain network": Accelerated(
            plain,
            {
                "lane": ("engine.datapath.lane0", 40),
                **sam(40),
                "fetch": ("engine.datapath.fetch", 10),
                "drain": ("engine.datapath.drain", 15),
                "packer": ("engine.datapath.packer", 10),
                "writer": ("engine.datapath.writer", 15),
                "address generator": ("engine.address_generator", 25),
                "look": ("engine.address_generator.look", 15),
                "dispatcher": ("engine.dispatcher", 25),
                "encoder": ("encoder", 40),
                "attribution": ("explain.traces", 35),
                "read-out": ("engine.datapath.readout", 25),
            },
            attribution=plain.taps[-1],
        ),
        "rich network": Accelerated(
            rich,
            {
                "lane": ("engine.datapath.lane0", 25),
                "drain": ("engine.datapath.drain", 10),
                "writer": ("engine.datapath.writer", 15),
                **sam(20),
                "address generator": ("engine.address_generator", 25),
                "dispatcher": ("engine.dispatcher", 20),
                "attribution": ("explain.traces", 15),
                "trains": ("trains", 25),
                "tap reader": ("explain.reader", 20),
            },
            attribution=rich.taps[0],
            word_steps=8,
            lanes=2,
        ),
        "merged network": Accelerated(
            merged,
            {
                "lane": ("engine.datapath.lane1", 20),
                "merger": ("engine.datapath.merger", 8),
                "writer": ("engine.datapath.writer", 10),
            },
        ),
        "ragged network": Accelerated(
            ragged,
            {
                "trains": ("trains", 20),
                "tap reader": ("explain.reader", 25),
                "writer": ("engine.datapath.writer", 20),
                "read-out": ("engine.datapath.readout", 25),
            },
            word_steps=8,
        ),
        # Stores behind silent walks, and last groups of one, follow each other at once.
        "one lane network": Accelerated(
            plain,
            {
                "writer": ("engine.datapath.writer", 20),
                "dispatcher": ("engine.dispatcher", 15),
                "address generator": ("engine.address_generator", 15),
            },
            lanes=1,
        ),
        # Walks of nine legs, some of them silent, some outside the map.
        "pooled network": Accelerated(
            named()["padded greatest of 3x3, lanes 4, 8 steps"].network,
            {
                "greatest": ("engine.datapath.greatest", 20),
                "address generator": ("engine.address_generator", 15),
                "look": ("engine.address_generator.look", 15),
                "dispatcher": ("engine.dispatcher", 15),
                "drain": ("engine.datapath.drain", 10),
            },
            word_steps=8,
        ),
        "first network": Accelerated(first, {"read-out": ("engine.datapath.readout", 10)}),
        "counted network": Accelerated(
            counted, {"read-out": ("engine.datapath.readout", 10), **sam(20)}
        ),
    }


def chosen(number):
    """Have mutant ``number`` simulated by this process from now on."""
    os.environ.update(MUTANT=str(number), PATIENCE="5000")
