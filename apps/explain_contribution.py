"""Contribution maps for people: the method of sim.explain, from golden's spikes or from the RTL."""

import numpy as np

from golden.explain.contribution import (
    adds_up,
    difference,
    rival,
    said,
    step_contributions,
)
from golden.io.errors import rule
from golden.network.linear import check_linear

__all__ = ["by_chip", "check", "explained"]


def check(network, layer, versus):
    """The deepest spiking layer; BadInput unless the question fits the network."""
    check_linear(network, "--method contribution")
    deepest = network.stages[-2].index
    rule(layer in (None, deepest), "--layer", f"contributions are those of the deepest spiking "
         f"layer, {deepest}, not of {layer}: behind others a class is no sum over spikes")
    rule(versus is None or 0 <= versus < network.classes, "--versus",
         f"must be 0 to {network.classes - 1}, not {versus}")
    return deepest


def explained(network, result, target, question, *, maps=None):
    """(map, heat, unit, title, lines, whole) of a Question about ``target``, as sim.explain has it.

    ``maps`` are C (classes, H, W) of a chip; without, M of every step from the spikes of
    ``result``, whose layers are all kept.
    """
    layer, versus = question.layer, question.versus
    if versus is None and not question.alone:
        versus = rival(result.logits[0], target)
    rule(versus is None or versus != target, "--versus",
         f"must be another class than the one explained, {target}")
    found = maps if maps is not None else step_contributions(result.spikes[layer][0], network)
    good = adds_up(found[None], result.scores, network)
    heat = difference(found, target, versus)
    heat = heat.astype(np.float64).reshape(-1, *heat.shape[-2:])
    last = network.stages[-1].layer
    against = "" if versus is None else f" against {network.label(versus)}"
    where = "golden" if maps is None else "on the chip"
    biases = network.steps * last.biases.astype(np.int64)
    bias = biases[target] - (0 if versus is None else biases[versus])
    return (found, heat, "weights of spikes",
            f"Contribution of layer {layer} to {network.label(target)}{against} ({where})",
            [f"Sum of the map: {int(heat.sum())}, of membranes {int(heat.sum()) << last.frac}; "
             f"biases, of no pixel: {int(bias)}", said(good)], "sum of all steps")


def by_chip(network, image, question):
    """(C (classes, H, W), Result) of an accelerator that gives contributions, in Verilator."""
    from sim.rtl import Simulation
    simulation = Simulation(network, taps=(), explain={"contributions": (question.layer,)})
    result = simulation.run(image[None])
    return result.explained["contributions", question.layer][0], result
