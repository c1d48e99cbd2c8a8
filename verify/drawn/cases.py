"""What is paired, the rules of what goes with what, and the network that a choice stands for.

A network is: picture, perhaps a pooling, perhaps a first layer, perhaps a pooling, the layer under
test (perhaps with a max pooling before its neurons, a loop, or a skip from the picture or the layer
before), perhaps a pooling, the read-out. Every network is shown pictures with every kind of
silence, under three modes of the maps and three chances of a stall, so that these meet all else.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from math import gcd, prod

import numpy as np

from flow.estimate.cycles import image_cycles, planes_of, trains_of
from golden.formats import LEAK_BITS, MODES
from golden.io.errors import BadInput
from golden.network import Layer, Network, Neuron, Pool
from golden.network.encoders import ENCODERS, encoder_of
from golden.network.ops import Greatest, Recurrent, Skip
from golden.network.ops.base import compact, pair
from golden.network.ops.conv import MOST_KERNEL
from golden.network.ops.recurrent import CUTS
from golden.neurons import MODELS
from golden.run import run
from hw.plan.buffers import SPRAM_WORDS, WORD, channel_stride
from hw.plan.planner import Plan
from hw.plan.schedule import STATE_BITS
from hw.plan.size import LANES, TRAINS, WORD_STEPS, EngineSize
from hw.plan.widths import stored_factors
from verify.drawn.pairs import Rule, Rules

MOST_CYCLES = 1_000_000     # of all pictures of a case once, so that a simulation takes seconds
GREATEST = {"none": None, "2": Greatest(2, 2), "2x3": Greatest((2, 3), (2, 1)),
            "3 s2": Greatest(3, 2), "1x2": Greatest((1, 2), (1, 2)),
            "3 s2 p1": Greatest(3, 2, 1), "2 p1 ceil": Greatest(2, 2, (1, 0), True),
            "3x2 s3 ceil": Greatest((3, 2), (3, 1), 0, True)}
CUBA_ONLY = ("clear", "subtract_now")       # resets of neurons with a synaptic current alone
MOST_WAITING = 30           # bits of a membrane that waits between two rounds
MOST_VISITS = 1_200         # of a walk of the layer under test
POOLINGS = ("none", "sum", "avg", "max", "twice")    # twice: the OR of spikes, then counts of it
FACTORS = {
    # (lanes, steps of a word), so that each pair of them meets each of all others.
    "engine": tuple((lanes, word) for word in WORD_STEPS for lanes in LANES if lanes <= word),
    "trains": TRAINS,
    "chunks": ("below", "one", "over", "two", "many"),
    "encoder": ("bernoulli", "ternary", "current", "frames", "latency", "graded"),
    "inputs": (1, 2, 3, 5),
    "pool first": POOLINGS,
    # Channels of the layer before; 0: the picture itself is before the layer under test.
    "before": (0, 1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 17, "as many"),
    "pool": POOLINGS,
    # Every remainder at every number of lanes, strides filled and not.
    "channels": (*range(1, 20), 24, 31),
    "grouping": ("none", "depthwise", "groups"),
    "kernel": (1, 2, 3, 4, 5, 6, 7, 9, 11, (1, 3), (5, 1), (2, 4), "dense"),
    "stride": (1, 2, 3, (2, 1), (1, 3)),
    "padding": ("none", "one", "most"),
    "dilation": (1, 2, (1, 3)),
    "greatest": tuple(GREATEST),
    "pool last": (*POOLINGS, "global"),
    "model": ("lif", "cuba", "alpha"),
    "reset": ("subtract", "subtract_leaked", "zero", "zero to a value", *CUBA_ONLY),
    "compare": ("gt", "ge"),
    "delay": (0, 1),
    "leak": ("none", "shift", "product", "all"),
    "a channel": ("nothing", "threshold", "leak", "v_reset"),
    "bias": (False, True),
    "norm": (False, True),
    "bits": (2, 4, 8),
    "classes": (1, 2, 3, 5, 10, 17),
    "readout": ("membrane", "leaking", "count", "first"),
    "taps": ("none", "before", "tested", "all"),
    "schedule": ("layers", "chunks", "steps"),
    "loop": ("none", *CUTS),    # of the layer under test, by where it is cut
    "skip": ("none", "input", "before"),    # what the layer under test sums too
}


def planes_in(encoder, word_steps):
    """Trains of a channel of the picture."""
    return len(stored_factors(ENCODERS[encoder], word_steps))


MOST_PLANES = max(planes_in(name, word) for name in ENCODERS for word in WORD_STEPS)


def sources(before, channels, inputs):
    """Channels that the layer under test reads."""
    return {0: inputs, "as many": channels}.get(before, before)


def groups_of(grouping, before, channels, inputs):
    """Groups of the layer under test, or None if its channels cannot be grouped so."""
    source = sources(before, channels, inputs)
    if grouping == "none":
        return 1
    if grouping == "depthwise":
        return source if source > 1 and channels % source == 0 else None
    found = [n for n in range(2, gcd(source, channels) + 1)
             if source % n == 0 and channels % n == 0 and n < source]
    return found[0] if found else None


def rows_of(engine, before, channels, inputs, grouping, kernel):
    """Weight rows of the layer under test at most, where its map is one pixel."""
    if groups_of(grouping, before, channels, inputs) is None or kernel == "dense":
        return 0
    stride = channel_stride(sources(before, channels, inputs) * (MOST_PLANES if before == 0 else 1))
    return -(-channels // engine[0]) * (stride * prod(pair(kernel)) + 32)


def window_of(kernel, dilation, padding):
    """(span, padding) of a kernel, each (down, across)."""
    span = tuple((k - 1) * d + 1 for k, d in zip(pair(kernel), pair(dilation), strict=True))
    most = {"none": 0, "one": 1, "most": max(span)}[padding]
    return span, tuple(min(most, n - 1) for n in span)


def maps_fit(choice):
    """Whether the smallest maps of a choice take less than half of the memories of trains, so that
    some larger ones fit too, a walk of the layer under test looks at fewer than MOST_VISITS words,
    and neurons that wait between two rounds take less than half of their memory.

    The maps are those of the picture and of the layer before the layer under test, which all
    factors widen.
    """
    before = sources(choice["before"], choice["channels"], choice["inputs"])
    visits = 1
    sides = behind = (1, 1)
    if choice["kernel"] != "dense":
        visits = prod(pair(choice["kernel"])) * -(-before // WORD)
        sides = behind = (1, 1) if choice["pool last"] == "none" else (2, 2)
        greatest = GREATEST[choice["greatest"]]
        if greatest is not None:
            sides = grown(sides, greatest.window, pair(greatest.stride),
                          pair(greatest.padding))
            visits *= prod(greatest.window)
        span, padding = window_of(choice["kernel"], choice["dilation"], choice["padding"])
        sides = grown(sides, span, pair(choice["stride"]), padding)
    wider = {"none": 0, "twice": 2}
    between = tuple(n + wider.get(choice["pool"], 1) for n in sides)
    picture = tuple(n + (choice["before"] != 0) * wider.get(choice["pool first"], 1)
                    for n in between)
    chunks = {"below": 1, "one": 1, "over": 2, "two": 2, "many": 4}[choice["chunks"]]
    planes = planes_in(choice["encoder"], choice["engine"][1])
    trains = [channel_stride(choice["inputs"] * planes) * prod(picture),
              channel_stride(before) * prod(between) * (choice["before"] != 0)]
    # In rounds the neurons of both layers wait, in so many bits each.
    lanes, bits = choice["engine"][0], MOST_WAITING * (1 + (choice["model"] != "lif"))
    neurons = [aligned(count, lanes) * prod(places) for count, places in (
        (before * (choice["before"] != 0), between), (choice["channels"], behind))]
    waits = choice["schedule"] == "layers" or sum(neurons) * bits <= STATE_BITS // 2
    return max(trains) * chunks <= SPRAM_WORDS // 2 and visits < MOST_VISITS and waits


def aligned(count, lanes):
    """``count`` neurons with the lanes that their last group leaves out."""
    return -(-count // lanes) * lanes


def grown(sides, window, stride, padding=(0, 0), spare=(0, 0)):
    """The least sides of a map of which windows leave maps of ``sides``; with ``spare`` beyond what
    the last window reaches.
    """
    return tuple(max(1, (n - 1) * s + k - 2 * p + more)
                 for n, k, s, p, more in zip(sides, window, stride, padding, spare, strict=True))


def drawn_spare(rng, stride):
    """Lines and columns that no window reaches."""
    return tuple(int(rng.integers(s)) for s in stride)


SPIKES = tuple(name for name, encoder in ENCODERS.items() if encoder.spikes)
SINGLE = tuple(name for name in SPIKES if len(ENCODERS[name].factors) == 1)
RULES = Rules((
    Rule(("grouping", "before", "channels", "inputs"),
         lambda *given: groups_of(*given) is not None,
         "the groups divide the channels before and behind, and are more than one"),
    Rule(("grouping", "kernel"), lambda grouping, kernel: grouping == "none" or kernel != "dense",
         "a dense layer has no groups"),
    Rule(("stride", "kernel"), lambda stride, kernel: stride == 1 or kernel != "dense",
         "a dense layer has no stride"),
    Rule(("padding", "kernel"), lambda padding, kernel: padding == "none" or (
        kernel != "dense" and max(pair(kernel)) >= {"one": 2, "most": 3}[padding]),
         "padding is below the kernel; the most is more than one"),
    Rule(("dilation", "kernel"), lambda dilation, kernel: dilation == 1 or (
        kernel != "dense" and 1 < max(pair(kernel)) <= 5),
         "what has a gap has two places, and few, so that maps stay small"),
    Rule(("greatest", "kernel"), lambda greatest, kernel: greatest == "none" or kernel != "dense",
         "a dense layer leaves no map to pool"),
    Rule(("greatest", "trains"), lambda greatest, trains: greatest == "none" or trains == 1,
         "a walk buffer takes no legs of a walk"),
    Rule(("encoder", "trains"), lambda encoder, trains: (
        trains == 1 or not ENCODERS[encoder].steady),
         "a walk buffer takes no sums of bits"),
    Rule(("reset", "model"), lambda reset, model: (
        reset == "clear" if model == "alpha" else model == "cuba" or reset not in CUBA_ONLY),
         "a reset of neurons with a synaptic current; that of two traces clears both"),
    Rule(("model", "leak"), lambda model, leak: model != "alpha" or leak != "none",
         "two traces that keep everything cancel out"),
    Rule(("schedule", "trains"), lambda schedule, trains: trains == 1 or schedule == "layers",
         "rounds of all layers add one train a cycle"),
    Rule(("schedule", "norm"), lambda schedule, norm: not norm or schedule == "layers",
         "rounds of all layers have no norms over time"),
    Rule(("schedule", "encoder"), lambda schedule, encoder: (
        schedule != "steps" or not ENCODERS[encoder].steady),
         "a round of one step takes no trains of bits"),
    Rule(("loop", "schedule"), lambda loop, schedule: loop == "none" or schedule == "steps",
         "a loop needs rounds of one step"),
    Rule(("loop", "kernel"), lambda loop, kernel: loop == "none" or kernel == "dense",
         "of layers with a loop the hardware has dense ones"),
    Rule(("loop", "delay"), lambda loop, delay: loop == "none" or delay == 0,
         "a layer with a loop hands on its spikes at once"),
    Rule(("pool last", "kernel"), lambda pool, kernel: pool == "none" or kernel != "dense",
         "a dense layer leaves no map to pool"),
    Rule(("pool first", "before"), lambda pool, before: pool == "none" or before != 0,
         "a pooling of the picture before the layer under test is the second pooling"),
    Rule(("pool first", "encoder"), lambda pool, encoder: (
        pool not in ("max", "twice") or encoder in SPIKES),
         "max pooling of the picture needs spikes"),
    Rule(("pool", "before", "encoder"), lambda pool, before, encoder: (
        before != 0 or pool not in ("max", "twice") or encoder in SPIKES),
         "max pooling of the picture needs spikes"),
    Rule(("a channel", "reset"), lambda varies, reset: (
        varies != "v_reset" or reset == "zero to a value"),
         "v_reset of each channel needs a reset to a value"),
    Rule(("a channel", "leak"), lambda varies, leak: varies != "leak" or leak == "product",
         "leaks of each channel are any shares: products"),
    Rule(("taps", "before"), lambda taps, before: taps != "before" or before != 0,
         "there is no layer before"),
    Rule(("engine", "before", "channels", "inputs", "grouping", "kernel", "skip"),
         lambda *given: rows_of(*given[:-1]) * (1 + 2 * (given[-1] != "none"))
         <= SPRAM_WORDS * 3 // 4, "the weights fit the memory, with those of a skip"),
    Rule(("skip", "before"), lambda skip, before: skip != "before" or before != 0,
         "there is no layer before"),
    Rule(("skip", "encoder"), lambda skip, encoder: skip != "input" or encoder in SINGLE,
         "a second layer reads the picture where a pixel is one train of spikes"),
    Rule(("skip", "norm"), lambda skip, norm: skip == "none" or not norm,
         "a layer with a skip has no norm over time"),
    Rule(("skip", "greatest"), lambda skip, greatest: skip == "none" or greatest == "none",
         "a layer with a skip has no max pooling of currents"),
    Rule(("skip", "padding"), lambda skip, padding: skip == "none" or padding == "none",
         "the skips that are drawn lie inside the map"),
))


@dataclass(frozen=True)
class Case:
    """A network, how it is built and what it is shown.

    Members
    -------
    name : str
    network : golden.network.Network
    options : dict
        Of hw.accelerator.Accelerator: lanes, word_steps, taps, schedule.
    images : array
    runs : tuple of dict
        Options of sim.rtl.Simulation.run.
    choice : dict
        What was chosen, for people.
    """

    name: str
    network: Network
    options: dict
    images: np.ndarray
    runs: tuple
    choice: dict = field(default_factory=dict)


def weights(rng, shape, bits):
    """Weights of all values that ``bits`` hold, more of them positive, so that neurons fire."""
    drawn = rng.integers(-2**(bits - 1), 2**(bits - 1), shape)
    return np.where(rng.random(shape) < 0.3, np.abs(drawn).clip(0, 2**(bits - 1) - 1), drawn)


def threshold(rng, fan_in, bits, frac, ease):
    """One that some of the sums reach; ``ease`` halves it so many times."""
    return max(1, int(fan_in**0.5 * 2.0**(bits - 3) * 2**frac * (0.5 + rng.random())) >> ease)


def leak_of(rng, kind):
    """A leak of a kind."""
    return {"none": 0, "shift": 1 << int(rng.integers(11, 16)), "all": 1 << LEAK_BITS,
            "product": int(rng.integers(1, 1 << LEAK_BITS - 2)) * 2 + 1}[kind]


def tested_layer(rng, choice, shape, steps, ease):
    """The layer under test on a map of ``shape``."""
    channels, bits = choice["channels"], choice["bits"]
    groups = groups_of(choice["grouping"], choice["before"], channels, choice["inputs"])
    kernel = choice["kernel"]
    dense = kernel == "dense"
    place = {} if dense else {
        "stride": choice["stride"], "groups": groups, "dilation": choice["dilation"],
        "padding": compact(window_of(kernel, choice["dilation"], choice["padding"])[1]),
        "greatest": GREATEST[choice["greatest"]]}
    size = (channels, int(np.prod(shape))) if dense else (
        channels, shape[0] // groups, *pair(kernel))
    fan_in, norm, frac = int(np.prod(size[1:])), None, int(rng.integers(1, 4))
    if choice["norm"]:
        norm = (rng.integers(4, 64, (steps, channels)), rng.integers(-4, 20, (steps, channels)), 3)
        frac = 0
    level = threshold(rng, fan_in, bits, frac, ease)
    if choice["model"] == "alpha":              # whose membrane is a difference
        level = max(1, level // 8)
    each = lambda name, values, value: values if choice["a channel"] == name else np.int64(value)
    reset, to = choice["reset"].split(" ")[0], choice["reset"] == "zero to a value"
    leak = each("leak", rng.integers(0, (1 << LEAK_BITS) + 1, channels),
                leak_of(rng, choice["leak"]))
    make = Neuron
    if choice["model"] != "lif":
        # Of two traces the one that is taken off leaks faster, else their sum is never above 0.
        slower = leak // 4 if choice["model"] == "alpha" else each("leak", rng.integers(
            1 << LEAK_BITS - 3, (1 << LEAK_BITS) + 1, channels), leak_of(rng, choice["leak"]))
        make = partial(MODELS[choice["model"]], current_leak=slower)
    neuron = make(
        threshold=each("threshold", rng.integers(1, 2 * level + 1, channels), level), leak=leak,
        reset=reset, compare=choice["compare"], delay=choice["delay"],
        v_reset=each("v_reset", rng.integers(-level, level // 2 + 1, channels),
                     -(level // 2) - 1 if to else 0))
    bias = rng.integers(-(level // 4) - 1, level // 2 + 2, channels) if choice["bias"] else None
    loop = None
    if choice["loop"] != "none":
        loop = Recurrent(weights(rng, (channels, channels), bits), cut=choice["loop"],
                         bias=None if bias is None else rng.permutation(bias))
    return Layer(weights(rng, size, bits), bits, neuron, frac=frac, bias=bias, norm=norm,
                 recurrent=loop, **place)


def small(kernel):
    """How far a kernel is from the one of a skip that is tried first."""
    return abs(kernel - 3)


def joined(rng, layer, source, shape, sums):
    """``layer``, whose sums have the shape ``sums``, with a skip from maps of ``shape``."""
    size, place = (layer.channels, int(np.prod(shape))), {}
    if not layer.dense:
        found = [next(((k, s) for k in sorted(range(1, min(n, MOST_KERNEL) + 1), key=small)
                       for s in range(1, n + 1) if (n - k) // s + 1 == after), None)
                 for n, after in zip(shape[1:], sums[1:], strict=True)]
        if None in found:
            raise BadInput(f"no kernel inside a map of {shape} leaves {sums}")
        window, stride = zip(*found, strict=True)
        size, place = (layer.channels, shape[0], *window), {"stride": compact(stride)}
    return replace(layer, skips=(Skip(source, weights(rng, size, layer.bits), **place),))


def plain_layer(rng, shape, bits, ease, *, reset=None, delay=0, **place):
    """A layer of like neurons of weights of ``shape``."""
    frac, fan_in = int(rng.integers(1, 3)), int(np.prod(shape[1:]))
    reset = reset or str(rng.choice(["subtract", "subtract_leaked", "zero"]))
    return Layer(weights(rng, shape, bits), bits, Neuron(
        np.int64(threshold(rng, fan_in, bits, frac, ease)),
        np.int64(leak_of(rng, str(rng.choice(["none", "shift"])))), reset=reset,
        compare=str(rng.choice(["gt", "ge"])), delay=delay), frac=frac, **place)


def drawn_pair(rng, low, high, odd):
    """Two numbers from ``low`` to below ``high``; equal ones, unless ``odd``."""
    return tuple(int(n) for n in (rng.integers(low, high, 2) if odd
                                  else [rng.integers(low, high)] * 2))


def widened(rng, sides, kind, tight):
    """(poolings, sides before them) that leave maps of ``sides``."""
    if kind in ("none", "global"):
        pools = [Pool("avg", sides[0], 1)] if kind == "global" else []
        return pools, sides
    pools = [("max", "sum") if kind == "twice" else (kind,)][0]
    found = []
    for each in pools[::-1]:
        odd = rng.random() < 0.3
        kernel = (2, 2) if tight else drawn_pair(rng, 2 - odd, 4, odd)
        stride = (1, 1) if tight else drawn_pair(rng, 1, 3, odd)
        # Of spikes alone a window may reach beyond the map.
        padding = drawn_pair(rng, 0, 2, odd) if each == "max" and not tight else (0, 0)
        padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
        ceil = bool(each == "max" and rng.random() < 0.2)
        sides = grown(sides, kernel, stride, padding, drawn_spare(rng, stride))
        found.insert(0, Pool(str(each), *map(compact, (kernel, stride, padding)), ceil))
    return found, sides


def steps_of(rng, choice):
    """T."""
    word, least = choice["engine"][1], 2 + choice["delay"]
    return {"below": int(rng.integers(least, word)) if word > least else least, "one": word,
            "over": int(rng.integers(word + 1, 2 * word)), "two": 2 * word,
            "many": int(rng.integers(3 * word + 1, 4 * word))}[choice["chunks"]]


def network_of(rng, choice, most, ease):
    """The network of a choice; ``most`` bounds its maps, ``ease`` lowers thresholds."""
    steps = steps_of(rng, choice)
    kernel, tight = choice["kernel"], most < 3
    dense = kernel == "dense"
    last = choice["pool last"]
    least = 2 if last == "global" else 1
    wide = most + 2 if (not dense and max(pair(kernel)) <= 3 and choice["stride"] == 1
                        and not tight) else most
    sides = tuple(int(n) for n in rng.integers(least, max(least, wide) + 1, 2))
    if last == "global":
        sides = (sides[0], sides[0])
    after, sides = widened(rng, sides, last, tight)
    if not dense:
        greatest = GREATEST[choice["greatest"]]
        if greatest is not None:
            sides = grown(sides, greatest.window, pair(greatest.stride),
                          pair(greatest.padding))
        span, padding = window_of(kernel, choice["dilation"], choice["padding"])
        stride = pair(choice["stride"])
        sides = grown(sides, span, stride, padding, drawn_spare(rng, stride))
    between, sides = widened(rng, sides, choice["pool"], tight)
    layers, channels = [], choice["inputs"]
    if choice["before"] != 0:
        side = 1 if tight else int(rng.integers(1, 4))
        padding = int(rng.integers(side))
        outer = tuple(max(1, n + side - 1 - 2 * padding) for n in sides)
        before, outer = widened(rng, outer, choice["pool first"], tight)
        channels = sources(choice["before"], choice["channels"], choice["inputs"])
        layers = [*before, plain_layer(rng, (channels, choice["inputs"], side, side),
                                       choice["bits"], ease, padding=padding,
                                       delay=int(steps > 4 and rng.random() < 0.3))]
        shape = (choice["inputs"], *outer)
    else:
        shape = (choice["inputs"], *sides)
    at = shape_behind(shape, [*layers, *between])
    tested = tested_layer(rng, choice, at, steps, ease)
    if choice["skip"] != "none":
        source = int(choice["skip"] == "before")
        tested = joined(rng, tested, source, shape_behind(shape, layers) if source else shape,
                        shape_behind(at, [tested]))
    if last == "global":
        after = [Pool("avg", compact(shape_behind(at, [tested])[1:]), 1)]
    layers += [*between, tested, *after]
    taken = int(np.prod(shape_behind(shape, layers)))
    spiking = choice["readout"] in ("count", "first")
    size, bits = (choice["classes"], taken), choice["bits"]
    if spiking:
        fires = plain_layer(rng, size, bits, ease)
        if choice["model"] == "alpha":          # whose spikes are few and at once
            fires = replace(fires, weights=np.abs(fires.weights).clip(0, 2**(bits - 1) - 1))
        layers.append(fires)
    else:
        leak = 0 if choice["readout"] == "membrane" else leak_of(rng, "shift")
        layers.append(Layer(weights(rng, size, bits), bits,
                            Neuron(np.int64(0), np.int64(leak), reset="none")))
    return Network(shape=shape, steps=steps, layers=tuple(layers), encoder=choice["encoder"],
                   readout=choice["readout"] if spiking else "membrane",
                   seed=int(rng.integers(1, 2**32)))


def shape_behind(shape, layers):
    """(C, H, W) behind some layers."""
    for layer in layers:
        shape = layer.output(shape)
    return shape


def pictures(network, seed):
    """Pictures of every kind of silence, the lit parts bright enough to fire: noise, lone pixels,
    black pixels, columns and rows, black, white, and noise again.
    """
    rng = np.random.default_rng((seed, 3))
    channels, height, width = network.shape
    every = np.ones((height, width))
    lone = np.zeros((height, width))
    lone[rng.integers(height), rng.integers(width)] = 1
    columns, rows = every.copy(), every.copy()
    columns[:, 1::2], rows[1::2] = 0, 0
    masks = np.stack([every, lone, rng.random((height, width)) < 0.4, columns, rows,
                      0 * every, every, columns[:, ::-1], every])
    shape = (len(masks), *network.shape)
    if encoder_of(network).frames:
        top = encoder_of(network).top
        chance = np.where(np.arange(len(masks)) == 6, 1.0, 0.4)[:, None, None, None, None]
        drawn = rng.random((len(masks), network.steps, *network.shape)) < chance
        drawn = drawn * (rng.integers(1, top + 1, drawn.shape) if top > 1 else 1)
        return (drawn * masks[:, None, None]).astype(np.uint8)
    drawn = rng.integers(64, 256, shape)
    drawn[6] = 127 if network.encoder == "ternary" else 255
    return (drawn * masks[:, None]).astype(np.uint8)


def runs(seed):
    """Three runs: all modes, no stalls and two chances of them, gammas of which one is 0."""
    rng = np.random.default_rng((seed, 4))
    modes, gammas = rng.permutation(MODES), rng.permutation([0.0, 0.5, 1.3])
    return tuple({"mode": str(mode), "gamma": float(gamma), "stall": stall, "seed": seed + 1}
                 for mode, gamma, stall in zip(modes, gammas, (0.0, 0.3, 0.6), strict=True))


def law(plan, images, network):
    """(N, passes + 1) cycles foretold."""
    golden = run(images, network)
    sources = [trains_of(plan, planes_of(plan, golden.spikes_input), of_input=True)]
    sources += [trains_of(plan, golden.spikes[tap]) for tap in network.taps]
    return image_cycles(plan, sources[:len(network.stages)])


def case_of(choice, seed, name):
    """The Case of a choice: as large as the chip holds, with no layer silent, and of MOST_CYCLES
    cycles for all its pictures or the fewest that were drawn.

    Raises BadInput with the rule that a choice breaks.
    """
    broken = RULES.broken(choice)
    if broken:
        raise BadInput(f"{name}: {broken}")
    lanes, word = choice["engine"]
    refused, long = None, []                    # (cycles, number, case) of those that are too long
    for most, tries in ((3, 10), (2, 10), (1, 40)):
        for attempt in range(tries):
            rng = np.random.default_rng((seed, 2, most, attempt))
            try:
                network = network_of(rng, choice, most, attempt % 10 // 2).replace(name=name)
                size = EngineSize(lanes, word, choice["trains"])
                plan = Plan(network, **size._asdict(), schedule=choice["schedule"])
            except BadInput as error:
                refused = error
                continue
            shown = pictures(network, seed)
            if not run(shown, network, taps=()).counts.max(axis=0).all():
                refused = "a layer stays silent"
                continue
            first, tested = choice["before"] != 0, 2 if choice["before"] != 0 else 1
            taps = {"none": (), "before": (1,) if first else (), "tested": (tested,),
                    "all": network.taps}[choice["taps"]]
            options = {**size._asdict(), "taps": taps, "schedule": choice["schedule"]}
            case = Case(name, network, options, shown, runs(seed), choice)
            cycles = int(law(plan, shown, network).sum())
            if cycles <= MOST_CYCLES:
                return case
            long.append((cycles, len(long), case))
            # The next size, or of the smallest the shortest of some.
            if most > 1 or len(long) >= 5:
                break
    if not long:
        raise AssertionError(f"{name}: {choice} cannot be drawn: {refused}")
    return min(long)[2]
