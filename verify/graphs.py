"""python -m verify.graphs GRAPH...: NIR graphs with loops: their equations, Norse, integers, RTL.

Of each graph, on drawn spikes: whether the float network spikes as the graph's equations, written
here anew, and as Norse runs them where the reset is Norse's; what share of the spikes and silences
of each layer the integers have of the float run of the same weights; and whether the RTL gives
golden's arrays, in the size and the schedule that sim.run takes by itself. The graphs are those of
the NIR paper's Braille readers: neurons of CubaLIF, between them Linear or Affine nodes.
"""

from pathlib import Path

import nir
import numpy as np

from golden.importers import float_run
from golden.importers.float_network import FloatLayer, FloatNetwork
from golden.importers.nir import from_nir
from golden.importers.quantise import quantise_with_report
from golden.io.arguments import command_parser
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command, rule
from golden.io.text import say
from golden.network import Network
from golden.network.ops import FloatRecurrent
from golden.neurons.cuba import FloatCuba
from golden.run import run

DT = 1e-4
HIDDEN = 0.998      # of the spikes of a layer before the last, that integers must share


def flat(graph: nir.NIRGraph) -> tuple[dict, list]:
    """(nodes, edges) of a graph, those of graphs in it by ``outer.inner``, without their inputs and
    outputs.
    """
    nodes, edges = {}, list(graph.edges)
    for name, node in graph.nodes.items():
        if not isinstance(node, nir.NIRGraph):
            nodes[name] = node
            continue
        inner, more = flat(node)
        ends = {f"{name}.{each}": "into" if isinstance(part, nir.Input) else "out"
                for each, part in inner.items() if isinstance(part, (nir.Input, nir.Output))}
        more = [(f"{name}.{a}", f"{name}.{b}") for a, b in more]
        first = [b for a, b in more if ends.get(a) == "into"]
        last = [a for a, b in more if ends.get(b) == "out"]
        edges = [(a, b) for a, b in more if a not in ends and b not in ends] + [
            (start, end) for a, b in edges
            for start in (last if a == name else [a]) for end in (first if b == name else [b])]
        nodes |= {f"{name}.{each}": part for each, part in inner.items()
                  if f"{name}.{each}" not in ends}
    return nodes, edges


def equations(graph: nir.NIRGraph, active: np.ndarray, reset: str) -> list[np.ndarray]:
    """Spikes (N, T, neurons) of each neuron node, in order, of a graph of inputs (N, T, inputs).

    With x what comes to a neuron and f whether it crossed the threshold a step before:

        c = (1 - dt / tau_syn) c + w_in dt / tau_syn x
        "zero":     u = (1 - dt / tau_mem) (v_reset if f else u) + r dt / tau_mem c
        "subtract": u = (1 - dt / tau_mem) u + r dt / tau_mem c - v_threshold f

    and it spikes where u > v_threshold. What leads from a neuron back to it reads the spikes of the
    step before, and gives nothing in the first step.
    """
    nodes, edges = flat(graph)
    before = {name: [a for a, b in edges if b == name] for name in nodes}
    neurons = [name for name, node in nodes.items() if isinstance(node, nir.CubaLIF)]
    loops = {name for name in nodes if name not in neurons and set(before[name]) == {
        b for a, b in edges if a == name}}
    count, steps = active.shape[:2]
    state = {name: [np.zeros((count, nodes[name].tau_mem.size)) for _ in range(3)]
             for name in neurons}
    found = {}          # by neuron, in the order in which they make a step

    def through(name, values):
        return values @ nodes[name].weight.astype(float).T + getattr(nodes[name], "bias", 0)

    def value(name, t):
        """What a node gives in step t; a neuron's spikes once it has made the step."""
        if isinstance(nodes[name], nir.Input):
            return active[:, t].astype(float)
        if name in loops:
            source, = before[name]
            return through(name, found[source][t - 1]) if t else 0
        if name not in neurons:
            return through(name, sum(value(each, t) for each in before[name]))
        if len(found.get(name, ())) == t:
            step(name, sum(value(each, t) for each in before[name]))
        return found[name][t]

    def step(name, x):
        node, (c, u, f) = nodes[name], state[name]
        keep, share = 1 - DT / node.tau_mem, node.r * DT / node.tau_mem
        c = (1 - DT / node.tau_syn) * c + node.w_in * DT / node.tau_syn * x
        if reset == "zero":
            u = keep * np.where(f, node.v_reset, u) + share * c
        else:
            u = keep * u + share * c - node.v_threshold * f
        state[name] = [c, u, u > node.v_threshold]
        found.setdefault(name, []).append((u > node.v_threshold).astype(np.uint8))

    end = next(name for name, node in nodes.items() if isinstance(node, nir.Output))
    for t in range(steps):
        for each in before[end]:
            value(each, t)
    return [np.stack(spikes, axis=1) for spikes in found.values()]


def as_norse(graph: nir.NIRGraph, active: np.ndarray) -> np.ndarray:
    """Spikes (N, T, neurons) of the last neurons of a graph, as Norse runs it, in float64."""
    import torch
    from norse.torch.utils.import_nir import from_nir as norse
    module, state, found = norse(graph, dt=DT, ignore_warnings=True).double(), None, []
    with torch.no_grad():
        for t in range(active.shape[1]):
            spikes, state = module(torch.as_tensor(active[:, t].astype(float)), state)
            found.append(spikes.numpy())
    return np.stack(found, axis=1)


