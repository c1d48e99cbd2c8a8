"""Spike attribution: the share of each input spike in an output, by path weight and age.

Two forms of one rule. ``SpikeAttributor`` is the rule in floating point, spike by spike.
``traces`` is what the hardware keeps: one integer trace a neuron, by the ISI and table of
golden.sam; the path weight of the wanted output is multiplied in when a trace is read, so that the
output may be chosen after the fact.
"""

from dataclasses import dataclass

import numpy as np

from golden.explain.paths import dense_paths, gates, matrices, network_paths
from golden.formats import SCORE_FRAC, TABLE_FRAC, bits_signed, exp_table, rounded, score_bits
from golden.io.arguments import numbers, positive, spike_trains
from golden.io.errors import BadInput
from golden.network import Network

PATHS = ("linear", "active")


@dataclass(frozen=True, eq=False)
class Attribution:
    """Scores of input spikes for one output.

    Members
    -------
    scores : (T, N) float64
        Signed; 0 where there is no spike.
    spikes : (T, N) uint8
    path_weights : (N,) or (T, N) float64
    output_neuron : int
    decay : float
    """

    scores: np.ndarray
    spikes: np.ndarray
    path_weights: np.ndarray
    output_neuron: int
    decay: float

    @property
    def total(self):
        """Sum of all scores: the output that SpikeAttributor.attribute states."""
        return float(self.scores.sum())

    def top_k(self, k):
        """The ``k`` spikes of largest magnitude as (t, n, score), largest first.

        Fewer if there are fewer spikes; of equals the earlier, then the lower neuron, comes first.
        """
        found = np.argwhere(self.spikes)
        scores = self.scores[self.spikes != 0]
        order = np.argsort(-np.abs(scores), kind="stable")[:positive(k, "k")]
        return [(int(t), int(n), float(score))
                for (t, n), score in zip(found[order], scores[order], strict=True)]

    def temporal_profile(self):
        """(T,) sum of the scores of each step."""
        return self.scores.sum(axis=1)

    def spatial_importance(self, shape=None):
        """(N,) sum of the scores of each neuron, or the same in ``shape``: (H, W), (C, H, W) ..."""
        found = self.scores.sum(axis=0)
        if shape is None:
            return found
        try:
            return found.reshape(shape)
        except (TypeError, ValueError):
            raise BadInput(f"shape must hold {found.size} neurons, not {shape}") from None

    def summary(self):
        """A few lines for people."""
        count = int(np.count_nonzero(self.spikes))
        lines = [f"Attribution of {count} spikes to output neuron {self.output_neuron} "
                 f"(decay {self.decay:g})",
                 f"Sum of scores: {self.total:.4f} "
                 f"(for: {self.scores[self.scores > 0].sum():.4f}, "
                 f"against: {self.scores[self.scores < 0].sum():.4f})"]
        if count:
            t, n, score = self.top_k(1)[0]
            lines += [f"Largest: {score:.4f} at (t={t}, neuron={n})",
                      f"Peak step: t={int(np.abs(self.temporal_profile()).argmax())}"]
        return "\n".join(lines)


