"""From real numbers to integers: weights to a few bits, everything else in units of a membrane.

Of a layer's weights w = s q with whole q the scale s is found or chosen; one membrane unit is then
s f 2**-frac, f being what pooling and input scale are worth (1 / k**2 for an average), and
thresholds, biases and resets are counted in it. What is exactly representable comes out exact.

``python -m golden.quantise FLOAT --bits 8 --out NET.npz`` does it to a float network's file.
"""

from dataclasses import replace

import numpy as np

from golden.encode import encode
from golden.formats import LEAK_BITS, bits_signed
from golden.importers import float_run
from golden.importers.scales import CLOSE, MOST_FRAC, NEAR, constants, fraction, scales
from golden.network import Layer, Network, Neuron, membrane_range, rule
from golden.run import check_images, forward

MOST_GAIN = 2**15 - 1
HELD = 2.0**39       # whole numbers of a network file lie within 40 bits


def quantise(network, **options):
    """``quantise_with_report`` without the reasons: a golden.network.Network of a FloatNetwork."""
    return quantise_with_report(network, **options)[0]


def quantise_with_report(network, *, bits=8, per_channel=False, power_of_two=False, calibrate=None,
              membrane_bits=24):
    """Turn a golden.importers.float_network.FloatNetwork into integers and say what was rounded.

    Parameters
    ----------
    bits : int or sequence of int
        Width of the weights, 2 to 8; a sequence gives each weighted layer its own.
    per_channel : bool
        Whether each output channel has a scale of its own; not so in a last layer whose membranes
        are compared.
    power_of_two : bool
        Whether scales are powers of two.
    calibrate : None or images
        As golden.run takes them. Scales that are not exact are then chosen for the most equal
        spikes, each layer fed what it sees in the float network; without, for the least squared
        error of the weights.
    membrane_bits : int
        Membranes keep fraction bits until they are this wide; those that need more without any
        fraction get it, up to 32.

    Returns
    -------
    (golden.network.Network, list of tuple of str)
        The reasons of each weighted layer why it is not exactly the float one; empty where it is.
    """
    count = len(network.stages)
    widths = [bits] * count if np.ndim(bits) == 0 else list(bits)
    rule(len(widths) == count, network.name,
         f"bits must be one number or one for each of the {count} weighted layers, "
         f"not {len(widths)}")
    rule(all(isinstance(b, int) and 2 <= b <= 8 for b in widths), network.name,
         f"weight bits must be 2 to 8, not {', '.join(map(str, widths))}")
    rule(isinstance(membrane_bits, int) and 8 <= membrane_bits <= 32, network.name,
         f"membrane bits must be 8 to 32, not {membrane_bits}")
    seen = None if calibrate is None else seen_by_layers(calibrate, network)
    layers, reasons = [], []
    for n, (stage, width) in enumerate(zip(network.stages, widths, strict=True)):
        one_scale = not per_channel or not stage.layer.spiking
        factor = pool_scale(stage) * (network.input_scale if n == 0 else 1.0)
        layer, rounding_reasons = best(
            stage, width, factor, network.steps, membrane_bits,
            scales(stage.layer, width, factor, one_scale, power_of_two),
            None if seen is None else seen[n])
        layers += [*stage.pools, layer]
        reasons.append((*stage.layer.approximations, *rounding_reasons))
    return Network(
        shape=network.shape, steps=network.steps, layers=tuple(layers), encoder=network.encoder,
        readout=network.readout, seed=network.seed, name=network.name,
        notes=dict(network.notes)), reasons


def pool_scale(stage):
    """What a count of 1 behind a stage's pooling is worth in real numbers."""
    return 1 / float(np.prod([pool.kernel**2 for pool in stage.pools if pool.kind == "avg"]))


# --- one layer ------------------------------------------------------------------------------------


