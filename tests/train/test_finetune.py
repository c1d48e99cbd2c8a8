"""Fine-tuning: weights become whole steps that the integers keep exactly, and it gains."""

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

import sam_snn
from golden.io.errors import BadInput
from train.finetune import class_scores

pytestmark = pytest.mark.slow


def model():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 24, bias=False),
                         snn.Leaky(beta=0.9375, init_hidden=True),
                         nn.Linear(24, 4, bias=False))


def bright(count, seed):
    """(images (N, 1, 4, 4) uint8, labels): which row is bright."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    images = rng.integers(0, 90, (count, 1, 4, 4))
    images[np.arange(count), 0, labels] += 150
    return torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(labels)


@pytest.fixture(scope="module")
def learnt():
    """(state of a trained module, batches, test images and labels)."""
    net, (images, labels) = model(), bright(600, 1)
    batches = list(zip(images.split(50), labels.split(50), strict=True))
    adam = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(3):
        for some, names in batches:
            loss = nn.functional.cross_entropy(
                class_scores(net, some / 255, 8, "bernoulli"), names)
            adam.zero_grad()
            loss.backward()
            adam.step()
    return net.state_dict(), batches, bright(200, 2)


def compiled(net, images, labels, **options):
    return sam_snn.compile(net, shape=(1, 4, 4), steps=8, bits=2, images=images.numpy(),
                           labels=labels.numpy(), **options)


def test_weights_are_whole_steps_and_more_are_right(learnt):
    """Two bits: no weight is rounded by compile, and more images are right than of rounding."""
    state, batches, (images, labels) = learnt
    net = model()
    net.load_state_dict(state, strict=False)
    before = compiled(net, images, labels)
    assert any("weights rounded" in reason for line in before.report.lines
               for reason in line.reasons)
    told = []
    assert sam_snn.finetune(net, batches, bits=2, steps=8, epochs=4, rate=3e-3,
                            log=lambda *line: told.append(line)) is net
    after = compiled(net, images, labels)
    assert not any("weights rounded" in reason for line in after.report.lines
                   for reason in line.reasons)
    assert after.report.accuracy[1] > before.report.accuracy[1]
    assert [epoch for epoch, _ in told] == [1, 2, 3, 4] and told[-1][1] < told[0][1]
    assert {name for name, _ in net.named_parameters()} == {
        name for name, _ in model().named_parameters()}, "a parametrisation is left"


@pytest.mark.parametrize("options, rule", [
    ({"bits": 9}, "^bits: must be 2 to 8"), ({"bits": [2]}, "one for each of the 2 layers"),
    ({"encoder": "ternary"}, "^encoder: must be one of"), ({"epochs": 0}, "^epochs: must be")])
def test_what_is_wrong_is_told(options, rule, learnt):
    with pytest.raises(BadInput, match=rule):
        sam_snn.finetune(model(), learnt[1], **options)
    with pytest.raises(BadInput, match="^model: has no Linear"):
        sam_snn.finetune(nn.Sequential(nn.Flatten()), learnt[1])
    with pytest.raises(BadInput, match="^loader: gave no batch"):
        sam_snn.finetune(model(), [])
