"""Modules and functions of torch and snnTorch as calls of a golden.importers.builder."""

from types import SimpleNamespace

import numpy as np

from golden.importers.builder import snapped
from golden.importers.float_network import FloatNeuron
from golden.importers.torch_record import NEURONS
from golden.importers.torch_steps import ALIKE, FORMS, NORMS, argument
from golden.io.errors import BadInput, rule
from golden.io.values import reals
from golden.network.ops import FloatRecurrent
from golden.network.ops.base import compact
from golden.neurons.alpha import FloatAlpha
from golden.neurons.cuba import FloatCuba

__all__ = ["Translator"]

RESETS = {0: "subtract", 1: "zero", 2: "none"}  # snnTorch's reset_mechanism_val
FUNCTIONS = {  # name: the module that does the same, its attributes and their defaults
    "conv1d": ("Conv1d", ("weight", "bias", "stride", "padding", "dilation", "groups"),
               {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1,
                "padding_mode": "zeros"}),
    "linear": ("Linear", ("weight", "bias"), {"bias": None}),
    "max_pool2d": ("MaxPool2d", ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
                   {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}),
    "avg_pool2d": ("AvgPool2d", ("kernel_size", "stride", "padding", "ceil_mode",
                                 "count_include_pad", "divisor_override"),
                   {"stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True,
                    "divisor_override": None}),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", ("output_size",), {}),
}
FUNCTIONS["conv2d"] = ("Conv2d", *FUNCTIONS["conv1d"][1:])
FUNCTIONS["max_pool1d"] = ("MaxPool1d", *FUNCTIONS["max_pool2d"][1:])
FUNCTIONS["avg_pool1d"] = ("AvgPool1d", *FUNCTIONS["avg_pool2d"][1:])
KNOWN = ("Conv1d, Conv2d, Linear, AvgPool, MaxPool, AdaptiveAvgPool2d(1), BatchNorm, lists of it "
         "over time (BNTT), Flatten, Dropout, Leaky, Synaptic, Alpha, RLeaky, RSynaptic, Lapicque, "
         "and the functions of these")


def array(value):
    """A tensor, or a number, as a float64 array."""
    for step in ("detach", "cpu", "numpy"):
        value = getattr(value, step)() if hasattr(value, step) else value
    return np.asarray(value, dtype=np.float64)


def two(value, where, what):
    """(down, across) of an int or a pair."""
    found = [int(each) for each in np.ravel(value)]
    rule(len(found) in (1, 2), where, f"{what} must be one number or two, not {value}")
    return tuple(found * 2 if len(found) == 1 else found)


def widened(module, **changes):
    """The attributes of a module of one row as those of one of maps, which have one row."""
    found = {}
    for name, down in (("kernel_size", 1), ("stride", None), ("padding", 0), ("dilation", 1)):
        value = getattr(module, name, None)
        if value is not None and not isinstance(value, str):
            across = int(np.ravel(value)[0])
            value = across if down is None else (down, across)
        found[name] = value
    rest = ("bias", "groups", "padding_mode", "ceil_mode", "count_include_pad",
            "divisor_override")
    return SimpleNamespace(**{**found, **{name: getattr(module, name, None) for name in rest},
                              **changes})


