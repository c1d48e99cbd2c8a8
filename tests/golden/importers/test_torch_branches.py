"""Branches that meet in torch models: what the trace gives spikes as the model does."""

import numpy as np
import pytest
import snntorch as snn
import torch
from torch import nn

from golden.importers.quantise import quantise_with_report
from golden.importers.torch import agreement_of, trace
from golden.io.errors import BadInput
from golden.run import run

STEPS = 7


def lif(**options):
    return snn.Leaky(beta=0.5, threshold=0.5, **options)


class Block(nn.Module):
    """x + block(x) as currents: conv, neuron, conv and the block's input into one neuron."""

    def __init__(self, into=4, out=4, stride=1, **options):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1)
        self.lif1, self.lif2 = lif(**options), lif(**options)
        self.skip = nn.Conv2d(into, out, 1, stride) if (into, stride) != (out, 1) else nn.Identity()

    def start(self):
        self.mem1, self.mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()

    def forward(self, x):
        spikes, self.mem1 = self.lif1(self.conv1(x), self.mem1)
        spikes, self.mem2 = self.lif2(self.meet(self.conv2(spikes), self.skip(x)), self.mem2)
        return spikes

    def meet(self, a, b):
        return a + b


class Residual(nn.Module):
    """A convolution, two residual blocks of which one halves its map, and a read-out."""

    block = Block

    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(3)
        self.conv, self.lif = nn.Conv2d(2, 4, 3, 1, 1), lif(**options)
        self.blocks = nn.ModuleList([self.block(**options), self.block(4, 6, 2, **options)])
        self.out = nn.Linear(6 * 9, 3)

    def forward(self, x):
        mem, found = self.lif.reset_mem(), []
        for block in self.blocks:
            block.start()
        for t in range(STEPS):
            spikes, mem = self.lif(self.conv(x[t]), mem)
            for block in self.blocks:
                spikes = block(spikes)
            found.append(self.out(self.read(spikes, t).flatten(1)))
        return torch.stack(found)

    def read(self, spikes, t):
        return spikes


class Sew(Residual):
    """SEW's ADD: spikes of two blocks are summed before weights."""

    def __init__(self):
        super().__init__()
        self.lif3, self.conv3 = lif(), nn.Conv2d(4, 4, 3, 1, 1)
        self.lif4, self.conv4 = lif(), nn.Conv2d(4, 4, 3, 1, 1)
        self.out = nn.Linear(4 * 36, 3)

    def forward(self, x):
        mem, mem3, mem4, found = (*(each.reset_mem() for each in (self.lif, self.lif3, self.lif4)),
                                  [])
        for t in range(STEPS):
            first, mem = self.lif(self.conv(x[t]), mem)
            second, mem3 = self.lif3(self.conv3(first), mem3)
            third, mem4 = self.lif4(self.conv4(torch.add(first, second)), mem4)
            found.append(self.out((third + (first + second)).flatten(1)))
        return torch.stack(found)


def checked(model, branched):
    """The traced network, whose agreement with the model is checked by the trace itself."""
    network = trace(model, (2, 6, 6), steps=STEPS)
    assert [stage.index for stage in network.branched] == branched
    found = agreement_of(model, network)
    assert found.equal == found.total > 0
    return network


def test_residual_blocks():
    network = checked(Residual(), [3, 5])
    assert [stage.inputs for stage in network.stages] == [
        (0,), (1,), (2, 1), (3,), (4, 3), (5,)]
    made, _ = quantise_with_report(network)
    assert [stage.inputs for stage in made.stages] == [stage.inputs for stage in network.stages]


def test_sums_of_spikes_before_weights():
    network = checked(Sew(), [3, 4])
    weights = [network.layers[3].weights, *(each.weights for each in network.layers[3].skips)]
    assert len(weights) == 3 and all(np.array_equal(weights[0], each) for each in weights)


def test_spikes_of_another_height():
    """A skip from neurons whose spikes count twice has twice the weights."""
    network = checked(Residual(graded_spikes_factor=2.0), [3, 5])
    assert (network.layers[2].skips[0].weights == 2).all()


