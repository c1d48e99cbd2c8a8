"""What makes an exported unit easy to use elsewhere: a FuseSoC core, and registers on a bus."""

from pathlib import Path
from typing import TYPE_CHECKING

from flow.verilog import verilog_of
from hw.ip.axi_lite import AxiLite, base

if TYPE_CHECKING:
    from hw.ip.axi import Axi

__all__ = ["CORE_HEAD", "beside", "core_of", "registers_of"]

CORE_HEAD = "CAPI=2:\n# {module}.core, made by hw.export\n"


def core_of(module: str, title: str, *, registers: bool = False) -> str:
    """Text of a FuseSoC core (CAPI 2) named sam-snn:export:``module``.

    Targets: default, the Verilog; sim, its testbench, and lint, both by Verilator. With
    ``registers`` the top of default is the unit behind its registers, ``module``_axil.
    """
    quoted = title.replace('"', "'")
    files = f"{module}.v" + (f", {module}_axil.v" if registers else "")
    top = f"{module}_axil" if registers else module
    warnings = "-Wno-fatal, -Wno-lint, -Wno-style"
    return CORE_HEAD.format(module=module) + f"""\
name: sam-snn:export:{module}
description: "{quoted}"

filesets:
  rtl:
    files: [{files}]
    file_type: verilogSource
  testbench:
    files:
      - {module}_tb.v: {{file_type: verilogSource}}
      - {module}_tb.hex: {{file_type: user, copyto: {module}_tb.hex}}

targets:
  default:
    filesets: [rtl]
    toplevel: {top}
  sim:
    flow: sim
    flow_options:
      tool: verilator
      mode: binary
      verilator_options: [--timing, {warnings}]
    filesets: [rtl, testbench]
    toplevel: {module}_tb
  lint:
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [{warnings}]
    filesets: [rtl]
    toplevel: {top}
"""


def registers_of(module: str, axi: "Axi", meanings: dict[str, str]) -> str:
    """Verilog of module ``module``_axil: the module behind AXI4-Lite registers, their map ahead.

    ``meanings`` are those of the streams' words, by the component's members.
    """
    unit = AxiLite(axi, module=module)
    lines = [f"{module} behind the registers of an AXI4-Lite bus of 32 bits; its file is beside.",
             "A write of DATA that is not taken and a read where there is no word answer SLVERR.",
             "", "0x00  ID      0x314d4153", f"0x04  PORTS   {len(axi.ports)}",
             "0x08  READY   bit n: STATUS of port n", "0x0c  RESET   any write resets the unit"]
    for n, port in enumerate(axi.ports):
        way = "write" if port.slave else "read"
        lines += ["", f"port {n}, {port.name}: {meanings[port.member]}",
                  f"0x{base(n):02x}  DATA    {way}: a word's tdata[{min(port.width, 32) - 1}:0]"]
        if port.width > 32:
            lines.append(f"0x{base(n) + 4:02x}  HIGH    {way}: its tdata[{port.width - 1}:32], "
                         + ("before DATA" if port.slave else "behind DATA"))
        if port.last:
            when = "before DATA" if port.slave else "behind DATA"
            lines.append(f"0x{base(n) + 8:02x}  LAST    {way}: its tlast, {when}: "
                         f"{meanings.get(port.member + '.last', '')}")
        lines.append(f"0x{base(n) + 12:02x}  STATUS  1: DATA can be "
                     + ("written" if port.slave else "read"))
    head = "".join(f"// {line}".rstrip() + "\n" for line in lines)
    return head + "\n" + verilog_of(unit, name=f"{module}_axil", emit_src=False,
                                    strip_internal_attrs=True)


def beside(path: Path) -> tuple[Path, Path]:
    """The core and the registers of an export to ``path``."""
    return path.with_suffix(".core"), path.with_name(f"{path.stem}_axil.v")
