"""The calls of a recorded forward as one step's layers, which every time step repeats.

A forward may hold the loop over the steps, or be called once a step. Either way each neuron is
called once a step, and what stands before it must be the same in each.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from golden.importers.torch_axes import cut_at, one_index, turned
from golden.importers.torch_record import NEURONS, Unfit, torch
from golden.importers.torch_sums import adds, inverts, is_zero, multiplies
from golden.io.errors import BadInput, rule
from golden.network.ops.skip import MOST_SKIPS

if TYPE_CHECKING:
    from golden.importers.torch_record import Call

__all__ = ["ALIKE", "FORMS", "NORMS", "OtherLayout", "Part", "Steps", "Unlooped", "argument"]

ALIKE = {"detach", "clone", "contiguous", "float", "double", "to", "data", "requires_grad_", "cpu",
         "type", "type_as", "Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d",
         "AlphaDropout", "alias", "expand_as"}
TURNS = {"permute", "transpose", "movedim", "swapaxes"}
FORMS = {"flatten", "view", "reshape", "Flatten", "squeeze", "unsqueeze", "Unflatten", "unflatten"}
RECORDS = ALIKE | TURNS | FORMS | {
    "stack", "cat", "concat", "sum", "mean", "__getitem__", "__setitem__", "select", "softmax",
    "log_softmax", "unbind"}
ZEROS = {"zeros_like", "new_zeros"}
LOOPS = {"Linear", "Conv2d"}        # what a neuron's spikes may pass on their way back to it
NORMS = {"BatchNorm1d", "BatchNorm2d"}
CONSTANT = ("takes values that do not come from the step's input; delays and recurrent connections "
            "are not supported")
MIXED = "mixed"


class OtherLayout(Exception):
    """The input's axes are not what was tried."""


class Unlooped(Unfit):
    """A model takes all steps at once."""


@dataclass(eq=False)
class Site:
    """A neuron, or a product of spikes, in its place: its calls, one a step, first to last."""

    calls: list
    held: bool          # whether the module keeps the membrane between calls

    @property
    def where(self) -> str:
        """What messages call it."""
        return self.calls[0].where


@dataclass(eq=False)
class Part:
    """What stands between neurons and a neuron that they lead to.

    Members
    -------
    ways : list of (list of list of Call, Site)
        The calls of a way, one list a place, in order, each with the call of every step; and the
        neuron that it comes from, None for the input. Several ways are summed, or, to a product of
        spikes (``multiplies``), multiplied.
    site : None or Site
        None where the chain ends without a neuron.
    loop : None or Call
        Of the module whose values of the neuron's own spikes of the step before are added to what
        the calls give.
    """

    ways: list = field(default_factory=list)
    site: Site | None = None
    loop: object = None


