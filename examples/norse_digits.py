"""A Norse model through its own NIR graph: digits of 16 x 16 as spikes, three layers of LIF.

Run `python examples/norse_digits.py`; it takes a minute (Norse: `make .venv/tests`). What Norse's
last layer fires on 100 pictures is compared. Its exporter knows no Flatten: the last layer is a
convolution as large as its map.
"""

import torch
from digits16 import SHAPE, STEPS, shown, trained
from norse.torch import LIFBoxCell, LIFBoxParameters, SequentialState
from norse.torch.utils.export_nir import to_nir
from torch import nn

import sam_snn


def net():
    leaky = LIFBoxParameters(tau_mem_inv=torch.tensor(500.0), v_th=torch.tensor(0.5))
    return SequentialState(nn.Conv2d(1, 8, 3, stride=2), LIFBoxCell(leaky),
                           nn.Conv2d(8, 16, 3), LIFBoxCell(leaky),
                           nn.Conv2d(16, 10, 5), LIFBoxCell(leaky))


def run(model, data):
    """(N, T, 10) spikes of frames (N, T, 1, 16, 16)."""
    state, found = None, []
    for step in range(STEPS):
        spikes, state = model(data[:, step], state)
        found.append(spikes.flatten(1))
    return torch.stack(found, dim=1)


def main(count=1000, epochs=6):
    torch.manual_seed(1)
    model = net()
    rest, names, reference = trained(model, run, count, epochs)
    graph = to_nir(model, torch.from_numpy(rest[:1, 0]).float())
    return shown(sam_snn.compile(
        graph, name="norse_digits", producer="norse", shape=SHAPE, steps=STEPS, images=rest,
        labels=names, reference=reference))


if __name__ == "__main__":
    main()
