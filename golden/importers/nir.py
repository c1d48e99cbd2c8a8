"""From a NIR graph to a network: ``python -m golden.nir NET.nir --from snntorch --out NET.npz``.

NIR (1.0) writes neurons in continuous time and says neither the time step nor the reset that a
network was trained with, so its producer (golden.importers.producers) or each rule must be told. A
step of dt turns tau v' = (v_leak - v) + r I into v <- L v + (1 - L) v_leak + g I with
L = 1 - dt / tau, or exp(-dt / tau), and g = r dt / tau; float32 noise in L and g snaps away.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from golden.formats import MOST_STEPS
from golden.importers.branches import meet
from golden.importers.builder import NetworkBuilder, snapped
from golden.importers.float_network import FloatNetwork, FloatNeuron
from golden.importers.nir_fields import (
    field,
    number,
    padding_of,
    shape_of,
    side,
    text,
    two,
)
from golden.importers.nir_graph import order_of, plain, read_graph
from golden.importers.nir_loops import loop_of
from golden.importers.producers import CHOICES, OWN, PRODUCERS, Rules, shaped
from golden.io.errors import BadInput, command, rule
from golden.io.values import reals
from golden.network import DEFAULT_SEED
from golden.neurons.base import span
from golden.neurons.cuba import FloatCuba

if TYPE_CHECKING:
    import argparse

# --- graph ----------------------------------------------------------------------------------------


class Reader:
    """Turns the nodes of a graph into the layers of a golden.importers.builder.NetworkBuilder."""

    def __init__(self, chain: NetworkBuilder, flat: bool, rules: Rules, *, batch: bool = False,
                 single: bool = False):
        self.chain, self.flat, self.rules = chain, flat, rules
        self.batch, self.single, self.notes, self.loop = batch, single, (), None

    def beside(self, way, flat):
        """A Reader by the same rules of what a golden.importers.branches.Way holds."""
        return Reader(way, flat, self.rules, batch=self.batch, single=self.single)

    def read(self, name, node, loop=None):
        """Append one node; ``loop`` is the (name, node) of the weights that lead back to it."""
        kind = node.get("type")
        where = f"node {name!r} ({kind})"
        read = getattr(self, f"read_{str(kind).lower()}", None)
        rule(read is not None, where, "is not supported; nodes may be Conv1d, Conv2d, Linear, "
             "Affine, Scale, AvgPool2d, SumPool2d, Flatten, Identity, LIF, CubaLIF, IF, LI, "
             "CubaLI, I and Threshold")
        self.loop = loop
        read(node, where)

    def read_conv2d(self, node: dict[str, Any], where: str) -> None:
        weights = reals(field(node, "weight", where), where, "weight")
        rule(weights.ndim == 4, where, f"weight must have 4 dimensions, not {weights.ndim}")
        rule(not self.flat, where, "follows a vector, not a map")
        dilation = two(node.get("dilation", 1), where, "dilation")
        rule(min(dilation) >= 1, where, f"dilation must be at least 1, not {min(dilation)}")
        stride = two(field(node, "stride", where), where, "stride")
        span = [(k - 1) * d + 1 for k, d in zip(weights.shape[2:], dilation, strict=True)]
        self.chain.conv(
            where, weights, node.get("bias"), stride=stride,
            padding=padding_of(node, where, span, stride),
            groups=side(node.get("groups", 1), where, "groups"), dilation=dilation)

    def read_conv1d(self, node: dict[str, Any], where: str) -> None:
        """A convolution of one row."""
        weights = reals(field(node, "weight", where), where, "weight")
        rule(weights.ndim == 3, where, f"weight must have 3 dimensions, not {weights.ndim}")
        rule(self.chain.shape[1] == 1, where, "must follow maps of one row (C, 1, L), not "
             f"{' x '.join(map(str, self.chain.shape))}")
        wide = {"stride": side(field(node, "stride", where), where, "stride"),
                "dilation": (1, side(node.get("dilation", 1), where, "dilation"))}
        if not isinstance(field(node, "padding", where), str):
            wide["padding"] = (0, side(node["padding"], where, "padding"))
        self.read_conv2d({**node, "weight": weights[:, :, None], **wide}, where)

    def read_linear(self, node: dict[str, Any], where: str) -> None:
        weights = reals(field(node, "weight", where), where, "weight")
        implied = weights.ndim == 2 and weights.shape[1] == np.prod(self.chain.shape)
        rule(self.flat or self.chain.shape[1:] == (1, 1) or implied, where,
             f"follows a map of {' x '.join(map(str, self.chain.shape))}; it needs a Flatten")
        self.chain.dense(where, field(node, "weight", where), node.get("bias"))
        self.flat = True

    read_affine = read_linear

    def read_scale(self, node: dict[str, Any], where: str) -> None:
        self.chain.affine(where, self.chain.over_channels(field(node, "scale", where), where,
                                                          "scale"))

    def read_avgpool2d(self, node: dict[str, Any], where: str, kind: str = "avg") -> None:
        rule(not self.flat, where, "follows a vector, not a map")
        kernel = two(field(node, "kernel_size", where), where, "kernel_size")
        self.chain.pool(where, kind, kernel, two(node.get("stride", kernel), where, "stride"),
                        two(node.get("padding", 0), where, "padding"))

    def read_sumpool2d(self, node: dict[str, Any], where: str) -> None:
        self.read_avgpool2d(node, where, "sum")

    def read_flatten(self, node, where):
        # Dimensions count without the batch; a channel dimension of 1 changes no order.
        start = side(node.get("start_dim", 0), where, "start_dim")
        end = side(node.get("end_dim", -1), where, "end_dim")
        shape, first = self.chain.shape, int(self.batch)
        whole = self.flat or ((start in (0, first, -3) or (start in (1, -2) and shape[0] == 1))
                              and end in (-1, 2, 2 + first))
        rule(whole, where, f"flattens dimensions {start} to {end} only; all of "
             f"{' x '.join(map(str, shape))} must become a vector")
        self.flat = True

    def over(self, node: dict[str, Any], where: str, key: str,
             default: float | None = None) -> float | np.ndarray:
        """A parameter as one number or one a channel."""
        value = node.get(key, default) if default is not None else field(node, key, where)
        return self.chain.over_channels(value, where, key)

    def voltage(self, node: dict[str, Any], where: str, key: str,
                default: float | None = None) -> float | np.ndarray:
        """``over`` without the noise of float32, which this project's own files do not have."""
        found = self.over(node, where, key, default)
        return found if self.rules.producer == OWN.title else snapped(found, 1e-7)

    def told_of(self, node: dict[str, Any], where: str) -> Rules:
        """The Rules of one neuron, with what its own metadata say."""
        rules = self.rules.beside(node.get("metadata", {}))
        rule(all(getattr(rules, key) in CHOICES[key] for key in ("reset", "compare", "cut")),
             where, "its metadata name a reset, a comparison or a cut that there is not")
        return rules

    def spiking(self, node: dict[str, Any], where: str, v_leak: float | np.ndarray = 0.0) -> tuple:
        """(parameters that spiking neurons share, v_leak, v_reset as written)."""
        rules = self.told_of(node, where)
        v_reset = self.voltage(node, where, "v_reset", 0.0)
        rule(rules.reset == "zero" or not np.any(v_reset), where,
             f'v_reset is {np.max(np.abs(v_reset)):g}, which only reset "zero" can keep')
        rule(self.single or not rules.several, where,
             f"{rules.title or 'its producer'} fires floor(v / threshold) spikes in a step and "
             "holds membranes above -threshold; neurons here fire one; --spikes single if it was "
             "trained so (SingleSpike), or --allow-different, and --calibrate counts what that "
             "costs")
        v_leak, threshold, start = shaped(rules, v_leak, self.voltage(node, where, "v_threshold"),
                                          v_reset)
        return {"threshold": threshold, "v_reset": start, "v_leak": v_leak, "reset": rules.reset,
                "compare": rules.compare}, v_reset

    @property
    def approximations(self) -> tuple:
        """What every spiking layer of a producer loses."""
        if not self.rules.several:
            return ()
        return (f"{self.rules.title} fires several spikes a step",)

    def leaking(self, node: dict[str, Any], where: str) -> tuple:
        """(beta, v_leak, gain, notes) of a neuron with a time constant."""
        tau, dt = np.asarray(field(node, "tau", where)), self.rules.dt
        rule(tau.dtype.kind not in "f" or not np.isinf(tau).any(), where,
             "tau must be finite; a neuron that keeps everything (beta = 1) is an IF in NIR")
        tau = self.chain.over_channels(tau, where, "tau")
        rule(np.all(tau > 0), where, f"tau must be positive, not {np.min(tau):g}")
        r = self.chain.over_channels(field(node, "r", where), where, "r")
        exact = node.get("metadata", {}).get("beta")
        if self.rules.producer == OWN.title and exact is not None:
            beta = self.chain.over_channels(exact, where, "beta")
            rule(np.all((beta >= 0) & (beta < 1)), where, "beta must be from 0 to below 1")
            return beta, self.over(node, where, "v_leak", 0.0), 1.0, ()
        rule(self.rules.gain is not None, where,
             f"{self.rules.title} does not write what a membrane takes of its input: --gain "
             "normalised if it was trained with norm_input (the default of sinabs' LIF), else "
             "--gain one")
        beta, gain, note = self.rules.keep(tau, r)
        rule(note or self.rules.decay == "exp" or np.all(tau >= dt * (1 - 1e-6)), where,
             f"tau is {np.min(tau):g}, below the time step of {dt:g}; give another --dt, or "
             "--from its producer")
        beta = np.maximum(snapped(beta), 0)
        rule(np.all(beta < 1), where, f"tau is {np.max(tau):g}, so long that nothing leaks in a "
             f"step of {dt:g}; a neuron that keeps everything is an IF in NIR")
        return (beta, self.voltage(node, where, "v_leak", 0.0), snapped(gain),
                () if note is None else (note,))

    def integrating(self, node: dict[str, Any], where: str) -> tuple:
        """(gain, approximations) of a neuron without a time constant."""
        r, dt = self.chain.over_channels(field(node, "r", where), where, "r"), self.rules.dt
        gain = snapped(r * dt)
        if np.all(r == 1) and dt != 1:
            if self.rules.producer in ("norse", "sinabs"):
                return 1.0, ()
            return 1.0, ("r = 1 read as a gain of 1 a step, as Norse and sinabs mean it; by NIR it "
                         f"would be {dt:g}",)
        return gain, ()

    def read_lif(self, node: dict[str, Any], where: str) -> None:
        beta, v_leak, gain, notes = self.leaking(node, where)
        spiking, v_reset = self.spiking(node, where, v_leak)
        loop, told = loop_of(self.loop, self.told_of(node, where))
        self.chain.neuron(where, FloatNeuron(beta=beta, **spiking), gain, self.approximations,
                          notes=(*notes, *told, *self.rules.notes(True, v_reset)), loop=loop)

    def read_if(self, node: dict[str, Any], where: str) -> None:
        gain, approximations = self.integrating(node, where)
        spiking, v_reset = self.spiking(node, where)
        loop, told = loop_of(self.loop, self.told_of(node, where))
        self.chain.neuron(where, FloatNeuron(**spiking), gain,
                          (*approximations, *self.approximations),
                          notes=(*told, *self.rules.notes(False, v_reset)), loop=loop)

    def currents(self, node: dict[str, Any], where: str):
        """(alpha and beta, gain) of a neuron with a synaptic current, current first:
        c <- alpha c + w_in dt / tau_syn x; u <- beta u + r dt / tau_mem c.
        """
        over, dt = self.over, self.rules.dt
        rest = over(node, where, "v_leak")
        rule(not np.any(rest), where, "v_leak must be 0 where there is a synaptic current, not "
             + span(rest, "{:.3g}"))
        told = node.get("metadata", {})
        if self.rules.producer == OWN.title and {"alpha", "beta"} <= set(told):
            found = {name: self.chain.over_channels(told[name], where, name)
                     for name in ("alpha", "beta")}
            rule(all(np.all((each >= 0) & (each < 1)) for each in found.values()), where,
                 "alpha and beta must be from 0 to below 1")
            return found, 1.0
        keep = lambda key: snapped(1 - dt / over(node, where, key))
        gain = snapped(over(node, where, "w_in", 1.0) * dt / over(node, where, "tau_syn")
                       * over(node, where, "r") * dt / over(node, where, "tau_mem"))
        return {"alpha": keep("tau_syn"), "beta": keep("tau_mem")}, gain

    def read_cubalif(self, node: dict[str, Any], where: str) -> None:
        rules = self.told_of(node, where)
        shares, gain = self.currents(node, where)
        spiking, v_reset = self.spiking(node, where)
        spiking.pop("v_leak")
        loop, told = loop_of(self.loop, rules)
        self.chain.neuron(where, FloatCuba(**shares, **spiking), gain, self.approximations,
                          loop=loop, notes=(*told, *self.rules.notes(True, v_reset)))

    def read_cubali(self, node: dict[str, Any], where: str) -> None:
        shares, gain = self.currents(node, where)
        self.chain.neuron(where, FloatCuba(**shares), gain)

    def read_li(self, node: dict[str, Any], where: str) -> None:
        beta, v_leak, gain, notes = self.leaking(node, where)
        self.chain.neuron(where, FloatNeuron(beta=beta, v_leak=v_leak), gain, notes=notes)

    def read_i(self, node: dict[str, Any], where: str) -> None:
        gain, approximations = self.integrating(node, where)
        self.chain.neuron(where, FloatNeuron(), gain, approximations)

    def read_threshold(self, node, where):
        # Without a state: nothing is kept, and a spike leaves nothing to reset.
        self.chain.neuron(where, FloatNeuron(
            beta=np.float64(0), threshold=self.voltage(node, where, "threshold"), reset="zero",
            compare=self.rules.compare))

    def read_identity(self, node: dict[str, str], where: str) -> None:
        """Hands on what it is given."""


