# amaranth: UnusedElaboratable=no
"""From a network and a BuildConfig to an accelerator on a board, in sizes that fit."""

from typing import TYPE_CHECKING

from boards.link.framer import WORD_BITS
from boards.link.maps import width_of
from boards.platform.board_file import board_of
from boards.platform.target import OnBoard, target_for
from boards.platform.top import Top
from boards.protocol.flash_image import FRAMES
from boards.protocol.identity import MapEncoding
from flow.estimate.fits import best
from flow.estimate.memories import shortages, stores_of, too_many
from golden.formats import check_map_bits
from golden.io.errors import BadInput
from hw.accelerator import Accelerator
from hw.plan.size import EngineSize
from hw.plan.streaming import from_flash_of

if TYPE_CHECKING:
    from boards.platform.target import Target
    from flow.config import BuildConfig
    from flow.estimate.memories import Store
    from golden.network.graph import Network

__all__ = ["clock_of", "design", "engine_size", "memories", "target_of"]


def engine_size(network: "Network", lanes: int | None = None, word_steps: int | None = None,
                trains: int | None = None, *, sam: bool = True, target: "Target | None" = None,
                schedule: str = "auto", from_flash=()) -> EngineSize:
    """EngineSize of the arguments, None for those to be found.

    Those are the fastest that fit ``target``, the iCEBreaker without one, by flow.estimate.fits; 4
    lanes of 16 steps where none does. ``sam`` says whether there is a SAM unit.
    """
    if None not in (lanes, word_steps, trains):
        return EngineSize(lanes, word_steps, trains)
    return best(network, target or target_for("ice40"), lanes=lanes, word_steps=word_steps,
                trains=trains, taps=(network.default_taps or network.taps) if sam else (),
                schedule=schedule, from_flash=from_flash).size


def design(network: "Network", config: "BuildConfig") -> tuple[Accelerator, OnBoard, int]:
    """(accelerator, component for the board, hertz); BadInput where the board cannot hold it."""
    target = target_of(config)
    taps = network.default_taps if config.taps is None else tuple(sorted(set(config.taps)))
    for tap in taps:
        if tap not in network.taps:
            raise BadInput(f"--tap: layer {tap} is no spiking layer of {config.network}; those are "
                           f"{', '.join(map(str, network.taps))}")
    if config.traces is not None and config.traces not in network.taps:
        raise BadInput(f"--traces: layer {config.traces} is no spiking layer of {config.network}")
    from_flash = from_flash_of(config.weights, list(config.stream or ()))
    if from_flash != () and not target.flash_bytes:
        raise BadInput(f"--weights flash: {target.board} streams no weights: its flash clock is no "
                       "plain pin, or it has no SPRAM for two banks of them; the iCEBreaker has")
    if from_flash != () and config.boot == "uart":
        raise BadInput("--weights flash reads flash, where the other weights are too: --boot flash "
                       "or flash-x1, not uart")
    size = engine_size(network, config.lanes, config.word_steps, config.trains,
                       sam=bool(taps), target=target, schedule=config.schedule,
                       from_flash=from_flash)
    accelerator = Accelerator(network, **size._asdict(), taps=taps, schedule=config.schedule,
                              from_flash=from_flash, gamma=config.gamma, mode=config.sam_mode,
                              attribution=config.traces, experiments=config.experiments,
                              explain={"contributions": network.taps[-1:]} if
                              config.contributions else None,
                              scrub=config.scrub,
                              map_bits=check_map_bits(config.map_bits, "--map-bits"))
    form = MapEncoding[config.maps.upper()]
    if form != MapEncoding.FULL and accelerator.plan.rounded:
        raise BadInput(f"--maps {config.maps} takes all steps of a pixel together, and "
                       f"--schedule {accelerator.plan.order} gives step after step: --maps full")
    if (bits := width_of(form, width=accelerator.map_width, steps=network.steps)) > WORD_BITS:
        raise BadInput(f"--maps {config.maps}: its words have {bits} bits here, and at most "
                       f"{WORD_BITS} are sent; choose another form, or fewer --map-bits")
    if target.spram and (over := shortages(memories(accelerator)) + too_many(accelerator.products)):
        raise BadInput(f"{network.name}: does not fit: {'; '.join(over)}")
    hz = clock_of(config)
    boot = config.boot != "uart"
    if boot and not target.red:
        raise BadInput(f"--boot: {target.board} has no loader: " + (
            "its flash clock is no plain pin" if config.board_file is None
            else "its file names no flash"))
    try:
        top = Top(accelerator, clock_hz=hz, baud=config.baud, form=form,
                  counters=config.counters, boot=FRAMES if boot else None,
                  flash_lines=target.flash_lines if config.boot == "flash" else 1)
    except ValueError as error:
        raise BadInput(f"--baud: {error}") from None
    return accelerator, OnBoard(top, target, clock_hz=hz), hz


def target_of(config: "BuildConfig") -> "Target":
    """boards.platform.target.Target of a BuildConfig."""
    if config.board_file is not None:
        if config.board is not None:
            raise BadInput("--board-file describes the board: leave --board out")
        target = board_of(config.board_file)
        if target.family != config.device:
            raise BadInput(f"{config.board_file}: {target.device} is of the family "
                           f"{target.family}, not {config.device}")
        return target
    try:
        return target_for(config.device, config.board)
    except ValueError as error:
        raise BadInput(f"--board: {error}") from None


def clock_of(config: "BuildConfig") -> int:
    """Hertz of --clock; raise BadInput where the board cannot make them."""
    try:
        target = target_of(config)
        asked = target.usual if config.clock_mhz is None else config.clock_mhz
        if isinstance(asked, str) or not 0 < asked < 1e6:       # nan is not
            raise ValueError(f"must be a number of megahertz above 0, not {asked}")
        return target.frequency(asked)
    except ValueError as error:
        raise BadInput(f"--clock: {error}") from None


def memories(accelerator: Accelerator) -> "list[Store]":
    """Stores of an accelerator (flow.estimate.memories)."""
    return stores_of(accelerator)
