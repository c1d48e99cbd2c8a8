"""What is to be built: one description, from the command line to the report."""

import shlex
from dataclasses import dataclass, replace
from typing import Any

from golden.formats import GAMMA

__all__ = ["BuildConfig"]

FLAGS = {                       # the option of hw.build for each member but device, network, taps
    "board": "--board", "board_file": "--board-file", "sam_mode": "--mode", "gamma": "--gamma",
    "lanes": "--lanes",
    "word_steps": "--word-steps", "trains": "--trains", "schedule": "--schedule",
    "clock_mhz": "--clock", "boot": "--boot", "maps": "--maps", "map_bits": "--map-bits",
    "counters": "--counters", "traces": "--traces", "contributions": "--contributions",
    "weights": "--weights", "experiments": "--experiments", "scrub": "--scrub", "baud": "--baud"}


@dataclass(frozen=True)
class BuildConfig:
    """A chip to be built for a network file. ``None`` is to be found (flow.design).

    Members
    -------
    device : "ice40" or "ecp5"
    board : None, "icebreaker", "hx8k" or "ulx3s"
    board_file : None or str
        File that describes the board (boards.platform.board_file), in place of ``board``.
    network : str
        Path or bare name of the network file, also for messages.
    taps : None or tuple of int
        Layers that are mapped, counted from 1; () leaves the SAM unit out.
    sam_mode : str
        Of golden.formats.MODES, after power-up.
    gamma : float
        Steepness of SAM after power-up.
    lanes, word_steps, trains : None or int
        Of hw.plan.size.EngineSize.
    schedule : "auto", "layers", "chunks" or "steps"
        What is outermost (hw.plan.planner.Plan).
    clock_mhz : None, float or "max"
        None is the usual clock of the board, "max" the fastest that is met (flow.placing).
    boot : "uart", "flash" or "flash-x1"
        Where the weights come from; of a flash with four lines, the last reads by one.
    weights : "chip" or "flash"
        Whether all weights stay on the chip, or those that do not fit are streamed from flash.
    stream : None or tuple of int
        With "flash": layers whose weights are streamed; None is as few as let all fit.
    maps : "full", "sum" or "bytes"
        What is sent of the maps.
    map_bits : None or int
        Of a map value at most; None is as many as every sum needs.
    counters, experiments, scrub : bool
        Counters on the wire; spikes can be taken away; the weight memory is watched.
    traces : None or int
        Layer whose traces are given.
    contributions : bool
        Whether the contribution of each pixel of the deepest layer to each class is given.
    baud : int
        Of the UART.
    """

    device: str = "ice40"
    board: str | None = None
    board_file: str | None = None
    network: str = "fashion"
    taps: tuple | None = None
    sam_mode: str = "paper"
    gamma: float = GAMMA
    lanes: int | None = None
    word_steps: int | None = None
    trains: int | None = None
    schedule: str = "auto"
    clock_mhz: float | str | None = None
    boot: str = "uart"
    weights: str = "chip"
    stream: tuple | None = None
    maps: str = "full"
    map_bits: int | None = None
    counters: bool = False
    traces: int | None = None
    contributions: bool = False
    experiments: bool = False
    scrub: bool = False
    baud: int = 1_000_000

    def replace(self, **changes: Any) -> "BuildConfig":
        """A copy with other members."""
        return replace(self, **changes)

    def command(self, *, seed: int) -> str:
        """The command line of hw.build that makes the same chip with this seed again."""
        usual, words = type(self)(), [self.device]
        words += ["--network", self.network]
        if self.taps == ():
            words.append("--no-sam")
        for tap in self.taps or ():
            words += ["--tap", str(tap)]
        for layer in self.stream or ():
            words += ["--stream", str(layer)]
        for name, flag in FLAGS.items():
            value = getattr(self, name)
            if value is True:
                words.append(flag)
            elif value != getattr(usual, name):
                words += [flag, str(value).removesuffix(".0")]
        return f"python -m hw.build {shlex.join([*words, '--place-seed', str(seed)])}"

    @property
    def options(self) -> dict[str, Any]:
        """{name: value} of what a report lists as options."""
        return {name: getattr(self, name) for name in (
            "boot", "weights", "maps", "map_bits", "counters", "traces", "contributions",
            "experiments", "scrub", "baud")}
