"""Yosys on Verilog, for what is not a build: it is run in a folder and says why it failed."""

from pathlib import Path

from flow.toolchain import choose
from golden.io import processes
from golden.io.errors import Fault

__all__ = ["flattened", "yosys"]


def flattened(text: str):
    """The Verilog of module ``dut`` and those below it as one module."""
    with processes.folder("sam-flat-") as folder:
        (folder / "dut.v").write_text(text)
        script = ("read_verilog dut.v; hierarchy -top dut; proc; flatten; opt_clean; "
                  "write_verilog -noattr out.v")
        yosys(script, folder)
        return (folder / "out.v").read_text()


def yosys(script: str, folder: Path) -> None:
    """Run commands of Yosys in a folder; Fault with its last lines if it fails."""
    (Path(folder) / "run.ys").write_text(script.replace("; ", "\n") + "\n")
    done = processes.run([choose()["YOSYS"], "-q", "-s", "run.ys"], cwd=folder, text=True,
                         capture_output=True)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise Fault(f"Yosys failed in {folder}:\n{tail}")