class Steps:
    """Reads recorded calls as steps.

    Parameters
    ----------
    calls, inputs : of golden.importers.torch_record.record
        With several inputs there is one a step.
    axis : None or int
        Which axis of the input is time; None where it has none.

    Raises BadInput, naming the module or function and the rule, where the model is no network that
    every step repeats, and OtherLayout where the input was cut along another axis than ``axis``.
    """

    def __init__(self, calls: "list[Call]", inputs: "list[Call]", axis: int | None = None):
        self.axis, self.inputs = axis, inputs
        self.times = {}     # (Call, slot) -> step, None (any), MIXED, or ("all", axis)
        self.site_of = {}   # Call -> (Site, step)
        self.why = {}       # Call -> why its step is MIXED
        self.held = {}      # module -> Site
        self.gates = {}     # how many products a step had before -> Site
        self.cut = False
        for call in calls:
            self.place(call)
        if axis is not None and not self.cut:
            for call, why in self.why.items():
                raise Unlooped(f"{call.where}: {why}")
            raise OtherLayout

    # --- which step a call belongs to -------------------------------------------------------------

    def place(self, call: "Call") -> None:
        """Find the step of a call."""
        if call.kind == "input":
            alone = len(self.inputs) == 1
            time = (("all", self.axis) if self.axis is not None
                    else None if alone else self.inputs.index(call))
            return self.put(call, time)
        times = {self.times[key] for key in map(key_of, call.inputs)}
        if any(isinstance(time, tuple) for time in times):
            return self.cut_out(call, times)
        if call.kind in NEURONS:
            return self.neuron(call)
        if multiplies(call):
            self.gate(call, self.merged(call, times))
        if self.axis is None and call.kind in ("__getitem__", "unbind", "select") and all(
                inner.kind == "input" for inner, _ in call.inputs):
            raise OtherLayout
        return self.put(call, self.merged(call, times))

    def put(self, call: "Call", time: int | str | tuple[str, int] | None) -> None:
        for slot in range(len(call.outputs)):
            self.times[call, slot] = time

    def merged(self, call: "Call", times: set[int]):
        """The one step of several; MIXED where they differ."""
        times = times - {None}
        if len(times) > 1:
            return MIXED
        return times.pop() if times else None

    def cut_out(self, call, times: set[tuple[str, int]]) -> None:
        """A call on an input whose steps are not taken apart yet."""
        if len(times) > 1 or len(call.inputs) > 1:
            return self.mix(call)
        (source, slot), (_, axis) = call.inputs[0], times.pop()
        shape = source.shape(slot)
        if call.kind == "unbind":
            if argument(call, 1, "dim", 0) % len(shape) != axis:
                raise OtherLayout
            self.cut = True
            for step in range(len(call.outputs)):
                self.times[call, step] = step
            return None
        if call.kind in ("__getitem__", "select"):
            index = (call.args[1] if call.kind == "__getitem__"
                     else one_index(argument(call, 1, "dim"), argument(call, 2, "index"),
                                    len(shape)))
            at = cut_at(index, len(shape), torch().Tensor)
            if at is None:
                return self.mix(call)
            if at[0] != axis:
                raise OtherLayout
            self.cut = True
            return self.put(call, at[1] % shape[axis])
        if call.kind in ALIKE:
            return self.put(call, ("all", axis))
        if call.kind in TURNS:
            order = turned(call, len(shape))
            rest = [n for n in order if n != axis]
            if rest == sorted(rest):
                return self.put(call, ("all", order.index(axis)))
        if call.kind in FORMS and call.shape()[:2] == shape[:2]:
            return self.put(call, ("all", axis))
        return self.mix(call)

    def mix(self, call: "Call") -> None:
        self.why[call] = "takes all steps at once; it must be in the loop over the steps"
        self.put(call, MIXED)

    def neuron(self, call: "Call") -> None:
        """Find the site and the step of a neuron's call."""
        held, site = False, None
        if argument(call, 0, "input_") is not None or not call.inputs:
            self.why[call] = CONSTANT
        elif len(call.inputs) > 1:
            states = [self.plain(*each) for each in call.inputs[1:]]
            before = states[0][0]
            if (before in self.site_of and before.module is call.module
                    and states == [(before, slot) for slot in NEURONS[call.kind]]):
                site, step = self.site_of[before]
                if site.calls[-1] is not before:
                    self.why[call] = "its membrane goes on in two places"
            else:
                self.why[call] = ("its membrane does not come from its own step before as it was; "
                                  "recurrent and modified states are not supported")
        else:
            given = [each for each in (*call.args[1:], *call.kwargs.values()) if each is not None]
            if given and not call.module.init_hidden:
                if any(bool((each != 0).any()) for each in given):
                    self.why[call] = "its membrane must start at 0"
            else:
                site, held = self.held.get(call.module), True
        if site is None:
            site = Site([], held)
            if held:
                self.held[call.module] = site
        self.site_of[call] = site, len(site.calls)
        site.calls.append(call)
        return self.put(call, len(site.calls) - 1)

    def gate(self, call: "Call", step) -> None:
        """Find the site of a product; those of a step are made in one order in each step."""
        if isinstance(step, int):
            number = sum(at == step for site, at in self.site_of.values()
                         if site in self.gates.values())
            site = self.gates.setdefault(number, Site([], True))
            self.site_of[call] = site, step
            site.calls.append(call)

    def plain(self, call: "Call", slot: int) -> "tuple[Call, int]":
        """The output that a value is, behind what leaves it as it is."""
        while call.inputs and (call.kind in ALIKE or call.kind in FORMS
                               and call.inputs[0][0].shape(call.inputs[0][1]) == call.shape()):
            call, slot = call.inputs[0]
        return call, slot

    # --- the chain --------------------------------------------------------------------------------

    def chain(self, returned):
        """(list of Part, each behind what it reads, steps, slot of the last neuron that is read).

        ``returned`` are the origins of the tensors that the first call returned.
        """
        sources = self.sources(returned)
        first, slot = sources[0]
        parts = []
        if first in self.site_of:
            site = self.site_of[first][0]
        else:
            calls = [call for call, _ in sources]
            site = Site(calls, True)
            for step, call in enumerate(calls):
                self.site_of.setdefault(call, (site, step))
        end, left, known = site, [site], {}
        while left:
            site = left[-1]
            if site not in known:
                known[site] = self.part(site, site is end and first.kind not in NEURONS
                                        and not multiplies(first))
            more = [source for _, source in known[site].ways
                    if source is not None and source not in known]
            left += more[:1]
            if not more:
                left.pop()
                parts.append(known[site])
        counts = {len(part.site.calls) for part in parts if part.site} or {len(end.calls)}
        rule(len(counts) == 1, parts[-1].site.where if parts[-1].site else first.where,
             "is called in another number of steps than the neurons before it")
        return parts, counts.pop(), slot

    def sources(self, returned: "list[tuple[Call, int]]") -> "list[tuple[Call, int]]":
        """[(Call, slot)] of what the model's first tensor is made of, of one neuron or layer."""
        found, seen = {}, set()
        rule(returned, "model", "returns no tensor")
        rule(returned[0] is not None, "model", "what it returns does not come from its input by "
             "modules and functions of torch")
        left = [returned[0]]
        while left:
            call, slot = left.pop()
            if (call, slot) in seen:
                continue
            seen.add((call, slot))
            scaled = call.kind in ("mul", "div") and len(call.inputs) == 1 and all(
                each is None or isinstance(each, (int, float)) and each > 0 for each in call.args)
            fixed_parts = [each for each in call.args if each is not None]
            summed = call.kind in ("add", "add_") and (
                len(call.inputs) == 2 or all(is_zero(each) for each in fixed_parts))
            if call.kind in RECORDS or scaled or summed:
                left += call.inputs
            elif call.kind != "input":
                found[call, slot] = None
        rule(found, "model", "has no layers between its input and what it returns")
        for call, _ in found:
            if call in self.why:
                raise BadInput(f"{call.where}: {self.why[call]}")
        places = {(id(self.site_of[call][0]), slot) if call in self.site_of
                  else id(call.module or call.kind) for call, slot in found}
        rule(len(places) == 1, "model", "returns a mix of several layers first ("
             + ", ".join(sorted({call.where for call, _ in found})[:4]) + ")")
        return sorted(found, key=lambda each: self.step(*each) or 0)

    def step(self, call: "Call", slot: int):
        """Step of an output, None where it may be any."""
        time = self.times[call, slot]
        rule(time != MIXED and not isinstance(time, tuple), call.where,
             self.why.get(call, "joins values of several steps; delays and recurrent connections "
                          "are not supported"))
        return time

    def part(self, site, bare):
        """The Part of a site; ``bare`` where it is no neuron."""
        rows, sources, loops = [], None, []
        for number, call in enumerate(site.calls):
            if call in self.why:
                raise BadInput(f"{call.where}: {self.why[call]}")
            start = (call, 0) if bare else call.inputs[0]
            if multiplies(call):
                ways = [self.factor(origin, number, call) for origin in call.inputs]
            else:
                if not bare:
                    loop, start = self.looped(call, start)
                    loops.append(loop)
                ways = self.back(start, number if not bare else self.step(call, 0), call)
            if rows:
                same = [signature(calls) for calls, _ in ways] == [
                    signature(calls) for calls in rows[0]]
                rule(same and [source for _, source in ways] == sources, call.where,
                     f"what stands before it is another in step {number} than in step 0")
            else:
                sources = [source for _, source in ways]
            rows.append([calls for calls, _ in ways])
        ways = [([list(place) for place in zip(*calls, strict=True)], source)
                for calls, source in zip(zip(*rows, strict=True), sources, strict=True)]
        if not any(loops):
            return Part(ways, None if bare else site)
        rule(all(loop is not None and loop.module is loops[0].module for loop in loops), site.where,
             "reads its own spikes in some steps and not in others")
        return Part(ways, site, loops[0])

    def factor(self, origin, step, product):
        """The way to a factor of a product: a neuron's spikes, or 1 less them."""
        (calls, site), *others = self.back(origin, step, product)
        rest = [call for call in calls if call.kind not in ALIKE]
        rule(site is not None and not others and (not rest or inverts(rest)), product.where,
             joined(product))
        return rest, site

    def looped(self, neuron: "Call", start: "tuple[Call, int]"):
        """(Call, the other origin) where a neuron reads the sum of two values, of which one is a
        layer's of its own spikes of the step before; else (None, ``start``).
        """
        add, _ = self.plain(*start)
        if not adds(add):
            return None, start
        site, step = self.site_of[neuron]
        for (call, slot), other in (add.inputs, add.inputs[::-1]):
            call, slot = self.plain(call, slot)
            if call.kind not in LOOPS:
                continue
            first = argument(call, 0, "input")      # where no input is behind it
            own, own_slot = self.plain(*call.inputs[0]) if call.inputs else (None, 0)
            rest = is_zero(first) if own is None else own.kind in ZEROS
            if step == 0 and rest:
                return call, other
            if own is not None and self.site_of.get(own) == (site, step - 1):
                rule(own_slot == 0, call.where,
                     "reads the membranes of a neuron; only spikes go back to it")
                return call, other
        return None, start

    def back(self, start, step, reader):
        """[(stateless calls in order, the Site that they read or None)] behind an output."""
        calls, (call, slot) = [], start
        while True:
            if call in self.site_of and (call.kind in NEURONS or multiplies(call)):
                site, own = self.site_of[call]
                rule(slot == 0, reader.where, f"reads the membranes of {call.where}; only spikes "
                     "go from layer to layer")
                rule(own == step, reader.where, f"reads in step {step} what {call.where} gave as "
                     f"its call {own}; recurrent connections, delays, and one neuron that keeps "
                     "one membrane for two places are not supported")
                return [(calls, site)]
            if call.kind == "input" or self.input_cut(call):
                time = self.step(call, slot) if call.kind != "input" or self.axis is None else None
                rule(time in (None, step), reader.where,
                     f"reads the input of step {time} in step {step}")
                return [(calls, None)]
            self.step(call, slot)
            if call in self.why:
                raise BadInput(f"{call.where}: {self.why[call]}")
            if adds(call):
                found = [(before + calls, source) for origin in call.inputs
                         for before, source in self.back(origin, step, reader)]
                rule(len(found) <= MOST_SKIPS + 1, reader.where, f"sums more than {MOST_SKIPS + 1} "
                     "branches, the most of one layer")
                return found
            if len(call.inputs) != 1:
                raise BadInput(f"{call.where}: {joined(call)}")
            calls.insert(0, call)
            (call, slot), = call.inputs

    def input_cut(self, call: "Call") -> bool:
        """Whether a call is what takes one step out of the input."""
        return bool(call.inputs) and all(
            isinstance(self.times[key], tuple) for key in map(key_of, call.inputs))


