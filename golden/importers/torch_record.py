"""What a torch model does in one forward: every module and function that a value passes, in order.

Torch is taken from the modules that are loaded already; nothing here imports it.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from golden.io.errors import BadInput, rule

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["NEURONS", "Call", "Unfit", "family", "forget", "leaves", "like_of", "record", "resting",
           "runner", "stacked", "torch"]

LAYERS = {"Conv1d", "Conv2d", "Linear", "AvgPool1d", "AvgPool2d", "MaxPool1d", "MaxPool2d",
          "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "BatchNorm1d", "BatchNorm2d", "Flatten",
          "Unflatten", "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d",
          "AlphaDropout"}
# Neurons, and which of their outputs go into their next call, in the order of its arguments.
NEURONS = {"Leaky": (1,), "Lapicque": (1,), "RLeaky": (0, 1), "RSynaptic": (0, 1, 2),
           "Synaptic": (1, 2), "Alpha": (1, 2, 3)}
OWNERS = ("torch", "snntorch")
LEAVING = {"__bool__", "__int__", "__float__", "__index__", "item", "tolist", "numpy", "__array__"}
RECURRENT = "recurrent connections of such neurons are not supported; use RLeaky"
STATES = {"SLSTM": RECURRENT, "SConv2dLSTM": RECURRENT}


class Unfit(BadInput):
    """A model does not take a tensor."""


def torch():
    """The loaded torch; BadInput where none is, since then no model can be one."""
    found = sys.modules.get("torch")
    rule(found is not None, "model", "must be a torch module, and torch is not loaded")
    return found


def family(module) -> str | None:
    """The class name by which a module is known, None where its own forward is to be followed.

    A subclass counts as the class whose forward it runs. Modules of torch without others in them,
    and neurons of snnTorch, are never followed.
    """
    kind = type(module)
    for parent in kind.__mro__:
        if parent.__module__.split(".")[0] not in OWNERS:
            continue
        if parent.__name__ in LAYERS | NEURONS.keys() and parent.forward is kind.forward:
            return parent.__name__
        if parent.__name__ == "SpikingNeuron":
            return kind.__name__
    own = kind.__module__.split(".")[0]
    followed = own not in OWNERS or own == "torch" and any(True for _ in module.children())
    return None if followed else kind.__name__


def is_neuron(module: str) -> bool:
    """Whether a module is a neuron of snnTorch."""
    return any(parent.__name__ == "SpikingNeuron" for parent in type(module).__mro__)


@dataclass(eq=False)
class Call:
    """One module or function that was called with values of the input behind it.

    Members
    -------
    kind : str
        Class of the module, or name of the function.
    where : str
        What messages call it.
    module : None or torch module
    inputs : list of (Call, int)
        The calls whose outputs it takes, and which of their outputs.
    args, kwargs :
        As they were given; an input stands as None.
    outputs : list of tensors
    """

    kind: str
    where: str
    module: object = None
    inputs: list = field(default_factory=list)
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    outputs: list = field(default_factory=list)

    def shape(self, slot: int = 0) -> tuple[int, ...]:
        """Shape of an output."""
        return tuple(self.outputs[slot].shape)


def leaves(value, kind: type) -> Iterator:
    """All tensors in nested lists, tuples and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from leaves(each, kind)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()), kind)


def stacked(value):
    """What a forward returned, with lists of tensors of one shape (one a step) as one tensor."""
    if isinstance(value, list) and value and all(
            isinstance(each, torch().Tensor) and each.shape == value[0].shape for each in value):
        return torch().stack(value)
    return tuple(map(stacked, value)) if isinstance(value, (list, tuple)) else value


class Recorder:
    """Keeps the calls of one forward in ``calls``, and which of them gave a tensor."""

    def __init__(self):
        self.tensor = torch().Tensor
        self.calls, self.known, self.inside, self.path = [], {}, 0, []

    def give(self, call: Call, outputs: list) -> None:
        """Enter tensors as outputs of ``call``; they are kept, so that their ids stay theirs."""
        for value in outputs:
            self.known[id(value)] = call, len(call.outputs)
            call.outputs.append(value)

    def start(self, value) -> Call:
        """The Call of the model's input."""
        call = Call("input", "the input")
        self.calls.append(call)
        self.give(call, [value])
        return call

    def origin(self, value):
        """(Call, slot) of a tensor, None where the input is not behind it."""
        return self.known.get(id(value))

    def blank(self, value, changes: bool = False):
        """``value`` with None for what the input is behind; a copy where the call changes it."""
        if isinstance(value, self.tensor):
            return None if id(value) in self.known else value.clone() if changes else value
        if isinstance(value, (list, tuple)):
            return tuple(self.blank(each) for each in value)
        return value

    def call(self, kind: str, where: str, module: str, args: tuple, kwargs: dict) -> Call:
        """A Call of these arguments, entered in order."""
        inputs = [self.known[id(value)] for value in leaves([args, kwargs], self.tensor)
                  if id(value) in self.known]
        found = Call(kind, where, module, inputs,
                     tuple(self.blank(each, kind.endswith("_")) for each in args),
                     {key: self.blank(value) for key, value in kwargs.items()})
        self.calls.append(found)
        return found

    def function(self, name: str, func, args: tuple, kwargs: dict):
        """Run a function of torch and enter it if the input is behind an argument."""
        behind = not self.inside and any(
            id(value) in self.known for value in leaves([args, kwargs], self.tensor))
        call = None
        if behind:
            within = f" in module {self.path[-1]}" if self.path and self.path[-1] else ""
            where = f"function {name}{within}"
            rule(name not in LEAVING, where, "takes a value of the network out of it, to decide by "
                 "it or to change it unseen; control by data is not supported")
            call = self.call(name, where, None, args, kwargs)
        found = func(*args, **kwargs)
        if behind:
            given = args[:1] if name == "__setitem__" else list(leaves(found, self.tensor))
            if given:
                self.give(call, given)
            else:
                self.calls.remove(call)
        return found

    def hooks(self, name: str, module: str) -> tuple[Callable, Callable]:
        """Hooks (before, behind) of one module."""
        kind = family(module)

        def before(module, args, kwargs):
            self.path.append(name)
            if kind is not None:
                rule(kind in NEURONS or not is_neuron(module), f"module {name} ({kind})",
                     STATES.get(kind, "is a neuron that is not supported; use Leaky"))
                rule(kind != "RSynaptic" or module.reset_delay, f"module {name} ({kind})",
                     "reset_delay=False fails or does nothing in snnTorch 1.0")
                if not self.inside:
                    where = f"module {name} ({kind})" if name else f"module ({kind})"
                    self.call(kind, where, module, args, kwargs)
                self.inside += 1

        def behind(module, args, kwargs, output):
            self.path.pop()
            if kind is not None:
                self.inside -= 1
                if not self.inside:
                    call = next(c for c in reversed(self.calls) if c.module is module)
                    # A module may hand on what it was given (Identity, Dropout, Flatten).
                    self.give(call, list(leaves(output, self.tensor)))

        return before, behind