def real_of(network: Network) -> FloatNetwork:
    """The real network of the numbers of an integer one with currents, in weight steps."""
    layers = []
    for layer in network.layers:
        unit, neuron, loop = 2.0**-layer.frac, layer.neuron, layer.recurrent
        scaled = lambda bias, unit=unit: None if bias is None else bias * unit
        layers.append(FloatLayer(
            layer.weights.astype(float), FloatCuba(
                alpha=1 - neuron.current_leak / 2**16, beta=1 - neuron.leak / 2**16,
                threshold=neuron.threshold * unit, reset=neuron.reset, compare=neuron.compare),
            scaled(layer.bias), recurrent=None if loop is None else FloatRecurrent(
                loop.weights.astype(float), scaled(loop.bias), loop.cut)))
    return FloatNetwork(network.shape, network.steps, tuple(layers), network.encoder,
                        network.readout)


def checked(path: str | Path, *, reset: str, steps: int = 256, bits: int = 8, count: int = 4,
            share: float = 0.15, rtl: bool = True) -> dict:
    """What is found of the graph of a file.

    Parameters
    ----------
    reset : "zero" or "subtract"
    bits : int
        Of a weight, each channel with a scale of its own.
    count, share : int, float
        Drawn inputs, and how many of their steps spike.
    rtl : bool
        Whether the RTL runs too.

    Returns
    -------
    {"equations", "norse": share of equal spikes and silences of the float network, "norse" None
    where Norse has no such reset; "integers": that of each layer of the integers; "spikes": share
    of steps with a spike, of each layer; "rtl": None or whether all arrays are equal; "cycles":
    None or those of an input}
    """
    network = from_nir(path, reset=reset, dt=DT, steps=steps, encoder="frames")
    made, _ = quantise_with_report(network, bits=bits, per_channel=True)
    active = (np.random.default_rng(1).random((count, steps, *network.shape)) < share
              ).astype(np.uint8)
    graph, rows = nir.read(path), active.reshape(count, steps, -1)
    spikes = [each.reshape(count, steps, -1) for each in float_run.run(active, network).spikes]
    wanted = equations(graph, rows, reset)
    rule(len(wanted) == len(spikes), path, "must be of CubaLIF neurons, each a layer")
    same, real = run(active, made, taps=made.taps), float_run.run(active, real_of(made))
    found = {
        "equations": float(np.mean([(a == b).mean() for a, b in zip(spikes, wanted,
                                                                   strict=True)])),
        "norse": None if reset != "zero" else float((as_norse(graph, rows) == spikes[-1]).mean()),
        "integers": [float((same.spikes[tap] == one).mean())
                     for tap, one in zip(made.taps, real.spikes, strict=True)],
        "spikes": [float(each.mean()) for each in spikes], "rtl": None, "cycles": None}
    if rtl:
        from flow.design import engine_size
        from sim.rtl import Simulation
        got = Simulation(made, quick=True, **engine_size(made)._asdict()).run(active)
        found["rtl"] = all(np.array_equal(got.arrays()[key], values)
                           for key, values in same.arrays().items())
        found["cycles"] = float(got.cycles.mean())
    return found


def holds(found: dict) -> bool:
    """Whether what ``checked`` found is as it must be."""
    return (found["equations"] == 1 and found["norse"] in (None, 1) and found["rtl"] in (None, True)
            and min(found["integers"][:-1], default=1) >= HIDDEN)


def percent(share: float | None) -> str:
    """A share, whole only where it is."""
    return "" if share is None else "100 %" if share == 1 else f"{np.floor(share * 1e4) / 100} %"


@command
def main(argv: list[str] | None = None) -> None:
    parser = command_parser(
        "python -m verify.graphs", "NIR graphs with loops: equations, Norse, integers, RTL.",
        examples=("../shared/nir/braille_*.nir",),
        codes="Exit code 0: all as it must be; 1: something is not; 2: bad input.")
    parser.add_argument("graphs", nargs="+", metavar="GRAPH.nir",
                        help="reset subtract where the name ends so, else zero")
    parser.add_argument("--steps", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--count", type=int, default=4, metavar="N",
                        help="drawn inputs (default: %(default)s)")
    parser.add_argument("--no-rtl", action="store_true", help="without the RTL")
    args = parser.parse_args(argv)
    if args.count < 1 or args.steps < 1:
        raise BadInput("--count and --steps must be at least 1")
    table, good = Table(title="NIR graphs with loops"), True
    for column in ("graph", "reset", "spikes", "= equations", "= Norse", "integers, by layer",
                   "RTL = golden", "cycles"):
        table.add_column(column)
    for path in args.graphs:
        reset = "subtract" if Path(path).stem.endswith("subtract") else "zero"
        found = checked(path, reset=reset, steps=args.steps, count=args.count,
                        rtl=not args.no_rtl)
        good &= holds(found)
        table.add_row(
            Path(path).stem, reset, ", ".join(map(percent, found["spikes"])),
            percent(found["equations"]), percent(found["norse"]),
            ", ".join(map(percent, found["integers"])),
            {None: "", True: "all arrays", False: "NO"}[found["rtl"]],
            "" if found["cycles"] is None else f"{found['cycles']:,.0f}")
    Console().print(table)
    say("all as it must be" if good else "NOT as it must be")
    raise SystemExit(int(not good))


if __name__ == "__main__":
    main()