def key_of(origin: "tuple[Call, int]") -> "tuple[Call, int]":
    return origin[0], origin[1]


def joined(call: "Call") -> str:
    """Why a call of several values is refused."""
    if not call.inputs:
        return CONSTANT
    if call.kind in ("cat", "concat", "concatenate"):
        return "joins two branches, which is not supported; only sums of branches are"
    return ("takes several values of the network, which is not supported; only sums are, and "
            "products x y and x (1 - y) of spikes")


def argument(call: "Call", place: int, key: str, default=None) -> None:
    """An argument by its place or its name."""
    return call.args[place] if len(call.args) > place else call.kwargs.get(key, default)


def signature(calls: "list[Call]") -> list[tuple[str, int, str]]:
    """What must be the same in every step; a batch norm may be another one in each."""
    found = []
    for call in calls:
        module = call.kind if call.kind in NORMS else id(call.module)
        found.append((call.kind, module, *map(fixed, call.args), *map(fixed, sorted(
            call.kwargs.items(), key=lambda item: item[0]))))
    return found


def fixed(value):
    """An argument as something that can be compared."""
    if isinstance(value, (tuple, list)):
        return tuple(map(fixed, value))
    if isinstance(value, torch().Tensor):
        return tuple(value.shape), value.detach().cpu().numpy().tobytes()
    return repr(value)
