"""Whether the float network does what the original does: both run on the same encoder's output.

The report of golden.importers.fidelity compares integers with our reading of a network; this
compares the reading with the network itself, be it a torch model or reference spikes of another
simulator.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from golden.encode import encode
from golden.importers import float_run
from golden.importers.float_network import FloatNetwork
from golden.importers.torch_record import (
    NEURONS,
    family,
    forget,
    leaves,
    like_of,
    resting,
    runner,
    stacked,
    torch,
)
from golden.io.errors import BadInput, rule
from golden.network import Network
from golden.network.encoders import encoder_of
from golden.readout import class_scores
from golden.run import check_images
from golden.stages import forward

__all__ = ["Agreement", "Parting", "drawn_images", "of_reference", "of_rule",
           "of_traced"]

DRAWN = 8               # images that are drawn where none are given
NEAR = 1e-5             # of a neuron's largest membrane: what float32 sums may be off


@dataclass(frozen=True)
class Parting:
    """Where two runs part first.

    Members
    -------
    layer : int
    name : str
    step : int
    rounding : bool
        Whether every neuron parts where its membrane is at the threshold within float32 rounding.
    """

    layer: int
    name: str
    step: int
    rounding: bool


@dataclass(frozen=True)
class Agreement:
    """A network beside its original, on some images.

    Members
    -------
    name, original : str
        What the network and the original are called.
    images : int
    predictions : None or int
        Images with the same class; None where the original gives no classes.
    equal, total : int
        Spikes and silences (image, step, neuron) that are equal, and all.
    parting : None or Parting
    integers : None or (int, int, int)
        The same predictions, equal and total of the integer network.
    """

    name: str
    original: str
    images: int
    predictions: int | None
    equal: int
    total: int
    parting: Parting | None = None
    integers: tuple | None = None

    @property
    def same(self):
        """Whether nothing differs but what float32 rounds."""
        if self.parting is not None:
            return self.parting.rounding
        return self.equal == self.total and self.predictions in (None, self.images)

    def lines(self) -> list[str]:
        """The report, its first line first."""
        found = [f"{self.original} = float network on "
                 + share(self.predictions, self.images, self.equal, self.total)]
        if self.parting is not None:
            at = self.parting
            found.append(f"they part in layer {at.layer} ({at.name}) at step {at.step}"
                         + (", within float32 rounding of the threshold" if at.rounding else ""))
        elif not self.same and self.equal == self.total:
            found.append("all spikes are equal: the original scores its classes in another way")
        if self.integers is not None:
            same, equal, total = self.integers
            found.append(f"{self.original} = integers on "
                         + share(same, self.images, equal, total))
        return found

    def notes(self) -> dict:
        """For a network's notes: the lines as one."""
        return {"agreement": "; ".join(self.lines())}

    def insist(self) -> None:
        """Raise BadInput unless the network is the ``same``."""
        if not self.same:
            told = self.lines() if self.integers is None else self.lines()[:-1]
            raise BadInput(f"{self.name}: {'; '.join(told)}: the network does something"
                           " that was not read (a hook, control by data, or a rule of its "
                           "producer); allow_different (--allow-different) takes it all the same")


def share(same, images, equal, total):
    """Predictions and spikes in words."""
    spikes = "100" if equal == total else f"{np.floor(1e6 * equal / total) / 1e4:.4f}"
    first = "" if same is None else f"{same} of {images} predictions, "
    return f"{first}{spikes} % of spikes"


def drawn_frames(rng, count, network):
    """Frames (count, T, C, H, W) for a network: spikes with a chance of .3, of any size."""
    active, top = rng.random((count, network.steps, *network.shape)) < 0.3, encoder_of(network).top
    size = 1 if top == 1 else rng.integers(1, top + 1, active.shape)
    return (active * size).astype(np.uint8)


def drawn_images(network: FloatNetwork, count: int = DRAWN, seed: int = 0) -> np.ndarray:
    """Random images, or spike frames, for a network."""
    rng = np.random.default_rng(seed)
    if encoder_of(network).frames:
        return drawn_frames(rng, count, network)
    return rng.integers(0, 256, (count, *network.shape)).astype(np.uint8)


