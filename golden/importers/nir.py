"""From a NIR graph to a network: ``python -m golden.nir NET.nir --reset subtract --out NET.npz``.

NIR (1.0) writes neurons in continuous time and says neither the time step nor the reset that a
network was trained with, so both are arguments. A step of dt turns
tau v' = (v_leak - v) + r I into v <- L v + (1 - L) v_leak + g I with L = 1 - dt / tau and
g = r dt / tau; float32 noise in L and g snaps away. What producers write:

===============  =======  =======================  ========
producer         dt       reset                    compare
===============  =======  =======================  ========
snnTorch 1.0     1e-4     the one of its Leaky     gt
Norse            1e-3     zero                     gt
SpikingJelly     1e-4     subtract_leaked or zero  ge
===============  =======  =======================  ========
"""

from pathlib import Path

import numpy as np

from golden.importers.builder import NetworkBuilder, snapped
from golden.importers.float_network import FloatNeuron
from golden.importers.nir_graph import chain_of, plain, read_graph
from golden.io.errors import BadInput, command, rule
from golden.io.values import reals
from golden.network import COMPARES, RESETS

# --- fields ---------------------------------------------------------------------------------------


def field(node, key, where):
    """A field of a node that must be there."""
    rule(key in node, where, f"has no {key}")
    return node[key]


def side(value, where, what):
    """A whole number from itself or from two equal ones."""
    values = np.unique(reals(value, where, what))
    rule(len(values) == 1, where, f"{what} must be the same in both directions, "
         f"not {np.asarray(value).tolist()}")
    rule(values[0] == np.floor(values[0]) and abs(values[0]) <= 4096, where,
         f"{what} must be a whole number up to 4096, not {values[0]:g}")
    return int(values[0])


def padding_of(node, where, kernel, stride):
    """Zeros around a map, from a number or the words "same" and "valid"."""
    value = field(node, "padding", where)
    if not isinstance(value, str):
        return side(value, where, "padding")
    rule(value in ("same", "valid"), where, f'padding must be "same", "valid" or a number, '
         f"not {value!r}")
    if value == "valid":
        return 0
    rule(stride == 1 and kernel % 2 == 1, where,
         f'padding "same" needs stride 1 and an odd kernel, not {stride} and {kernel}')
    return kernel // 2


def shape_of(node, where):
    """(shape as (C, H, W), whether it is a vector) of an Input."""
    shape = np.atleast_1d(reals(field(node, "shape", where), where, "shape"))
    rule(shape.ndim == 1 and (shape == np.floor(shape)).all() and (shape >= 1).all()
         and (shape <= 4096 * 4096).all(), where, "shape must be whole numbers from 1")
    shape = tuple(int(n) for n in shape)
    while len(shape) in (2, 4) and shape[0] == 1:
        shape = shape[1:]
    rule(len(shape) in (1, 3), where, f"shape must be (inputs) or (C, H, W), not {shape}")
    return (shape, False) if len(shape) == 3 else ((*shape, 1, 1), True)


# --- graph ----------------------------------------------------------------------------------------


