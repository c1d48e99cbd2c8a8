"""From real numbers to integers: weights to a few bits, everything else in units of a membrane.

Of a layer's weights w = s q with whole q the scale s is found or chosen; one membrane unit is then
s f 2**-frac, f being what pooling and input scale are worth (1 / k**2 for an average), and
thresholds, biases and resets are counted in it. What is exactly representable comes out exact.

``python -m golden.quantise FLOAT --bits 8 --out NET.npz`` does it to a float network's file.
"""

from dataclasses import replace

import numpy as np

from golden.encode import encode
from golden.formats import bits_signed
from golden.importers import float_run
from golden.importers.scales import CLOSE, MOST_FRAC, NEAR, constants, fraction, rows_of, scales
from golden.io.errors import rule
from golden.network import Layer, Network, Norm, Recurrent, membrane_range
from golden.neurons.base import counted
from golden.run import check_images
from golden.stages import forward

MOST_GAIN = 2**15 - 1


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
    return 1 / float(np.prod([pool.divisor for pool in stage.pools]))


# --- one layer ------------------------------------------------------------------------------------


def best(stage, bits, factor, steps, membrane_bits, candidates, seen):
    """(Layer, reasons) of the best of the candidate scales."""
    if len(candidates) == 1:
        return integer(stage, bits, candidates[0], factor, steps, membrane_bits)
    errors = []
    for scale in candidates:
        if seen is None:
            rows = rows_of(stage.layer, factor)
            kept = whole_weights(rows, scale[:, None], bits) * scale[:, None]
            errors.append(((kept - rows)**2).sum())
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


def integer(stage, bits, scale, factor, steps, membrane_bits):
    """(golden.network.Layer, reasons) of a float stage, with weights in steps of ``scale``."""
    real = stage.layer
    neuron = real.neuron.suited(most_added(stage, factor), real.per_channel)
    weights = whole_weights(real.weights, scale.reshape(-1, *[1] * (real.weights.ndim - 1)), bits)
    step, loop = scale * factor, real.recurrent
    if loop is not None:
        loop = whole_weights(loop.weights, step.reshape(-1, *[1] * (loop.weights.ndim - 1)), bits)

    values = constants(real) / np.resize(step, len(constants(real)))
    if real.norm is not None:
        values = np.concatenate([values, real.norm.gain.ravel()])
    need = fraction(values)
    exact = None
    if need is not None:
        exact = need + neuron.model.from_float(neuron, real.per_channel, step).exact_bits(steps)
    # Where exact weights are small numbers of steps, what is cut counts for more.
    small = bits - 1 - max(1, int(np.abs(weights).max()).bit_length())
    useful_bits = 4 + max(0, small) + int(np.ceil(np.log2(
        neuron.lasting(real.per_channel, steps))))

    def at(frac):
        return made(stage, neuron, bits, weights, loop, step, frac)

    def width(frac):
        return bits_signed(*membrane_range(replace(stage, layer=at(frac)), steps))

    frac = exact
    if frac is None or frac > MOST_FRAC or width(frac) > membrane_bits:
        frac = min(useful_bits, MOST_FRAC)
        while frac and width(frac) > membrane_bits:
            frac -= 1
    layer = at(frac)
    return layer, rounding_reasons(real, neuron, layer, factor, step, frac, exact)


def most_added(stage, factor):
    """(channels,) the most that one step adds to a membrane; None behind a norm over time."""
    layer = stage.layer
    if layer.norm is not None:
        return None
    rows = layer.weights.reshape(layer.channels, -1)
    most = np.maximum(rows, -rows if stage.signed else 0).sum(axis=1) * factor * stage.top
    if layer.recurrent is not None:
        own = layer.recurrent.op.bounds(1)[1]
        most = most + own + np.maximum(layer.recurrent.biases(2), 0).max(axis=0)
    return most + layer.biases


def made(stage, neuron, bits, weights, loop, step, frac):
    """The Layer of a ``neuron`` with ``frac`` fraction bits behind a weight step; ``loop`` are the
    whole weights of its recurrence, or None.
    """
    real = stage.layer
    unit = step * 2.0**-frac
    bias = counted(real.biases, unit)
    norm = None
    if real.norm is not None:
        scaled, shift = real.norm.gain * 2.0**frac, 0
        if fraction(scaled) != 0:
            top = max(np.abs(scaled).max(), 1e-9)
            shift = int(np.clip(np.floor(np.log2(MOST_GAIN / top)), 0, MOST_FRAC))
        norm = Norm(counted(scaled * 2.0**shift, 1), counted(real.norm.offset, unit), shift)
    kept = neuron.model.from_float(neuron, real.per_channel, unit)
    if loop is not None:
        bias_of_loop = real.recurrent.bias
        if bias_of_loop is not None:
            bias_of_loop = counted(bias_of_loop, unit)
        loop = Recurrent(loop, bias_of_loop, real.recurrent.cut)
    return Layer(
        weights=weights, bits=bits, neuron=kept, frac=0 if norm else frac,
        bias=bias if bias.any() else None, stride=real.stride, padding=real.padding,
        groups=real.groups, dilation=real.dilation, greatest=real.greatest,
        scale=float(np.median(unit)), norm=norm, recurrent=loop)


def rounding_reasons(real, neuron, layer, factor, step, frac, exact):
    """Why an integer layer is not exactly the float one, as short sentences."""
    found = []
    unit = step * 2.0**-frac
    steps = rows_of(real, factor) / (step / factor)[:, None]
    off = np.abs(steps - rows_of(layer, 1))
    if off.max() > NEAR:
        clipped = np.count_nonzero(off > 0.5 + NEAR)
        share = np.sqrt((off**2).mean() / max((steps**2).mean(), 1e-30))
        found.append(f"weights rounded to {layer.bits} bits, {percent(share)} off"
                     + (f", {percent(clipped / off.size)} of them cut at the largest"
                        if clipped else ""))
    found += layer.neuron.rounding_reasons(neuron, real.per_channel)
    if layer.neuron.rounds and (exact is None or frac < exact):
        found.append(f"leaked membranes cut to 2^-{frac} weight steps")
    named = [("bias", real.biases, layer.biases),
             *((name, values, getattr(layer.neuron, name))
               for name, values in neuron.constants(real.per_channel).items())]
    if layer.recurrent is not None and layer.recurrent.bias is not None:
        named.append(("recurrent bias", real.recurrent.bias, layer.recurrent.bias))
    for what, values, whole in named:
        ideal = real.per_channel(values) / unit
        apart = np.abs(ideal - layer.per_channel(whole))
        if (apart > CLOSE * np.maximum(1, np.abs(ideal))).any():
            share = (apart / np.maximum(np.abs(ideal), 1e-30)).max()
            found.append(f"{what} off by {percent(share)}")
    if layer.norm is not None:
        if fraction(real.norm.gain * 2.0**frac) != 0 or fraction(real.norm.offset / unit) != 0:
            found.append(f"BNTT gains to 2^-{layer.norm.shift + frac}, products cut")
    return tuple(found)


def percent(share):
    """A share in percent, of two digits."""
    return f"{100 * share:.2g} %"


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
