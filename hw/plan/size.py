"""How much of the engine is built at once: lanes, steps of a word, trains of a cycle."""

from typing import NamedTuple

from golden.io.errors import BadInput

__all__ = ["LANES", "SCHEDULES", "SCHEDULE_HELP", "TRAINS", "WORD_STEPS", "EngineSize"]

LANES, WORD_STEPS, TRAINS = (1, 2, 4, 8, 16), (4, 8, 16), (1, 2, 3, 4)
SCHEDULES = ("auto", "layers", "chunks", "steps")   # what is outermost: hw.plan.planner.Plan
SCHEDULE_HELP = (           # of --schedule
    "what is outermost: all steps of a layer (layers), or rounds of all layers with the steps of a "
    "word (chunks) or one (steps), in which scores and maps leave as they come; auto is steps for "
    "layers that read their own spikes, else layers (default: auto)")


class EngineSize(NamedTuple):
    """A size of the engine.

    Members
    -------
    lanes : int
        Output channels computed at once; not more than ``word_steps``.
    word_steps : int
        Time steps of a word.
    trains : int
        Trains added in a cycle, out of a walk buffer where it is more than one.
    """

    lanes: int = 4
    word_steps: int = 16
    trains: int = 1

    def check(self) -> None:
        """Raise BadInput where there is no such engine."""
        if self.lanes not in LANES:
            raise BadInput(f"lanes must be 1, 2, 4, 8 or 16, not {self.lanes}")
        if self.word_steps not in WORD_STEPS:
            raise BadInput(f"steps of a word must be 4, 8 or 16, not {self.word_steps}")
        if self.trains not in TRAINS:
            raise BadInput(f"trains of a cycle must be 1 to 4, not {self.trains}")
        if self.lanes > self.word_steps:
            raise BadInput(f"lanes must not be more than the {self.word_steps} steps of a word")

    @property
    def text(self) -> str:
        """For people: lanes x steps, and x trains where they are more than one."""
        return f"{self.lanes} x {self.word_steps}" + f" x {self.trains}" * (self.trains > 1)

    @property
    def options(self) -> str:
        """As words of a command."""
        more = f" --trains {self.trains}" * (self.trains > 1)
        return f"--lanes {self.lanes} --word-steps {self.word_steps}{more}"
