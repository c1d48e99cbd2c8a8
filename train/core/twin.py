"""The integer network in torch: forward the very integers of golden, backward a choice of rules.

A spike has no derivative, so whoever explains a spiking network by going backwards chooses one.
Here the choice is an argument, and the numbers explained are those of the chip.
"""

import torch
from torch import nn
from torch.nn import functional as F

from golden.formats import LEAK_BITS
from golden.io.errors import BadInput
from golden.network.rules import chain

RULES = ("gradient", "deconv", "guided")
GATES = ("surrogate", "spike")


class Fire(torch.autograd.Function):
    """S = [u > threshold] forward; backward, with R what arrives and g the gate, one of

    - "gradient": R g                  as 1(X > 0) of a ReLU
    - "deconv":   R 1(R > 0)           DeconvNet
    - "guided":   R g 1(R > 0)         guided backpropagation; g is the spike

    The gate g of "gradient" is "spike", 1 where the neuron spikes, which is the ReLU's own rule
    with a spike for X > 0; or "surrogate", .3 max(0, 1 - |u / threshold - 1|) / threshold, the
    surrogate of the SAM authors' script.
    """

    @staticmethod
    def forward(ctx, membrane, threshold, lowest, rule, gate):
        spikes = (membrane > lowest).to(membrane.dtype)
        ctx.save_for_backward(membrane, threshold, spikes)
        ctx.given = rule, gate
        return spikes

    @staticmethod
    def backward(ctx, g_spikes):
        membrane, threshold, spikes = ctx.saved_tensors
        rule, gate = ctx.given
        if rule == "gradient" and gate == "surrogate":
            height = threshold.clamp(min=1)
            found = g_spikes * 0.3 * (1 - (membrane / height - 1).abs()).clamp(min=0) / height
        elif rule == "gradient":
            found = g_spikes * spikes
        else:
            found = g_spikes.clamp(min=0) * (1 if rule == "deconv" else spikes)
        return found, None, None, None, None


def floored(values, real):
    """``values`` forward, the gradient of ``real`` backward."""
    return real + (values - real).detach()


def column(layer, values):
    """One number a channel, to multiply (..., C, H, W) with."""
    return torch.from_numpy(layer.per_channel(values).astype("float64"))[:, None, None]


class Twin(nn.Module):
    """A golden Network that can be gone through backwards.

    Forward equals golden.run bit for bit: float64 holds every number of a Network exactly. The
    reset counts as a constant backwards, a rounding as none.

    Parameters
    ----------
    network : golden.network.Network
        Its readout must be "membrane" or "count".
    rule, gate :
        As in ``Fire``.
    """

    def __init__(self, network, rule="gradient", gate="surrogate"):
        super().__init__()
        if rule not in RULES or gate not in GATES:
            raise BadInput(f"rule must be one of {', '.join(RULES)} and gate one of "
                           f"{', '.join(GATES)}, not {rule} and {gate}")
        if network.recurrent:
            raise BadInput(f"{network.name}: layer {network.recurrent[0].index} reads its own "
                           "spikes, which a twin does not go through")
        chain(network, "a twin goes through chains alone")
        if network.readout == "first":
            raise BadInput(f"{network.name}: readout first has no gradient; "
                           "membrane and count have one")
        self.network, self.rule, self.gate = network, rule, gate

    def forward(self, spikes, seen=None):
        """Scores after the last step, (N, classes), of input spikes (N, T, C, H, W).

        ``seen``, a dict, receives what each weighted layer hands on, (N, T, C, H, W), by its tap.
        """
        active = spikes.double()
        for stage in self.network.stages:
            active, membranes = self.stage(active, stage)
            if seen is not None:
                seen[stage.index] = active
        found = membranes[:, -1] if self.network.readout == "membrane" else active.sum(1)
        return found.flatten(1)

    def stage(self, active, stage):
        """(spikes, membranes) of one stage."""
        count, steps = active.shape[:2]
        flat = active.flatten(0, 1)
        for pool in stage.pools:
            flat = pooled(flat, pool)
        layer = stage.layer
        weights = torch.from_numpy(layer.weights.astype("float64"))
        if layer.dense:
            sums = F.linear(flat.flatten(1), weights)[:, :, None, None]
        else:
            sums = F.conv2d(flat, weights, None, layer.stride, layer.padding, 1, layer.groups)
        return self.neurons(sums.unflatten(0, (count, steps)), layer)

    def neurons(self, sums, layer):
        """golden.neurons.population.fire, in float64."""
        neuron = layer.neuron
        threshold, leak = column(layer, neuron.threshold), column(layer, neuron.leak)
        bias, v_reset = column(layer, layer.biases), column(layer, neuron.v_reset)
        lowest = threshold - int(neuron.compare == "ge")

        def leaked(values):
            drop = values * leak / 2**LEAK_BITS
            return values - floored(drop.floor(), drop)

        membrane = torch.zeros_like(sums[:, 0])
        fired = membrane
        spikes, membranes = [], []
        for t in range(sums.shape[1]):
            if layer.norm is None:
                added = sums[:, t] * 2**layer.frac + bias
            else:
                gain, offset, shift = layer.norm
                real = sums[:, t] * column(layer, gain[t]) / 2**shift
                added = floored(real.floor(), real) + column(layer, offset[t]) + bias
            reset = fired.detach()
            if neuron.reset == "subtract":
                membrane = leaked(membrane) - threshold * reset + added
            elif neuron.reset == "subtract_leaked":
                membrane = leaked(membrane - threshold * reset) + added
            elif neuron.reset == "zero":
                membrane = leaked(torch.where(reset > 0, v_reset, membrane)) + added
            else:
                membrane = leaked(membrane) + added
            if layer.spiking:
                fired = Fire.apply(membrane, threshold, lowest, self.rule, self.gate)
            spikes.append(fired)
            membranes.append(membrane)
        if neuron.delay:
            spikes = [torch.zeros_like(spikes[0]), *spikes[:-1]]
        return torch.stack(spikes, 1), torch.stack(membranes, 1)


def pooled(flat, pool):
    """golden.synapses.pooled: counts, or the OR of spikes."""
    if pool.kind == "max":
        return F.max_pool2d(flat, pool.kernel, pool.stride, pool.padding)
    return F.avg_pool2d(flat, pool.kernel, pool.stride, pool.padding, divisor_override=1)
