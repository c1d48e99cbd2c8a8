"""Whether a network fits the boards, before it is trained or built: a table, and the ways out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boards.platform.target import targets
from flow.estimate import fits as estimate
from golden.importers.quantise import quantise
from golden.io.console import Console, Table, Text
from golden.io.errors import BadInput
from golden.run import run

if TYPE_CHECKING:
    import numpy as np

    from flow.estimate.fits import Cost

__all__ = ["Fits", "fits"]

IMAGES = 4          # whose cycles are averaged


@dataclass(frozen=True)
class Fits:
    """What a network takes on each board; all numbers are estimates. True where it fits one.

    Members
    -------
    name : str
    costs : tuple of flow.estimate.fits.Cost
        The size that a build takes, for each board.
    ways : dict board -> list of str
        What would make it fit, of boards that it does not fit.
    source : str
        Where the cycles come from.
    """

    name: str
    costs: tuple
    ways: dict
    source: str

    def __bool__(self):
        return any(cost.fits for cost in self.costs)

    def data(self) -> dict[str, Any]:
        """Plain data, as for a JSON file."""
        return {"network": self.name, "estimates": True, "cycles of": self.source, "boards": [
            {"board": cost.board, "fits": cost.fits, "sure": cost.sure, "lanes": cost.size.lanes,
             "word_steps": cost.size.word_steps, "trains": cost.size.trains,
             "used": cost.used, "available": cost.limits,
             "cycles": cost.cycles, "mhz": cost.mhz, "ms": cost.ms, "over": list(cost.over),
             "ways out": self.ways.get(cost.board, [])} for cost in self.costs]}

    def table(self) -> Table:
        """The estimates as a golden.io.console.Table."""
        found = Table(title=f"{self.name}: estimates, nothing is built")
        for column in ("board", "size", "logic", "EBR", "SPRAM", "DSP", "ms an image",
                       ""):
            found.add_column(column, justify="left" if column in ("board", "") else "right")
        for cost in self.costs:
            verdict = Text("does not fit", style="red")
            if cost.fits:
                verdict = (Text("fits", style="green") if cost.sure else
                           Text("may fit: nearly full", style="yellow"))
            logic = "lc" if "lc" in cost.limits else "lut"
            found.add_row(cost.board, cost.size.text, share(cost, logic),
                          share(cost, "ebr"), share(cost, "spram"), share(cost, "dsp"),
                          "-" if cost.ms is None else f"{cost.ms:.2f} at {cost.mhz:g} MHz", verdict)
        found.caption = (f"cells of the UP5K within 10 %, of other chips within 15 %; cycles of "
                         f"{self.source}")
        return found

    def print(self, console: Console) -> None:
        """Print the table, and for each board that it does not fit why, and what helps."""
        console.print(self.table())
        for cost in self.costs:
            if cost.fits:
                continue
            console.print(f"{cost.board}: {'; '.join(cost.over)}", highlight=False, soft_wrap=True)
            for way in self.ways.get(cost.board) or ["no other size, fewer bits or one narrower "
                                                     "layer makes it fit"]:
                console.print(f"  {way}", highlight=False, soft_wrap=True)

    def __str__(self):
        console = Console(width=110)
        with console.capture() as shown:
            self.print(console)
        return shown.get().rstrip("\n")


def share(cost: "Cost", kind: str) -> str:
    """Used of available, or a dash where there is none such or no plan."""
    if kind not in cost.limits or kind not in cost.used:
        return "-"
    return f"{cost.used[kind]:,} / {cost.limits[kind]:,}"


def fits(network, board: str | None = None, *, lanes: int | None = None,
         word_steps: int | None = None, trains=None, taps=None, images: "np.ndarray | None" = None,
         original=None, activity: float = estimate.ACTIVITY, ways: bool = True) -> Fits:
    """Fits of an integer network on all boards, or on one by name.

    Parameters
    ----------
    lanes, word_steps, trains : None or int
        None for the fastest that fit.
    taps : None or tuple of int
        Layers mapped; () leaves the SAM unit out.
    images : None or arrays
        Whose spikes give the cycles, the first few; drawn with ``activity`` without.
    original : None or FloatNetwork
        That the network was made of, for fewer bits.
    ways : bool
        Whether what would make it fit is looked for.
    """
    chosen = targets() if board is None else (estimate.board_named(board),)
    how, source = {"taps": taps, "activity": activity}, f"{100 * activity:g} % activity, drawn"
    if images is not None:
        result = run(images[:IMAGES], network)
        how["spikes"] = [result.spikes_input, *(result.spikes[tap] for tap in network.taps)]
        source = f"{len(images[:IMAGES])} images"
    sizes = {"lanes": lanes, "word_steps": word_steps, "trains": trains}
    costs = tuple(estimate.best(network, target, **sizes, **how) for target in chosen)

    def rebuilt(bits):
        """The network with fewer bits, or None where there is none such."""
        try:
            return quantise(original, bits=bits)
        except BadInput:
            return None
    found = {cost.board: estimate.ways_out(
        network, target, taps=taps, **sizes, rebuilt=rebuilt if original is not None else None)
        for cost, target in zip(costs, chosen, strict=True) if ways and not cost.fits}
    return Fits(network.name, costs, found, source)
