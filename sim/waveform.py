"""Waveforms of ``sim.run --trace``: which kinds this computer makes, and the groups of a viewer.

Verilator writes the signals of each module in a scope of its own, one unit of time half a cycle.
Beside F.fst or F.vcd lies F.gtkw, which GTKWave opens with the accelerator's streams in groups.
"""

import re
import shutil
from pathlib import Path

from golden.io.errors import BadInput
from golden.io.processes import folder, run

__all__ = ["KINDS", "groups", "kind_of", "save_file"]

KINDS = ("fst", "vcd")
HEADERS = "#include <lz4.h>\n#include <zlib.h>\n"
# Groups of a viewer: (heading, pattern of the ports of the accelerator in it).
GROUPS = (
    ("clock and reset", r"clk|rst"), ("configuration", r"i_config__.*"),
    ("pixels in", r"i_pixels__.*"), ("maps out", r"o_maps__.*"), ("scores out", r"o_scores__.*"),
    ("counts out", r"o_counts__.*"), ("other results out", r"o_(?!maps|scores|counts).*__.*"),
    ("what it does", r"activity.*|busy"))


def kind_of(path: str) -> str:
    """Kind of the waveform by the name of its file; BadInput where it cannot be made here."""
    kind = Path(path).suffix.removeprefix(".")
    if kind not in KINDS:
        raise BadInput(f"--trace {path}: must end in .fst or .vcd")
    if kind == "fst" and not packs():
        raise BadInput(f"--trace {path}: .fst files need the headers of lz4 and zlib (on Debian: "
                       "apt install liblz4-dev zlib1g-dev); a name that ends in .vcd needs "
                       "nothing, and its file is ten times as large")
    return kind


def packs() -> bool:
    """Whether the compiler finds what an .fst file is packed with."""
    compiler = shutil.which("c++")
    if compiler is None:
        return True             # sim.verilate says that there is none
    with folder("sam-wave-") as work:
        (Path(work) / "try.cpp").write_text(HEADERS)
        return not run([compiler, "-E", "try.cpp"], cwd=work, capture_output=True).returncode


def ports(text: str) -> list[tuple[str, int]]:
    """(name, bits) of the ports of module ``dut`` in a Verilog text."""
    body = text[re.search(r"^module dut\b", text, re.M).start():].partition("endmodule")[0]
    return [(name, int(high or 0) + 1) for high, name in re.findall(
        r"^  (?:input|output) (?:\[(\d+):0\] )?(\w+);", body, re.M)]


def groups(text: str) -> list[tuple[str, list[str]]]:
    """(heading, signals as a viewer names them) of ``GROUPS``, without those that are empty."""
    found = []
    for heading, pattern in GROUPS:
        named = [f"TOP.{name}{f'[{bits - 1}:0]' * (bits > 1)}" for name, bits in ports(text)
                 if re.fullmatch(pattern, name)]
        if named:
            found.append((heading, named))
    return found


def save_file(wave: str, text: str) -> str:
    """A save file of GTKWave for a waveform of this Verilog."""
    lines = [f'[dumpfile] "{Path(wave).name}"', "[timestart] 0"]
    for heading, named in groups(text):
        lines += ["@800200", f"-{heading}", "@22", *named, "@1000200", f"-{heading}"]
    return "\n".join([*lines, ""])
