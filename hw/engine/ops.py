"""Micro-ops of the engine, and what visits hand on until they are some."""

from amaranth.lib import data, enum

from hw.plan.buffers import WORD

__all__ = ["Op", "found_layout", "op_layout", "visit_layout"]


class Op(enum.Enum, shape=2):
    """What a micro-op does: add a train, shift a row of the header in, or end a walk."""

    Add     = 0
    Param   = 1
    EndWalk = 2
    EndPass = 3  # the end of the last walk of the pass


def leg(plan):
    """With EndWalk, of a plan whose walks have legs: it ends a leg, and the walk goes on."""
    return {"leg": 1} if plan.in_legs else {}


def outside(plan):
    """With an end, of a plan whose legs may lie outside the map of sums: this one did."""
    return {"outside": 1} if plan.legs_outside else {}


def own(plan):
    """Of a plan that has loops (hw.plan.loops): trains are the layer's own, of the round before,
    and each is its mark in the bitmap.
    """
    return {"own": 1} if plan.looped else {}


def frees(plan):
    """With an end, of a plan that streams weights: no row of its block is read any more."""
    return {"frees": 1} if plan.banks else {}


def visit_layout(plan):
    """A visit, and where its train and the weights of that are; or an end.

    ``address`` is a train's, within whose word the visit reads a window; ``row`` its weights'.
    Of a plan that has loops it finds nothing where it is ``hidden``; of one that has skips it is
    inside the map where it is ``whole``.
    """
    return data.StructLayout({
        "op": Op, **leg(plan), **own(plan), **({"hidden": 1} if plan.looped else {}),
        **frees(plan), **({"whole": 1} if plan.joined else {}),
        "address": plan.train_addr, "row": plan.row_addr})


def found_layout(plan):
    """A word of the bitmap in which a visit found spikes, or the end of a walk.

    ``word`` marks them: bit n stands for the train at ``16 address + n``, whose weights are at
    ``row + n``, n counted within the window.
    """
    return data.StructLayout({
        "op": Op, **leg(plan), **outside(plan), **own(plan), **frees(plan), "word": WORD,
        "address": plan.train_addr - 4, "row": plan.row_addr})


def op_layout(plan):
    """A train and its weight row by their addresses, a row of parameters, or an end.

    ``empty_walk``, with an end: nothing was added since the last one, and nothing can spike. Of a
    plan whose walks have legs, with an end: sums of legs before are ``held``, and some were 0
    (``blank``).
    """
    return data.StructLayout({
        "op": Op, **leg(plan), "empty_walk": 1,
        **({"held": 1, "blank": 1} if plan.in_legs else {}), **outside(plan), **own(plan),
        **frees(plan),
        "train": plan.train_addr, "row": plan.row_addr})