def best(stage, bits, factor, steps, membrane_bits, candidates, seen):
    """(Layer, reasons) of the best of the candidate scales."""
    if len(candidates) == 1:
        return integer(stage, bits, candidates[0], factor, steps, membrane_bits)
    errors = []
    for scale in candidates:
        if seen is None:
            column = scale.reshape(-1, *[1] * (stage.layer.weights.ndim - 1))
            kept = whole_weights(stage.layer.weights, column, bits) * column
            errors.append(((kept - stage.layer.weights)**2).sum())
            continue
        layer, _ = integer(stage, bits, scale, factor, steps, membrane_bits)
        active, wanted_spikes, wanted_membranes = seen
        spikes, membranes = forward(active, replace(stage, layer=layer), steps)
        if layer.spiking:
            errors.append((spikes != wanted_spikes).mean())
        else:
            errors.append(((membranes[:, -1] * layer.scale - wanted_membranes[:, -1])**2).mean())
    return integer(stage, bits, candidates[int(np.argmin(errors))], factor, steps, membrane_bits)


def whole_weights(weights, scale, bits):
    """``weights`` in steps of ``scale``, rounded and held at the ends of ``bits`` bits."""
    limit = 2**(bits - 1)
    return np.clip(np.rint(weights / scale), -limit, limit - 1).astype(np.int64)


def units(values, unit):
    """``values`` in membrane units, rounded."""
    return np.clip(np.rint(values / unit), -HELD, HELD).astype(np.int64)


def shared(values):
    """One number where all channels have the same."""
    return values.flat[0] if (values == values.flat[0]).all() else values


def leak_need(leak, steps):
    """Fraction bits that ``steps`` products with L = 1 - leak / 2**LEAK_BITS need to be exact."""
    needs = [LEAK_BITS - min(LEAK_BITS, (value & -value).bit_length() - 1) if value else 0
             for value in map(int, np.unique(leak))]
    return max(needs) * (steps - 1)


def integer(stage, bits, scale, factor, steps, membrane_bits):
    """(golden.network.Layer, reasons) of a float stage, with weights in steps of ``scale``."""
    real, neuron = stage.layer, stage.layer.neuron
    weights = whole_weights(real.weights, scale.reshape(-1, *[1] * (real.weights.ndim - 1)), bits)
    drop = 1 - real.per_channel(neuron.beta)
    leak = np.rint(drop * 2**LEAK_BITS).astype(np.int64)
    step = scale * factor

    values = constants(real) / np.resize(step, len(constants(real)))
    if real.norm is not None:
        values = np.concatenate([values, real.norm[0].ravel()])
    need = fraction(values)
    exact = None if need is None else need + leak_need(leak, steps)
    lasting = np.minimum(steps, 1 / np.maximum(drop, 1 / steps)).max()
    accumulator_dtype = 4 + int(np.ceil(np.log2(lasting)))

    def at(frac):
        return made(stage, bits, weights, leak, step, frac)

    def width(frac):
        return bits_signed(*membrane_range(replace(stage, layer=at(frac)), steps))

    frac = exact
    if frac is None or frac > MOST_FRAC or width(frac) > membrane_bits:
        frac = min(accumulator_dtype, MOST_FRAC)
        while frac and width(frac) > membrane_bits:
            frac -= 1
    layer = at(frac)
    reasons = rounding_reasons(real, layer, scale, step, frac, exact)
    if neuron.reset == "subtract_now" and not resets_late_safely(stage, factor):
        reasons += ("reset_delay=False as subtract_leaked: differs where a membrane is above its "
                    "threshold after a spike",)
    return layer, reasons


def resets_late_safely(stage, factor):
    """Whether no spike can leave a membrane above its threshold, so that it is leaked at once.

    So it is where the largest input of a step is at most (2 - beta) threshold: a membrane that
    starts a step at up to one threshold then ends it at up to two.
    """
    layer = stage.layer
    if layer.norm is not None:
        return False
    rows = layer.weights.reshape(layer.channels, -1)
    most = np.maximum(rows, -rows if stage.signed else 0).sum(axis=1) * factor * stage.top
    room = (2 - layer.per_channel(layer.neuron.beta)) * layer.per_channel(layer.neuron.threshold)
    return bool((most + layer.biases <= room).all())


