"""What can explain an image: the chip on a port, the chip simulated at its pins, or the model."""

import contextlib
import time
from collections.abc import Iterator
from itertools import chain, combinations
from typing import TYPE_CHECKING

import numpy as np

from boards.host import Board, find_port
from boards.ports import LinkError
from boards.protocol.identity import MapEncoding
from golden.formats import GAMMA, MODES, exp_table, map_top
from golden.io.errors import BadInput
from golden.network import load
from golden.network.result import Result
from golden.run import run
from hw.interface import Register

if TYPE_CHECKING:
    import argparse

__all__ = ["ChipBackend", "ModelBackend", "arguments", "opened", "same"]

BAUD = 1_000_000    # of a board, unless another is asked for
SIMULATED_HZ = 24_000_000
SIMULATED_BAUD = SIMULATED_HZ // 4  # the fastest that the chip takes: simulated bits cost time


class ModelBackend:
    """golden.run, in the place of a chip.

    Members
    -------
    notice : str
        What a person must be told of the engine; "" for a chip.
    gamma, mode : float, str
        Of SAM.
    """

    notice = ("Demo: no chip here. All results are computed by the integer model on this computer "
              "(the chip gives the same, bit for bit).")
    seconds = bytes = hz = None  # of the last image on a chip
    map_bits = None              # of a chip's maps (golden.sam.activation_map)

    def __init__(self, network, *, taps: tuple[int, ...]):
        self.network, self.taps, self.gamma, self.mode = network, tuple(taps), GAMMA, "paper"

    def explain(self, image: np.ndarray) -> Result:
        """golden.network.result.Result of one image."""
        return self.model(image)[0]

    def model(self, image: np.ndarray) -> tuple[Result, Result]:
        """(Result as of a chip, Result of golden.run with all spikes) of one image."""
        found = run(image[None], self.network, taps=self.taps, gamma=self.gamma, mode=self.mode,
                    map_bits=self.map_bits)
        one = found.image(0)
        return Result(
            one.logits, one.scores, one.counts, one.maps, cycles=0,
            sums={tap: rows.sum(axis=0, dtype=np.int64) for tap, rows in one.maps.items()}), found

    def set(self, gamma: float, mode: str) -> None:
        """Use another gamma and mode from now on; BadInput if there are none such."""
        self.gamma, self.mode = checked(gamma, mode)

    def link(self) -> dict:
        """Statistics of the link by name."""
        return {}


class ChipBackend(ModelBackend):
    """A chip behind a Board, loaded with a network.

    Parameters
    ----------
    board : boards.host.Board, entered
    network : golden.network.Network
        The one that the chip was built for.
    notice : str
    """

    def __init__(self, board, network, *, notice: str = ""):
        from hw.plan.packing import configuration

        self.board, self.notice, told = board, notice, board.identify()
        super().__init__(network, taps=list(told.outputs["maps"].shape))
        if told.digest != network.digest:
            raise LinkError(board.port, f"this chip was built for network {told.digest}, not for "
                            f"{network.name} ({network.digest}): build and flash, or --network")
        self.hz, self.map_bits = told.clock_hz, value_bits(told)
        plan = plan_on(told, network)
        writes = configuration(plan, table=exp_table(self.gamma, network.steps), mode=self.mode)
        if told.label != network.digest:
            board.load(writes, label=network.digest)
        elif not board.holds(writes):
            raise LinkError(board.port, f"the chip's weights are labelled {told.label} "
                            f"({network.name}), but by their signature they are others: power it "
                            "off and on, and flash it anew if it loads them from there")
        self.set(self.gamma, self.mode)

    def explain(self, image: np.ndarray):
        began = time.perf_counter(), self.board.sent, self.board.received
        result = self.board.explain(image)
        self.seconds = time.perf_counter() - began[0]
        self.bytes = self.board.sent - began[1], self.board.received - began[2]
        return result

    def set(self, gamma: float, mode: str) -> None:
        super().set(gamma, mode)
        self.board.set_table(exp_table(self.gamma, self.network.steps))
        self.board.set_register(Register.MODE, MODES.index(self.mode))

    def link(self) -> dict:
        board = self.board
        return {"baud": board.baud, "bytes sent": board.sent, "bytes received": board.received,
                "whole frames": board.whole, "damaged frames": board.damaged,
                "repeated requests": board.repeated}


def plan_on(told, network):
    """The hw.plan.planner.Plan of a network on the chip of identity ``told``.

    A chip does not say which layers' weights it streams, but how many words it keeps: of all ways
    to stream some, the first that keeps so many; the plan without any where there is none.
    """
    from hw.plan.pixels import plan_of
    from hw.plan.streaming import AUTO

    made = lambda from_flash: plan_of(
        network, by_pixel="contributions" in told.outputs, lanes=told.lanes,
        word_steps=told.word_steps, from_flash=from_flash)
    dense = [stage.index for stage in network.stages if stage.layer.dense]
    some = (each for count in range(1, len(dense) + 1) for each in combinations(dense, count))
    for from_flash in chain([(), AUTO], some):
        with contextlib.suppress(BadInput):
            plan = made(from_flash)
            if plan.resident_rows * plan.row_words == told.words:
                return plan
    return made(())


