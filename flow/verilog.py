"""Verilog of a component."""

from amaranth._toolchain.yosys import YosysError
from amaranth.back import verilog

from golden.io.errors import Fault

__all__ = ["verilog_of"]


def verilog_of(component, **options) -> str:
    """The Verilog that Amaranth's Yosys makes of a component.

    ``options`` are those of amaranth.back.verilog.convert. Raises Fault with the last line of what
    Yosys says where it fails, as where memory is short.
    """
    try:
        return verilog.convert(component, **options)
    except YosysError as error:
        said = str(error).strip().splitlines() or ["no reason given"]
        raise Fault(f"Yosys cannot make Verilog of this: {said[-1].strip()}") from None