def made(stage, bits, weights, leak, step, frac):
    """The Layer with ``frac`` fraction bits behind a weight step."""
    real, neuron = stage.layer, stage.layer.neuron
    unit = step * 2.0**-frac
    bias = units(real.biases, unit)
    norm = None
    if real.norm is not None:
        gain, offset = real.norm
        scaled, shift = gain * 2.0**frac, 0
        if fraction(scaled) != 0:
            top = max(np.abs(scaled).max(), 1e-9)
            shift = int(np.clip(np.floor(np.log2(MOST_GAIN / top)), 0, MOST_FRAC))
        norm = (units(scaled * 2.0**shift, 1), units(offset, unit), shift)
    kept = Neuron(
        threshold=shared(units(real.per_channel(neuron.threshold), unit)) if real.spiking
        else np.int64(0),
        leak=shared(leak), compare=neuron.compare, delay=neuron.delay,
        reset="subtract_leaked" if neuron.reset == "subtract_now" else neuron.reset,
        v_reset=shared(units(real.per_channel(neuron.v_reset), unit)) if neuron.reset == "zero"
        else np.int64(0))
    return Layer(
        weights=weights, bits=bits, neuron=kept, frac=0 if norm else frac,
        bias=bias if bias.any() else None, stride=real.stride, padding=real.padding,
        groups=real.groups, scale=float(np.median(unit)), norm=norm)


def rounding_reasons(real, layer, scale, step, frac, exact):
    """Why an integer layer is not exactly the float one, as short sentences."""
    found, neuron = [], real.neuron
    unit = step * 2.0**-frac
    steps = real.weights.reshape(real.channels, -1) / scale[:, None]
    off = np.abs(steps - layer.weights.reshape(real.channels, -1))
    if off.max() > NEAR:
        clipped = np.count_nonzero(off > 0.5 + NEAR)
        power, noise = (steps**2).mean(), (off**2).mean()
        found.append(f"weights to {layer.bits} bits ({10 * np.log10(power / noise):.0f} dB"
                     + (f", {clipped} clipped)" if clipped else ")"))
    drop = 1 - real.per_channel(neuron.beta)
    kept = layer.per_channel(layer.neuron.leak) / 2**LEAK_BITS
    if np.abs(drop - kept).max() > 1e-9:
        worst = np.abs(drop - kept).argmax()
        found.append(f"leak {1 - drop[worst]:.6g} kept as {1 - kept[worst]:.6g}")
    if kept.any() and (exact is None or frac < exact):
        found.append(f"leaked membranes cut to 2^-{frac} weight steps")
    named = [("bias", real.biases, layer.biases)]
    if real.spiking:
        named.append(("threshold", neuron.threshold, layer.neuron.threshold))
    if neuron.reset == "zero":
        named.append(("v_reset", neuron.v_reset, layer.neuron.v_reset))
    for what, values, whole in named:
        ideal = real.per_channel(values) / unit
        apart = np.abs(ideal - layer.per_channel(whole))
        if (apart > CLOSE * np.maximum(1, np.abs(ideal))).any():
            share = (apart / np.maximum(np.abs(ideal), 1e-30)).max()
            found.append(f"{what} off by {share:.1g} of itself")
    if layer.norm is not None:
        gain, offset, shift = layer.norm
        if fraction(real.norm[0] * 2.0**frac) != 0 or fraction(real.norm[1] / unit) != 0:
            found.append(f"BNTT gains to 2^-{shift + frac}, products cut")
    return tuple(found)


# --- calibration ----------------------------------------------------------------------------------


def seen_by_layers(images, network):
    """[(input, spikes, membranes)] of each weighted layer in the float network, on some images."""
    images = check_images(images, network, where="calibration images")
    rule(len(images) > 0, "calibration images", "must be at least one")
    images = images[:min(64, float_run.batch_of(network))]
    active = encode(images, network)
    scale, found = network.input_scale, []
    for stage in network.stages:
        spikes, membranes = float_run.forward(active, stage, network.steps, scale)
        found.append((active, spikes, membranes))
        active, scale = spikes, 1.0
    return found