def from_nir(source: object, *, producer: str | None = None, reset: str | None = None,
             dt: float | None = None, compare: str | None = None, decay: str | None = None,
             start: str | None = None, gain: str | None = None, spikes: str | None = None,
             cut: str | None = None, steps: int | None = None, shape: Sequence[int] | None = None,
             encoder: str | None = None, readout: str | None = None,
             input_scale: float | None = None, name: str | None = None,
             allow_different: bool = False) -> FloatNetwork:
    """Turn a NIR graph into a golden.importers.float_network.FloatNetwork.

    Parameters
    ----------
    source : path of a NIR file, or nir.NIRGraph
    producer : None or a name of golden.importers.producers.PRODUCERS
        Whose rules are taken where none is told below.
    reset : None, "subtract", "subtract_leaked", "zero" or "subtract_now"
        The one that the network was trained with; needed where no producer is named. "zero" is
        NIR's own and keeps v_reset, "subtract_now" is snnTorch's reset_delay=False.
    dt : None or float
        Time step in the unit of the graph's tau; 1e-4 where nothing is told.
    compare, decay, start, gain, spikes, cut : None or as in golden.importers.producers.Producer
    steps : None or int
        16 if None.
    shape : None or (C, H, W)
        Of the images, where the graph takes a vector.
    encoder, readout, input_scale, name :
        As in FloatNetwork; input_scale is 1 / 255 by default for encoder "current".
    allow_different : bool
        Whether neurons that fire several spikes a step (sinabs) are read as firing one, and are
        called different. ``spikes`` "single" says that they fire one.

    A graph that golden.importers.nir_export wrote says producer, steps, encoder, read-out and input
    scale itself, and what is told goes before it. Each rule taken is named in the layers' notes.

    Raises BadInput, naming the node and the rule, for any graph that does not lead from one input
    to one output through supported nodes; the layers read until then are its ``done``.
    """
    is_file = isinstance(source, (str, Path))
    graph = read_graph(source) if is_file else plain(source)
    rule(producer is None or producer in PRODUCERS, "producer",
         f"must be one of {', '.join(PRODUCERS)}, not {producer}")
    own = graph.get("metadata", {})
    own = own if producer is None and text(own, "producer") == OWN.title else {}
    producer = OWN.title if own else producer
    steps = int(number(own, "steps", 16)) if steps is None else steps
    encoder, readout = encoder or text(own, "encoder", "bernoulli"), readout or text(own, "readout")
    if own and input_scale is None:
        input_scale = number(own, "input_scale", 1.0)
    if own and shape is None and np.size(own.get("shape", ())) == 3:
        shape = tuple(int(n) for n in reals(own["shape"], "metadata", "shape").ravel())
    rule(producer is not None or reset is not None, "reset", "NIR names none: name the producer of "
         f"the graph (--from {', '.join(PRODUCERS)}) or the reset (--reset)")
    rules = Rules.of(producer, dt=dt, reset=reset, compare=compare, decay=decay, start=start,
                     gain=gain, spikes=spikes, cut=cut)
    for what, known in CHOICES.items():
        value = getattr(rules, what)
        rule(value is None or value in known, what,
             f"must be one of {', '.join(known)}, not {value}")
    rule(np.isfinite(rules.dt) and rules.dt > 0, "dt", f"must be a positive number, not {dt}")
    rule(isinstance(steps, int) and 1 <= steps <= MOST_STEPS, "steps",
         f"must be 1 to {MOST_STEPS}, not {steps}")
    (first, node), meetings, nodes, back = order_of(graph)
    given, flat, batch = shape_of(
        node, f"node {first!r} (Input)",
        any(each.get("type") == "Conv1d" for each in nodes.values()))
    if shape is not None:
        rule(np.prod(shape) == np.prod(given) and (flat or tuple(shape) == given),
             f"node {first!r} (Input)", f"takes {' x '.join(map(str, given))}, which images of "
             f"{' x '.join(map(str, shape))} do not fit")
        given = tuple(int(n) for n in shape)
    rule(max(given) <= 4096, f"node {first!r} (Input)",
         f"shape must be at most 4096 a side, not {given}; give the images' shape")
    chain = NetworkBuilder(given, steps, encoder)
    reader = Reader(chain, flat, rules, batch=batch, single=allow_different)
    if input_scale is None:
        input_scale = 1 / 255 if encoder == "current" else 1.0
    try:
        places = {first: (0, flat)}
        for meeting in meetings:
            meet(reader, meeting, nodes, places, back.get(meeting.name))
        return chain.done(readout, name=name or (Path(source).stem if is_file else "nir"),
                          input_scale=input_scale,
                          seed=int(number(own, "seed", DEFAULT_SEED)))
    except BadInput as error:
        error.done = chain.layers
        raise


