"""A network as a NIR graph, and what the graph keeps of it that NIR has no field for.

The nodes are those of NIR 1.0, each with the parameters that its equations need, so that other
programs run the file by NIR's own rules. Metadata (golden.importers.nir_graph.METADATA) says what
they cannot: the reset, the comparison and the decay of each neuron to the last bit, and encoder,
steps and read-out of the network. golden.importers.nir reads it back as it was.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from golden.formats import LEAK_BITS
from golden.importers.float_network import FloatLayer, FloatNetwork, FloatNeuron
from golden.importers.producers import OWN
from golden.io.errors import rule
from golden.io.files import replacing
from golden.network import Network
from golden.network.ops import FloatRecurrent, FloatSkip
from golden.network.ops.base import pair
from golden.neurons.alpha import Alpha, FloatAlpha
from golden.neurons.cuba import Cuba, FloatCuba

if TYPE_CHECKING:
    from golden.network.ops.pool import Pool
    from golden.neurons.lif import FloatLIF

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
            greatest=layer.greatest, norm=norm, recurrent=loop, behind=layer.behind,
            skips=tuple(FloatSkip(skip.source, skip.weights.astype(np.float64), skip.stride,
                                  skip.padding, skip.groups, skip.dilation)
                        for skip in layer.skips)))
    return FloatNetwork(
        shape=network.shape, steps=network.steps, layers=tuple(layers), encoder=network.encoder,
        readout=network.readout, seed=network.seed, name=network.name, notes=dict(network.notes))


def real_neuron(neuron, unit: float) -> "FloatCuba | FloatLIF":
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


def put(group, fields: dict[str, Any]) -> None:
    """Write fields into a group of a file."""
    for key, value in fields.items():
        if isinstance(value, dict):
            put(group.create_group(key), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        else:
            group.create_dataset(key, data=np.asarray(value))


def graph_of(network):
    """(nodes {name: fields}, edges) of the layers, their loops and their skips."""
    nodes = {"input": {"type": "Input", "shape": np.array(flat(network.shape))}}
    # The node that hands on each layer's spikes, and whether they are a vector.
    edges, ends, vectors = [], ["input"], [network.shape[1:] == (1, 1)]

    def put(name, fields, *before):
        nodes[name] = fields
        edges.extend((each, name) for each in before)
        return name

    def weigh(name, fields, before, source, shape):
        """The weights of a layer or a skip, behind a Flatten where they need a vector."""
        if fields["type"] == "Affine" and not vectors[source]:
            before = put(f"{name}_flatten", {
                "type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array(shape)},
                before)
        return put(name, fields, before)

    number = 0
    for stage in network.stages:
        layer = stage.layer
        where = getattr(layer, "name", "") or f"{network.name}: layer {number + 1}"
        last, shape = ends[stage.inputs[0]], stage.source
        for pool in stage.pools:
            last, shape = put(f"{number}", pooling(pool, where), last), pool.output(shape)
            number += 1
        sums = [weigh(f"{number}", weights_of(layer, shape, where), last, stage.inputs[0], shape)]
        for n, (skip, source) in enumerate((each.skip, each.source) for each in stage.skips):
            fields = sums_of(skip, np.zeros(layer.channels), source)
            sums.append(weigh(f"{number}_skip{n}", fields, ends[skip.source], skip.source, source))
        fields = neuron_of(layer.neuron, stage.shape, where)
        ends.append(put(f"{number}_neuron", fields, *sums))
        vectors.append(layer.dense or vectors[stage.inputs[0]])
        if layer.recurrent is not None:
            put(f"{number}_loop", loop_of(layer.recurrent, stage.shape), ends[-1])
            edges.append((f"{number}_loop", ends[-1]))
            fields["metadata"]["cut"] = layer.recurrent.cut
        number += 1
    put("output", {"type": "Output", "shape": np.array([network.stages[-1].shape[0]])}, ends[-1])
    return nodes, edges


def loop_of(loop: FloatRecurrent, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Fields of the weights that lead a neuron's spikes back to it."""
    bias = np.zeros(len(loop.weights)) if loop.bias is None else loop.bias
    if loop.weights.ndim == 2:
        return {"type": "Affine", "weight": loop.weights, "bias": bias}
    return conv_fields(loop.op, bias, shape)


def flat(shape: tuple[int, int, int]) -> tuple[int, ...]:
    """(C, H, W), or (inputs,) where there is one pixel."""
    return shape[:1] if tuple(shape[1:]) == (1, 1) else shape


def pooling(pool: "Pool", where: str) -> dict[str, Any]:
    """Fields of a pooling of spikes."""
    rule(pool.kind != "max", where, "max pooling has no node in NIR")
    rule(not pool.ceil, where, "pooling beyond the map (ceil) has no node in NIR")
    return {"type": {"sum": "SumPool2d", "avg": "AvgPool2d"}[pool.kind],
            "kernel_size": np.array(pair(pool.kernel)), "stride": np.array(pair(pool.stride)),
            "padding": np.array(pair(pool.padding))}


def weights_of(layer: FloatLayer, shape: tuple[int, int, int], where: str) -> dict[str, Any]:
    """Fields of a convolution or dense layer."""
    rule(layer.norm is None, where, "a norm over time (BNTT) has no node in NIR")
    rule(layer.greatest is None, where, "max pooling of currents has no node in NIR")
    return sums_of(layer, np.zeros(layer.channels) if layer.bias is None else layer.bias, shape)


def sums_of(layer, bias, shape):
    """Fields of the weights of a layer or of a skip that reads maps of ``shape``."""
    if layer.weights.ndim == 2:
        return {"type": "Affine", "weight": layer.weights, "bias": bias}
    return conv_fields(layer, bias, shape)


def conv_fields(op, bias: np.ndarray, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Fields of a convolution of maps of ``shape``."""
    return {"type": "Conv2d", "weight": op.weights, "bias": bias,
            "input_shape": np.array(shape[1:]), "stride": np.array(pair(op.stride)),
            "padding": np.array(pair(op.padding)), "dilation": np.array(pair(op.dilation)),
            "groups": op.groups}


def neuron_of(neuron, shape, where):
    """Fields of the neurons behind a layer."""
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


def cuba_of(neuron: FloatCuba, full: Callable, where: str) -> dict[str, Any]:
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
