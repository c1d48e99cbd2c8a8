"""What a neuron model in hardware is: a unit that takes a step a cycle, and answers of its class.

The planner, the packing of memories and the lane ask the class and iterate over the fields of the
golden model; they know no parameter by its name.
"""

import numpy as np
from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.network import NeuronModel
from hw.engine.constants import pass_register

__all__ = ["NeuronUnit"]


class NeuronUnit(wiring.Component):
    """One neuron; each ``step`` is that of its golden model, in the choices of the pass.

    ``shift`` hands a current on, ``feed`` gives it to the neuron and ``step`` takes the step, each
    one cycle after the one before or later; one step a cycle. ``last`` with a step ends the neuron:
    the next one starts from the state of ``NeuronModel.start`` with a membrane of 0. So must the
    first one after a reset, which leaves the state as it was.

    Class members
    -------------
    LOADED : tuple of str
        Fields whose values the weight memory always has, so that they can be rewritten: where
        neurons of a layer do not differ, once a pass.
    CONSTANT : tuple of str
        Fields whose values are cheap as constants of a pass, which the unit takes from ``neurons``.
        They are kept by channel only where the neurons of a layer differ in them.

    Parameters
    ----------
    neurons : list of golden.neurons.base.NeuronModel
        Of each pass, all of this model; those of passes of another model stand in.
    formats : dict of str -> Shape
        Of each field that comes as an input: all but those of ``CONSTANT`` that are not kept by
        channel.
    membrane : Shape
        Signed.
    current : None or Shape
        Signed, no wider; None is that of the membrane.
    chunked : bool
        A neuron's run may stop between two steps.
    resumes : bool
        And another's may go on then: neurons are kept in memory meanwhile (hw.engine.state).

    Members
    -------
    number : In(range(passes))
        The pass.
    one for each of ``formats``, by its name
        The value of the parameter; steady from two cycles before the neuron's first ``shift`` to
        its last ``step``, as is ``number``.
    shift, opens : In(1)
        ``current`` is handed on; it is the first of its train.
    current : In(current)
    feed : In(1)
        Give the neuron what was handed on last: with the ``step`` before if that is of the same
        word, else with or after it.
    step, last : In(1)
        Advance by the current given last; it was the last of its train.
    spike : Out(1)
        With ``step``: a spike is handed on. Means nothing where the pass has none.
    membrane : Out(membrane)
        With ``step``: u after it, before what the next step makes of it.
    state, resume, resumed : Out(state_bits), In(1), In(state_bits)
        Where it ``resumes``: the neuron between two steps; it is to be the one that is given, 0 for
        one that starts. Not with ``step``, ``feed`` or a ``shift`` before it.
    """

    LOADED, CONSTANT = (), ()

    def __init__(self, neurons, *, formats, membrane, current=None, chunked=False,
                 resumes=False, single=False):
        self.neurons, self.formats, self.chunked = list(neurons), dict(formats), chunked
        self.resumes, self.single, self.flags = resumes, single, []
        state = self.state_bits(Shape.cast(membrane).width)
        super().__init__({
            "number": In(range(len(self.neurons))),
            **{name: In(shape) for name, shape in self.formats.items()},
            "shift": In(1), "opens": In(1), "current": In(current or membrane),
            "feed": In(1), "step": In(1), "last": In(1),
            "spike": Out(1), "membrane": Out(membrane),
            **({"state": Out(state), "resume": In(1), "resumed": In(state)} if resumes else {}),
        })

    # --- answers of the class -------------------------------------------------------------------

    @staticmethod
    def silent(neuron: NeuronModel) -> bool:
        """Whether a neuron that is added nothing never crosses its threshold.

        Here of models that rest at 0.
        """
        return int(np.min(neuron.threshold)) >= (neuron.compare == "ge")

    @staticmethod
    def quiet(formats: dict) -> dict[str, int]:
        """{field: value} of a silent neuron; 0 where absent. ``formats`` of hw.plan.parameters.

        Here the greatest threshold.
        """
        return {"threshold": 2**formats["threshold"].bits - 1}

    @staticmethod
    def splits(neuron: NeuronModel) -> bool:
        """Whether membranes of parts of the inputs, summed, are the membrane of all inputs."""
        return False

    @staticmethod
    def products(kept: dict, membrane_bits: int) -> tuple:
        """(what, bits, bits) of each product of two variables, both signed.

        ``kept`` are the formats of what the weight memory keeps by channel.
        """
        return ()

    @staticmethod
    def adders(neurons: list, kept: dict) -> int:
        """Adders of a membrane's width for products with constants of the passes."""
        return 0

    @classmethod
    def suited(cls, neurons: list, per_channel: bool) -> type:
        """The class that is built for these neurons: this one, or a smaller one that does the same.

        ``per_channel``: parameters come with every group of lanes.
        """
        return cls

    @staticmethod
    def held(neuron: NeuronModel, low: int, high: int) -> tuple[int, int]:
        """(low, high) of the number that is kept of a membrane from ``low`` to ``high``."""
        return low, high

    @staticmethod
    def state_bits(membrane: int) -> int:
        """Bits of a neuron between two steps, whose membrane has so many: that, and two flags."""
        return membrane + 2

    # --- parts of a unit ------------------------------------------------------------------------

    def is_any(self, m, test):
        """Whether ``test`` of the pass's neuron holds; a register, a cycle behind ``number``."""
        return pass_register(m, self.number, [int(test(each)) for each in self.neurons])

    def stepped_above(self, m, above):
        """Whether the step before, mostly taken in the same cycle, was ``above``; for ``feed``."""
        if not self.chunked:
            return above
        fired = Signal()
        self.flags.append(fired)
        with m.If(self.step):
            m.d.sync += fired.eq(above)
        return Mux(self.step, above, fired)

    def hand_on(self, m, above, crossed):
        """Drive ``spike``: at once by ``above``, or a step after ``crossed`` where it is delayed.

        ``crossed`` is ``above`` but for passes without spikes, where it is 0.
        """
        m.d.comb += self.spike.eq(above)
        if any(each.delay for each in self.neurons):
            late = Signal()
            self.flags.append(late)
            with m.If(self.step):
                m.d.sync += late.eq(crossed & ~self.last)
            m.d.comb += self.spike.eq(Mux(self.is_any(m, lambda n: n.delay), late, above))

    def keep(self, m, starts):
        """Drive ``state``, and take ``resumed``, where the unit ``resumes``; last of all its parts.

        ``starts`` are a register that holds a neuron between two steps, flags of other parts apart,
        its value in one that starts, and perhaps what is kept of it in its place.
        """
        if not self.resumes:
            return
        registers = Cat(*(each for each, *_ in starts), *self.flags)
        start = Cat(*(C(value, len(each)) for each, value, *_ in starts),
                    C(0, len(self.flags)))
        kept = Cat(*((instead[0] if instead else each)[:len(each)]
                     for each, _, *instead in starts), *self.flags)
        m.d.comb += self.state.eq(kept ^ start)
        with m.If(self.resume):
            m.d.sync += registers.eq(self.resumed[:len(registers)] ^ start)