class Reader:
    """Turns the nodes of a chain into the layers of a golden.importers.builder.NetworkBuilder."""

    def __init__(self, chain, flat, *, dt, reset, compare):
        self.chain, self.flat = chain, flat
        self.dt, self.reset, self.compare = dt, reset, compare

    def read(self, name, node):
        """Append one node."""
        kind = node.get("type")
        where = f"node {name!r} ({kind})"
        read = getattr(self, f"read_{str(kind).lower()}", None)
        if kind in ("CubaLIF", "CubaLI"):
            raise BadInput(f"{where}: neurons with a synaptic current have no place in the "
                           "accelerator; use LIF")
        rule(read is not None, where, "is not supported; nodes may be Conv2d, Linear, Affine, "
             "Scale, AvgPool2d, SumPool2d, Flatten, LIF, IF, LI, I and Threshold")
        read(node, where)

    def read_conv2d(self, node, where):
        weights = reals(field(node, "weight", where), where, "weight")
        rule(weights.ndim == 4, where, f"weight must have 4 dimensions, not {weights.ndim}")
        rule(not self.flat, where, "follows a vector, not a map")
        rule(side(node.get("dilation", 1), where, "dilation") == 1, where,
             f"dilation must be 1, not {np.asarray(node.get('dilation')).tolist()}")
        stride = side(field(node, "stride", where), where, "stride")
        self.chain.conv(
            where, weights, node.get("bias"), stride=stride,
            padding=padding_of(node, where, weights.shape[2], stride),
            groups=side(node.get("groups", 1), where, "groups"))

    def read_linear(self, node, where):
        rule(self.flat or self.chain.shape[1:] == (1, 1), where,
             f"follows a map of {' x '.join(map(str, self.chain.shape))}; it needs a Flatten")
        self.chain.dense(where, field(node, "weight", where), node.get("bias"))
        self.flat = True

    read_affine = read_linear

    def read_scale(self, node, where):
        self.chain.affine(where, self.chain.over_channels(field(node, "scale", where), where,
                                                          "scale"))

    def read_avgpool2d(self, node, where, kind="avg"):
        rule(not self.flat, where, "follows a vector, not a map")
        kernel = side(field(node, "kernel_size", where), where, "kernel_size")
        self.chain.pool(where, kind, kernel, side(node.get("stride", kernel), where, "stride"),
                        side(node.get("padding", 0), where, "padding"))

    def read_sumpool2d(self, node, where):
        self.read_avgpool2d(node, where, "sum")

    def read_flatten(self, node, where):
        # Dimensions count without the batch; a channel dimension of 1 changes no order.
        start = side(node.get("start_dim", 0), where, "start_dim")
        end = side(node.get("end_dim", -1), where, "end_dim")
        shape = self.chain.shape
        whole = self.flat or ((start in (0, -3) or (start in (1, -2) and shape[0] == 1))
                              and end in (-1, 2))
        rule(whole, where, f"flattens dimensions {start} to {end} only; all of "
             f"{' x '.join(map(str, shape))} must become a vector")
        self.flat = True

    def voltage(self, node, where, key, default=None):
        value = node.get(key, default) if default is not None else field(node, key, where)
        return snapped(self.chain.over_channels(value, where, key), 1e-7)

    def spiking(self, node, where):
        """What spiking neurons share."""
        v_reset = self.voltage(node, where, "v_reset", 0.0)
        rule(self.reset == "zero" or not np.any(v_reset), where,
             f'v_reset is {np.max(np.abs(v_reset)):g}, which only reset "zero" can keep')
        return {"threshold": self.voltage(node, where, "v_threshold"), "v_reset": v_reset,
                "reset": self.reset, "compare": self.compare}

    def leaking(self, node, where):
        """(beta, v_leak, gain) of a neuron with a time constant."""
        tau = np.asarray(field(node, "tau", where))
        rule(tau.dtype.kind not in "f" or not np.isinf(tau).any(), where,
             "tau must be finite; a neuron that keeps everything (beta = 1) is an IF in NIR")
        tau = self.chain.over_channels(tau, where, "tau")
        rule(np.all(tau > 0), where, f"tau must be positive, not {np.min(tau):g}")
        rule(np.all(tau >= self.dt * (1 - 1e-6)), where,
             f"tau is {np.min(tau):g}, below the time step of {self.dt:g}; give another --dt")
        r = self.chain.over_channels(field(node, "r", where), where, "r")
        beta = np.maximum(snapped(1 - self.dt / tau), 0)
        rule(np.all(beta < 1), where, f"tau is {np.max(tau):g}, so long that nothing leaks in a "
             f"step of {self.dt:g}; a neuron that keeps everything is an IF in NIR")
        return beta, self.voltage(node, where, "v_leak", 0.0), snapped(r * self.dt / tau)

    def integrating(self, node, where):
        """(gain, approximations) of a neuron without a time constant."""
        r = self.chain.over_channels(field(node, "r", where), where, "r")
        gain = snapped(r * self.dt)
        if np.all(r == 1) and self.dt != 1:
            return 1.0, ("r = 1 read as a gain of 1 a step, as Norse means it; by NIR it would be "
                         f"{self.dt:g}",)
        return gain, ()

    def read_lif(self, node, where):
        beta, v_leak, gain = self.leaking(node, where)
        spiking = self.spiking(node, where)
        notes = ("NIR names no reset: taken as told",)
        if np.any(v_leak) or np.any(spiking["v_reset"]):
            notes += ("membranes start at 0",)
        self.chain.neuron(where, FloatNeuron(beta=beta, v_leak=v_leak, **spiking), gain,
                          notes=notes)

    def read_if(self, node, where):
        gain, approximations = self.integrating(node, where)
        self.chain.neuron(where, FloatNeuron(**self.spiking(node, where)), gain, approximations,
                          notes=("NIR names no reset: taken as told",))

    def read_li(self, node, where):
        beta, v_leak, gain = self.leaking(node, where)
        self.chain.neuron(where, FloatNeuron(beta=beta, v_leak=v_leak), gain)

    def read_i(self, node, where):
        gain, approximations = self.integrating(node, where)
        self.chain.neuron(where, FloatNeuron(), gain, approximations)

    def read_threshold(self, node, where):
        # Without a state: nothing is kept, and a spike leaves nothing to reset.
        self.chain.neuron(where, FloatNeuron(
            beta=np.float64(0), threshold=self.voltage(node, where, "threshold"), reset="zero",
            compare=self.compare))


