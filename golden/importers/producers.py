"""What the programs that write NIR graphs mean by them: the rules that a graph does not say.

NIR writes neurons in continuous time and names no time step, no reset and no start. Every producer
has its own; ``PRODUCERS`` holds them, each as its release runs a network.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from golden.importers import float_run
from golden.importers.float_network import FloatNetwork
from golden.network import COMPARES, RESETS, chain
from golden.network.ops.recurrent import CUTS
from golden.readout import class_scores

__all__ = ["CHOICES", "OWN", "PRODUCERS", "Producer", "Rules", "many_spikes", "shaped"]

CHOICES = {     # what each rule but dt may be
    "reset": (*RESETS[:3], "subtract_now"),
    "compare": COMPARES,
    "decay": ("euler", "exp"),
    "start": ("zero", "v_reset"),
    "gain": ("nir", "one", "normalised"),
    "spikes": ("single", "several"),
    "cut": CUTS,
}
SAME = 1e-6     # float32 noise of a product of parameters


@dataclass(frozen=True)
class Producer:
    """One program's rules.

    Parameters
    ----------
    title : str
        Its name and release.
    dt : float
        Time step, in the unit of tau; the one that it writes or that its paper used.
    reset : "zero", "subtract" or "subtract_leaked"
    compare : "gt" or "ge"
    decay : "euler" (1 - dt / tau) or "exp" (exp(-dt / tau))
    start : "zero" or "v_reset"
        Where a membrane begins.
    gain : "nir", "one", "normalised" or None
        What a leaking membrane takes of an input in a step: r dt / tau, r, or r (1 - beta); None
        where the producer knows several and writes none, so that it must be told.
    spikes : "single" or "several"
        Whether a neuron fires at most one spike in a step, or floor(v / threshold), and its
        membrane then stays above -threshold.
    cut : "weights" or "spikes"
        What of a loop is 0 in the first step (golden.network.ops.Recurrent).
    unsaid : str
        What a graph may mean that single spikes are not, for the report.
    export : str
        What writes a model of its modules as a graph, "" where nothing is known.
    """

    title: str
    dt: float = 1e-4
    reset: str = "zero"
    compare: str = "gt"
    decay: str = "euler"
    start: str = "zero"
    gain: str | None = "nir"
    spikes: str = "single"
    cut: str = "weights"
    unsaid: str = ""
    export: str = ""


PRODUCERS = {
    "snntorch": Producer("snnTorch 1.0", reset="subtract", cut="spikes"),
    "norse": Producer("Norse 1.1", dt=1e-3, export="norse.torch.utils.export_nir.to_nir"),
    "spikingjelly": Producer(
        "SpikingJelly 2.0", compare="ge", start="v_reset",
        export="spikingjelly.activation_based.nir_exchange.export_to_nir"),
    "rockpool": Producer("Rockpool 3.1", reset="subtract_leaked", compare="ge", decay="exp",
                         unsaid="single spikes, which it fires where max_spikes_per_dt is 1",
                         export="rockpool.nn.modules.torch.to_nir"),
    "sinabs": Producer("sinabs 3.1", dt=1.0, reset="subtract_leaked", compare="ge", decay="exp",
                       gain=None, spikes="several",
                       unsaid="single spikes, membranes without a lower bound",
                       export="sinabs.nir.to_nir"),
    "lava": Producer("Lava", dt=1e-4),
}
OWN = Producer("sam-snn", reset="subtract")     # each neuron of its files says the rest


@dataclass(frozen=True)
class Rules:
    """The rules by which one graph is read.

    Parameters
    ----------
    producer : None or a name of PRODUCERS
    dt, reset, compare, decay, start, gain, spikes, cut :
        As in Producer.
    """

    producer: str | None
    dt: float
    reset: str
    compare: str
    decay: str
    start: str
    gain: str | None
    spikes: str
    cut: str

    @classmethod
    def of(cls, producer: str | None = None, **told: Any) -> "Rules":
        """The rules of a producer, changed by what is ``told`` and not None."""
        base = OWN if producer == OWN.title else PRODUCERS.get(producer, Producer("no producer"))
        given = {key: told.get(key) for key in ("dt", *CHOICES)}
        return cls(producer, **{key: getattr(base, key) if value is None else value
                                for key, value in given.items()})

    @property
    def title(self) -> str:
        """The producer's name, "" where there is none."""
        return "" if self.producer is None else PRODUCERS.get(self.producer, OWN).title

    @property
    def several(self) -> bool:
        """Whether the neurons fire several spikes a step."""
        return self.spikes == "several"

    def beside(self, metadata: dict[str, Any]) -> "Rules":
        """The rules with what a neuron's own metadata says, of this project's files."""
        if self.producer != OWN.title:
            return self
        return replace(self, **{key: metadata[key] for key in ("reset", "compare", "cut")
                                if isinstance(metadata.get(key), str)})

    def keep(self, tau, r) -> tuple:
        """(beta, input gain, note or None) of neurons with a time constant.

        What a graph shows is followed where no producer is named: an input gain r dt / tau that is
        exp(-dt / tau) is Rockpool's, and r = 1 with tau below dt Norse 1.1's, whose tau was
        multiplied by dt once more.
        """
        note, decay, named = None, self.decay, self.producer
        if (named in (None, "norse") and np.all(r == 1) and np.all(tau < self.dt * (1 - SAME))
                and np.all(tau >= self.dt**2 * (1 - SAME))):
            tau = tau / self.dt
            note = "tau is tau dt, as Norse 1.1 writes it (its issue 411)"
        gain = r * self.dt / tau
        if named is None and decay == "euler" and np.all(
                np.abs(gain - np.exp(-self.dt / tau)) <= SAME) and np.all(
                np.abs(gain - (1 - self.dt / tau)) > 10 * SAME):
            decay = "exp"
            note = "r dt / tau is exp(-dt / tau), as Rockpool writes it: that decay is taken"
        beta = np.exp(-self.dt / tau) if decay == "exp" else 1 - self.dt / tau
        if self.gain != "nir":
            gain = r * (1 - beta) if self.gain == "normalised" else r
        return beta, gain, note

    def notes(self, leaking: bool, v_reset: float | np.ndarray) -> tuple[str]:
        """What the report says of the rules of one layer."""
        sign = {"gt": ">", "ge": ">="}[self.compare]
        told = [f"dt {self.dt:g}", f"reset {self.reset}", f"spike where v {sign} threshold"]
        if leaking:
            told.insert(1, {"exp": "decay exp(-dt / tau)", "euler": "decay 1 - dt / tau"}[
                self.decay])
        if leaking and self.gain != "nir":
            told.append({"one": "inputs as they are", "normalised": "inputs times 1 - decay"}[
                self.gain])
        if np.any(v_reset):
            told.append(f"start at {'v_reset' if self.start == 'v_reset' else 0}")
        unsaid = PRODUCERS.get(self.producer, OWN).unsaid
        if unsaid and not self.several:
            told.append(unsaid)
        if self.producer is not None:
            return (f"as {self.title}: {', '.join(told)}",)
        others = ["sinabs and Rockpool fire several spikes a step"]
        if leaking:
            others.append("Rockpool and sinabs decay by exp(-dt / tau)")
            others.append("sinabs takes inputs as they are, or times 1 - decay")
        if np.any(v_reset):
            others.append("SpikingJelly starts membranes at v_reset")
        return (f"NIR names no producer, reset or step; taken: {', '.join(told)}; but "
                + ", ".join(others) + " (--from)",)


