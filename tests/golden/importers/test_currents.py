"""Neurons with a synaptic current, without loops: every spike of their producers, and the RTL."""

import nir
import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

from golden.importers import float_run
from golden.importers.nir import from_nir
from golden.importers.quantise import quantise_with_report
from golden.importers.torch import agreement_of, trace
from golden.io.errors import BadInput
from golden.run import run
from sim.rtl import Simulation
from verify.nir_graphs import graph_of, lif

T, N, H, O = 40, 12, 16, 5


class Stepped(nn.Module):
    """12 - 16 - 5 with states in the loop over time, as snnTorch's second tutorial has them."""

    def __init__(self, **how):
        super().__init__()
        torch.manual_seed(3)
        self.fc1, self.fc2 = nn.Linear(N, H), nn.Linear(H, O)
        self.lif1 = snn.Synaptic(alpha=.7, beta=.85, **how)
        self.lif2 = snn.Synaptic(alpha=.6, beta=.9, **how)

    def forward(self, x):
        (syn1, mem1), (syn2, mem2) = self.lif1.init_synaptic(), self.lif2.init_synaptic()
        spikes = []
        for step in range(x.size(0)):
            spk1, syn1, mem1 = self.lif1(self.fc1(x[step]), syn1, mem1)
            spk2, syn2, mem2 = self.lif2(self.fc2(spk1), syn2, mem2)
            spikes.append(spk2)
        return torch.stack(spikes)


def frames(count=4, share=.25):
    chance = np.random.default_rng(2)
    return (chance.random((count, T, N, 1, 1)) < share).astype(np.uint8)


def as_torch_runs_it(model, schedule="auto"):
    """The integer network of a model: torch and the real network agree in every spike, RTL and
    golden in every array.
    """
    network = trace(model, (N,), steps=T, encoder="frames")
    images = frames()
    with torch.no_grad():
        wanted = model(torch.tensor(images[..., 0, 0].swapaxes(0, 1), dtype=torch.float32))
    spikes = float_run.run(images, network).spikes
    assert all(.005 < each.mean() < .5 for each in spikes), [each.mean() for each in spikes]
    found = spikes[-1].reshape(len(images), T, O).swapaxes(0, 1)
    assert np.array_equal(found, wanted.numpy())
    whole, _ = quantise_with_report(network, bits=6)
    golden = run(images, whole)
    assert golden.spikes[1].any() and golden.spikes[2].any()
    simulated = Simulation(whole, quick=True, schedule=schedule).run(images)
    for name, array in golden.arrays().items():
        if name != "cycles":
            assert np.array_equal(array, simulated.arrays()[name]), name
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("delayed", [True, False])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_synaptic_as_snntorch_runs_it(reset, delayed):
    whole = as_torch_runs_it(Stepped(reset_mechanism=reset, reset_delay=delayed))
    assert whole.layers[0].neuron.reset == {
        ("zero", True): "clear", ("subtract", False): "subtract_now"}.get((reset, delayed), reset)


def test_the_check_runs_the_original():
    """What --images prints: all predictions and spikes of the original."""
    model = Stepped()
    network = trace(model, (N,), steps=T, encoder="frames")
    assert agreement_of(model, network, frames()).same


def test_cubalif_without_a_loop():
    """A feed-forward graph of CubaLIF: beside the equations, written by hand, in float64."""
    chance = np.random.default_rng(4)
    full = lambda count, value: np.full(count, value, np.float32)
    cuba = nir.CubaLIF(tau_syn=full(H, 4e-4), tau_mem=full(H, 1e-3), r=full(H, 2.0),
                       v_leak=full(H, 0), v_threshold=full(H, 1), v_reset=full(H, 0),
                       w_in=full(H, 4.0))
    weights = chance.normal(0, 1, (H, N)).astype(np.float32)
    graph = graph_of(
        {"fc": nir.Linear(weights), "cuba": cuba,
         "out": nir.Linear(chance.normal(0, 1, (O, H)).astype(np.float32)),
         "lif": lif((O,), beta=.9, threshold=1)},
        [("input", "fc"), ("fc", "cuba"), ("cuba", "out"), ("out", "lif"), ("lif", "output")],
        (N,), (O,))
    network = from_nir(graph, reset="zero", dt=1e-4, steps=T, encoder="frames")
    images = frames()
    current, membrane, wanted = np.zeros((4, H)), np.zeros((4, H)), []
    for step in range(T):
        given = images[:, step, :, 0, 0] @ weights.astype(float).T
        current = .75 * current + 4 * .25 * given
        membrane = .9 * membrane + .1 * 2 * current
        wanted.append(membrane > 1)
        membrane = np.where(membrane > 1, 0, membrane)
    found = float_run.run(images, network).spikes[0].reshape(4, T, H)
    assert .005 < found.mean() < .5
    assert np.array_equal(found, np.stack(wanted, axis=1))


class Traces(nn.Module):
    """12 - 16 - 5 of snnTorch's Alpha."""

    def __init__(self, **how):
        super().__init__()
        torch.manual_seed(3)
        self.fc1, self.fc2 = nn.Linear(N, H), nn.Linear(H, O)
        self.lif1 = snn.Alpha(alpha=.85, beta=.7, threshold=.4, **how)
        self.lif2 = snn.Alpha(alpha=.9, beta=.6, threshold=.3, **how)

    def forward(self, x):
        first, second, spikes = self.lif1.reset_mem(), self.lif2.reset_mem(), []
        for step in range(x.size(0)):
            spk1, *first = self.lif1(self.fc1(x[step]), *first)
            spk2, *second = self.lif2(self.fc2(spk1), *second)
            spikes.append(spk2)
        return torch.stack(spikes)


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["layers", "steps"])
def test_alpha_as_snntorch_runs_it(schedule):
    as_torch_runs_it(Traces(), schedule)


def test_alpha_is_refused_where_snntorch_does_something_else():
    with pytest.raises(BadInput, match="sets a trace to the threshold in place of taking it off"):
        trace(Traces(reset_mechanism="subtract"), (N,), steps=T, encoder="frames")
    model = Traces()
    model.lif1.alpha.fill_(.5)
    with pytest.raises(BadInput, match="alpha must be above beta.*not 0.5 and 0.7"):
        trace(model, (N,), steps=T, encoder="frames")
