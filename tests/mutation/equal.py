"""Which mutants are the design itself: proven by Yosys' SAT solver, whatever a bench saw."""

import re
import tempfile
from pathlib import Path

from sim.gates import yosys
from tests.mutation.mutants import WIDTH, spoken

PATIENCE = 5                  # seconds of the solver for one mutant

FLAT = """\
read_rtlil mutants.il
hierarchy -top {module}
flatten
memory_map
dffunmap
opt_clean
setattr -unset init w:*
select -assert-none t:$*ff* t:$dff %d
rename -top base
write_rtlil flat.il
"""
OPEN = """\
read_rtlil open.il
select -assert-none t:$*ff*
design -save base
"""

PROVE = """\
log mutant {number}
design -load base
copy base gold
copy base gate
delete -input gold/w:mutsel gate/w:mutsel
cd gold
connect -set mutsel {width}'d0
cd gate
connect -set mutsel {width}'d{number}
cd
opt_expr gold gate
miter -equiv -flatten -make_outputs gold gate both
delete base gold gate
hierarchy -top both
opt_expr
opt_merge
opt_expr -full
opt_merge
opt_clean
sat -timeout {patience} -prove trigger 0 both
"""


def opened(text):
    """RTLIL of a flat module whose registers hold an input each, and get what is an output."""
    port = max(map(int, re.findall(r"^  wire .*(?:input|output) (\d+)", text, re.M)))

    def ends(match):
        nonlocal port
        port += 3
        width = re.search(r"parameter \\WIDTH (\d+)", match[0])[1]
        lines = []
        for n, (end, way) in enumerate((("CLK", "output"), ("D", "output"), ("Q", "input"))):
            signal = re.search(rf"connect \\{end} (.*)", match[0])[1]
            name = f"\\register{port}.{end}"
            size = "" if end == "CLK" else f"width {width} "
            lines.append(f"  wire {size}{way} {port + n - 2} {name}")
            lines.append(f"  connect {signal} {name}" if way == "input" else
                         f"  connect {name} {signal}")
        return "\n".join(lines) + "\n"
    return re.sub(r"^  cell \$dff .*?^  end\n", ends, text, flags=re.M | re.S)


def equal(text, path, numbers):
    """The numbers of those mutants that are proven to be the design.

    Proven is, for a component by itself: whatever its registers and memories hold and whatever its
    inputs are, all its outputs and all that its registers and memories get are the same. So it does
    the same for ever, wherever it stands.

    Parameters
    ----------
    text : str
        RTLIL of the mutants, as ``mutated`` gives it.
    path : str
        The component's path below ``dut``.
    numbers : list of int
    """
    module = "\\dut" + f".{path}" * bool(path)
    script = OPEN + "".join(
        PROVE.format(number=number, width=WIDTH, patience=PATIENCE) for number in numbers)
    with tempfile.TemporaryDirectory(prefix="sam-equal-") as folder:
        folder = Path(folder)
        (folder / "mutants.il").write_text(text)
        yosys(FLAT.format(module=module).replace("\n", "; "), folder)
        (folder / "open.il").write_text(opened((folder / "flat.il").read_text()))
        log = spoken(script, folder)
    parts = re.split(r"^mutant (\d+)$", log, flags=re.M)[1:]
    found = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    return {number for number in numbers if "no model found: SUCCESS" in found[number]}
