"""What happens without a spike, and without a neuron: experiments on any model of a network.

``TemporalSaliency`` deletes one spike at a time, ``CausalImportance`` silences one neuron (or one
group of neurons) in all steps; both measure how far one output falls. The model is a ``run_fn``:
spikes (T, N) in, outputs (K,) out. A golden.explain.perturb.NetworkModel is such a run_fn for any
layer of a network; it gives the same numbers from the layers behind, computing only what changes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from golden.explain.perturb import NetworkModel
from golden.io.arguments import index, numbers, positive, spike_trains
from golden.io.errors import BadInput

SIGNIFICANT = 0.1  # of the largest change: what ``summary`` calls significant


class Runner:
    """A run_fn whose results are checked, called for one or for many perturbed inputs.

    Parameters
    ----------
    run_fn : function
        (T, N) spikes to (K,) finite numbers; if ``batch`` is given, (B, T, N) to (B, K).
    batch : None or int
        Inputs handed over at once; None to call run_fn for each.
    progress : function
        Wraps the iterable of calls, as rich.progress.track does.
    """

    def __init__(self, run_fn, batch, progress):
        if not callable(run_fn):
            raise BadInput(f"run_fn must be a function of spikes, not {type(run_fn).__name__}")
        self.run_fn, self.progress = run_fn, progress
        if batch is None and isinstance(run_fn, NetworkModel):
            batch = run_fn.batch
        self.batch = None if batch is None else positive(batch, "batch")

    def outputs(self, spikes: np.ndarray) -> np.ndarray:
        """(B, K) float64 of (B, T, N)."""
        if self.batch is None:
            found = [numbers(self.run_fn(one.copy()), "the outputs of run_fn") for one in spikes]
            shapes = {one.shape for one in found}
            if len(shapes) > 1 or found[0].ndim != 1:
                raise BadInput("run_fn must return outputs of one shape (outputs,), not "
                               + " and ".join(map(str, sorted(shapes))))
            return np.stack(found)
        found = numbers(self.run_fn(spikes), "the outputs of run_fn")
        if found.ndim != 2 or len(found) != len(spikes):
            raise BadInput(f"run_fn must return ({len(spikes)}, outputs) for a batch of "
                           f"{len(spikes)}, not {found.shape}")
        return found

    def base(self, spikes: np.ndarray, output_neuron: int) -> tuple[np.ndarray, int]:
        """(K,) outputs of the unchanged spikes, and the checked output neuron."""
        found = self.outputs(spikes[None])[0]
        return found, index(output_neuron, len(found))

    def incremental(self, deletions: list) -> bool:
        """Whether runs are replaced by what changes in them: single neurons of a NetworkModel."""
        return isinstance(self.run_fn, NetworkModel) and all(np.ndim(n) == 0 for _, n in deletions)

    def without(self, spikes: np.ndarray, deletions: list) -> np.ndarray:
        """(B, K) outputs with one of ``deletions`` done in each: (t or None, neurons)."""
        if self.incremental(deletions):
            return self.run_fn.without_each(spikes, deletions, self.progress).astype(np.float64)
        size = self.batch or 1
        found = []
        for start in self.progress(range(0, len(deletions), size)):
            chosen = deletions[start:start + size]
            changed = np.repeat(spikes[None], len(chosen), axis=0)
            for one, (t, neurons) in zip(changed, chosen, strict=True):
                one[slice(None) if t is None else t, neurons] = 0
            found.append(self.outputs(changed))
        if len({part.shape[1] for part in found}) > 1:
            raise BadInput("run_fn must return as many outputs for every input")
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Saliency:
    """How far an output falls without each spike.

    Members
    -------
    map : (T, N) float64
    spikes : (T, N) uint8
    output_neuron : int
    base : float
        The output with all spikes.
    runs : int
        Forward runs that one deletion at a time takes, the one without deletions included.
    replaced : bool
        Whether only what changes was computed in place of these runs.
    """

    map: np.ndarray
    spikes: np.ndarray
    output_neuron: int
    base: float
    runs: int
    replaced: bool = False

    def saliency_map(self) -> np.ndarray:
        """(T, N): output with all spikes minus output without this one; 0 where there is none.

        Positive where the spike speaks for the output, negative where against it.
        """
        return self.map

    def summary(self) -> str:
        """A few lines for people; "significant" is a tenth of the largest change or more.

        Largest and mean are those of the magnitude; the largest is shown with its sign.
        """
        found = np.argwhere(self.spikes)
        lines = [f"Total spikes tested: {len(found)}"]
        if len(found):
            changes = self.map[self.spikes != 0]
            sizes = np.abs(changes)
            count = np.count_nonzero((sizes >= SIGNIFICANT * sizes.max()) & (sizes > 0))
            best = int(sizes.argmax())
            t, n = found[best]
            lines += [f"Significant spikes: {count} ({100 * count / len(found):.1f}%)",
                      f"Max saliency: {changes[best]:.3f} at (t={t}, neuron={n})",
                      f"Mean saliency: {sizes.mean():.3f}"]
        return "\n".join([*lines, runs_line(self)])


class TemporalSaliency:
    """Delete one spike at a time and measure one output.

    By hand: a model whose only output is 2 s[0, 0] + s[1, 1] gives the map [[2, 0], [0, 1]] for
    spikes [[1, 0], [0, 1]].

    Parameters
    ----------
    run_fn, batch, progress :
        As in ``Runner``.
    """

    def __init__(self, run_fn, *, batch=None, progress=iter):
        self.runner = Runner(run_fn, batch, progress)

    def explain(self, input_spikes: list | np.ndarray, output_neuron: int) -> Saliency:
        """Saliency of every spike of ``input_spikes`` (T, N) for one output.

        Raises ValueError naming the argument that does not fit.
        """
        spikes = spike_trains(input_spikes)
        base, output_neuron = self.runner.base(spikes, output_neuron)
        found = np.argwhere(spikes)
        change = np.zeros(spikes.shape)
        deletions = [(int(t), int(n)) for t, n in found]
        if deletions:
            outputs = self.runner.without(spikes, deletions)
            check_width(outputs, base)
            change[spikes != 0] = base[output_neuron] - outputs[:, output_neuron]
        return Saliency(map=change, spikes=spikes, output_neuron=output_neuron,
                        base=float(base[output_neuron]), runs=1 + len(found),
                        replaced=self.runner.incremental(deletions))


@dataclass(frozen=True, eq=False)
class Importance:
    """How far an output falls without each neuron.

    Members
    -------
    map : (N,) float64, or one a group
    groups : list
        Neurons silenced together; None where each is silenced alone.
    output_neuron : int
    base : float
    runs, replaced :
        As in Saliency.
    silenced : function
        Order of neurons or groups to an iterator: the output with the first, the first two, ...
        of them silenced.
    """

    map: np.ndarray
    groups: list
    output_neuron: int
    base: float
    runs: int
    replaced: bool
    silenced: Callable

    def importance_map(self) -> np.ndarray:
        """(N,): output with all neurons minus output without this one, or without this group."""
        return self.map

    def order(self) -> np.ndarray:
        """Neurons or groups, the least important in magnitude first, of equals the lower."""
        return np.argsort(np.abs(self.map), kind="stable")

    def robustness_count(self, threshold=0.05) -> int:
        """Neurons (or groups) that can be silent at once before the output falls.

        They are silenced together, the least important first, until the output lies more than
        ``threshold`` times its magnitude below what it was with all neurons; each further one is a
        run of the model.
        """
        threshold = numbers(threshold, "threshold")
        if threshold.ndim or threshold < 0:
            raise BadInput(f"threshold must be a number of at least 0, not {threshold}")
        lowest = self.base - threshold * abs(self.base)
        order = self.order()
        for count, output in enumerate(self.silenced(order)):
            if output < lowest:
                return count
        return len(order)

    def summary(self) -> str:
        """A few lines for people."""
        best = int(np.abs(self.map).argmax())
        what = "neurons" if self.groups is None else "groups"
        return "\n".join([
            f"Total {what} silenced: {len(self.map)}",
            f"With an effect: {np.count_nonzero(self.map)} "
            f"(for: {np.count_nonzero(self.map > 0)}, against: {np.count_nonzero(self.map < 0)})",
            f"Max importance: {self.map[best]:.3f} at {what[:-1]}={best}",
            f"Mean importance: {np.abs(self.map).mean():.3f}",
            runs_line(self)])


class CausalImportance:
    """Silence one neuron, or one group of neurons, in all steps and measure one output.

    By hand: a model whose only output is 2 s[0, 0] + s[1, 0] - s[1, 1] gives the map [3, -1] for
    spikes [[1, 0], [1, 1]]; at threshold 0 neuron 1 can be silenced and neuron 0 then cannot, a
    robustness count of 1.

    Parameters
    ----------
    run_fn, batch, progress :
        As in ``Runner``.
    """

    def __init__(self, run_fn, *, batch=None, progress=iter):
        self.runner = Runner(run_fn, batch, progress)

    def explain(self, input_spikes, output_neuron, *, groups=None):
        """Importance of every neuron of ``input_spikes`` (T, N) for one output.

        ``groups`` is a list of lists of neurons to silence together, such as
        NetworkModel.channels(). Raises ValueError naming the argument that does not fit.
        """
        spikes = spike_trains(input_spikes)
        base, output_neuron = self.runner.base(spikes, output_neuron)
        chosen = range(spikes.shape[1]) if groups is None else checked_groups(groups, spikes)
        deletions = [(None, n) for n in chosen]
        outputs = self.runner.without(spikes, deletions)
        check_width(outputs, base)

        def silenced(order):
            """Output with the first 1, 2, ... of ``order`` silent, one after the other."""
            size = self.runner.batch or 1
            left = spikes.copy()
            for start in range(0, len(order), size):
                batch = np.empty((len(order[start:start + size]), *spikes.shape), np.uint8)
                for place, n in enumerate(order[start:start + size]):
                    left[:, chosen[n]] = 0
                    batch[place] = left
                yield from self.runner.outputs(batch)[:, output_neuron]

        return Importance(map=base[output_neuron] - outputs[:, output_neuron],
                          groups=None if groups is None else list(chosen),
                          output_neuron=output_neuron, base=float(base[output_neuron]),
                          runs=1 + len(outputs), replaced=self.runner.incremental(deletions),
                          silenced=silenced)


def runs_line(result: Importance | Saliency) -> str:
    """How many forward runs a result took, or saved."""
    return f"Forward runs {'replaced' if result.replaced else 'made'}: {result.runs}"


def check_width(outputs: np.ndarray, base: np.ndarray) -> None:
    """Raise BadInput unless the perturbed runs gave as many outputs as the first."""
    if outputs.shape[1] != len(base):
        raise BadInput(f"run_fn must return {len(base)} outputs for every input, "
                       f"not {outputs.shape[1]}")


def checked_groups(groups: list, spikes: np.ndarray) -> list[np.ndarray]:
    """``groups`` as a list of index arrays."""
    found = []
    for n, group in enumerate(groups):
        group = np.asarray(group)
        if (group.ndim != 1 or not group.size or group.dtype.kind not in "iu"
                or group.min() < 0 or group.max() >= spikes.shape[1]):
            raise BadInput(f"groups[{n}] must be a list of neurons of 0 to {spikes.shape[1] - 1}")
        found.append(group)
    if not found:
        raise BadInput("groups must hold at least one group")
    return found