@contextmanager
def watched(model: Any, recorder) -> Iterator:
    """Watch all modules and functions while the context lasts."""
    overrides = torch().overrides

    class Watch(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return recorder.function(name_of(func, overrides), func, args, kwargs or {})

    handles = []
    try:
        for name, module in model.named_modules():
            before, behind = recorder.hooks(name, module)
            handles += [
                module.register_forward_pre_hook(before, prepend=True, with_kwargs=True),
                module.register_forward_hook(behind, with_kwargs=True)]
        with Watch():
            yield
    finally:
        for handle in handles:
            handle.remove()


def name_of(func, overrides: "ModuleType") -> str:
    """The last part of a function's name; of a property, the property's."""
    parts = (overrides.resolve_name(func) or getattr(func, "__name__", "?")).split(".")
    return parts[-2] if parts[-1] == "__get__" else parts[-1]


@contextmanager
def resting(model: Any) -> Iterator:
    """The model in eval mode without gradients, and all as it was afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch().no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        forget(model)


def forget(model) -> None:
    """Set the membranes that modules keep to where they start."""
    for module in model.modules():
        if hasattr(module, "reset_mem"):
            module.reset_mem()


def record(model, feeds: list, run=None) -> tuple[list[Call], list[Call], list[list]]:
    """Call the model once for each tensor of ``feeds``, from membranes at 0.

    Parameters
    ----------
    model : torch.nn.Module
    feeds : list of tensors
        One of each call.
    run : None or function of (tensor, number)
        Calls the model; the model itself if None.

    Returns
    -------
    (list of Call in order, list of the input Call of each feed, list of what each call returned as
    a list of ((Call, slot) or None, tensor)). Raises Unfit where the model raises anything, and
    BadInput at a neuron that is not supported.
    """
    recorder, inputs, found = Recorder(), [], []
    with resting(model):
        forget(model)
        with watched(model, recorder):
            for number, feed in enumerate(feeds):
                inputs.append(recorder.start(feed))
                try:
                    given = stacked(model(feed) if run is None else run(feed, number))
                except BadInput:
                    raise
                except Exception as error:  # whatever a forward of others raises
                    for call in recorder.calls:
                        rule(call.module is None or call.kind in LAYERS | NEURONS.keys(),
                             call.where, "is not supported")
                    text = " ".join(str(error).split())
                    where = f"module {recorder.path[-1]}" if any(recorder.path) else "model"
                    raise Unfit(f"{where}: fails where the model is given a tensor of "
                                f"{' x '.join(map(str, feed.shape))} "
                                f"({type(error).__name__}: {text[:300]})") from None
                found.append([(recorder.origin(value), value)
                              for value in leaves(given, recorder.tensor)])
    return recorder.calls, inputs, found


def like_of(model):
    """A tensor whose type and device an argument must have."""
    for values in (*model.parameters(), *model.buffers()):
        if values.is_floating_point():
            return values
    return torch().zeros(())


def runner(model):
    """How a model is called: None, or a function where it is a Sequential with BNTT lists."""
    if type(model).__name__ != "Sequential" or not any(
            type(part).__name__ == "ModuleList" for part in model):
        return None
    def run(value, number):
        for name, part in model.named_children():
            if type(part).__name__ == "ModuleList":
                kinds = {type(norm).__name__ for norm in part}
                rule(kinds and kinds <= {"BatchNorm1d", "BatchNorm2d"}, f"module {name} "
                     "(ModuleList)", "a list must hold batch norms, one a time step")
                rule(number < len(part), f"module {name} (ModuleList)",
                     f"holds {len(part)} batch norms; there are more time steps")
                part = part[number]
            value = part(value)
        return value
    return run
