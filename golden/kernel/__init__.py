"""The integer model compiled: kernel.cpp on trains of bits, equal to NumPy in every array.

NumPy (golden.run) stays the specification. The kernel does what it holds exactly in the same way:
networks of up to 64 steps; stages without a loop, of LIF neurons behind convolutions or dense
layers, whose every number fits 32 bits (golden.neurons.population.accumulator_dtype). Any other
stage of the same network runs in NumPy, between two changes of form.
"""

import ctypes
import hashlib
import json
import os
import shutil
from functools import cache as once
from pathlib import Path

import numpy as np

from golden.encode import encode, randoms
from golden.formats import MODES, SCORE_FRAC, exp_table, map_top
from golden.io.cache import cached, native
from golden.io.errors import Fault
from golden.io.processes import run
from golden.kernel.tables import places_of, rows_of
from golden.network.encoders import encoder_of
from golden.network.ops import Conv, Dense, Pool
from golden.neurons.lif import LIF, RESETS
from golden.neurons.population import accumulator_dtype
from golden.stages import Arrays, forward, nonzero

__all__ = ["CHOICES", "Trains", "default", "library"]

CHOICES = ("compiled", "numpy")
SOURCE = Path(__file__).with_name("kernel.cpp")
FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC")
STEPS = 64              # bits of a train
WIDTH = 8               # columns of a row of weights are a multiple of it


def default():
    """Of CHOICES what a command takes unless told: SAM_GOLDEN of the environment, or "compiled"."""
    return os.environ.get("SAM_GOLDEN", CHOICES[0])


@once
def library():
    """The compiled kernel as a ctypes library; None where there is no compiler that makes it."""
    compiler = shutil.which("c++")
    if compiler is None:
        return None
    there = os.stat(compiler)
    call = [compiler, *FLAGS, *native().split(), "-o", "kernel.so", str(SOURCE)]
    key = json.dumps([SOURCE.read_text(), call, there.st_size, there.st_mtime_ns])

    def make(where):
        done = run(call, cwd=where, text=True, errors="replace", capture_output=True)
        if done.returncode:
            raise Fault(done.stderr)
    try:
        return ctypes.CDLL(cached("kernel", hashlib.sha256(key.encode()).hexdigest()[:20],
                                  "kernel.so", make))
    except (Fault, OSError):
        return None


def pointer(array):
    """The address of a contiguous array, None where there is none."""
    if array is None:
        return None
    assert array.flags.c_contiguous
    return ctypes.c_void_p(array.ctypes.data)


class Description(ctypes.Structure):
    """``Stage`` of kernel.cpp."""

    _fields_ = [*((name, ctypes.c_int32) for name in (
        "steps", "source_channels", "groups", "channels", "columns", "pixels", "frac", "shift",
        "reset", "delay", "silent")),
        *((name, ctypes.c_void_p) for name in (
            "starts", "places", "weights", "limit", "threshold", "leak", "v_reset", "bias", "gain",
            "offset"))]


class Trains:
    """Spike trains of images (N, pixels, channels) uint64, the first step lowest; their shape."""

    def __init__(self, words, shape):
        self.words, self.shape = words, shape


class Compiled(Arrays):
    """The stages of one network, compiled. As golden.stages.Arrays; safe for threads.

    Parameters
    ----------
    network : golden.network.Network
    """

    def __init__(self, network):
        super().__init__(network)
        self.stages = {stage.index: CompiledStage(stage, network.steps)
                       for stage in network.stages if holds(stage, network.steps)}
        self.drawn = None
        if network.encoder == "bernoulli" and network.steps <= STEPS:
            c, h, w = network.shape
            self.drawn = np.ascontiguousarray(randoms(network.seed, c * h * w, network.steps).T)

    def encode(self, images):
        channels, height, width = self.network.shape
        encoder = encoder_of(self.network)
        if encoder.frames and encoder.spikes and self.network.steps <= STEPS:
            return self.packed(images)
        if self.drawn is None:
            return encode(images, self.network)
        images = np.ascontiguousarray(images)
        words = np.empty((len(images), height * width, channels), np.uint64)
        library().encode(pointer(images), ctypes.c_int64(len(images)), channels, height * width,
                         self.network.steps, pointer(self.drawn), pointer(words))
        return Trains(words, self.network.shape)

    def packed(self, spikes):
        """Trains of spikes (N, T, C, H, W) of 0 and 1."""
        spikes = np.ascontiguousarray(spikes, dtype=np.uint8)
        count, steps, channels, *sides = spikes.shape
        words = np.empty((count, int(np.prod(sides)), channels), np.uint64)
        library().pack(pointer(spikes), ctypes.c_int64(count), steps, channels, words.shape[1],
                       pointer(words))
        return Trains(words, (channels, *sides))

    def forward(self, activations, stage, tick=None):
        compiled = self.stages.get(stage.index)
        if compiled is None or not isinstance(activations, Trains):
            spikes, membranes = forward(self.spikes(activations), stage, self.network.steps, tick)
            if stage.layer.spiking and self.network.steps <= STEPS:
                spikes = self.packed(spikes)
            return spikes, membranes
        found = compiled.forward(activations)
        if tick:
            for t in range(self.network.steps):
                tick(t + 1 == self.network.steps)
        return found

    def count(self, activations):
        if not isinstance(activations, Trains):
            return nonzero(activations)
        words = activations.words
        found = np.empty(len(words), np.int64)
        library().count(pointer(words), ctypes.c_int64(words.shape[1] * words.shape[2]),
                        ctypes.c_int64(len(words)), pointer(found))
        return found

    def spikes(self, activations, kind=np.uint8):
        if not isinstance(activations, Trains):
            return activations
        words, (channels, *sides) = activations.words, activations.shape
        found = np.empty((len(words), self.network.steps, channels, *sides), kind)
        spread = library().spread16 if kind == np.int16 else library().spread8
        spread(pointer(words), ctypes.c_int64(len(words)), self.network.steps, channels,
               words.shape[1], pointer(found))
        return found

    def activation_map(self, activations, *, gamma, mode, table, map_bits):
        if not isinstance(activations, Trains) or mode not in MODES:
            return super().activation_map(self.spikes(activations), gamma=gamma, mode=mode,
                                          table=table, map_bits=map_bits)
        words, (channels, *sides) = activations.words, activations.shape
        steps = self.network.steps
        table = np.ascontiguousarray(exp_table(gamma, steps) if table is None else table,
                                     dtype=np.int64)[:steps]
        wide = np.int32 if channels * steps << SCORE_FRAC < 2**31 else np.int64
        top = np.iinfo(wide).max if map_bits is None else min(map_top(map_bits),
                                                              np.iinfo(wide).max)
        found = np.empty((len(words), steps, *sides), np.int64)
        library().sam(pointer(words), ctypes.c_int64(len(words)), steps, channels, words.shape[1],
                      pointer(table), MODES.index(mode), ctypes.c_int64(top), pointer(found))
        return found.astype(wide, copy=False)


