"""The networks that the oracle measures: small ones that together have everything, two shipped.

Drawn ones are written as network files of version 1, not through the project's classes, so that
they are the same for every tree of sources that still reads such files.
"""

import io
import json
from dataclasses import dataclass, field

import numpy as np

__all__ = ["CASES", "QUICK", "Case"]


@dataclass(frozen=True)
class Case:
    """A network, what is built of it and what is run.

    Parameters
    ----------
    name : str
    network : str or (header, arrays)
        A file below models/, or what a network file holds.
    options : dict
        Of the accelerator.
    given : dict
        Of a run.
    deletions : (layer, list of (t, neurons)) or None
        What is taken away from the first image, with ``experiments``.
    chip : dict or None
        Options of the chip around it that is also measured.
    """

    name: str
    network: str | tuple
    options: dict
    given: dict = field(default_factory=dict)
    deletions: tuple | None = None
    chip: dict | None = None

    def content(self, models):
        """The bytes of the network's file; ``models`` is the folder of the shipped ones."""
        if isinstance(self.network, str):
            return (models / self.network).read_bytes()
        header, arrays = self.network
        buffer = io.BytesIO()
        np.savez(buffer, header=json.dumps(header, sort_keys=True), **arrays)
        return buffer.getvalue()

    def images(self, models):
        """Two images: samples of the shipped, noise for the others."""
        if isinstance(self.network, str):
            with np.load(models / self.network.replace(".npz", "_sample.npz")) as sample:
                return sample["images"][:2]
        header, _ = self.network
        rng = np.random.default_rng(1)
        if header["encoder"] == "frames":
            return (rng.random((2, header["steps"], *header["shape"])) < 0.3).astype(np.uint8)
        return rng.integers(0, 256, (2, *header["shape"]), dtype=np.uint8)


def pool(kind, kernel, stride=None):
    """A pooling of a network file's header."""
    return {"pool": kind, "kernel": kernel, "stride": stride or kernel, "padding": 0}


def layer(channels, kernel, reset="subtract", compare="gt", delay=0, *, bits=4, stride=1,
          padding=0, groups=1, frac=2, each=False, bias=False, norm=False):
    """A convolution, or with ``kernel`` 0 a dense layer; ``each``: parameters differ by channel."""
    return {"channels": channels, "kernel": kernel, "bits": bits, "frac": frac, "stride": stride,
            "padding": padding, "groups": groups, "reset": reset, "compare": compare,
            "delay": delay, "each": each, "bias": bias, "norm": norm}