def nir_options(parser: "argparse.ArgumentParser") -> None:
    """Add what NIR graphs do not say to a parser's options."""
    parser.add_argument("--from", dest="producer", choices=PRODUCERS,
                        help="NIR: the program that wrote the graph; its rules are taken where "
                             "none is told")
    parser.add_argument("--dt", type=float, metavar="S",
                        help="NIR: time step of the training (default: the producer's, or 1e-4)")
    parser.add_argument("--reset", choices=CHOICES["reset"],
                        help="NIR: what a spike does to the membrane; the graph does not say")
    parser.add_argument("--compare", choices=CHOICES["compare"],
                        help="NIR: whether a membrane at its threshold spikes (ge) or not (gt)")
    parser.add_argument("--decay", choices=CHOICES["decay"],
                        help="NIR: what a membrane keeps: 1 - dt / tau (euler) or exp(-dt / tau)")
    parser.add_argument("--start", choices=CHOICES["start"],
                        help="NIR: where membranes begin")
    parser.add_argument("--gain", choices=CHOICES["gain"],
                        help="NIR: what a leaking membrane takes of its input: r dt / tau (nir), r "
                             "(one) or r (1 - decay) (normalised, sinabs' norm_input)")
    parser.add_argument("--spikes", choices=CHOICES["spikes"],
                        help="NIR: spikes of a neuron in a step; single for sinabs with "
                             "SingleSpike")
    parser.add_argument("--cut", choices=CHOICES["cut"],
                        help="NIR: what a loop leaves out in the first step: all that its weights "
                             "give, their bias too (weights, as nirtorch), or the spikes alone "
                             "(spikes, as snnTorch)")
    parser.add_argument("--reference", metavar="SPIKES.npy",
                        help="spikes of the last layer (images, steps, classes) that the producer "
                             "gave for the images of --calibrate: compared, and a difference fails")
    parser.add_argument("--allow-different", action="store_true",
                        help="take a network that differs from its original, the reference, or its "
                             "producer's neurons")
    parser.add_argument("--shape", metavar="C,H,W",
                        help="of the images, for graphs of vectors and for torch modules")