class Tally:
    """Compares batch by batch what an original gave with the float network and the integers."""

    def __init__(self, network, integers=None):
        self.network, self.made = network, integers
        self.images = self.equal = self.total = 0
        self.predictions, self.partings, self.whole = 0, {}, [0, 0, 0]

    def add(self, active, spikes, pred):
        """A batch: encoder's output, spikes of each stage or None, and classes or None."""
        scale, inputs = self.network.input_scale, active
        kept = active
        for n, stage in enumerate(self.network.stages):
            kept, membranes = float_run.forward(kept, stage, self.network.steps,
                                                scale if n == 0 else 1.0)
            if spikes[n] is not None:
                if self.count(kept, spikes[n]):
                    self.part(stage, inputs, spikes[n], scale if n == 0 else 1.0)
            inputs = spikes[n]
        self.images += len(active)
        mine = class_scores(kept, membranes, self.network.readout)[:, -1].argmax(axis=1)
        if pred is None:
            self.predictions = None
        else:
            self.predictions += np.count_nonzero(mine == pred)
        if self.made is not None:
            self.integers(active, spikes, pred)

    def count(self, mine, given):
        """Whether any spike differs."""
        same = np.count_nonzero(mine == given)
        self.equal += same
        self.total += mine.size
        return same < mine.size

    def part(self, stage, inputs, given, scale):
        """Find the first step in which a stage parts when it is fed what the original's was."""
        if inputs is None:
            return
        spikes, membranes = float_run.forward(inputs, stage, self.network.steps, scale)
        other = spikes != given
        if not other.any():
            return
        step = int(other.any(axis=(0, 2, 3, 4)).argmax())
        first = other.argmax(axis=1)[:, None]
        threshold = stage.layer.per_channel(stage.layer.neuron.threshold)[:, None, None]
        at = np.take_along_axis(membranes, first, axis=1)[:, 0]
        room = NEAR * np.maximum(np.abs(membranes).max(axis=1), threshold)
        rounding = bool((np.abs(at - threshold) <= room)[other.any(axis=1)].all())
        before = self.partings.get(stage.index)
        self.partings[stage.index] = Parting(
            stage.index, stage.layer.name or f"layer {stage.index}",
            step if before is None else min(step, before.step),
            rounding and (before is None or before.rounding))

    def integers(self, active, spikes, pred):
        for stage, given in zip(self.made.stages, spikes, strict=True):
            active, membranes = forward(active, stage, self.made.steps)
            if given is not None:
                self.whole[1] += np.count_nonzero(active == given)
                self.whole[2] += active.size
        if pred is not None:
            mine = class_scores(active, membranes, self.made.readout)[:, -1].argmax(axis=1)
            self.whole[0] += np.count_nonzero(mine == pred)

    def done(self, original):
        """The Agreement."""
        parting = None
        if self.partings:
            parting = self.partings[min(self.partings)]
            worse = [each for each in self.partings.values() if not each.rounding]
            parting = min(worse, key=lambda each: each.layer) if worse else parting
        whole = None
        if self.made is not None:
            whole = (None if self.predictions is None else self.whole[0], *self.whole[1:])
        return Agreement(self.network.name, original, self.images, self.predictions, self.equal,
                         self.total, parting, whole)


# --- torch ----------------------------------------------------------------------------------------


def of_traced(traced, images: np.ndarray | None = None, integers: Network | None = None,
              network: FloatNetwork | None = None) -> Agreement:
    """Agreement of a golden.importers.torch.Traced with its network, or with ``network``.

    Parameters
    ----------
    images : None or images
        As golden.run takes them; eight are drawn if None.
    integers : None or golden.network.Network
        Compared too, where given.
    """
    network = network or traced.network
    images = drawn_images(network) if images is None else check_images(images, network)
    rule(len(images) > 0, network.name, "the check needs at least one image")
    tally = Tally(network, integers)
    batch = traced.layout.batch or min(16, float_run.batch_of(network))
    if batch == network.steps and traced.layout.batch is None:
        batch += 1      # so that the axes of images and of steps cannot be mistaken
    for n in range(0, len(images), batch):
        part = images[n:n + batch]
        count = len(part)
        if count < batch and (traced.layout.batch or count == network.steps):
            part = np.concatenate([part, np.repeat(part[-1:], batch - count, axis=0)])
        active = encode(part, network)
        spikes, pred = original_run(traced, network, active * network.input_scale)
        tally.add(active[:count], [None if each is None else each[:count] for each in spikes],
                  pred[:count])
    return tally.done("torch")


