"""Explanations by name: ``METHODS``, and how one is asked.

A new method is a file of this folder that ends in a tuple ``HERE`` of golden.explain.methods.base.
Method, and its import and its place in ``METHODS`` below; command, table, pictures and help read
them from there. A method outside of golden comes in by ``register``.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from golden.explain.methods import (
    attribution,
    causal,
    contribution,
    controls,
    count,
    occlusion,
    saliency,
    sam,
    tsa,
    zplus,
)
from golden.explain.methods.base import Asked, Explanation, Method, Question
from golden.explain.traces import checked_decay
from golden.formats import MODES, exp_table
from golden.io.arguments import index, positive
from golden.io.errors import BadInput, rule
from golden.network import Network
from golden.network.result import Result

__all__ = ["METHODS", "answer", "checked", "class_of", "named", "register"]

METHODS = {method.name: method for part in (
    sam, contribution, zplus, count, attribution, tsa, saliency, causal, occlusion, controls)
    for method in part.HERE}


def register(method: Method) -> None:
    """Make a Method known by its name; raise BadInput where another has that name."""
    rule(METHODS.setdefault(method.name, method) is method, method.name,
         "is the name of another method")


def named(name: str, where: str = "--method") -> Method:
    """The Method of a name; raise BadInput, in one line, where there is none."""
    rule(name in METHODS, where, f"must be one of {', '.join(METHODS)}, not {name}")
    return METHODS[name]


def checked(question: Question, network: Network) -> Question:
    """The Question with a layer; BadInput unless all its members fit the network."""
    method = named(question.method)
    rule(question.engine in ("golden", "rtl"), "--engine",
         f"must be golden or rtl, not {question.engine}")
    rule(question.engine == "golden" or method.rtl, "--engine", f"the chip does not answer "
         f"{method.name}, which the host makes of golden's spikes; rtl is for "
         + ", ".join(name for name, each in METHODS.items() if each.rtl))
    rule(question.mode in MODES, "--mode", f"must be one of {', '.join(MODES)}, not "
         f"{question.mode}")
    checked_decay(question.decay)
    try:
        exp_table(question.gamma, 2)
    except ValueError as error:
        raise BadInput(f"--gamma: {error}") from None
    rule(method.classed or question.versus is None, "--versus",
         f"{method.name} knows no class, and so none to hold against another")
    rule(question.engine == "golden" or method.pairs or question.versus is None, "--versus",
         f"of {method.name} is for --engine golden")
    rule("alone" in method.takes or not question.alone, "--alone", "is of --method contribution")
    rule(not (question.alone and question.versus is not None), "--alone", "takes no --versus")
    if question.window is not None:
        rule("window" in method.takes, "--window", "is of --method occlusion")
        positive(question.window, "--window")
    if question.versus is not None:
        rule(0 <= question.versus < network.classes, "--versus",
             f"must be 0 to {network.classes - 1}, not {question.versus}")
    method.check(network, question)
    question = replace(question, layer=method.layer(network, question))
    if question.output_neuron is not None:
        index(question.output_neuron, network.classes, "--output-neuron")
    return question


def class_of(question: Question, result: Result) -> int:
    """The class explained: the one asked for, or else the one predicted.

    Raises BadInput where it is the class that it is held against.
    """
    found = question.output_neuron
    found = int(result.pred[0]) if found is None else found
    rule(question.versus is None or question.versus != found, "--versus",
         f"must be another class than the one explained, {found}")
    return found


def answer(question: Question, network: Network, image: np.ndarray, result: Result, *,
           progress: Callable = iter) -> Explanation:
    """The Explanation of a ``checked`` Question, from the Result of the image alone."""
    method, target = named(question.method), class_of(question, result)
    versus = question.versus
    asked = Asked(question, network, image, result, target, progress)
    found = method.explain(asked)
    if versus is not None and not method.pairs:
        found = found.less(method.explain(replace(asked, target=versus)),
                           f"{found.title}, against {network.label(versus)}")
    return replace(found, signed=method.signed or versus is not None)