class SpikeAttributor:
    """Attribution of input spikes by path weight and age.

    Parameters
    ----------
    decay : float
        What is left of a spike after one step; 0 <= decay < 1.

    Members
    -------
    last : None or Attribution
        Result of the last ``attribute``.
    """

    def __init__(self, decay):
        self.decay = checked_decay(decay)
        self.last = None

    def attribute(self, input_spikes, weights, output_neuron, *, paths="linear", hidden=None,
                  layer=0):
        """Score every input spike: score[t, i] = P[i] spike[t, i] decay**(T - t).

        P[i] is the path weight of input i to the output (golden.explain.paths). A spike at the last
        step, t = T - 1, has faded by one step. The scores sum exactly to an output:

        - "linear": to O(T) of the leaky linear network, O(0) = 0 and
          O(t+1) = decay (O(t) + sum_i P[i] spike[t, i]). With one matrix this is the real
          accumulating read-out (golden.neurons.lif, reset "none", L = decay) after one more leak.
        - "active": to the same O(T) of the chain in which a hidden neuron hands on its input
          current in the steps in which it spikes, and nothing in others; P[t, i] counts only paths
          whose hidden neurons spike in step t.

        By hand: decay 1/2, spikes [[1, 1], [0, 1]] and one matrix [[2], [-1]] score
        [[2/4, -1/4], [0, -1/2]], which sum to -1/4 = O(2): O(1) = (2 - 1)/2, O(2) = (1/2 - 1)/2.

        Parameters
        ----------
        input_spikes : (T, N) of 0 and 1
            With a Network also (T, C, H, W).
        weights : list of (in, out) arrays, or golden.network.Network
        output_neuron : int
        paths : "linear" or "active"
        hidden : None or list of arrays of 0 and 1
            "active": spikes of the layers between input and output, in order, (T, n) or
            (T, C, H, W).
        layer : int
            With a Network: the weighted layer whose spikes ``input_spikes`` are, 0 for the input.

        Returns
        -------
        Attribution

        Raises ValueError naming the argument that does not fit.
        """
        if paths not in PATHS:
            raise BadInput(f"paths must be one of {', '.join(PATHS)}, not {paths}")
        if paths == "linear" and hidden is not None:
            raise BadInput('hidden is for paths "active" only')
        if paths == "active" and hidden is None:
            raise BadInput('hidden must hold the hidden spikes for paths "active"')
        if isinstance(weights, Network):
            stages = weights.stages[layer:] if isinstance(layer, int) and layer >= 0 else ()
            if not stages:
                raise BadInput(f"layer must be 0 to {len(weights.stages) - 1}, not {layer}")
            spikes = spike_trains(input_spikes, shape=stages[0].source)
            if hidden is not None:
                hidden = [spikes.reshape(-1, *stages[0].source),
                          *gates(hidden, [stage.source for stage in stages[1:]])]
            weight = network_paths(weights, output_neuron, layer=layer, spikes=hidden)
        else:
            spikes, weights = spike_trains(input_spikes), matrices(weights)
            if spikes.shape[1] != weights[0].shape[0]:
                raise BadInput(f"input_spikes has {spikes.shape[1]} neurons where weights[0] takes "
                               f"{weights[0].shape[0]}")
            weight = dense_paths(weights, output_neuron, hidden)
        steps = len(spikes)
        if weight.ndim == 2 and len(weight) != steps:
            raise BadInput(f"input_spikes has {steps} steps where "
                           f"{'hidden' if hidden is not None else 'the network'} has {len(weight)}")
        faded = self.decay ** (steps - np.arange(steps))
        self.last = Attribution(scores=spikes * weight * faded[:, None], spikes=spikes,
                                path_weights=weight, output_neuron=int(output_neuron),
                                decay=self.decay)
        return self.last

    def export_fpga(self, path, target="ice40", *, tools=True):
        """Write a Verilog unit that attributes as the last ``attribute`` did, to its output.

        FILE.v, a self-checking testbench and, with ``tools``, FILE.json with what it takes of an
        iCE40UP5K (flow.export.units.export_attribution). The unit keeps one trace a neuron and
        weighs it at the end, in integers; it takes any spikes of as many neurons and steps.

        Returns
        -------
        dict
            The report.
        """
        # Here alone golden calls hw: the tutorial's name for it is a method of this class.
        from flow.export.units import export_attribution
        if self.last is None:
            raise BadInput("export_fpga exports the last attribution: call attribute first")
        if self.last.path_weights.ndim > 1:
            raise BadInput('export_fpga needs paths "linear": the unit holds one weight a neuron')
        return export_attribution(path, self.last.path_weights, steps=len(self.last.spikes),
                                  decay=self.decay, target=target, tools=tools)


def checked_decay(decay):
    """``decay`` as a float; raise BadInput unless 0 <= decay < 1."""
    value = numbers(decay, "decay")
    if value.ndim or not 0 <= value < 1:
        raise BadInput(f"decay must be at least 0 and below 1, not {decay}")
    return float(value)


# --- in integers, as on the chip ------------------------------------------------------------------


def decay_table(decay, steps):
    """decay**d for d = 0 .. steps, in units of 2**-TABLE_FRAC, rounded half up.

    Entry 0 is never read: a trace is decayed at a later step than it was fed. By hand: .5 over two
    steps gives 32768, 16384, 8192.
    """
    decay, steps = checked_decay(decay), positive(steps, "steps")
    if decay == 0:
        return np.array([1 << TABLE_FRAC] + [0] * steps)
    return exp_table(-np.log(decay), steps + 1)