class Translator:
    """Turns calls into the layers of a golden.importers.builder.NetworkBuilder.

    Parameters
    ----------
    chain : NetworkBuilder
    flat : bool
        Whether the model was given vectors.
    """

    def __init__(self, chain, flat=False):
        self.chain, self.flat, self.back = chain, flat, None

    def take(self, calls):
        """Append one place of a chain; ``calls`` are its calls, one a step."""
        call = calls[0]
        kind, module, where = call.kind, call.module, call.where
        if kind in ALIKE:
            return
        if kind in NORMS:
            self.take_norm([each.module for each in calls], where)
            return
        if kind in FORMS:
            self.reshape(call, where)
            return
        if kind in FUNCTIONS:
            kind, module = self.as_module(call, where)
        take = getattr(self, f"take_{kind.lower()}", None)
        rule(take is not None, where, f"is not supported; a model may hold {KNOWN}")
        try:
            take(module if module is not None else call, where)
        except (AttributeError, TypeError) as error:
            raise BadInput(f"{where}: {error}") from None
        if kind.startswith(("Conv", "Linear")):
            self.fits(call, where)

    def fits(self, call, where):
        """Raise BadInput unless torch made the shape that the layer gives."""
        given = int(np.prod(call.shape()[1:]))
        rule(given == int(np.prod(self.chain.shape)), where, f"gave {given} values an image "
             f"where {' x '.join(map(str, self.chain.shape))} are expected; the first axis must be "
             "the batch")

    def as_module(self, call, where):
        """(kind, attributes) of the module that does what a function does."""
        kind, names, defaults = FUNCTIONS[call.kind]
        found = {**defaults, **call.kwargs}
        found.update(zip(names, call.args[1:], strict=False))
        missing = [name for name in names if name not in found]
        rule(not missing, where, f"has no {', '.join(missing)}")
        return kind, SimpleNamespace(**{key: found[key] for key in {*names, *defaults}})

    # --- layers -----------------------------------------------------------------------------------

    def take_conv2d(self, module, where):
        rule(not self.flat, where, "follows a vector, not a map")
        weights = array(module.weight)
        dilation, stride = (two(getattr(module, name), where, name)
                            for name in ("dilation", "stride"))
        padding, span = module.padding, [
            (k - 1) * d + 1 for k, d in zip(weights.shape[2:], dilation, strict=True)]
        if padding == "same":
            rule(stride == (1, 1) and all(n % 2 for n in span), where,
                 f'padding "same" needs stride 1 and an odd kernel, not {compact(stride)} and '
                 f"{compact(tuple(span))}")
            padding = tuple(n // 2 for n in span)
        elif padding == "valid":
            padding = 0
        padding = two(padding, where, "padding")
        rule(not any(padding) or module.padding_mode == "zeros", where,
             f"padding must be by zeros, not {module.padding_mode}")
        self.chain.conv(where, weights, self.bias(module), stride=stride, padding=padding,
                        groups=int(module.groups), dilation=dilation)

    def take_conv1d(self, module, where):
        """A convolution of one row."""
        rule(self.chain.shape[1] == 1, where, "must follow maps of one row (C, 1, L), not "
             f"{' x '.join(map(str, self.chain.shape))}")
        self.take_conv2d(widened(module, weight=array(module.weight)[:, :, None]), where)

    def take_avgpool1d(self, module, where):
        self.take_avgpool2d(widened(module), where)

    def take_maxpool1d(self, module, where):
        self.take_maxpool2d(widened(module), where)

    def take_adaptiveavgpool1d(self, module, where):
        self.take_adaptiveavgpool2d(module, where)

    def take_linear(self, module, where):
        rule(self.flat or self.chain.shape[1:] == (1, 1), where,
             f"follows a map of {' x '.join(map(str, self.chain.shape))}; it needs a Flatten")
        self.chain.dense(where, array(module.weight), self.bias(module))
        self.flat = True

    @staticmethod
    def bias(module):
        return None if module.bias is None else array(module.bias)

    def reshape(self, call, where):
        """Make a map a vector, or a vector a map, in torch's order; anything else is refused."""
        before, after = call.inputs[0][0].shape(call.inputs[0][1]), call.shape()
        channels, *sides = self.chain.shape
        count = int(np.prod(self.chain.shape))
        rule(after[0] == before[0], where,
             f"must flatten all but the batch: {before} becomes {after}")
        if after[1:] == (count,):
            self.flat = True
        elif not self.flat and after[1:] in (self.chain.shape, (channels, *sides[1:])) or (
                after == before):
            return
        else:
            after = (*after[:2], 1, *after[2:]) if len(after) == 3 else after
            rule(self.flat and len(after) == 4 and sides == [1, 1] and channels == count, where,
                 f"makes {after[1:]} of {before[1:]}; a map may become a vector of all its values, "
                 "or a vector a map")
            self.chain.reform(where, after[1:])
            self.flat = False

    def take_avgpool2d(self, module, where):
        rule(not self.flat, where, "follows a vector, not a map")
        kernel, stride, padding = self.pooled(module, where)
        rule(not any(padding) or module.count_include_pad, where,
             "an average without its padding (count_include_pad=False) is not supported")
        divisor = getattr(module, "divisor_override", None)
        self.chain.pool(where, "avg" if divisor is None else "sum", kernel, stride, padding,
                        bool(module.ceil_mode))
        if divisor is not None:
            self.chain.affine(where, 1 / divisor)

    def take_maxpool2d(self, module, where):
        rule(not self.flat, where, "follows a vector, not a map")
        rule(two(module.dilation, where, "dilation") == (1, 1), where,
             f"dilation must be 1, not {module.dilation}")
        kernel, stride, padding = self.pooled(module, where)
        self.chain.pool(where, "max", kernel, stride, padding, bool(module.ceil_mode))

    @staticmethod
    def pooled(module, where):
        """(kernel, stride, padding) of a pooling, each a pair."""
        kernel = two(module.kernel_size, where, "kernel_size")
        return (kernel, kernel if module.stride is None else two(module.stride, where, "stride"),
                two(module.padding, where, "padding"))

    def take_adaptiveavgpool2d(self, module, where):
        rule(not self.flat, where, "follows a vector, not a map")
        wanted = module.output_size
        wanted = (wanted, wanted) if isinstance(wanted, int) else tuple(wanted)
        sides = self.chain.shape[1:]
        wanted = tuple(n if out is None else out for n, out in zip(
            sides, wanted[-2:] if len(wanted) > 1 else (1, *wanted), strict=True))
        if wanted == (1, 1):
            self.chain.average_all(where)
            return
        rule(not any(n % out for n, out in zip(sides, wanted, strict=True)), where,
             f"must pool to one pixel or to a size that divides {sides[0]} x {sides[1]}, not "
             f"{wanted[0]} x {wanted[1]}")
        self.chain.pool(where, "avg", tuple(n // out for n, out in zip(sides, wanted, strict=True)))

    def take_dropout(self, call, where):
        """A dropout as a function, which must be told that this is no training."""
        rule(not argument(call, 2, "training", True), where,
             "drops values by chance; give it training=self.training")

    take_dropout1d, take_dropout2d, take_dropout3d = take_dropout, take_dropout, take_dropout

    def take_mean(self, call, where):
        """The mean over all pixels: x.mean(dim=(2, 3))."""
        dims = argument(call, 1, "dim")
        dims = dims if isinstance(dims, tuple) else (dims,)
        rule(not self.flat and {d % 4 for d in dims if d is not None} == {2, 3}, where,
             "must be taken over all pixels of a map")
        self.chain.average_all(where)

    # --- norms, gains and offsets -----------------------------------------------------------------

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

    def take_norm(self, modules, where):
        """A batch norm, or BNTT where each step has its own."""
        if all(module is modules[0] for module in modules):
            rule(self.chain.open is not None, where, "must stand between weights and neuron")
            self.chain.affine(where, *self.affine_of(modules[0], where))
            return
        pairs = [self.affine_of(module, where) for module in modules]
        self.chain.norm(where, *(np.stack(part) for part in zip(*pairs, strict=True)))

    def take_mul(self, call, where, form=lambda x: x):
        self.chain.affine(where, form(self.constant(call, where)))

    def take_div(self, call, where):
        rule(call.args[0] is None, where, "divides by a value of the network")
        self.take_mul(call, where, lambda x: 1 / x)

    def take_add(self, call, where):
        self.chain.affine(where, 1.0, self.constant(call, where))

    def take_sub(self, call, where):
        rule(call.args[0] is None, where, "subtracts a value of the network")
        self.chain.affine(where, 1.0, -self.constant(call, where))

    def take_neg(self, call, where):
        self.chain.affine(where, -1.0)

    take_mul_, take_div_, take_add_, take_sub_ = take_mul, take_div, take_add, take_sub

    def take___rsub__(self, call, where):
        constant = self.constant(call, where)
        self.chain.affine(where, -1.0, constant)

    def constant(self, call, where):
        """The constant operand, one number or one a channel."""
        rule(not call.kwargs, where, f"takes no {', '.join(call.kwargs)}")
        found = [each for each in call.args if each is not None]
        rule(len(found) == 1, where, "must have one constant operand")
        return self.chain.over_channels(array(found[0]), where, "the constant")

    # --- neurons ----------------------------------------------------------------------------------

    def close(self, call, back=None):
        """Append the neurons of a call; ``back`` is the Call that leads spikes back to them."""
        rule(call.kind in NEURONS, call.where, "is not supported")
        self.back = back
        try:
            getattr(self, f"take_{call.kind.lower()}")(call.module, call.where)
        except (AttributeError, TypeError) as error:
            raise BadInput(f"{call.where}: {error}") from None

    def checked(self, module, where):
        """(reset, threshold) of a neuron of snnTorch."""
        rule(not module.inhibition, where, "inhibition is not supported")
        rule(not module.state_quant, where,
             "state_quant is not supported: membranes are quantised here")
        threshold = self.chain.over_channels(array(module.threshold), where, "threshold")
        return RESETS[int(array(module.reset_mechanism_val))], snapped(threshold, 1e-7)

    def take_leaky(self, module, where):
        reset, threshold = self.checked(module, where)
        if not module.reset_delay:
            # A membrane set to zero at once is at or below its threshold, as one set a step later.
            reset = {"subtract": "subtract_now"}.get(reset, reset)
        beta = self.chain.over_channels(np.clip(array(module.beta), 0, 1), where, "beta")
        self.spikes(module, where, FloatNeuron(
            beta=snapped(beta), threshold=threshold, reset=reset))

    def take_rleaky(self, module, where):
        reset, threshold = self.checked(module, where)
        beta = self.chain.over_channels(np.clip(array(module.beta), 0, 1), where, "beta")
        common = {"beta": snapped(beta), "threshold": threshold}
        if module.reset_delay and reset == "zero":
            neuron = FloatCuba(reset="clear", **common)
        else:
            now = not module.reset_delay and reset == "subtract"
            neuron = FloatNeuron(reset="subtract_now" if now else reset, **common)
        self.spikes(module, where, neuron, loop=self.loop(module, where))

    def take_synaptic(self, module, where):
        self.spikes(module, where, self.synaptic(module, where))

    def take_rsynaptic(self, module, where):
        self.spikes(module, where, self.synaptic(module, where), loop=self.loop(module, where))

    def synaptic(self, module, where):
        """The real neuron of a module with a synaptic current; a delayed zero loses an input."""
        reset, threshold = self.checked(module, where)
        alpha, beta = (self.chain.over_channels(np.clip(array(getattr(module, name)), 0, 1), where,
                                                name) for name in ("alpha", "beta"))
        order = {("zero", True): "clear", ("subtract", False): "subtract_now"}
        return FloatCuba(alpha=snapped(alpha), beta=snapped(beta), threshold=threshold,
                         reset=order.get((reset, bool(module.reset_delay)), reset))

    def take_alpha(self, module, where):
        """Two traces, whose sum counts tau_alpha times: so much is an input worth."""
        reset, threshold = self.checked(module, where)
        rule(reset != "subtract", where, 'reset_mechanism="subtract" sets a trace to the threshold '
             'in place of taking it off, which is not supported; use "zero"')
        alpha, beta = (self.chain.over_channels(np.clip(array(getattr(module, name)), 0, 1), where,
                                                name) for name in ("alpha", "beta"))
        rule(np.all((beta > 0) & (beta < alpha) & (alpha < 1)), where, "alpha must be above beta, "
             f"and both between 0 and 1, not {np.max(alpha):g} and {np.max(beta):g}")
        worth = np.log(alpha) / (np.log(beta) - np.log(alpha)) + 1
        self.spikes(module, where, FloatAlpha(
            alpha=snapped(alpha), beta=snapped(beta), threshold=threshold,
            reset={"zero": "clear"}.get(reset, reset)), worth)

    def loop_through(self, call, height):
        """The FloatRecurrent of a layer that reads a neuron's spikes for that neuron."""
        module, where = call.module, call.where
        weights = array(module.weight)
        if weights.ndim == 4:
            numbers = {name: two(getattr(module, name), where, name)
                       for name in ("stride", "dilation")}
            padding = module.padding
            same = tuple(n // 2 for n in weights.shape[2:])
            rule(set(numbers.values()) == {(1, 1)} and int(module.groups) == 1
                 and module.padding_mode == "zeros" and all(n % 2 for n in weights.shape[2:])
                 and (padding == "same" or padding != "valid" and two(
                     padding, where, "padding") == same), where, "a recurrent convolution must "
                 "keep the size of its map: an odd kernel, stride, dilation and groups 1, and "
                 "zeros of half the kernel around")
        return FloatRecurrent(weights * height, self.bias(module), "spikes")

    def loop(self, module, where):
        """The FloatRecurrent of a neuron of snnTorch that reads its own spikes."""
        height = array(module.graded_spikes_factor)
        if not module.all_to_all:
            values = self.chain.over_channels(array(module.V), where, "V")
            weights, bias = np.diag(np.broadcast_to(values, self.chain.shape[:1])), None
            if not self.flat and self.chain.shape[1:] != (1, 1):
                weights = weights[:, :, None, None]
        else:
            weights, bias = array(module.recurrent.weight), self.bias(module.recurrent)
        return FloatRecurrent(weights * height, bias, "spikes")

    def take_lapicque(self, module, where):
        """By Euler: beta = 1 - time_step / (R C), and an input counts time_step / C."""
        reset, threshold = self.checked(module, where)
        rule(reset != "zero", where, 'sets a membrane to zero with the input of that step lost '
             '(reset_mechanism="zero"), which is not supported; use "subtract"')
        r, c, step = (self.chain.over_channels(array(value), where, name) for name, value in (
            ("R", module.R), ("C", module.C), ("time_step", module.time_step)))
        beta = snapped(1 - step / (r * c))
        rule(np.all((beta >= 0) & (beta <= 1)), where,
             f"keeps {np.min(beta):g} of its membrane in a step; R C must be at least time_step")
        self.spikes(module, where, FloatNeuron(beta=beta, threshold=threshold, reset=reset),
                    snapped(step / c))

    def spikes(self, module, where, neuron, gain=1.0, loop=None):
        """Close the layer, and put the height of its spikes into the next weights."""
        notes = () if neuron.spiking else ("its membranes are read, not its spikes",)
        if self.back is not None:
            rule(loop is None, self.back.where,
                 f"leads spikes back to {where}, which does so itself")
            loop = self.loop_through(self.back, array(module.graded_spikes_factor))
            notes = (*notes, f"{self.back.where} leads back to it")
        if loop is not None:
            rule(neuron.spiking, where, "reads its own spikes and never resets, which is not "
                 "supported")
            notes = (*notes, "reads its own spikes of the step before, snnTorch's way: its bias "
                     "counts in the first step too")
        self.chain.neuron(where, neuron, gain, notes=notes, loop=loop)
        height = array(module.graded_spikes_factor)
        rule(height.size == 1, where, "graded_spikes_factor must be one number")
        if height.flat[0] != 1:
            rule(height.flat[0] > 0, where, "graded_spikes_factor must be positive")
            self.chain.affine(where, height.flat[0])
