"""What is outermost in the order of work: the layers, or rounds of all layers."""

from functools import cached_property

from golden.formats import bits_unsigned
from golden.io.errors import BadInput
from golden.network import membrane_range
from hw.plan.loops import check_loops
from hw.plan.size import SCHEDULES
from hw.plan.widths import bits_of

__all__ = ["STATE_BITS", "Schedule", "outermost"]

STATE_BITS = 30 * 4096  # of all neurons between two rounds: the block memories of an iCE40UP5K


def outermost(network, schedule="auto") -> str:
    """``schedule``, and where it is "auto" the one that the network needs."""
    if schedule not in SCHEDULES:
        raise BadInput(f"--schedule must be {', '.join(SCHEDULES)}, not {schedule}")
    if schedule != "auto":
        return schedule
    return "steps" if network.recurrent else "layers"


class Schedule:
    """What follows for a hw.plan.planner.Plan from its ``schedule``, one of SCHEDULES."""

    def check_schedule(self):
        """Raise BadInput where rounds are asked of what cannot stop between two steps."""
        check_loops(self.network, self.order)
        if not self.rounded:
            return
        where = f"{self.network.name}: --schedule {self.order}"
        if self.buffered:
            raise BadInput(f"{where} adds one train a cycle: --trains 1")
        if self.normed:
            raise BadInput(f"{where} has no norms over time; --schedule layers has")
        if self.steady_bits and self.walk_steps < self.word_steps:
            raise BadInput(f"{where}: trains of encoder {self.network.encoder} hold bits and no "
                           "steps; --schedule chunks takes them")

    @cached_property
    def order(self):
        """What is outermost: "layers", "chunks" or "steps"."""
        return outermost(self.network, self.schedule)

    @property
    def rounded(self):
        """Whether all layers are walked round after round."""
        return self.order != "layers"

    @cached_property
    def looped(self):
        """Whether layers read what they stored a round before."""
        return bool(self.network.recurrent)

    @cached_property
    def joined(self):
        """Most skips of a layer, each of which a walk visits too."""
        return max(len(each.terms) for each in self.passes)

    @property
    def walk_steps(self):
        """Steps of a walk, and of a train that a layer writes."""
        return 1 if self.order == "steps" else self.word_steps

    @property
    def rounds(self):
        """Walks over all layers; 1 where one walk has all steps."""
        return -(-self.network.steps // self.walk_steps) if self.rounded else 1

    @property
    def state_walks(self):
        """Walks of a round after which neurons wait."""
        return sum(each.groups * each.grid[0] * each.grid[1]
                   for each in self.passes if not each.merging)

    @property
    def state_bits(self):
        """Bits of a neuron that waits for the next round, with its score where that is counted."""
        units = {self.parameters.built(stage.layer) for stage in self.network.stages}
        return max(unit.state_bits(self.membrane_bits) for unit in units) + self.tally_bits

    @property
    def tally_bits(self):
        """Bits of a score that is counted; 0 where it is a membrane."""
        if self.network.readout == "membrane":
            return 0
        return max(8, bits_unsigned(self.network.steps))

    @cached_property
    def score_bits(self):
        """Width of a score, in two's complement."""
        if self.network.readout != "membrane":
            return 1 + self.tally_bits
        return max(self.membrane_bits,
                   bits_of([membrane_range(self.network.stages[-1], self.network.steps)]))

    @cached_property
    def run_chunks(self):
        """Words that hold all steps of a run."""
        return -(-self.network.steps // self.word_steps)

    def source_at(self, each, odd=False, term=0):
        """Address of the trains that a pass reads, of its own or of a ``term``, in an ``odd`` round
        or an even one.
        """
        if term >= len(each.inputs):
            return 0
        read = each.inputs[term]
        return self.target_at(self.passes[read - 1], odd) if read else self.buffers[0].at

    def target_at(self, each, odd=False):
        """Address of the trains that a pass writes in an ``odd`` round or an even one."""
        return self.buffers[each.number].at + each.out_chunk * (odd and each.looped)

    @cached_property
    def placed(self):
        """Whether the trains of passes begin elsewhere than at 0."""
        return self.rounded or any(each.at for each in self.buffers)