def holds(stage, steps):
    """Whether the kernel computes a stage exactly."""
    layer = stage.layer
    span = layer.op.max_abs_sum(stage.top)
    return (steps <= STEPS and type(layer.neuron) is LIF and type(layer.op) in (Conv, Dense)
            and all(type(pool) is Pool for pool in stage.pools) and not stage.signed
            and layer.recurrent is None and span < 2**31
            and accumulator_dtype(layer, steps, span) is np.int32)


class CompiledStage:
    """A stage that ``holds``, as the kernel takes it."""

    def __init__(self, stage, steps):
        layer, neuron = stage.layer, stage.layer.neuron
        self.stage, self.steps, self.shape = stage, steps, stage.shape
        self.either, shape, pools = [], stage.source, list(stage.pools)
        while pools and pools[0].kind == "max":     # of trains: no count is before it
            pool = pools.pop(0)
            after = pool.output(shape)
            self.either.append((after, *places_of([pool], shape)))
            shape = after
        self.starts, self.places = places_of([*pools, layer.op], shape)
        narrow = layer.op.max_abs_sum(stage.top) < 2**15
        rows = rows_of(layer.op, stage.pooled)      # (place, source channel, columns of a group)
        groups, per_group = layer.groups, rows.shape[2]
        width = -(-per_group // WIDTH) * WIDTH if groups == 1 else per_group
        self.weights = np.zeros((*rows.shape[:2], width), np.int16 if narrow else np.int32)
        self.weights[:, :, :per_group] = rows
        self.columns = groups * width
        self.call = library().stage16 if narrow else library().stage32
        column = lambda values: self.column(layer.per_channel(values))
        self.values = {"limit": column(neuron.threshold - (neuron.compare == "ge"))}
        self.values |= {name: column(getattr(neuron, name)) for name in ("threshold", "leak",
                                                                       "v_reset")}
        self.values["bias"] = column(layer.biases)
        self.values["gain"] = self.values["offset"] = None
        if layer.norm is not None:
            self.values["gain"] = np.stack([column(row) for row in layer.norm.gain])
            self.values["offset"] = np.stack([column(row + layer.biases)
                                              for row in layer.norm.offset])
        quiet = layer.norm is None and not np.any(layer.biases) and (
            not layer.spiking or neuron.compare == "gt" or np.min(neuron.threshold) > 0)
        self.description = Description(
            steps, shape[0], groups, layer.channels, self.columns,
            stage.shape[1] * stage.shape[2], layer.frac,
            0 if layer.norm is None else layer.norm.shift, RESETS.index(neuron.reset),
            neuron.delay, bool(quiet and layer.spiking),
            *(None if array is None else array.ctypes.data for array in (
                self.starts, self.places, self.weights, *self.values.values())))

    def column(self, values):
        """(columns,) int32 of one number a channel."""
        found = np.zeros(self.columns, np.int32)
        found[:len(values)] = values
        return found

    def forward(self, trains):
        """(Trains, membranes) of Trains, as golden.stages.forward."""
        words = trains.words
        count = len(words)
        for after, starts, places in self.either:
            found = np.empty((count, after[1] * after[2], after[0]), np.uint64)
            library().either(pointer(words), ctypes.c_int64(words.shape[1] * words.shape[2]),
                             ctypes.c_int64(count),
                             after[0], found.shape[1], pointer(starts), pointer(places),
                             pointer(found))
            words = found
        channels, pixels = self.shape[0], self.shape[1] * self.shape[2]
        found = np.zeros((count, pixels, channels), np.uint64)
        membranes = None
        if not self.stage.layer.spiking:
            membranes = np.empty((count, self.steps, pixels, channels), np.int32)
        self.call(ctypes.byref(self.description), pointer(words),
                  ctypes.c_int64(words.shape[1] * words.shape[2]), ctypes.c_int64(count),
                  pointer(found), pointer(membranes))
        if membranes is not None:
            membranes = membranes.transpose(0, 1, 3, 2).reshape(count, self.steps, *self.shape)
        return Trains(found, self.shape), membranes