def traces(spikes, table, *, frac=SCORE_FRAC):
    """Trace of each neuron after the last step: the sum of decay**(T - t) over its spikes at t.

    Touched only at a spike, d steps after the neuron's one before, and once when it is read:

        A    <- 2**frac + rounded(table[d] A, TABLE_FRAC)     at a spike; A = 2**frac at the first
        trace = rounded(table[T - t], TABLE_FRAC)             at the end, t its last spike

    (the second line times A), and 0 without a spike. A is the A of golden.sam in mode "inclusive",
    so that the SAM unit's registers hold it. A neuron's steps may come in chunks: A and d carry
    over, and the second line is used once, at the end.

    Widths: 0 <= trace <= A <= T 2**frac, so golden.formats.score_bits(T) bits at the usual frac; a
    product has at most 16 more. Against the sum in real numbers the trace is off by at most

        (1/2 + a 2**(frac - TABLE_FRAC - 1)) (1 + c + c**2 + ...)   units, n terms for n spikes,

    where c = table[1] / 2**TABLE_FRAC bounds what is left of an error and a = 1 + decay + ...
    (T terms) what a rounding of the table is multiplied with. At decay .9, T 16, frac 8 it is below
    4.4 units, of at most 1,877 (worst of 20 real images: 2.4).

    By hand: decay 1/2, frac 8, spikes at t = 0, 1 and 3 of T = 4: A = 256, 256 + 128 = 384,
    256 + 384/4 = 352, trace = 352/2 = 176 = 256 (1/16 + 1/8 + 1/2).

    Parameters
    ----------
    spikes : (T, ...) of 0 and 1
        One column a neuron, in any shape.
    table : (> T,) int
        ``decay_table``, or any falling sequence of at most 2**TABLE_FRAC, as written to the chip.
    frac : int

    Returns
    -------
    (...) int64, in units of 2**-frac
    """
    spikes = np.asarray(spikes)
    if spikes.ndim < 1 or not np.isin(spikes, (0, 1)).all():
        raise BadInput("spikes must be (steps, ...) and hold only 0 and 1")
    steps, table = len(spikes), np.asarray(table, dtype=np.int64)
    if table.ndim != 1 or len(table) <= steps:
        raise BadInput(f"table must have more than {steps} entries, not {table.shape}")
    if (table < 0).any() or (table > 1 << TABLE_FRAC).any() or (np.diff(table) > 0).any():
        raise BadInput(f"table must fall, within 0 to {1 << TABLE_FRAC}")
    kept = np.zeros(spikes.shape[1:], dtype=np.int64)          # A at the last spike
    interval = np.zeros(kept.shape, dtype=np.intp)             # d, steps since the last spike
    for fired in spikes != 0:
        kept[fired] = (1 << frac) + rounded(table[interval[fired]] * kept[fired], TABLE_FRAC)
        interval[fired] = 0
        interval += 1
    return rounded(table[interval] * kept, TABLE_FRAC)


def quantised(path_weights, bits=8):
    """Path weights as signed integers of ``bits`` bits, in units of 2**shift.

    ``shift`` is the smallest whole number, negative or not, at which the largest fits; rounded half
    up. By hand: [300, -3, 1] in 8 bits: shift 2, [75, -1, 0].

    Returns
    -------
    weights : int64 array of the same shape
    shift : int
    """
    values, bits = numbers(path_weights, "path_weights"), positive(bits, "bits")
    if not 2 <= bits <= 16:
        raise BadInput(f"bits must be 2 to 16, not {bits}")
    top = np.abs(values).max(initial=0)
    if not top:
        return np.zeros(values.shape, dtype=np.int64), 0
    shift = int(np.floor(np.log2(top))) - bits  # one or two below the answer
    while True:
        found = np.floor(values * 2.0**-shift + 0.5)
        if found.min() >= -2**(bits - 1) and found.max() < 2**(bits - 1):
            return found.astype(np.int64), shift
        shift += 1


def weighed(trace, weights):
    """Attribution of each neuron: its trace times its path weight, exact.

    Parameters
    ----------
    trace : (N,) int
        ``traces``, in units of 2**-frac.
    weights : (N,) or (N, K) int
        ``quantised`` path weights of one or K outputs, in units of 2**shift.

    Returns
    -------
    (N,) or (N, K) int64, in units of 2**(shift - frac); ``attribution_bits`` wide
    """
    trace, weights = np.asarray(trace), np.asarray(weights)
    if trace.ndim != 1 or weights.shape[:1] != trace.shape or weights.ndim > 2:
        raise BadInput(f"weights must be one a trace and output, ({len(trace)}, outputs), "
                       f"not of shape {weights.shape}")
    return trace.astype(np.int64).reshape(-1, *[1] * (weights.ndim - 1)) * weights


def attribution_bits(steps, bits):
    """Signed width of one attribution: a trace of ``steps`` steps times a weight of ``bits``."""
    top = (steps << SCORE_FRAC) << (bits - 1)
    return bits_signed(-top, top - (steps << SCORE_FRAC))


def trace_bits(steps):
    """Unsigned width of a trace of ``steps`` steps."""
    return score_bits(steps)
