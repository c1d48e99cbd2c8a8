"""A spiking network that trains in the integers it will run in.

Forward, every number is the integer of the accelerator; only gradients are approximate. Arrays
keep time outermost and folded into the batch: (T * images, C, H, W), channels last in memory.
"""

import ctypes
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden.network import output_size
from train.core.lif import Lif, kernels

SEED = 0x2545F491


def thresholds(pixels, steps, seed=SEED):
    """Thresholds of the on-chip encoder: a pixel spikes at step t iff r[pixel, t] < pixel.

    xorshift32 from ``seed``, 4 steps a word, lowest byte first, ``ceil(steps / 4)`` words a pixel.

    Returns
    -------
    r : (pixels, steps) uint8
    """
    words, state = [], seed
    for _ in range(pixels * -(-steps // 4)):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        words.append(state)
    return np.array(words, "<u4").view(np.uint8).reshape(pixels, -1)[:, :steps]


def encode(images, table):
    """Encode (N, 28, 28) uint8 images by a (784, T) table as (T * N, 1, 28, 28) spikes, float."""
    steps = table.shape[1]
    spikes = images.view(1, len(images), -1) > table.T.contiguous().view(steps, 1, -1)
    return spikes.view(-1, 1, *images.shape[1:]).float()


class Quantise(torch.autograd.Function):
    """Round weights to integers in -top..top, in units of a learned step (LSQ, arXiv:1902.08153).

    The gradient that arrives is that of the integers; the step's is scaled by 1/sqrt(top * count).
    """

    @staticmethod
    def forward(ctx, weight, step, top):
        ratio = weight / step
        whole = ratio.round().clamp(-top, top)
        ctx.save_for_backward(ratio, whole, step)
        ctx.top = top
        return whole

    @staticmethod
    def backward(ctx, g_whole):
        ratio, whole, step = ctx.saved_tensors
        g = g_whole / step
        inside = ratio.abs() <= ctx.top
        g_step = (g * torch.where(inside, whole - ratio, whole)).sum()
        return g * inside, g_step / math.sqrt(ctx.top * ratio.numel()), None


class Conv(torch.autograd.Function):
    """Convolution of 3 x 3 with padding 1, as torch's, but with a fast gradient at stride 2."""

    @staticmethod
    def forward(ctx, maps, weight, bias, stride):
        weight = weight.to(maps.dtype, memory_format=torch.channels_last)
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.biased = stride, bias is not None
        return F.conv2d(maps, weight, None if bias is None else bias.to(maps.dtype), stride, 1)

    @staticmethod
    def backward(ctx, g_output):
        maps, weight = ctx.saved_tensors
        g_output = g_output.contiguous(memory_format=torch.channels_last)
        ours = (ctx.stride == 2 and maps.dtype == torch.bfloat16 and maps.shape[1] % 8 == 0
                and not maps.is_cuda)
        g_maps, g_weight, g_bias = torch.ops.aten.convolution_backward(
            g_output, maps, weight, [len(weight)] if ctx.biased else None, [ctx.stride] * 2,
            [1, 1], [1, 1], False, [0, 0], 1,
            [ctx.needs_input_grad[0] and not ours, True, ctx.biased])
        if ours and ctx.needs_input_grad[0]:
            g_maps = torch.empty_like(maps)
            taps = weight.permute(0, 2, 3, 1).float().contiguous()
            kernels().strided_bf16(
                *(ctypes.c_void_p(array.data_ptr()) for array in (g_output, taps, g_maps)),
                len(maps), maps.shape[2], len(weight), maps.shape[1])
        return g_maps, g_weight.float(), g_bias.float() if ctx.biased else None, None


class Layer(nn.Module):
    """Weights of one layer, its quantiser, and its threshold, which is 1 / step.

    Parameters
    ----------
    shape : tuple of int
        Shape of the weights, output first.
    stride, bits, leak, frac : int
        ``leak`` is the exponent k of 1 - 2**-k, 0 for no leak; ``frac`` the fraction bits F of the
        membrane.
    bias : bool
        Whether every step adds a learned number to each channel.
    """

    def __init__(self, shape, *, stride=1, bits=4, leak=4, frac=2, bias=False):
        super().__init__()
        self.stride, self.bits, self.leak, self.frac = stride, bits, leak, frac
        self.top = 2 ** (bits - 1) - 1
        fan_in = math.prod(shape[1:])
        self.weight = nn.Parameter(torch.randn(shape) / math.sqrt(fan_in))
        self.step = nn.Parameter(torch.tensor(0.0))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.restep()

    @torch.no_grad()
    def restep(self):
        """Choose the quantiser's step for the weights as they are."""
        self.step.copy_(2 * self.weight.abs().mean() / math.sqrt(self.top))

    @property
    def theta(self):
        """Threshold in units of 2**-frac of a weight's unit."""
        return max(1, round(2**self.frac / self.step.item()))

    @property
    def drop(self):
        """Share of the membrane that a step loses."""
        return 2.0**-self.leak if self.leak else 0.0

    def whole(self):
        """Weights as integers, in float."""
        return Quantise.apply(self.weight, self.step, self.top)

    def whole_bias(self):
        """Biases in units of a weight, whole numbers of 2**-frac; None if there are none."""
        if self.bias is None:
            return None
        scaled = self.bias * (2**self.frac / self.step.detach())
        return (scaled + (scaled.round() - scaled).detach()) / 2**self.frac


class Net(nn.Module):
    """Convolutions of 3 x 3, padding 1, then a dense read-out; spiking but for the last.

    Parameters
    ----------
    channels, strides : sequence of int
        Of the convolutions, in order.
    steps : int
        Time steps T.
    size, classes : int
        Side of the image; outputs.
    slope, surrogate :
        Of the surrogate gradient: train.core.lif.
    bias : bool
        Whether layers have biases.
    mean : bool
        Whether the dense layer reads the mean of each channel and not every neuron.
    readout : "membrane", "count" or "first"
        As in golden.network; the last layer spikes but for the first of them.
    """

    def __init__(self, channels, strides, *, steps=16, size=28, classes=10, bits=4, leak=4, frac=2,
                 slope=3.0, surrogate="atan", bias=False, mean=False, readout="membrane"):
        super().__init__()
        self.steps, self.slope, self.surrogate, self.mean = steps, slope, surrogate, mean
        self.readout = readout
        self.convs, inputs, self.sizes = nn.ModuleList(), 1, [size]
        for outputs, stride in zip(channels, strides, strict=True):
            self.convs.append(Layer((outputs, inputs, 3, 3), stride=stride, bits=bits, leak=leak,
                                    frac=frac, bias=bias))
            inputs, size = outputs, output_size(size, 3, stride, 1)
            self.sizes.append(size)
        membrane = readout == "membrane"
        self.dense = Layer((classes, inputs if mean else inputs * size**2), bits=bits, bias=bias,
                           leak=0 if membrane else leak,
                           frac=frac if not membrane else 4 if bias else 0)

    def forward(self, spikes, *, price=0.0, taps=None):
        """Score images from their input spikes.

        ``price`` is the loss for a cycle of the engine, summed over the images given. ``taps``, a
        list, receives the spikes of every layer.

        Returns
        -------
        scores : (images, classes)
            The final membrane in units of the threshold, the number of spikes, or the number of
            steps from the first spike on (``earliest``).
        """
        for place, layer in enumerate(self.convs):
            following = [*self.convs, self.dense][place + 1]
            current = Conv.apply(spikes, layer.whole(), layer.whole_bias(), layer.stride)
            spikes = self.fire(layer, current, price and price * cycles_a_train(following))
            if taps is not None:
                taps.append(spikes)
        if self.readout != "membrane":
            current = F.linear(spikes.float().flatten(1), self.dense.whole(),
                               self.dense.whole_bias())
            spikes = self.fire(self.dense, current[..., None, None])
            if taps is not None:
                taps.append(spikes)
            spikes = spikes.flatten(1).unflatten(0, (self.steps, -1))
            return spikes.sum(0) if self.readout == "count" else earliest(spikes)
        counts = spikes.unflatten(0, (self.steps, -1)).sum(0).float()
        counts = counts.mean((2, 3)) if self.mean else counts.flatten(1)
        scores = F.linear(counts, self.dense.whole())
        if self.dense.bias is not None:
            # A mean is a sum over the map in integers, in smaller units.
            scores = scores + self.steps * self.dense.whole_bias()
        return scores * self.dense.step.detach()

    def fire(self, layer, current, price=0.0):
        """Spikes of a layer from its currents."""
        return Lif.apply(current, self.steps, layer.drop, 2.0**layer.frac, layer.theta, self.slope,
                         price, self.surrogate)


def earliest(spikes):
    """Steps from the first spike on, 0 without one, of spikes (T, ...); with a gradient.

    The part of the steps up to t that were silent is the product of 1 - s over them, so that every
    spike that would come earlier, and the first one, can be told what it is worth.
    """
    return (1 - (1 - spikes).cumprod(0)).sum(0)


def cycles_a_train(layer, lanes=4):
    """Cycles of the engine that one input train which is not all zero costs ``layer``, about."""
    outputs, _, *kernel = layer.weight.shape
    return -(-outputs // lanes) * math.prod(kernel) / layer.stride**2


@torch.no_grad()
def work(net, taps, lanes=4):
    """Estimate the engine's work an image from the spikes of every layer, input first.

    A pixel of ``lanes`` channels takes max(T, trains not all zero in its field) + 2 cycles.

    Returns
    -------
    cycles, ops : (layers, images) float
        Clock cycles, and useful synaptic operations: spikes times fan-out.
    """
    cycles, ops = [], []
    for spikes, layer in zip(taps, [*net.convs, net.dense], strict=True):
        counts = spikes.unflatten(0, (net.steps, -1)).float().sum(0)
        outputs, _, *kernel = layer.weight.shape
        if kernel:
            ones = torch.ones(1, counts.shape[1], 3, 3)
            lit = F.conv2d((counts > 0).float(), ones, None, layer.stride, 1).flatten(1)
            seen = F.conv2d(counts, ones, None, layer.stride, 1).flatten(1)
        else:
            lit, seen = (counts > 0).flatten(1).sum(1, True).float(), counts.flatten(1).sum(1, True)
        cycles.append((lit.clamp(min=net.steps) + 2).sum(1) * -(-outputs // lanes))
        ops.append(seen.sum(1) * outputs)
    return torch.stack(cycles), torch.stack(ops)
