"""From an snnTorch ``nn.Sequential`` to a network, without importing torch.

Modules are known by the names of their classes and read by their attributes. Unlike a NIR file this
keeps the reset that the network was trained with.
"""

import numpy as np

from golden.importers.builder import NetworkBuilder, snapped
from golden.importers.float_network import FloatNeuron
from golden.io.errors import BadInput, rule
from golden.io.values import reals

RESETS = {0: "subtract", 1: "zero", 2: "none"}  # snnTorch's reset_mechanism_val
STILL = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "Identity")


def array(value):
    """A tensor, or a number, as a float64 array."""
    for step in ("detach", "cpu", "numpy"):
        value = getattr(value, step)() if hasattr(value, step) else value
    return np.asarray(value, dtype=np.float64)


def side(value, where, what):
    """One whole number of an int or of a pair of equal ones."""
    values = set(np.ravel(value).tolist())
    rule(len(values) == 1, where, f"{what} must be the same in both directions, not {value}")
    return int(values.pop())


def modules_of(module, prefix=""):
    """(name, module) of the modules in order, Sequentials unfolded."""
    for name, inner in module.named_children():
        name = f"{prefix}{name}"
        if type(inner).__name__ == "Sequential":
            yield from modules_of(inner, f"{name}.")
        else:
            yield name, inner


class Walker:
    """Turns modules into the layers of a golden.importers.builder.NetworkBuilder."""

    def __init__(self, chain):
        self.chain, self.flat = chain, False

    def take(self, name, module):
        """Append one module."""
        kind = type(module).__name__
        where = f"module {name} ({kind})"
        if kind in STILL:
            return
        take = getattr(self, f"take_{kind.lower()}", None)
        rule(take is not None, where, "is not supported; modules may be Conv2d, Linear, AvgPool2d, "
             "MaxPool2d, AdaptiveAvgPool2d(1), BatchNorm, a list of them over time (BNTT), "
             "Flatten, Dropout and Leaky")
        take(module, where)

    def take_conv2d(self, module, where):
        rule(not self.flat, where, "follows a vector, not a map")
        rule(side(module.dilation, where, "dilation") == 1, where,
             f"dilation must be 1, not {module.dilation}")
        weights, stride = array(module.weight), side(module.stride, where, "stride")
        kernel, padding = weights.shape[2:], module.padding
        if padding == "same":
            rule(stride == 1 and kernel[0] % 2 == 1, where,
                 f'padding "same" needs stride 1 and an odd kernel, not {stride} and {kernel[0]}')
            padding = kernel[0] // 2
        elif padding == "valid":
            padding = 0
        padding = side(padding, where, "padding")
        rule(padding == 0 or module.padding_mode == "zeros", where,
             f"padding must be by zeros, not {module.padding_mode}")
        self.chain.conv(where, weights, self.bias(module), stride=stride, padding=padding,
                        groups=int(module.groups))

    def take_linear(self, module, where):
        rule(self.flat or self.chain.shape[1:] == (1, 1), where,
             f"follows a map of {' x '.join(map(str, self.chain.shape))}; it needs a Flatten")
        self.chain.dense(where, array(module.weight), self.bias(module))
        self.flat = True

    @staticmethod
    def bias(module):
        return None if module.bias is None else array(module.bias)

    def take_flatten(self, module, where):
        rule(module.start_dim == 1 and module.end_dim in (-1, 3), where,
             f"must flatten all but the batch, not dimensions {module.start_dim} to "
             f"{module.end_dim}")
        self.flat = True

    def take_avgpool2d(self, module, where):
        padding = side(module.padding, where, "padding")
        kernel = side(module.kernel_size, where, "kernel_size")
        rule(not module.ceil_mode, where, "ceil_mode is not supported")
        rule(padding == 0 or module.count_include_pad, where,
             "an average without its padding (count_include_pad=False) is not supported")
        stride = kernel if module.stride is None else side(module.stride, where, "stride")
        if module.divisor_override is None:
            self.chain.pool(where, "avg", kernel, stride, padding)
        else:
            self.chain.pool(where, "sum", kernel, stride, padding)
            self.chain.affine(where, 1 / module.divisor_override)

    def take_maxpool2d(self, module, where):
        kernel = side(module.kernel_size, where, "kernel_size")
        rule(side(module.dilation, where, "dilation") == 1 and not module.ceil_mode, where,
             "dilation and ceil_mode are not supported")
        stride = kernel if module.stride is None else side(module.stride, where, "stride")
        self.chain.pool(where, "max", kernel, stride, side(module.padding, where, "padding"))

    def take_adaptiveavgpool2d(self, module, where):
        rule(side(module.output_size, where, "output_size") == 1, where,
             f"must pool to one pixel, not {module.output_size}")
        self.chain.average_all(where)

    def affine_of(self, module, where):
        """(gain, offset) of a batch norm at inference: y = gain x + offset."""
        rule(getattr(module, "running_mean", None) is not None, where,
             "keeps no running statistics; train it with track_running_stats=True")
        mean, var = reals(array(module.running_mean), where, "running_mean"), reals(
            array(module.running_var), where, "running_var")
        rule((var + module.eps > 0).all(), where, "running_var must not be negative")
        gain = np.ones_like(mean) if module.weight is None else array(module.weight)
        shift = np.zeros_like(mean) if module.bias is None else array(module.bias)
        gain = reals(gain, where, "weight") / np.sqrt(var + module.eps)
        rule(gain.shape == (self.chain.shape[0],), where,
             f"has {len(gain)} channels where {self.chain.shape[0]} come")
        return gain, shift - gain * mean

    def take_batchnorm2d(self, module, where):
        rule(self.chain.open is not None, where, "must stand between weights and neuron")
        self.chain.affine(where, *self.affine_of(module, where))

    take_batchnorm1d = take_batchnorm2d

    def take_modulelist(self, module, where):
        """BNTT as snn.BatchNormTT1d and 2d give it: a list of one batch norm a step."""
        parts = list(module)
        kinds = {type(part).__name__ for part in parts}
        rule(kinds and kinds <= {"BatchNorm1d", "BatchNorm2d"}, where,
             "a list must hold batch norms, one a time step")
        steps = self.chain.steps
        rule(len(parts) >= steps, where, f"holds {len(parts)} batch norms for {steps} time steps")
        pairs = [self.affine_of(part, f"{where}[{t}]") for t, part in enumerate(parts[:steps])]
        self.chain.norm(where, *(np.stack(part) for part in zip(*pairs, strict=True)))

    def take_leaky(self, module, where):
        rule(not module.inhibition, where, "inhibition is not supported")
        rule(not module.state_quant, where,
             "state_quant is not supported: membranes are quantised here")
        reset = RESETS[int(array(module.reset_mechanism_val))]
        notes = ()
        if not module.reset_delay:
            # A membrane set to zero at once is at or below its threshold, as one set a step later.
            reset = {"subtract": "subtract_now"}.get(reset, reset)
        beta = self.chain.over_channels(np.clip(array(module.beta), 0, 1), where, "beta")
        threshold = self.chain.over_channels(array(module.threshold), where, "threshold")
        if reset == "none":
            notes = ("its membranes are read, not its spikes",)
        self.chain.neuron(where, FloatNeuron(
            beta=snapped(beta), threshold=snapped(threshold, 1e-7), reset=reset), notes=notes)
        height = array(module.graded_spikes_factor)
        rule(height.size == 1, where, "graded_spikes_factor must be one number")
        if height.flat[0] != 1:
            rule(height.flat[0] > 0, where, "graded_spikes_factor must be positive")
            self.chain.affine(where, height.flat[0])


