"""python -m boards.wire: bytes on the wire and time of an explained image, and the chip's part."""


from typing import TYPE_CHECKING

import numpy as np

from boards.host import Board
from boards.platform.top import Top
from boards.protocol.identity import MapEncoding
from flow.design import engine_size
from golden.formats import exp_table
from golden.images import load_images
from golden.io.arguments import command_parser, real, whole
from golden.io.console import Console, Table
from golden.io.errors import BadInput, command
from golden.io.text import say
from golden.network import load
from hw.accelerator import Accelerator
from hw.plan.packing import configuration
from sim.pins import SimulatedPort
from sim.rtl import Simulation

if TYPE_CHECKING:
    import argparse


def parser() -> "argparse.ArgumentParser":
    """Arguments of the command."""
    found = command_parser(
        "python -m boards.wire", "What the wire between host and chip takes of the time.",
        examples=("--baud 1000000 --baud 3000000 --limit 2",),
        codes="The chip is simulated at its UART pins (sim.pins), at each baud rate, under the "
              "driver; the host's own time is left out.")
    found.add_argument("--network", default="fashion", metavar="NET",
                       help="network file, or the name of one that comes with the project")
    found.add_argument("--images", default="fashion", metavar="FILE",
                       help="as sim.run takes them")
    found.add_argument("--limit", "--count", dest="count", type=int, default=3, metavar="N",
                       help="images, from the first (default: %(default)s)")
    found.add_argument("--clock", type=real(high=1e4), default=48.0, metavar="MHZ",
                       help="of the chip (default: %(default)s)")
    found.add_argument("--baud", type=whole(), action="append", metavar="B",
                       help="may be repeated (default: 1 and 3 Mbaud)")
    found.add_argument(
        "--maps",
        action="append",
        choices=[form.name.lower() for form in MapEncoding],
        help="may be repeated (default: all)",
    )
    return found


def measured(network, pictures, *, hz, baud: int, form):
    """Means over images of (bytes to the chip, bytes from it, seconds, seconds waited)."""
    size = engine_size(network)
    accelerator = Accelerator(network, **size._asdict(), taps=network.default_taps)
    top = Top(accelerator, clock_hz=hz, baud=baud, form=form, counters=True)
    rows = []
    with (SimulatedPort(top) as port,
          Board(port, baud=baud, timeout=0.1, clock=port.clock) as board):
        board.load(configuration(accelerator.plan, table=exp_table(0.5, network.steps),
                                 mode="paper"), label=network.digest)
        for picture in pictures:
            port.read(cycles=1000)
            before = port.sent, port.received, port.clock()
            result = board.explain(picture)
            rows.append((port.sent - before[0], port.received - before[1],
                         port.clock() - before[2], result.waits / hz))
    return np.mean(rows, axis=0)


def alone(network, pictures, *, hz: int):
    """Seconds an image that the chip takes where pixels are there and results are taken at once."""
    simulation = Simulation(
        network, taps=network.default_taps, **engine_size(network)._asdict())
    return simulation.run(pictures, keep=False).cycles.mean() / hz


@command
def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.count < 1:
        raise BadInput(f"--count must be at least 1, not {args.count}")
    network, hz = load(args.network), round(args.clock * 1e6)
    pictures = load_images(args.images, network)[0][:args.count]
    table = Table(title=f"{network.name}, {len(pictures)} images, {args.clock:g} MHz")
    for column in ("baud", "maps", "to chip", "from it", "ms", "wire, ms", "waits, ms", "chip"):
        table.add_column(column, justify="right")
    own = alone(network, pictures, hz=hz)
    for baud in args.baud or (1_000_000, 3_000_000):
        for form in args.maps or [form.name.lower() for form in MapEncoding]:
            try:
                sent, got, seconds, waits = measured(
                    network, pictures, hz=hz, baud=baud, form=MapEncoding[form.upper()])
            except ValueError as error:
                raise BadInput(f"--baud {baud}: {error}") from None
            table.add_row(f"{baud:,}", form, f"{sent:.0f}", f"{got:.0f}", f"{1000 * seconds:.2f}",
                          f"{1e4 * (sent + got) / baud:.2f}", f"{1000 * waits:.2f}",
                          f"{100 * own / seconds:.1f} %")
    Console().print(table)
    say("to chip, from it: bytes; ms: from the first byte sent to the last one received; wire: "
        "those bytes alone, one way after the other; waits: while a result waited for the wire")
    say(f"chip: its share, {1000 * own:.2f} ms an image where it waits for nobody; nearly all of "
        "them pass while bytes are on the wire")


if __name__ == "__main__":
    main()
