"""``python -m golden.network FILE``: a network at a glance."""

from typing import TYPE_CHECKING

import numpy as np

from golden.formats import bits_signed
from golden.io.arguments import command_parser
from golden.io.console import Console, Table
from golden.io.errors import command
from golden.io.text import say
from golden.network import load, membrane_range

if TYPE_CHECKING:
    from golden.network.graph import Network
    from golden.network.layers import Layer


def fires(layer: "Layer") -> str:
    """The neurons in words: what fires, then what else there is of them and before them."""
    first, rest = layer.neuron.words()
    extras = [name for name, there in (
        ("bias", layer.bias is not None and np.any(layer.bias)),
        ("BNTT", layer.norm is not None),
        (f"frac {layer.frac}", layer.frac and layer.norm is None)) if there]
    return "\n".join([first, ", ".join([*rest, *extras])])


def table(network: "Network") -> Table:
    """A rich Table of the network, one row a weighted layer."""
    found = Table(title=f"{network.name}: {' x '.join(map(str, network.shape))}, {network.steps} "
                  f"steps, {network.encoder} in, {network.readout} out")
    for title in ("layer", "what", "gives", "weights", "neuron", "membrane"):
        found.add_column(title, justify="right" if title in ("layer", "membrane") else "left")
    for stage in network.stages:
        layer = stage.layer
        found.add_row(
            str(stage.index), stage.words(), " x ".join(map(str, stage.shape)),
            f"{layer.synapses}\n{layer.bits} bit", fires(layer),
            f"{bits_signed(*membrane_range(stage, network.steps))} bit")
    weights = sum(stage.layer.synapses for stage in network.stages)
    neurons = sum(stage.neurons for stage in network.stages)
    bits = sum(stage.layer.synapses * stage.layer.bits for stage in network.stages)
    found.caption = (f"{weights} weights in {bits} bits, {neurons} neurons, "
                     f"digest {network.digest}")
    return found


@command
def main(argv: list[str] | None = None) -> None:
    """Print the table of a network file."""
    parser = command_parser("python -m golden.network", "A network at a glance.",
                            examples=("fashion", "net.npz"))
    parser.add_argument("file", help="a network, .npz, or the name of one that "
                        "comes with the project")
    network = load(parser.parse_args(argv).file)
    Console().print(table(network))
    for key, value in network.notes.items():
        say(f"{key}: {value}")


if __name__ == "__main__":
    main()
