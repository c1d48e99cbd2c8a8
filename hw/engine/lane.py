"""One lane of the engine: sums of all steps at once, then a neuron step a cycle."""

import numpy as np
from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.engine.constants import chosen, pass_register
from hw.engine.sums import EnabledSums, TreeSums
from hw.plan.parameters import BIAS

__all__ = ["Lane", "norm_layout", "shared_layout"]


def norm_layout(plan):
    """Gain and offset of one lane, empty where the network has no norms."""
    if not plan.normed:
        return data.StructLayout({})
    gain, offset = plan.norm_bits
    return data.StructLayout({"gain": signed(gain), "offset": signed(offset)})


def shared_layout(plan) -> data.StructLayout:
    """Parameters kept once a pass, first lowest; empty where they come by channel."""
    kept = {} if plan.per_channel else plan.kept
    return data.StructLayout({name: Shape(*format) for name, format in kept.items()})


class Lane(wiring.Component):
    """One output channel: ``slice_steps`` sums (hw.engine.sums), their shadows, and its neuron.

    ``load`` moves all sums to the shadow; then each ``shift`` hands on the sum of the next step,
    ``feed`` gives it to the neuron and ``step`` advances that, each one cycle after the one before
    or later. One step a cycle.
    ``last`` with a step ends the neuron: the next one starts from a membrane of 0. So must the
    first one after a reset, which leaves the membrane as it was.

    There is a unit of hw.engine.neurons for each model that the network has; the pass chooses.

    Parameters
    ----------
    plan : hw.plan.planner.Plan

    Members
    -------
    number : In(range(passes))
        The pass; steady from a cycle before anything is added.
    shared : In(shared_layout(plan))
        Parameters of the pass, unless they come by channel.
    train, weight : In(walk_steps), In(signed(weight_bits))
        As hw.engine.sums.EnabledSums has them, where nothing is buffered; cleared by ``load``.
    weights, steps, first : In(data.ArrayLayout(...)), In(data.ArrayLayout(...)), In(1)
        As hw.engine.sums.TreeSums has them, behind a walk buffer.
    last_sum, last_held : Out(signed(sum_bits)), In(signed(sum_bits))
        There too: the sum of a slice's last step, and what it was with the ``load`` before.
    param : In(1)
        ``weight``, or the first of ``weights``, is the next digit of the channel's parameters,
        lowest first; they hold from the next ``load`` on.
    load : In(1)
    shift, opens : In(1), In(1)
        Hand the next sum on; follows ``load`` by one cycle or more. It is the first of its train.
    sum, current, gives : Out(signed(sum_bits)), In(signed(current_bits)), In(1)
        Where Plan.combines: with ``shift`` the sum handed on, what the neuron is to take of it and
        of those before (hw.engine.steady, hw.engine.greatest), and whether it takes any.
    feed : In(1)
        Give the neuron what was handed on last: with the ``step`` before if that is of the same
        word, else with or after it.
    norm : In(norm_layout(plan))
        With ``shift``, where the network has norms: gain and offset of the sum handed on.
    step, last : In(1)
        Advance the neuron by the sum given last; it was the last of its train.
    spike : Out(1)
        With ``step``: the neuron hands on a spike. Means nothing where the layer has none.
    membrane : Out(signed(membrane_bits))
        With ``step``: the membrane after it.
    state, resume, resumed : Out, In(1), In
        Of the neuron, where Plan.rounded (hw.engine.neurons.base).
    """

    def __init__(self, plan):
        self.plan = plan
        weight = signed(plan.weight_bits)
        if plan.rounded:
            self.state_bits = plan.state_bits - plan.tally_bits
        super().__init__({
            "number": In(range(len(plan.passes))),
            "shared": In(shared_layout(plan)),
            **({"weights": In(data.ArrayLayout(weight, plan.trains)),
                "steps": In(data.ArrayLayout(plan.slice_steps, plan.trains)), "first": In(1),
                "last_sum": Out(signed(plan.sum_bits)), "last_held": In(signed(plan.sum_bits))}
               if plan.buffered else {"train": In(plan.walk_steps), "weight": In(weight)}),
            "param": In(1),
            "load": In(1),
            "shift": In(1), "opens": In(1), "feed": In(1),
            **({"sum": Out(signed(plan.sum_bits)), "current": In(signed(plan.current_bits)),
                "gives": In(1)} if plan.combines else {}),
            "norm": In(norm_layout(plan)),
            "step": In(1),
            "last": In(1),
            "spike": Out(1),
            "membrane": Out(signed(plan.membrane_bits)),
            **({"state": Out(self.state_bits), "resume": In(1), "resumed": In(self.state_bits)}
               if plan.rounded else {}),
        })

    def elaborate(self, platform):
        m = Module()
        plan = self.plan

        formats = {"steps": plan.slice_steps, "weight_bits": plan.weight_bits,
                   "sum_bits": plan.sum_bits}
        if plan.buffered:
            m.submodules.sums = sums = TreeSums(trains=plan.trains, **formats)
            m.d.comb += self.last_sum.eq(sums.sums[plan.slice_steps - 1])
            digit = self.weights[0]
            m.d.comb += [
                sums.weights.eq(self.weights), sums.steps.eq(self.steps), sums.first.eq(self.first)]
        else:
            m.submodules.sums = sums = EnabledSums(**formats)
            digit = self.weight
            m.d.comb += [
                sums.train.eq(self.train), sums.weight.eq(self.weight), sums.clear.eq(self.load)]
        shadow = [Signal(signed(plan.sum_bits), name=f"shadow{t}", reset_less=True)
                  for t in range(plan.slice_steps - plan.buffered)]
        with m.If(self.load | self.shift):
            behind = [*shadow[1:], self.last_held if plan.buffered else C(0)]
            for total, own, after in zip(shadow, sums.sums, behind, strict=False):
                m.d.sync += total.eq(Mux(self.load, own, after))

        # Parameters of a channel come as digits and hold from the next load on.
        values = {name: self.shared[name] for name in self.shared.shape().members}
        if plan.per_channel:
            coming = Signal(plan.header * plan.weight_bits)
            with m.If(self.param):
                m.d.sync += coming.eq(Cat(coming, digit)[plan.weight_bits:])
            at = 0
            for name, format in plan.kept.items():
                value = Signal(Shape(*format), name=name)
                with m.If(self.load):
                    m.d.sync += value.eq(coming[at:at + format.bits])
                values[name] = value
                at += format.bits

        total, gives = shadow[0], self.shift
        if plan.combines:
            m.d.comb += self.sum.eq(total)
            total, gives = self.current, self.gives
        current = self.scaled(m, total) + values.get(BIAS, 0)
        units = {}
        for model, kind in plan.parameters.units.items():
            unit = m.submodules[model] = units[model] = self.neuron(
                m, model, kind, values, current.shape())
            m.d.comb += [
                unit.number.eq(self.number), unit.current.eq(current),
                unit.shift.eq(gives), unit.opens.eq(self.opens), unit.feed.eq(self.feed),
                unit.step.eq(self.step), unit.last.eq(self.last),
            ]
            if plan.rounded:
                m.d.comb += [unit.resume.eq(self.resume), unit.resumed.eq(self.resumed)]
        models = list(units)
        which = pass_register(m, self.number, [
            models.index(each.stage.layer.model) for each in plan.passes])
        given = Array(units.values())[which] if len(units) > 1 else units[models[0]]
        m.d.comb += [self.spike.eq(given.spike), self.membrane.eq(given.membrane)]
        if plan.rounded:
            m.d.comb += self.state.eq(given.state)
        return m

    def neuron(self, m, model, kind, values, current):
        """Unit of a model with its parameters driven: those kept, others as constants of a pass."""
        passes, own = self.plan.passes, [
            each.neuron for each in self.plan.passes if each.stage.layer.model == model]
        neurons = [each.neuron if each.stage.layer.model == model else own[0] for each in passes]
        names = [field.name for field in own[0].fields
                 if field.name in values or field.name not in kind.CONSTANT]
        unit = kind.suited(own, self.plan.per_channel)(
            neurons, formats={name: Shape(*self.plan.formats[name]) for name in names},
            membrane=self.membrane.shape(),
            current=current if current.width < len(self.membrane) else None,
            chunked=self.plan.rounded or self.plan.chunks * self.plan.slices > 1,
            **({"resumes": True, "single": self.plan.walk_steps == 1} if self.plan.rounded else {}))
        for name in names:
            value = values.get(name)
            if value is None:
                value = pass_register(
                    m, self.number, [int(np.max(getattr(each, name))) for each in neurons])
            m.d.comb += getattr(unit, name).eq(value)
        return unit

    def scaled(self, m, total):
        """``total`` in membrane units of the pass."""
        if self.plan.normed:
            product = total * self.norm.gain
            return chosen(m, self.number, [each.stage.layer.norm[2] if each.stage.layer.norm else 0
                                           for each in self.plan.passes],
                          lambda shift: product >> shift) + self.norm.offset
        return chosen(m, self.number, [each.stage.layer.frac for each in self.plan.passes],
                      lambda frac: total << frac)
