"""How many bits a weight needs: a sweep of widths, and the fewest that lose little enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from golden.importers import fidelity
from golden.importers.quantise import quantise_with_report
from golden.io.errors import BadInput, rule

if TYPE_CHECKING:
    import numpy as np

    from golden.importers.float_network import FloatNetwork

__all__ = ["WIDTHS", "Width", "bits_for", "sweep"]

WIDTHS = range(2, 9)


@dataclass(frozen=True)
class Width:
    """What weights of ``bits`` bits give.

    Members
    -------
    bits : int
    report : golden.importers.fidelity.Report
    network : golden.network.Network
    """

    bits: int
    report: object
    network: object

    @property
    def loss(self) -> float:
        """Points in percent that are lost: of accuracy, without labels of equal predictions."""
        if self.report.accuracy:
            real, whole = self.report.accuracy
            return 100 * (real - whole)
        return 100 * (1 - self.report.predictions)


def sweep(network: "FloatNetwork", widths: Sequence = WIDTHS, images: "np.ndarray | None" = None,
          labels: "np.ndarray | None" = None, *, tick: Callable = lambda: None,
          **options: Any) -> list[Width]:
    """[Width] of a FloatNetwork; ``options`` are quantise_with_report's. Needs images."""
    rule(images is not None and len(images), "bits", "are compared on images: give some, with "
         "labels for the accuracy (--images)")
    found = []
    for bits in widths:
        made, reasons = quantise_with_report(network, bits=bits, **options)
        found.append(Width(bits, fidelity.compare(network, made, reasons, images, labels), made))
        tick()
    return found


def bits_for(network: "FloatNetwork", images: "np.ndarray | None", labels: "np.ndarray | None", *,
             loss: float, **options: Any) -> int:
    """The fewest bits that lose at most ``loss`` points; BadInput where none does."""
    rule(0 <= loss <= 100, "loss", f"must be 0 to 100 points in percent, not {loss:g}")
    least = None
    for bits in WIDTHS:
        one, = sweep(network, [bits], images, labels, **options)
        if one.loss <= loss:
            return bits
        least = one if least is None or one.loss < least.loss else least
    raise BadInput(f"{network.name}: every width from 2 to 8 bits loses more than {loss:g} points; "
                   f"the least is {least.loss:.2f} at {least.bits} bits")