def shaped(rules: Rules, v_leak: float | np.ndarray, threshold: float | np.ndarray,
           v_reset: float | np.ndarray) -> tuple:
    """(v_leak, threshold, v_reset) counted from where membranes start, which is then 0."""
    if rules.start != "v_reset" or rules.reset != "zero":
        return v_leak, threshold, v_reset
    return v_leak - v_reset, threshold - v_reset, np.zeros_like(v_reset)


def many_spikes(active: np.ndarray, network: FloatNetwork) -> tuple:
    """What sinabs gives where golden.importers.float_run gives single spikes.

    With v <- beta v + I a neuron fires n = floor(v / threshold) spikes where v is positive; then
    v <- max(v - n threshold, -threshold).

    Parameters
    ----------
    active : (N, T, C, H, W)
        What the encoder gives.

    Returns
    -------
    (counts of each stage (N, T, C, H, W), (N,) classes by the most spikes)
    """
    chain(network, "what neurons of several spikes a step would do is told of chains alone")
    scale, found = network.input_scale, []
    for stage in network.stages:
        count, steps = active.shape[:2]
        flat = active.reshape(count * steps, *active.shape[2:])
        for pool in stage.pools:
            flat, scale = pool.forward(flat), scale / pool.divisor
        layer = stage.layer
        sums = float_run.weighted(flat * scale, layer).reshape(count, steps, *stage.shape)
        column = lambda values, layer=layer: layer.per_channel(values)[:, None, None]
        beta, threshold = column(layer.neuron.beta), column(layer.neuron.threshold)
        membrane, spikes = np.zeros(sums[:, 0].shape), np.zeros(sums.shape, dtype=np.int16)
        for t in range(steps):
            membrane = beta * membrane + sums[:, t] + column(layer.biases)
            fired = np.maximum(np.floor(membrane / threshold), 0)
            membrane = np.maximum(membrane - fired * threshold, -threshold)
            spikes[:, t] = np.minimum(fired, np.iinfo(np.int16).max)
        found.append(spikes)
        active, scale = spikes, 1.0
    return found, class_scores(active, None, "count")[:, -1].argmax(axis=1)