def original_run(traced, network, active):
    """(spikes of each stage or None, (N,) classes) of a torch model on (N, T, C, H, W)."""
    model, steps = traced.model, network.steps
    run, tensor, kept = runner(model), torch().Tensor, []

    def keep(module, args, output):
        parts = list(leaves(output, tensor))
        membrane = parts[1] if len(parts) > 1 else module.mem
        kept.append(((parts[0] > 0).cpu().numpy(), membrane.detach().cpu().numpy()))

    handles, given = [], []
    with resting(model):
        forget(model)
        try:
            handles = [module.register_forward_hook(keep) for module in model.modules()
                       if family(module) in NEURONS]
            for number, feed in enumerate(traced.layout.feeds(active, like_of(model))):
                found = stacked(model(feed) if run is None else run(feed, number))
                given.append(next(leaves(found, tensor)).detach().cpu().numpy())
        finally:
            for handle in handles:
                handle.remove()
    loops = 1 if len(kept) == len(traced.order) else steps
    order = [(stage, step + loop) for loop in range(loops) for stage, step in traced.order]
    rule(len(kept) == len(order), network.name, f"its forward calls {len(kept)} neurons where it "
         f"called {len(order)} before: control by data is not supported")
    spikes, membranes = [None] * len(network.stages), None
    for n, stage in enumerate(network.stages):
        rows = [kept[k] for k, (place, _) in enumerate(order) if place == n]
        if not rows:
            continue
        wide = (len(active), *stage.shape)
        rule(all(row[0].size == np.prod(wide) for row in rows), network.name,
             f"{stage.layer.name} gives values of shape {rows[0][0].shape}, not {wide}")
        if stage.layer.spiking:
            spikes[n] = np.stack([row[0].reshape(wide) for row in rows], axis=1).astype(np.uint8)
        else:
            membranes = rows[-1][1].reshape(len(active), -1)
    if membranes is not None and network.readout == "membrane":
        return spikes, membranes.argmax(axis=1)
    if network.readout == "first":
        return spikes, class_scores(spikes[-1], None, "first")[:, -1].argmax(axis=1)
    return spikes, classes(given, len(active), steps, network).argmax(axis=1)


def classes(given, count, steps, network):
    """(N, classes) scores of what the calls of a model returned first."""
    if len(given) > 1:
        return np.sum([values.reshape(count, -1) for values in given], axis=0)
    values = given[0]
    for axes, shape in (((), (count,)), ((0,), (steps, count)), ((1,), (count, steps))):
        rest = values.shape[len(shape):]
        if values.shape[:len(shape)] == shape and int(np.prod(rest)) == network.classes:
            return values.sum(axis=axes).reshape(count, -1) if axes else values.reshape(count, -1)
    raise BadInput(f"{network.name}: returns values of shape {values.shape}, which are no "
                   f"{network.classes} classes of {count} images")


# --- reference spikes -----------------------------------------------------------------------------


def of_reference(network: FloatNetwork, images: np.ndarray, reference: np.ndarray,
                 integers: Network | None = None, where: str = "reference") -> Agreement:
    """Agreement of a network with spikes of its last layer that another simulator gave.

    Parameters
    ----------
    images : as golden.run takes them
    reference : (N, T, classes) of 0 and 1, or (T, classes) of one image
        A number of spikes above 1 counts as different from any of the network's.
    """
    images = check_images(images, network)
    reference = np.asarray(reference)
    shape = (len(images), network.steps, network.classes)
    rule(reference.dtype.kind in "buif", where, "must be numbers")
    rule(int(np.prod(reference.shape)) == int(np.prod(shape)), where,
         f"must be the last layer's spikes, {' x '.join(map(str, shape))} (images, steps, "
         f"classes), not {' x '.join(map(str, reference.shape))}")
    last = network.stages[-1]
    rule(last.layer.spiking, where, "are spikes, and the last layer of the network gives none")
    reference = reference.reshape(shape)
    tally, batch = Tally(network, integers), float_run.batch_of(network)
    for n in range(0, len(images), batch):
        given = reference[n:n + batch]
        spikes = [None] * (len(network.stages) - 1) + [given[..., None, None]]
        tally.add(encode(images[n:n + batch], network), spikes,
                  class_scores(given[..., None, None], None, network.readout)[:, -1]
                  .argmax(axis=1))
    return tally.done("reference")


def of_rule(network: FloatNetwork, images: np.ndarray, rule_of: Callable, original: str,
            integers: Network | None = None) -> Agreement:
    """Agreement of a network with neurons of another rule on the same weights.

    ``rule_of(active, network)`` gives the spikes of each stage and the classes for what the encoder
    gives; ``original`` is what the rule is called.
    """
    images = check_images(images, network)
    tally, batch = Tally(network, integers), float_run.batch_of(network)
    for n in range(0, len(images), batch):
        active = encode(images[n:n + batch], network)
        tally.add(active, *rule_of(active, network))
    return tally.done(original)
