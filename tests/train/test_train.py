"""Training: its integers are golden's, its gradients are what they are said to be."""

import argparse

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from golden.importers import float_run
from golden.io.errors import BadInput
from golden.run import run
from train import bntt
from train.bntt import Bntt
from train.conversion import converted, peaks, start
from train.core import lif, loop
from train.core.ann import Ann, activations, described, folded, noisy
from train.core.snn import Net, earliest, encode, thresholds
from train.export import network
from train.fashion import start_from

pytestmark = pytest.mark.slow

STEPS = 6


def spikes_of(images, steps=STEPS):
    table = torch.from_numpy(thresholds(images[0].size, steps).copy())
    return encode(torch.from_numpy(images), table)


def pictures(count, size, seed=0):
    """Pictures with some structure, so that layers spike: products of two ramps and noise."""
    chance = np.random.default_rng(seed)
    ramps = chance.random((count, 2, size)).cumsum(2)
    images = ramps[:, 0, :, None] * ramps[:, 1, None]
    return np.rint(255 * images / images.max(axis=(1, 2), keepdims=True)).astype(np.uint8)


@pytest.mark.rotated
@pytest.mark.parametrize("options", [
    {}, {"bias": True}, {"bias": True, "mean": True}, {"leak": 0, "bits": 8}, {"mean": True},
    {"readout": "count"}, {"readout": "first", "bias": True}], ids=str)
def test_integers_are_goldens(options):
    """Scores and every spike of a network that trains, and of its file, are the same."""
    torch.manual_seed(3)
    net = Net((8, 5, 3), (1, 2, 2), size=12, classes=4, steps=STEPS, **options)
    with torch.no_grad():
        for layer in [*net.convs, net.dense]:
            if layer.bias is not None:
                layer.bias.uniform_(-0.3, 0.3)
    images, taps = pictures(5, 12), []
    scores = net(spikes_of(images), taps=taps).detach().numpy()
    made = network(net, name="drawn", notes={})
    found = run(images, made)
    for tap, spikes in zip(made.taps, taps, strict=True):
        ours = spikes.detach().unflatten(0, (STEPS, -1)).transpose(0, 1).numpy()
        assert np.array_equal(found.spikes[tap], ours)
    assert sum(map(int, found.counts.sum(axis=0)[1:])) > 100
    scale = made.stages[-1].layer.scale if net.readout == "membrane" else 1
    assert np.allclose(found.logits * scale, scores, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize("surrogate", lif.SURROGATES)
def test_compiled_equals_torch(surrogate, kind):
    """The compiled neurons and those in torch: the same spikes, the same gradients."""
    chance = torch.Generator().manual_seed(1)
    current = torch.randint(-9, 12, (STEPS * 3, 4, 5, 5), generator=chance).to(getattr(torch, kind))
    given = torch.randn(current.shape, generator=chance).to(current.dtype)
    leak, gain, theta, slope, price = 2.0**-3, 4.0, 37.0, 1.5, 0.25
    at = current.clone().requires_grad_()
    spikes = lif.Lif.apply(at, STEPS, leak, gain, theta, slope, price, surrogate)
    spikes.backward(given)
    u = lif.membranes(current, STEPS, leak, gain, theta)
    assert torch.equal((u > theta).flatten(0, 1).to(spikes.dtype), spikes)
    want = lif.blame(u, given, leak, gain, theta, slope, price, surrogate)
    assert torch.allclose(at.grad.float(), want, rtol=0 if kind == "float32" else 1e-2, atol=1e-4)
    assert 0.05 < spikes.float().mean() < 0.95


def test_surrogates_by_hand():
    """One step, membranes 0, theta / 2, theta and 2 theta: slopes of the two surrogates."""
    current = torch.tensor([0.0, 4, 8, 16]).view(1, 1, 1, 4)
    for surrogate, want in (("atan", [0.5, 0.8, 1, 0.5]), ("linear", [0, 0.5, 1, 0])):
        at = current.clone().requires_grad_()
        lif.Lif.apply(at, 1, 0.0, 1.0, 8.0, 1.0, 0.0, surrogate).sum().backward()
        assert np.allclose(at.grad.flatten() * 8, want)


def test_earliest_by_hand():
    """Spikes at steps 1 and 3 of 4: three steps from the first on; what each spike is worth."""
    spikes = torch.tensor([0.0, 1, 0, 1]).requires_grad_()
    score = earliest(spikes)
    score.backward()
    assert score.item() == 3
    # Spiking at once is worth the step before; without the spike at 1, two steps would be lost;
    # one at 2 or 3 is worth nothing while there is one at 1.
    assert spikes.grad.tolist() == [1, 2, 0, 0]


@pytest.fixture(scope="module")
def trained():
    """A ReLU network whose batch norms have seen something, and its description."""
    torch.manual_seed(2)
    net = Ann((4, 6), (1, 2), size=12, classes=3, mean=True)
    images = pictures(64, 12)
    net.train()
    for _ in range(30):
        net(torch.from_numpy(images)[:, None] / 256)
    with torch.no_grad():
        for norm in net.norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.2, 0.5)
    return net.eval(), described(net, name="relu"), images


