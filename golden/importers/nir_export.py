"""A network as a NIR graph, and what the graph keeps of it that NIR has no field for.

The nodes are those of NIR 1.0, each with the parameters that its equations need, so that other
programs run the file by NIR's own rules. Metadata (golden.importers.nir_graph.METADATA) says what
they cannot: the reset, the comparison and the decay of each neuron to the last bit, and encoder,
steps and read-out of the network. golden.importers.nir reads it back as it was.
"""

import io
from pathlib import Path

import h5py
import numpy as np

from golden.formats import LEAK_BITS
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.producers import OWN
from golden.io.errors import rule
from golden.io.files import replacing
from golden.network import Network
from golden.network.ops import FloatRecurrent
from golden.network.ops.base import pair
from golden.neurons.alpha import Alpha, FloatAlpha
from golden.neurons.cuba import Cuba, FloatCuba

__all__ = ["DT", "real", "write_nir"]

DT = 1e-4           # what a step is written as
VERSION = "1.0.8"   # of NIR


def real(network: Network) -> FloatNetwork:
    """The FloatNetwork whose numbers are exactly those of an integer golden.network.Network.

    Membranes are counted in weight steps: weights are whole, a threshold of n units of 2**-frac is
    n 2**-frac, and an average is its count.
    """
    layers = []
    for layer in network.layers:
        if not layer.weighted:
            layers.append(layer)
            continue
        unit, neuron = 2.0**-layer.frac, layer.neuron
        norm = None
        if layer.norm is not None:
            unit = 1.0
            norm = layer.norm.slope, layer.norm.offset.astype(np.float64)
        loop = layer.recurrent
        if loop is not None:
            loop = FloatRecurrent(loop.weights.astype(np.float64),
                                  None if loop.bias is None else loop.bias * unit, loop.cut)
        divisor = 1
        for pool in reversed(layers):
            if pool.weighted:
                break
            divisor *= pool.divisor
        layers.append(FloatLayer(
            layer.weights.astype(np.float64) * divisor, real_neuron(neuron, unit),
            None if layer.bias is None else layer.bias * unit, stride=layer.stride,
            padding=layer.padding, groups=layer.groups, dilation=layer.dilation,
            greatest=layer.greatest, norm=norm, recurrent=loop))
    return FloatNetwork(
        shape=network.shape, steps=network.steps, layers=tuple(layers), encoder=network.encoder,
        readout=network.readout, seed=network.seed, name=network.name, notes=dict(network.notes))


def real_neuron(neuron, unit):
    """The neuron in real numbers, membranes counted in ``unit``."""
    kept = lambda leak: 1 - np.asarray(leak) / 2**LEAK_BITS
    kind = {Cuba: FloatCuba, Alpha: FloatAlpha}.get(type(neuron), FloatNeuron)
    more = {} if kind is FloatNeuron else {"alpha": kept(neuron.current_leak)}
    return kind(beta=kept(neuron.leak), threshold=np.asarray(neuron.threshold) * unit,
                reset=neuron.reset, compare=neuron.compare, delay=neuron.delay,
                v_reset=np.asarray(neuron.v_reset) * unit, **more)


def write_nir(network: FloatNetwork | Network, path: str | Path) -> None:
    """Write a network as a NIR 1.0 file; whole or not at all.

    Parameters
    ----------
    network : FloatNetwork or golden.network.Network
        Of an integer one, ``real`` is written.
    path : str or Path

    Raises BadInput, naming the layer and the rule, where NIR has no node: norms over time, max
    pooling, and spikes that are handed on a step late.
    """
    if isinstance(network, Network):
        network = real(network)
    nodes, edges = graph_of(network)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        text = h5py.string_dtype()
        file.create_dataset("version", data=VERSION, dtype=text)
        group = file.create_group("node")
        group.create_dataset("type", data="NIRGraph", dtype=text)
        group.create_dataset("edges", data=np.array(edges, dtype=object), dtype=text)
        put(group.create_group("metadata"), {
            "producer": OWN.title, "encoder": network.encoder, "steps": network.steps,
            "readout": network.readout, "input_scale": float(network.input_scale),
            "seed": network.seed, "shape": np.array(network.shape)})
        inner = group.create_group("nodes")
        for name, fields in nodes.items():
            put(inner.create_group(name), fields)
    with replacing(Path(path)) as aside:
        aside.write_bytes(buffer.getvalue())


def put(group, fields):
    """Write fields into a group of a file."""
    for key, value in fields.items():
        if isinstance(value, dict):
            put(group.create_group(key), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=np.asarray(value))


