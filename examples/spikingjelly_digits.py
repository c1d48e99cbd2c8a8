"""A SpikingJelly model through its own NIR graph: digits of 16 x 16 as spikes, three LIF layers.

Run `python examples/spikingjelly_digits.py`; it takes a minute (SpikingJelly: `make .venv/tests`).
What SpikingJelly's last layer fires on 100 pictures is compared.
"""

import torch
from digits16 import SHAPE, STEPS, shown, trained
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir
from torch import nn

import sam_snn


def net():
    return nn.Sequential(layer.Conv2d(1, 8, 3, stride=2), neuron.LIFNode(tau=2.0),
                         layer.Conv2d(8, 16, 3), neuron.LIFNode(tau=2.0),
                         layer.Flatten(), layer.Linear(400, 10), neuron.LIFNode(tau=2.0))


def run(model, data):
    """(N, T, 10) spikes of frames (N, T, 1, 16, 16)."""
    functional.reset_net(model)
    return torch.stack([model(data[:, step]) for step in range(STEPS)], dim=1)


def main(count=1000, epochs=6):
    torch.manual_seed(1)
    model = net()
    rest, names, reference = trained(model, run, count, epochs)
    functional.reset_net(model)
    graph = export_to_nir(model, torch.from_numpy(rest[:1, 0]).float())
    return shown(sam_snn.compile(
        graph, name="spikingjelly_digits", producer="spikingjelly", shape=SHAPE, steps=STEPS,
        images=rest, labels=names, reference=reference))


if __name__ == "__main__":
    main()