class Gated(nn.Module):
    """Blocks whose spikes meet by a product with what comes to them: SEW's AND, then ``second``."""

    def __init__(self, second, height=1.0):
        super().__init__()
        torch.manual_seed(3)
        self.second = second
        self.convs = nn.ModuleList(nn.Conv2d(n, 4, 3, 1, 1) for n in (2, 4, 4))
        for each in self.convs:
            nn.init.constant_(each.bias, 0.3)
        self.lifs = nn.ModuleList(lif(graded_spikes_factor=height) for _ in range(3))
        self.out = nn.Linear(4 * 36, 3)

    def forward(self, x):
        mems, found = [each.reset_mem() for each in self.lifs], []

        def layer(n, spikes):
            spikes, mems[n] = self.lifs[n](self.convs[n](spikes), mems[n])
            return spikes
        for t in range(STEPS):
            first = layer(0, x[t])
            both = first * layer(1, first)
            found.append(self.out(self.second(first, layer(2, both)).flatten(1)))
        return torch.stack(found)


@pytest.mark.parametrize("second, own", [
    (lambda x, y: x * (1. - y), -1), (lambda x, y: (1 - y) * x, -1), (lambda x, y: y * x, 1)])
def test_products_of_spikes(second, own):
    """AND and IAND are layers of their own, exact in integers too."""
    network = checked(Gated(second), [3, 5])
    assert [stage.inputs for stage in network.stages] == [
        (0,), (1,), (2, 1), (3,), (4, 1), (5,)]
    assert (network.layers[4].weights == own).all() and (
        network.layers[4].skips[0].weights == 1).all()
    made, reasons = quantise_with_report(network)
    assert reasons[2] == reasons[4] == ()
    spikes = run((np.random.default_rng(0).random((3, STEPS, 2, 6, 6)) < .4).astype(np.uint8),
                 made).spikes
    assert np.array_equal(spikes[3], spikes[1] & spikes[2])
    assert np.array_equal(spikes[5], spikes[1] & (spikes[4] ^ (own < 0)))
    assert spikes[3].any() and spikes[5].any()


@pytest.mark.parametrize("second, height, says", [
    (lambda x, y: (1 - x) * (1 - y), 1, "multiplies what is 1 where neither spikes"),
    (lambda x, y: x * (2 - y), 1, r"products x y and x \(1 - y\) of spikes"),
    (lambda x, y: x * (x + y), 1, r"products x y and x \(1 - y\) of spikes"),
    (lambda x, y: x * y, 2.0, "multiplies spikes that count other than 1")])
def test_other_products_are_refused(second, height, says):
    with pytest.raises(BadInput, match=says) as caught:
        trace(Gated(second, height), (2, 6, 6), steps=STEPS)
    assert "\n" not in str(caught.value)


class Late(Block):
    """A block whose skip is of the step before."""

    def start(self):
        super().start()
        self.kept = None

    def meet(self, a, b):
        last, self.kept = self.kept, b
        return a + b if last is None else a + last


class Sizes(Block):
    def meet(self, a, b):
        return a + b.mean((2, 3), keepdim=True)


class Cat(Block):
    def meet(self, a, b):
        return torch.cat((a, b), 1)[:, :len(self.conv2.weight)]


class Product(Block):
    def meet(self, a, b):
        return a * b


class Normed(Block):
    """A batch norm behind the sum, whose offset would count for each branch."""

    def __init__(self, into=4, out=4, *args, **options):
        super().__init__(into, out, *args, **options)
        self.norm = nn.BatchNorm2d(out)

    def meet(self, a, b):
        return self.norm(a + b)


class Many(Block):
    def meet(self, a, b):
        for _ in range(8):
            a = a + b
        return a


class Doubling(Block):
    def meet(self, a, b):
        for _ in range(40):
            a = a + a
        return a + b


@pytest.mark.parametrize("block, says", [
    (Late, "function add.*joins values of several steps"),
    (Cat, "joins two branches, which is not supported"),
    (Product, "takes several values of the network"),
    (Sizes, "sums 4 x 6 x 6 and 4 x 1 x 1; what meets must have one shape"),
    (Normed, r"norm \(BatchNorm2d\): follows a sum of branches"),
    (Many, "sums more than 8 branches"), (Doubling, "sums more than 8 branches")])
def test_refused(block, says):
    class Model(Residual):
        pass
    Model.block = block
    with pytest.raises(BadInput, match=says) as caught:
        trace(Model(), (2, 6, 6), steps=STEPS)
    assert "\n" not in str(caught.value)