def graph_of(network):
    """(nodes {name: fields}, edges) of the chain and its loops."""
    first, last = network.shape, network.stages[-1].shape[0]
    nodes, loops = {"input": {"type": "Input", "shape": np.array(flat(first))}}, {}
    shape, vector = first, first[1:] == (1, 1)
    for number, layer in enumerate(network.layers):
        where = getattr(layer, "name", "") or f"{network.name}: layer {number + 1}"
        after = layer.output(shape)
        if not layer.weighted:
            nodes[f"{number}"] = pooling(layer, where)
            shape = after
            continue
        if layer.dense and not vector:
            nodes[f"{number}_flatten"] = {
                "type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array(shape)}
        vector = vector or layer.dense
        nodes[f"{number}"] = weights_of(layer, shape, where)
        fields = neuron_of(layer.neuron, after, where)
        if fields is not None:
            nodes[f"{number}_neuron"] = fields
        if layer.recurrent is not None:
            loops[f"{number}_neuron"] = f"{number}_loop", loop_of(layer.recurrent, after)
            fields["metadata"]["cut"] = layer.recurrent.cut
        shape = after
    nodes["output"] = {"type": "Output", "shape": np.array([last])}
    names = list(nodes)
    edges = list(zip(names, names[1:], strict=False))
    for neuron, (name, fields) in loops.items():
        nodes[name] = fields
        edges += [(neuron, name), (name, neuron)]
    return nodes, edges


def loop_of(loop, shape):
    """Fields of the weights that lead a neuron's spikes back to it."""
    bias = np.zeros(len(loop.weights)) if loop.bias is None else loop.bias
    if loop.weights.ndim == 2:
        return {"type": "Affine", "weight": loop.weights, "bias": bias}
    return conv_fields(loop.op, bias, shape)


def flat(shape):
    """(C, H, W), or (inputs,) where there is one pixel."""
    return shape[:1] if tuple(shape[1:]) == (1, 1) else shape


def pooling(pool, where):
    """Fields of a pooling of spikes."""
    rule(pool.kind != "max", where, "max pooling has no node in NIR")
    rule(not pool.ceil, where, "pooling beyond the map (ceil) has no node in NIR")
    return {"type": {"sum": "SumPool2d", "avg": "AvgPool2d"}[pool.kind],
            "kernel_size": np.array(pair(pool.kernel)), "stride": np.array(pair(pool.stride)),
            "padding": np.array(pair(pool.padding))}


def weights_of(layer, shape, where):
    """Fields of a convolution or dense layer."""
    rule(layer.norm is None, where, "a norm over time (BNTT) has no node in NIR")
    rule(layer.greatest is None, where, "max pooling of currents has no node in NIR")
    bias = np.zeros(layer.channels) if layer.bias is None else layer.bias
    if layer.dense:
        return {"type": "Affine", "weight": layer.weights, "bias": bias}
    return conv_fields(layer, bias, shape)


def conv_fields(op, bias, shape):
    """Fields of a convolution of maps of ``shape``."""
    return {"type": "Conv2d", "weight": op.weights, "bias": bias,
            "input_shape": np.array(shape[1:]), "stride": np.array(pair(op.stride)),
            "padding": np.array(pair(op.padding)), "dilation": np.array(pair(op.dilation)),
            "groups": op.groups}


def neuron_of(neuron, shape, where):
    """Fields of the neurons behind a layer; None where it only sums with nothing kept back."""
    rule(not neuron.delay, where, "spikes that are handed on a step late have no node in NIR")
    full = lambda values: np.broadcast_to(
        np.reshape(np.asarray(values, dtype=np.float64), (-1, 1, 1)), shape).reshape(flat(shape))
    rule(not isinstance(neuron, FloatAlpha), where, "neurons of two traces (Alpha) have no node in "
         "NIR; keep the .npz file")
    beta = np.asarray(neuron.beta)
    if isinstance(neuron, FloatCuba):
        return cuba_of(neuron, full, where)
    rule(np.all(beta == 1) or np.all(beta < 1), where, "some neurons of it leak and some do not, "
         "for which NIR has no node")
    keeps = bool(np.all(beta == 1))
    found = {"type": {(True, True): "IF", (True, False): "LIF", (False, True): "I",
                      (False, False): "LI"}[neuron.spiking, keeps]}
    tau = full(DT / (1 - beta)) if not keeps else None
    found["r"] = full(1 / DT) if keeps else tau / DT
    if not keeps:
        found |= {"tau": tau, "v_leak": full(neuron.v_leak)}
    if neuron.spiking:
        found |= {"v_threshold": full(neuron.threshold), "v_reset": full(neuron.v_reset)}
    found["metadata"] = {"reset": neuron.reset, "compare": neuron.compare, "beta": full(beta)}
    return found


def cuba_of(neuron, full, where):
    """Fields of neurons with a synaptic current; ``full`` spreads values over the neurons."""
    alpha, beta = np.asarray(neuron.alpha), np.asarray(neuron.beta)
    rule(neuron.reset != "clear", where, "a reset that loses the step's input has no node in NIR")
    rule(np.all(alpha < 1) and np.all(beta < 1), where, "a current or a membrane that keeps "
         "everything has no node in NIR beside one that leaks")
    tau_syn, tau_mem = full(DT / (1 - alpha)), full(DT / (1 - beta))
    found = {"type": "CubaLIF" if neuron.spiking else "CubaLI", "tau_syn": tau_syn,
             "tau_mem": tau_mem, "w_in": tau_syn / DT, "r": tau_mem / DT, "v_leak": full(0.0)}
    if neuron.spiking:
        found |= {"v_threshold": full(neuron.threshold), "v_reset": full(neuron.v_reset)}
    found["metadata"] = {"reset": neuron.reset, "compare": neuron.compare, "alpha": full(alpha),
                         "beta": full(beta)}
    return found
