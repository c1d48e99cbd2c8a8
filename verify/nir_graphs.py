"""NIR graphs as their producers write them, by nir's own classes."""

import nir
import numpy as np


def lif(shape, *, beta=0.75, threshold=2.0, dt=1e-4, r=None, v_leak=0.0, v_reset=0.0,
        dtype=np.float32):
    """A LIF of one leak; ``r`` is tau / dt by default, so that inputs count fully."""
    tau = np.full(shape, dt / (1 - beta), dtype=dtype)

    def full(value):
        return np.full(shape, value, dtype=dtype)

    return nir.LIF(tau=tau, r=tau / dt if r is None else full(r), v_leak=full(v_leak),
                   v_threshold=full(threshold), v_reset=full(v_reset))


def graph_of(nodes, edges=None, shape=(1, 8, 8), outputs=(5,)):
    """A graph of named nodes with an Input and an Output; a chain in their order by default."""
    nodes = {"input": nir.Input(input_type={"input": np.array(shape)}), **nodes,
             "output": nir.Output(output_type={"output": np.array(outputs)})}
    if edges is None:
        names = list(nodes)
        edges = list(zip(names, names[1:], strict=False))[::-1]
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def conv_net(rng, **changes):
    """Convolution, LIF, average, depthwise convolution, IF, flatten, dense, LIF, as snnTorch."""
    def weights(*shape):
        return rng.integers(-3, 4, shape).astype(np.float32)

    def conv(shape, groups, padding, side):
        return nir.Conv2d(
            input_shape=(side, side), weight=weights(*shape), stride=(1, 1), padding=padding,
            dilation=(1, 1), groups=groups, bias=np.zeros(shape[0], dtype=np.float32))

    nodes = {
        "0": conv((4, 1, 3, 3), 1, "same", 8), "1": lif((4, 8, 8)),
        "2": nir.AvgPool2d(kernel_size=2, stride=2, padding=(0, 0)),
        "3": conv((4, 1, 3, 3), 4, "valid", 4),
        "4": nir.IF(r=np.full((4, 2, 2), 1e4, dtype=np.float32),
                    v_threshold=np.full((4, 2, 2), 3, dtype=np.float32)),
        "5": nir.Flatten(input_type={"input": np.array([4, 2, 2])}, start_dim=0, end_dim=-1),
        "6": nir.Affine(weight=weights(5, 16), bias=weights(5)),
        "7": lif((5,), beta=0.9),
    }
    nodes.update(changes)
    return graph_of({key: node for key, node in nodes.items() if node is not None})