def test_description_is_the_network(trained):
    """The NumPy run of a description gives what torch gives, batch norm and all."""
    net, wanted, images = trained
    with torch.no_grad():
        scores = net(torch.from_numpy(images)[:, None] / 256).numpy()
    assert np.allclose(activations(images, wanted)[-1][..., 0, 0], scores, atol=1e-5)
    assert len(folded(net)) == len(wanted.stages)


def test_conversion_tends_to_the_network(trained):
    """IF rates at thresholds from data tend to the ReLU activations over these, as 1 / steps."""
    _, wanted, images = trained
    thetas, worst = peaks(wanted, images), []
    active = activations(images, wanted)
    for steps in (15, 240):
        found = float_run.run(images[:8], converted(wanted, thetas, steps=steps,
                                                    encoder="current"))
        error, unit = 0, 1
        for theta, spikes, wants in zip(thetas, found.spikes, active, strict=False):
            unit *= theta
            error = max(error, np.abs(spikes.mean(axis=1) - wants[:8] / unit).max())
        worst.append(error)
    assert worst[0] < 0.5 and worst[1] < 0.05 and worst[1] < worst[0] / 4


def test_training_goes_on_from_an_exported_network():
    """Weights, thresholds and steps are the network's; other layers are refused."""
    torch.manual_seed(3)
    one, other = Net([4, 8], [1, 2], size=8), Net([4, 8], [1, 2], size=8)
    made = network(one, name="one", notes={})
    assert network(other, name="one", notes={}).digest != made.digest
    start_from(other, made)
    assert network(other, name="one", notes={}).digest == made.digest
    with pytest.raises(BadInput, match=r"one: layer 2 must have weights \(16, 4, 3, 3\)"):
        start_from(Net([4, 16], [1, 2], size=8), made)
    with pytest.raises(BadInput, match="one: must have 2 layers"):
        start_from(Net([4], [1], size=8), made)
    biased = Net([4, 8], [1, 2], size=8, bias=True)
    torch.nn.init.ones_(biased.convs[0].bias)
    with pytest.raises(BadInput, match="layer 1 .* no biases"):
        start_from(one, network(biased, name="biased", notes={}))


def test_start_is_the_conversion(trained):
    """A spiking network that starts from a description has its weights, over the thresholds."""
    _, wanted, images = trained
    thetas = peaks(wanted, images)
    net = Net((4, 6), (1, 2), size=12, classes=3, steps=8, bias=True, mean=True, bits=8, leak=0,
              frac=6)
    start(net, wanted, thetas)
    with torch.no_grad():
        for layer in [*net.convs, net.dense]:
            layer.step.copy_(layer.weight.abs().max() / layer.top)   # no more than rounding
    made = network(net, name="started", notes={})
    real = converted(wanted, thetas, steps=8)
    same = [np.mean(a == b) for a, b in zip(
        float_run.run(images[:8], real).spikes[:2], run(images[:8], made).spikes.values(),
        strict=True)]
    assert min(same) > 0.98


def test_bntt_description_is_the_network():
    """The description of a BNTT network scores as the network does.

    Not to the last digit: the compiled neurons cut leaked membranes to 1 / 4096, so that one spike
    in some ten thousand moves.
    """
    torch.manual_seed(5)
    net, images = Bntt((4, 6), (1, 2), steps=STEPS, size=12, classes=3), pictures(40, 12)
    spikes = spikes_of(images)
    net.train()
    for _ in range(40):
        net(spikes)
    with torch.no_grad():
        for norm in net.norms:
            norm.weight.uniform_(0.5, 2)
        scores = net.eval()(spikes).numpy()
    found = float_run.run(images, bntt.described(net, name="bntt"))
    assert found.spikes[1].mean() > 0.05
    apart = np.abs(found.logits / STEPS - scores)
    assert np.median(apart) < 1e-6 and apart.mean() < 0.01 * scores.std()


def test_runs_go_on_where_they_stopped(tmp_path, monkeypatch):
    """Two epochs at once, or one and, resumed, another: the same weights."""
    monkeypatch.setattr(loop, "FOLDER", tmp_path)
    images, labels = torch.from_numpy(pictures(40, 12)), torch.arange(40) % 3
    parser = argparse.ArgumentParser()
    loop.arguments(parser, epochs=2, rate=0.01)

    def weights(name, *options):
        torch.manual_seed(9)
        net = Ann((4, 6), (1, 2), size=12, classes=3, mean=True)

        def loss_of(some, of):
            return F.cross_entropy(net(noisy(some[:, None] / 256, 4)), of, reduction="sum")

        args = parser.parse_args(["--batch", "10", "--resume", *options])
        loop.fit(name, net, loss_of, (images, labels), lambda: {}, args)
        return torch.cat([weight.detach().flatten() for weight in net.state_dict().values()])

    whole, first = weights("whole"), weights("parts", "--stop", "1")
    assert not torch.equal(whole, first)
    assert torch.equal(whole, weights("parts"))
    assert len((tmp_path / "parts.jsonl").read_text().splitlines()) == 2
