"""A sinabs model through its own NIR graph: digits of 16 x 16 as spikes, three layers of LIF.

Run `python examples/sinabs_digits.py`; it takes a minute (sinabs: `make .venv/tests`). Its neurons
fire at most once a step (SingleSpike) and take inputs as they are (norm_input): the graph says
neither, so that compile is told. What its last layer fires on 100 pictures is compared.
"""

import torch
from digits16 import SHAPE, STEPS, shown, spikes_of, trained
from sinabs.activation import SingleSpike
from sinabs.layers import LIFSqueeze
from sinabs.nir import to_nir
from torch import nn

import sam_snn


def net():
    how = {"tau_mem": 8.0, "spike_fn": SingleSpike, "norm_input": False, "batch_size": 1}
    return nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), LIFSqueeze(**how),
                         nn.Conv2d(8, 16, 3), LIFSqueeze(**how),
                         nn.Flatten(), nn.Linear(400, 10), LIFSqueeze(**how))


def run(model, data):
    """(N, T, 10) spikes of frames (N, T, 1, 16, 16)."""
    for each in model:
        if isinstance(each, LIFSqueeze):
            each.reset_states()
            each.batch_size = len(data)
    return model(data.flatten(0, 1)).unflatten(0, (-1, STEPS))


def main(count=1000, epochs=6):
    torch.manual_seed(1)
    model = net()
    rest, names, reference = trained(model, run, count, epochs)
    spikes_of(model, run, rest[:1])                     # its graph is of one picture
    graph = to_nir(model, torch.from_numpy(rest[0]).float())
    return shown(sam_snn.compile(
        graph, name="sinabs_digits", producer="sinabs", spikes="single", gain="one", shape=SHAPE,
        steps=STEPS, images=rest, labels=names, reference=reference))


if __name__ == "__main__":
    main()