def drawn(seed, shape, steps, *parts, encoder="bernoulli", readout="membrane"):
    """(header, arrays) of ``pool`` and ``layer``, with weights and parameters of a seed."""
    rng, at, layers, arrays = np.random.default_rng(seed), shape, [], {}
    for n, part in enumerate(parts):
        if "pool" in part:
            layers.append(part)
            at = (at[0], *((side - part["kernel"]) // part["stride"] + 1 for side in at[1:]))
            continue
        part = dict(part)
        channels, kernel, each, bias, norm = (
            part.pop(key) for key in ("channels", "kernel", "each", "bias", "norm"))
        size = (channels, at[0] // part["groups"], kernel, kernel) if kernel else (
            channels, int(np.prod(at)))
        top = 2**(part["bits"] - 1)
        arrays[f"weights_{n}"] = rng.integers(-top, top, size).astype(np.int8)
        level = max(1, int(np.prod(size[1:])**0.5 * top / 4)) << part["frac"]
        spread = rng.integers(0, level, channels) if each else np.int64(0)
        accumulates = part["reset"] == "none"
        arrays[f"threshold_{n}"] = np.int64(0) if accumulates else level + spread
        leaks = rng.choice([0, 4096, 8192, 5000], channels)
        arrays[f"leak_{n}"] = leaks if each else np.int64(0 if accumulates else 4096)
        zero = part["reset"] == "zero"
        arrays[f"v_reset_{n}"] = -spread if zero and each else np.int64(-3 if zero else 0)
        if bias:
            arrays[f"bias_{n}"] = rng.integers(-6, 7, channels)
        if norm:
            arrays[f"gain_{n}"] = rng.integers(8, 32, (steps, channels))
            arrays[f"offset_{n}"] = rng.integers(-4, 9, (steps, channels))
        layers.append({**part, "scale": 1.0, "shift": 2 if norm else None})
        at = (channels, *((side + 2 * part["padding"] - kernel) // part["stride"] + 1
                          for side in at[1:])) if kernel else (channels, 1, 1)
    header = {"format": "sam-snn network", "version": 1, "shape": list(shape), "steps": steps,
              "layers": layers, "encoder": encoder, "readout": readout, "seed": seed,
              "name": f"oracle {seed}", "notes": {}}
    return header, arrays


CASES = {case.name: case for case in (
    Case("fashion", "fashion.npz", {"taps": (2, 3, 4)},
         chip={"clock_hz": 48_000_000, "baud": 1_000_000}),
    Case("digits", "digits.npz", {"taps": (2,), "gamma": 0.3}, {"gamma": 0.3},
         chip={"clock_hz": 12_000_000, "baud": 1_000_000, "form": "SUM"}),
    Case("one lane", drawn(
        11, (1, 6, 6), 10, layer(4, 3), pool("sum", 2), layer(6, 0, delay=1), readout="count"),
        {"lanes": 1, "word_steps": 4, "taps": ()}),
    Case("ternary", drawn(
        12, (4, 7, 7), 8, pool("avg", 2, 1), layer(4, 3, "subtract_leaked", "ge", groups=4),
        layer(8, 1, "subtract_leaked", "gt", 1), layer(7, 0, "none"), encoder="ternary"),
        {"lanes": 2, "word_steps": 8, "taps": (2,), "mode": "inclusive"},
        {"mode": "inclusive", "gamma": 0.9}),
    Case("current", drawn(
        13, (2, 6, 6), 16, layer(6, 3, "zero", "ge", bits=5, groups=2, padding=1, each=True,
                                 bias=True),
        layer(8, 3, "subtract", "ge", stride=2, each=True), layer(6, 0, "zero", "gt", 1, bias=True),
        encoder="current", readout="first"),
        {"lanes": 4, "word_steps": 16, "taps": (1, 2), "mode": "official"}, {"mode": "official"}),
    Case("frames", drawn(
        14, (2, 8, 8), 12, layer(8, 3, delay=1, padding=1, frac=0, bits=3), pool("max", 2),
        layer(12, 3, "subtract_leaked"), layer(5, 0, "none"), encoder="frames"),
        {"lanes": 8, "word_steps": 8, "taps": (1, 2)}),
    Case("norms", drawn(
        15, (1, 8, 8), 20, layer(6, 3, padding=1, stride=2, frac=0, norm=True),
        layer(8, 3, "zero", frac=0, norm=True), layer(4, 0, "none")),
        {"lanes": 4, "word_steps": 16, "taps": (1,)}),
    Case("wide", drawn(
        16, (1, 6, 6), 16, layer(20, 0, "subtract", "ge", bits=8), layer(24, 0, bits=8),
        layer(10, 0, "none", bits=6)),
        {"lanes": 16, "word_steps": 16, "taps": ()}),
    Case("traces", drawn(
        17, (2, 5, 5), 6, layer(4, 3, padding=1), layer(8, 3, delay=1), layer(5, 0, "none")),
        {"lanes": 2, "word_steps": 4, "taps": (), "attribution": 2}),
    Case("experiments", drawn(
        18, (1, 6, 6), 8, layer(6, 3, padding=1), layer(8, 3, stride=2), layer(6, 0, "none")),
        {"lanes": 4, "word_steps": 8, "taps": (2,), "experiments": True},
        deletions=(1, ((0, (0,)), (3, (40, 41, 60))))),
    Case("everything", drawn(
        19, (1, 8, 8), 16, layer(8, 3, padding=1), pool("max", 2),
        layer(8, 3, padding=1, groups=2),
        layer(10, 0, "none")),
        {"lanes": 4, "word_steps": 16, "taps": (1, 2), "attribution": 1, "experiments": True,
         "scrub": True}, deletions=(2, ((5, (7,)),)),
        chip={"clock_hz": 24_000_000, "baud": 1_000_000, "form": "BYTES", "counters": True,
              "boot": 0x100000}),
    Case("scrub", drawn(
        20, (1, 9, 9), 4, layer(4, 7, "zero", "ge", 1, padding=1), layer(7, 1, "subtract", "ge"),
        pool("avg", 5), layer(7, 0, "subtract"), readout="count"),
        {"lanes": 4, "word_steps": 4, "taps": (), "scrub": True}),
)}
QUICK = ("one lane", "ternary", "traces", "experiments")
