"""``python -m golden.network FILE``: a network at a glance."""

import argparse

import numpy as np

from golden.formats import LEAK_BITS, bits_signed, leak_shift
from golden.io.console import Console, Table
from golden.io.errors import command
from golden.io.text import say
from golden.network import load, membrane_range


def span(values, form="{}"):
    """One number, or the range of several."""
    low, high = np.min(values), np.max(values)
    return form.format(low) if low == high else f"{form.format(low)}..{form.format(high)}"


def leak_text(leak):
    """L in words: 1 - 2^-k where it is one, else a decimal."""
    leaks = np.unique(leak)
    shift = leak_shift(leaks[0]) if len(leaks) == 1 else None
    if shift is not None:
        return f"1 - 2^-{shift}"
    return span(1 - leaks[::-1] / 2**LEAK_BITS, "{:.4g}")


def what(stage):
    """A stage in words: its pooling, then its weights."""
    layer = stage.layer
    parts = [f"{pool.kind} pool {pool.kernel}" + (f" s{pool.stride}" if pool.stride != pool.kernel
                                                  else "")
             + (f" p{pool.padding}" if pool.padding else "") for pool in stage.pools]
    if layer.dense:
        parts.append(f"dense {stage.layer.weights.shape[1]}-{layer.channels}")
    else:
        parts.append(f"conv {layer.kernel}x{layer.kernel} {stage.pooled[0]}-{layer.channels}"
                     + f" s{layer.stride} p{layer.padding}"
                     + (f" g{layer.groups}" if layer.groups > 1 else ""))
    return ", ".join(parts)


def fires(layer):
    """The neuron in words: its order and threshold, then its leak and what else it has."""
    neuron = layer.neuron
    first = "accumulates"
    if layer.spiking:
        sign = ">" if neuron.compare == "gt" else ">="
        first = f"{neuron.reset}, {sign} {span(neuron.threshold)}"
    extras = [name for name, there in (
        ("delay 1", layer.spiking and neuron.delay),
        (f"v_reset {span(neuron.v_reset)}", neuron.reset == "zero" and np.any(neuron.v_reset)),
        ("bias", layer.bias is not None and np.any(layer.bias)),
        ("BNTT", layer.norm is not None),
        (f"frac {layer.frac}", layer.frac and layer.norm is None)) if there]
    return "\n".join([first, ", ".join([f"L {leak_text(neuron.leak)}", *extras])])


def table(network):
    """A rich Table of the network, one row a weighted layer."""
    found = Table(title=f"{network.name}: {' x '.join(map(str, network.shape))}, {network.steps} "
                  f"steps, {network.encoder} in, {network.readout} out")
    for title in ("layer", "what", "gives", "weights", "neuron", "membrane"):
        found.add_column(title, justify="right" if title in ("layer", "membrane") else "left")
    for stage in network.stages:
        layer = stage.layer
        found.add_row(
            str(stage.index), what(stage), " x ".join(map(str, stage.shape)),
            f"{layer.weights.size}\n{layer.bits} bit", fires(layer),
            f"{bits_signed(*membrane_range(stage, network.steps))} bit")
    weights = sum(stage.layer.weights.size for stage in network.stages)
    neurons = sum(stage.neurons for stage in network.stages)
    bits = sum(stage.layer.weights.size * stage.layer.bits for stage in network.stages)
    found.caption = (f"{weights} weights in {bits} bits, {neurons} neurons, "
                     f"digest {network.digest}")
    return found


@command
def main(argv=None):
    """Print the table of a network file."""
    parser = argparse.ArgumentParser(prog="python -m golden.network", description=__doc__)
    parser.add_argument("file", help="a network, .npz")
    network = load(parser.parse_args(argv).file)
    Console().print(table(network))
    for key, value in network.notes.items():
        say(f"{key}: {value}")


if __name__ == "__main__":
    main()