def value_bits(told):
    """Bits of a map value on the chip of identity ``told``; None where its form leaves that open.

    A sum over all steps has as many bits as ``steps`` times the largest value.
    """
    wide = told.outputs["maps"].bits
    if told.form == MapEncoding.FULL:
        return wide
    if told.form == MapEncoding.SUM:
        return next((bits for bits in range(1, wide + 1)
                     if (told.steps * map_top(bits)).bit_length() == wide), None)
    return None


def checked(gamma: float, mode: str) -> tuple[float, str]:
    """(gamma, mode) as a float and one of MODES; BadInput if they are not."""
    try:
        gamma = float(gamma)
        exp_table(gamma, 2)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(f"gamma must be a finite number of at least 0, not {gamma!r}") from None
    if mode not in MODES:
        raise BadInput(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    return gamma, mode


def arguments(parser: "argparse.ArgumentParser") -> None:
    """Add to a command the arguments that choose an engine."""
    parser.add_argument("--port", metavar="P", help="serial port of the board (default: the "
                        "iCEBreaker's, found by its USB id)")
    parser.add_argument("--baud", type=int, default=BAUD, help="default: %(default)s")
    parser.add_argument("--demo", nargs="?", const="golden", choices=("golden", "rtl"),
                        help="without a board: the model, or with `rtl` the chip's Verilog in "
                             "Verilator, bit by bit at its UART pins")
    parser.add_argument("--network", default="fashion", metavar="NET",
                        help="network file (.npz), or the name of one that comes with the project "
                             "(default: %(default)s)")
    parser.add_argument("--tap", type=int, action="append", metavar="L",
                        help="demo only: map layer L; may be repeated")


@contextlib.contextmanager
def opened(path, *, demo=None, port=None, baud: int = BAUD, taps=(),
           quick: bool = False) -> Iterator:
    """A backend for the time of a ``with``.

    Parameters
    ----------
    path : str or Path
        Of the network.
    demo : None, "golden" or "rtl"
        None for a board; else the model, or the chip simulated at its pins.
    port : None or str
        Of the board; None for the iCEBreaker's, found by its USB id.
    baud : int
    taps : sequence of int
        Layers that a demo maps; none for the network's own choice.
    quick : bool
        As in sim.

    Raises BadInput if these do not go together, or a tap is no spiking layer.
    """
    network = load(path)
    if demo and port:
        raise BadInput("--demo and --port: choose one")
    if demo is None:
        if taps:
            raise BadInput("--tap is for --demo: a chip has the taps it was built with")
        with Board(port or find_port(), baud=baud) as board:
            yield ChipBackend(board, network)
        return
    taps = tuple(sorted(set(taps))) or network.default_taps
    for tap in taps:
        if tap not in network.taps:
            raise BadInput(f"--tap: layer {tap} is no spiking layer of {path}; those are "
                           f"{', '.join(map(str, network.taps))}")
    if demo == "golden":
        yield ModelBackend(network, taps=taps)
        return
    from sim.pins import SimulatedPort
    top, flash, seconds = simulated(network, taps)
    with (SimulatedPort(top, quick=quick, flash=flash) as port,
          Board(booted(port), baud=SIMULATED_BAUD, timeout=seconds, clock=port.clock) as board):
        yield ChipBackend(board, network, notice=(
            "Demo: no chip here. Its Verilog runs in Verilator, bit by bit at the UART pins, and "
            "the driver talks to it as it would to the board; time is that of the simulation."))


def booted(port):
    """The port of a simulated chip that has read its flash, if it has one."""
    if port.top.boot is not None:
        words = port.top.accelerator.plan.resident_rows * port.top.accelerator.plan.row_words
        port.read(cycles=40 * words + 100_000)
    return port


def simulated(network, taps):
    """(Top, what its flash holds, seconds that a host waits for a frame) of a simulated chip.

    Weights are streamed from flash where they do not fit; else there is none.
    """
    from boards.platform.top import Top
    from boards.protocol.flash_image import FRAMES, flash_image, padded, with_stream
    from flow.design import engine_size
    from flow.estimate.cycles import most_cycles
    from hw.accelerator import Accelerator
    from hw.plan.packing import configuration
    from hw.plan.planner import Plan
    from hw.plan.streaming import AUTO

    size, from_flash = engine_size(network)._asdict(), ()
    try:
        Plan(network, **size)
    except BadInput:
        with contextlib.suppress(BadInput):        # else the first reason is told
            Plan(network, **size, from_flash=AUTO)
            from_flash = AUTO
    accelerator = Accelerator(network, **size, taps=taps, from_flash=from_flash)
    plan, clocks = accelerator.plan, {"clock_hz": SIMULATED_HZ, "baud": SIMULATED_BAUD}
    if not plan.banks:
        return Top(accelerator, **clocks, counters=True), b"", 20e-3
    writes = configuration(plan, table=accelerator.table, mode="paper")
    flash = with_stream(padded(b"") + flash_image(writes, label=network.digest),
                        plan.weight_stream, size=2**24, where=network.name)
    cycles = most_cycles(plan, taps=taps) + 16 * plan.stream_words + len(flash)
    return (Top(accelerator, **clocks, counters=True, boot=FRAMES), flash, cycles / SIMULATED_HZ)


def same(result: Result, model: Result) -> bool:
    """Whether a chip's Result equals the model's in all that the chip gives."""
    kept = {"scores", "logits", "counts"}
    return (all((getattr(result, name) == getattr(model, name)).all() for name in kept)
            and all((values == model.sums[tap]).all() for tap, values in result.sums.items())
            and all((values == model.maps[tap]).all() for tap, values in result.maps.items()))