def from_snntorch(sequential, *, shape, steps, encoder="bernoulli", readout=None,
                  input_scale=None, name="snntorch"):
    """Turn an ``nn.Sequential`` of torch and snnTorch modules into a FloatNetwork.

    Batch norms are folded with their running statistics and dropout is left out, as in ``eval()``.
    Convolutions, Linear, AvgPool2d, MaxPool2d behind a neuron, AdaptiveAvgPool2d(1), BatchNorm,
    snn.BatchNormTT (a list of norms, one a step), Flatten, Dropout and Leaky are known.

    Parameters
    ----------
    sequential : torch.nn.Sequential
        May hold others. Weights that end without a neuron accumulate.
    shape : (C, H, W) or (inputs,)
        Of one image.
    steps : int
        Time steps, 1 to 255.
    encoder, readout, input_scale, name :
        As in FloatNetwork; input_scale is 1 / 255 by default for encoder "current", as ToTensor
        leaves pixels, and readout "count" where the last layer spikes, else "membrane".

    Returns
    -------
    golden.importers.float_network.FloatNetwork
        For golden.quantise, or to ``save`` for ``python -m golden.quantise``.

    Raises BadInput, naming the module and the rule, for anything else; the layers read until then
    are its ``done``.
    """
    rule(hasattr(sequential, "named_children"), name, "must be an nn.Sequential of modules")
    shape = tuple(int(n) for n in np.ravel(shape))
    rule(len(shape) in (1, 3), name, f"shape must be (C, H, W) or (inputs,), not {shape}")
    rule(isinstance(steps, int) and 1 <= steps <= 255, name, f"steps must be 1 to 255, not {steps}")
    chain = NetworkBuilder(shape if len(shape) == 3 else (*shape, 1, 1), steps, encoder)
    walker = Walker(chain)
    if input_scale is None:
        input_scale = 1 / 255 if encoder == "current" else 1.0
    try:
        for inner, module in modules_of(sequential):
            try:
                walker.take(inner, module)
            except (AttributeError, TypeError) as error:
                raise BadInput(f"module {inner} ({type(module).__name__}): {error}") from None
        return chain.done(readout, name=name, input_scale=input_scale)
    except BadInput as error:
        error.done = chain.layers
        raise