def told(args: "argparse.Namespace") -> dict:
    """{name: value} of the rules in parsed ``nir_options``, as ``from_nir`` takes them."""
    return {name: getattr(args, name) for name in ("producer", "dt", *CHOICES)}


def compared_with(args: "argparse.Namespace") -> Callable:
    """function(network, images, integers) of parsed ``nir_options``: the Agreement with what is
    known of the original, None where nothing is.
    """
    from golden.importers.agreement import of_reference, of_rule
    from golden.importers.producers import many_spikes
    from golden.io.reading import array
    rule(args.reference is None or args.calibrate is not None, "--reference",
         "needs --calibrate, the images that it is of")

    def agreement_of(network, images, made):
        if args.reference is not None:
            return of_reference(network, images, array(args.reference), made, args.reference)
        rules = Rules.of(**told(args))
        if images is None or not rules.several:
            return None
        return of_rule(network, images, many_spikes, rules.title or "several spikes a step", made)
    return agreement_of


@command
def main(argv: list[str] | None = None) -> None:
    """Read a NIR file, report what is kept, and write a network."""
    from golden.importers.cli import Options, finish, numbers, parser_of
    parser = parser_of("python -m golden.nir", "From a NIR graph to a network.", (
        "net.nir --from snntorch --bits 4 --calibrate images.npz --out net.npz",
        "net.nir --reset subtract --bits 4 --calibrate images.npz --out net.npz"))
    parser.add_argument("nir", metavar="NIR", help="a NIR graph, .nir")
    nir_options(parser)
    args = parser.parse_args(argv)
    agreement_of = compared_with(args)
    finish(Options.of(args), lambda: from_nir(
        args.nir, **told(args), steps=args.steps,
        shape=None if args.shape is None else numbers(args.shape, "--shape", 3),
        encoder=args.encoder, readout=args.readout,
        allow_different=args.allow_different), args.nir, agreement_of, args.allow_different)


if __name__ == "__main__":
    main()