def from_nir(source, *, reset, dt=1e-4, compare="gt", steps=16, shape=None, encoder="bernoulli",
             readout=None, input_scale=None, name=None):
    """Turn a NIR graph into a golden.importers.float_network.FloatNetwork.

    Parameters
    ----------
    source : path of a NIR file, or nir.NIRGraph
    reset : "subtract", "subtract_leaked" or "zero"
        The one that the network was trained with; "zero" is NIR's own and keeps v_reset.
    dt : float
        Time step in the unit of the graph's tau.
    compare : "gt" or "ge"
    steps : int
    shape : None or (C, H, W)
        Of the images, where the graph takes a vector.
    encoder, readout, input_scale, name :
        As in FloatNetwork; input_scale is 1 / 255 by default for encoder "current".

    Raises BadInput, naming the node and the rule, for any graph that is not a chain of supported
    nodes; the layers read until then are its ``done``.
    """
    rule(reset in RESETS[:3], "reset", f"must be one of {', '.join(RESETS[:3])}, not {reset}")
    rule(compare in COMPARES, "compare", f"must be one of {', '.join(COMPARES)}, not {compare}")
    rule(np.isfinite(dt) and dt > 0, "dt", f"must be a positive number, not {dt}")
    rule(isinstance(steps, int) and 1 <= steps <= 255, "steps", f"must be 1 to 255, not {steps}")
    is_file = isinstance(source, (str, Path))
    graph = read_graph(source) if is_file else plain(source)
    (first, node), *nodes = chain_of(graph)
    given, flat = shape_of(node, f"node {first!r} (Input)")
    if shape is not None:
        rule(np.prod(shape) == np.prod(given) and (flat or tuple(shape) == given),
             f"node {first!r} (Input)", f"takes {' x '.join(map(str, given))}, which images of "
             f"{' x '.join(map(str, shape))} do not fit")
        given = tuple(int(n) for n in shape)
    rule(max(given) <= 4096, f"node {first!r} (Input)",
         f"shape must be at most 4096 a side, not {given}; give the images' shape")
    chain = NetworkBuilder(given, steps, encoder)
    reader = Reader(chain, flat, dt=dt, reset=reset, compare=compare)
    if input_scale is None:
        input_scale = 1 / 255 if encoder == "current" else 1.0
    try:
        for inner, node in nodes[:-1]:
            reader.read(inner, node)
        return chain.done(readout, name=name or (Path(source).stem if is_file else "nir"),
                          input_scale=input_scale)
    except BadInput as error:
        error.done = chain.layers
        raise


@command
def main(argv=None):
    """Read a NIR file, report what is kept, and write a network."""
    from golden.importers.cli import Options, finish, numbers, parser_of
    parser = parser_of("python -m golden.nir", "From a NIR graph to a network.", (
        "net.nir --reset subtract --bits 4 --calibrate images.npz --out net.npz",))
    parser.add_argument("nir", metavar="NIR", help="a NIR graph, .nir")
    parser.add_argument("--dt", type=float, default=1e-4, metavar="S",
                        help="time step of the training; snnTorch and SpikingJelly 1e-4 (default), "
                             "Norse 1e-3")
    parser.add_argument("--reset", required=True, choices=RESETS[:3],
                        help="what a spike does to the membrane; NIR does not say")
    parser.add_argument("--compare", default="gt", choices=COMPARES,
                        help="whether a membrane at its threshold spikes (ge) or not (gt)")
    parser.add_argument("--shape", metavar="C,H,W", help="of the images, for graphs of vectors")
    args = parser.parse_args(argv)
    finish(Options.of(args), lambda: from_nir(
        args.nir, reset=args.reset, dt=args.dt, compare=args.compare,
        steps=16 if args.steps is None else args.steps,
        shape=None if args.shape is None else numbers(args.shape, "--shape", 3),
        encoder=args.encoder or "bernoulli", readout=args.readout), args.nir)


if __name__ == "__main__":
    main()
