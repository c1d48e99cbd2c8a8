"""From a torch model as it is to a float network: one forward is run, and what it does is read.

Sequentials, classes with their own forward and loop over the steps, functional pooling, objects
that are used twice and explicit states are followed alike. What a trace cannot see (hooks, control
by data) shows in golden.importers.agreement, which runs the model beside the float network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from golden.formats import MOST_STEPS
from golden.importers import agreement
from golden.importers.builder import NetworkBuilder
from golden.importers.float_network import FloatNetwork
from golden.importers.producers import OWN, PRODUCERS
from golden.importers.torch_modules import Translator
from golden.importers.torch_record import NEURONS, Unfit, like_of, record, runner, torch
from golden.importers.torch_steps import OtherLayout, Steps, Unlooped
from golden.io.errors import BadInput, rule
from golden.network import Network

__all__ = ["Layout", "Traced", "agreement_of", "read", "trace"]

WIDE = {1: lambda n: (n, 1, 1), 2: lambda c, n: (c, 1, n), 3: lambda *shape: shape}
BATCH = 2       # images of the forward that is read
STEPS = 16


@dataclass(frozen=True)
class Layout:
    """How a model is called.

    Members
    -------
    axis : None or int
        The axis of time of its argument; None where it takes one step or one image.
    looped : bool
        Whether one call is the whole run; else it is called once a step.
    flat : bool
        Whether an image is a vector to it.
    shape : tuple of int
        Of an image as the model takes it.
    batch : None or int
        Images of a call, where it takes only so many.
    """

    axis: int | None
    looped: bool
    flat: bool
    shape: tuple
    batch: int | None = None

    def feeds(self, active, like):
        """The arguments of all calls for activations (N, T, C, H, W), as tensors like ``like``."""
        active = active.reshape(*active.shape[:2], *self.shape)
        active = torch().as_tensor(np.ascontiguousarray(active), dtype=like.dtype,
                                   device=like.device)
        if self.axis is not None:
            return [active if self.axis else active.transpose(0, 1).contiguous()]
        return [active[:, t] for t in range(1 if self.looped else active.shape[1])]

    def words(self):
        """For people."""
        if self.axis is not None:
            return f"called with all steps, along axis {self.axis}"
        return "called once with an image, its own loop" if self.looped else "called once a step"


@dataclass(frozen=True, eq=False)
class Traced:
    """A model that was read.

    Members
    -------
    model : torch.nn.Module
    network : FloatNetwork
    layout : Layout
    order : tuple of (int or None, int)
        Stage of the network (from 0, None where it has none) and step of each call of a neuron.
    """

    model: object
    network: FloatNetwork
    layout: Layout
    order: tuple


def attempts(shape, steps, sample):
    """[(axis, flat, steps of the feed)] of the layouts that are tried, in order."""
    flats = (False, True) if len(shape) > 1 else (True,)
    if sample is None:
        counts = [steps] if steps else [STEPS, MOST_STEPS]      # a loop of its own may be longer
        return [(axis, flat, count) for count in counts for flat in flats
                for axis in ((None, 0, 1) if count == counts[0] else (0, 1))]
    for flat in flats:
        vector = (int(np.prod(shape)),) if flat else shape
        if tuple(sample.shape[-len(vector):]) == vector:
            extra = sample.ndim - len(vector)
            if extra in (1, 2):
                return [(axis, flat, steps or STEPS)
                        for axis in ((None,) if extra == 1 else (0, 1))]
    raise BadInput(f"sample: must be (N, {', '.join(map(str, shape))}), with the steps before or "
                   f"behind N if the model takes them, not {tuple(sample.shape)}")


def called(model, shape, steps, sample):
    """(calls, Steps, origins returned, Layout) of the first layout that the model takes."""
    like, run, first = like_of(model), runner(model), None
    rng = np.random.default_rng(0)
    for axis, flat, count in attempts(shape, steps, sample):
        size = (int(np.prod(shape)),) if flat else shape
        lead = (BATCH,) if axis is None else (count, BATCH) if axis == 0 else (BATCH, count)
        if sample is None:
            values = (rng.random((*lead, *size)) < 0.5).astype(np.float32)
        else:
            values = sample.detach().cpu().numpy() if hasattr(sample, "detach") else sample
        feeds = [torch().as_tensor(np.asarray(values), dtype=like.dtype, device=like.device)]
        if run is not None:
            feeds *= count
        try:
            calls, inputs, returned = record(model, feeds, run)
            found = Steps(calls, inputs, axis)
        except OtherLayout:
            continue
        except Unfit as error:
            first = error if first is None or isinstance(error, Unlooped) else first
            continue
        batch = None
        if sample is not None:
            batch = int(np.shape(values)[1 if axis == 0 else 0])
        return calls, found, [origin for origin, _ in returned[0]], Layout(
            axis, False, flat, size, batch)
    raise first or BadInput("model: takes its input apart along an axis that is neither the first "
                            "nor the second; give a sample")


def read(model: object, shape: Sequence[int], *, steps: int | None = None,
         encoder: str | None = None, sample: object = None, readout: str | None = None,
         input_scale: float | None = None, name: str | None = None) -> Traced:
    """As ``trace`` without the check: a Traced."""
    model = getattr(model, "_orig_mod", model)      # of torch.compile
    rule(hasattr(model, "named_modules") and callable(model), name or "model",
         "must be a torch.nn.Module")
    scripts = [each for each, module in model.named_modules()
               if any(kind.__name__ == "ScriptModule" for kind in type(module).__mro__)]
    rule(not scripts, f"module {(scripts or [''])[0]}".rstrip(), "is a ScriptModule, which cannot "
         "be followed; give the module that it was made of")
    no_other_producer(model)
    name = name or type(model).__name__.lower()
    shape = tuple(int(n) for n in np.ravel(shape))
    rule(1 <= len(shape) <= 3, name,
         f"shape must be (C, H, W), (C, L) or (inputs,), not {shape}")
    rule(steps is None or isinstance(steps, int) and 1 <= steps <= MOST_STEPS, name,
         f"steps must be 1 to {MOST_STEPS}, not {steps}")
    calls, found, returned, layout = called(model, shape, steps, sample)
    parts, count, slot = found.chain(returned)
    own = runner(model) is None
    looped = own and (layout.axis is not None or count > 1)
    if looped:
        rule(steps in (None, count), name, f"its forward makes {count} steps, not {steps}")
        steps = count
    steps = steps or STEPS
    layout = replace(layout, looped=looped)
    image = looped and layout.axis is None
    encoder = encoder or ("current" if image else "frames")
    rule(not image or encoder == "current", name, "its forward shows one image in every step, "
         f'which is encoder "current", not {encoder}')
    if not looped and steps > 1:
        for part in parts:
            rule(part.site is None or part.site.held, part.site.where if part.site else name,
                 "its membrane starts anew in every call; put the loop over the steps into "
                 "forward, or set init_hidden=True")
    chain = NetworkBuilder(WIDE[len(shape)](*shape), steps, encoder)
    network = translated(chain, layout, parts, slot, readout, name=name, input_scale=(
        input_scale if input_scale is not None else 1 / 255 if encoder == "current" else 1.0))
    places = {id(part.site): n for n, part in enumerate(parts) if part.site}
    order = []
    for call in calls:
        if call.kind in NEURONS:
            site, step = found.site_of[call]
            order.append((places.get(id(site)), step))
    return Traced(model, network, layout, tuple(order))


def translated(chain, layout, parts, slot, readout, **fields):
    """The FloatNetwork of a chain of golden.importers.torch_steps.Part."""
    translator = Translator(chain, layout.flat)
    try:
        for part in parts:
            for calls in part.calls:
                translator.take(calls)
            if part.site is not None:
                translator.close(part.site.calls[0], part.loop)
        last = parts[-1].site
        if last is not None and slot == 1 and chain.layers[-1].spiking:
            raise BadInput(f"{last.where}: the model returns its membranes first, and it spikes; "
                           'return its spikes first, or set reset_mechanism="none"')
        return chain.done(readout, **fields)
    except BadInput as error:
        error.done = chain.layers
        raise


def no_other_producer(model):
    """Raise BadInput for a module of another producer than snnTorch, with its way in."""
    for name, module in model.named_modules():
        package = type(module).__module__.split(".")[0]
        producer = PRODUCERS.get(package, OWN)
        rule(not producer.export, f"module {name} ({type(module).__name__})".replace("  ", " "),
             f"is {producer.title}'s, whose models get in as NIR graphs: {producer.export} writes "
             f'one, which producer "{package}" (--from {package}) reads')


def trace(model: object, shape: Sequence[int], *, steps: int | None = None,
          encoder: str | None = None, sample: object = None, readout: str | None = None,
          input_scale: float | None = None, name: str | None = None,
          images: np.ndarray | None = None, allow_different: bool = False) -> FloatNetwork:
    """Turn a torch model of snnTorch neurons into a float network, and check that it is the same.

    One forward is run in ``eval()`` without gradients, from membranes at 0. A model is called once
    a step with (N, *shape), or once a run with (T, N, *shape) or (N, T, *shape), or once with an
    image (N, *shape) over which its own loop runs; which of them is found by trying. Each of them
    may take vectors (N, inputs) for images. All neurons must be Leaky, RLeaky or Lapicque of
    snnTorch, in a chain. Of what it returns the first tensor decides: spikes of the last neuron,
    its membranes where it never resets, or the values of a last layer without neurons, which
    accumulate. Softmax, sums and means over the steps behind it are left out.

    Parameters
    ----------
    model : torch.nn.Module
        Left as it was, membranes reset. Torch is not imported: it is loaded where a model is.
    shape : (C, H, W), (C, L) or (inputs,)
        Of one image; (C, L) for models of Conv1d, whose images are then (C, 1, L).
    steps : None or int
        Time steps; None for those of the model's own loop, else 16.
    encoder : None, "frames", "current", "bernoulli" or "ternary"
        How pixels become the model's input; None is "current" where the model shows one image in
        every step, else "frames".
    sample : None or tensor
        An argument of the model, where it takes only certain sizes.
    readout, input_scale, name :
        As in FloatNetwork; input_scale is 1 / 255 by default for encoder "current", as ToTensor
        leaves pixels, and readout "count" where the last layer spikes, else "membrane".
    images : None or images
        For the check, as golden.run takes them; None for eight that are drawn.
    allow_different : bool
        Whether a network that differs from the model is given all the same.

    Returns
    -------
    golden.importers.float_network.FloatNetwork
        Its ``notes["agreement"]`` is what the check says.

    Raises BadInput, naming the module or function and the rule, for anything else; the layers read
    until then are its ``done``.
    """
    traced = read(model, shape, steps=steps, encoder=encoder, sample=sample, readout=readout,
                  input_scale=input_scale, name=name)
    found = agreement.of_traced(traced, images)
    if not allow_different:
        found.insist()
    network = traced.network
    return network.replace(notes={**network.notes, **found.notes()})


def agreement_of(model: object, network: FloatNetwork, images: np.ndarray | None = None,
                 integers: Network | None = None, sample: object = None,
                 shape: Sequence[int] | None = None) -> agreement.Agreement:
    """The golden.importers.agreement.Agreement of a model and the network that ``trace`` made.

    Parameters
    ----------
    images, sample, shape : as of ``trace``
    integers : None or golden.network.Network
        Compared too, where given.
    """
    traced = read(model, shape or network.shape, steps=network.steps, encoder=network.encoder,
                  sample=sample, readout=network.readout, input_scale=network.input_scale,
                  name=network.name)
    return agreement.of_traced(traced, images, integers, network)
