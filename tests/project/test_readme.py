"""The README's commands for a network of one's own: written there, run here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from golden.network import load

ROOT = Path(__file__).parents[2]


def test_numbers_are_those_measured():
    """Every figure of the table that bench/results.json has, as it stands there."""
    readme = (ROOT / "README.md").read_text()
    measured = json.loads((ROOT / "bench/results.json").read_text())["measured"]
    cycles, operations = (sum(measured["images"][key]) for key in ("cycles", "operations"))
    mean = lambda name: f"{sum(measured[name]['cycles']) / measured[name]['images']:,.0f}"
    size, without = measured["size"], measured["size_without"]
    clocks = [each["fmax_mhz"] for each in measured["clock"]]
    for figure in (
            f"**{operations / cycles:.2f}** ({operations:,} in {cycles:,} cycles)",
            f"**{mean('images')}** ({mean('images_without')} without SAM)",
            f"**{size['lc']:,} LC**, {size['ebr']} EBR, {size['spram']} SPRAM, {size['dsp']} DSP; "
            f"without SAM {without['lc']:,} LC, {without['ebr']} EBR, {without['dsp']} DSP",
            f"**{min(clocks):.1f} to {max(clocks):.1f} MHz**, "
            f"{sum(each >= 48 for each in clocks)} of them 48 or more"):
        assert figure in readme, figure


def commands(text):
    """Lines of the block that follows a heading."""
    return text.partition("```\n")[2].partition("```")[0].splitlines()


def test_your_own_network(tmp_path):
    """Training is cut short; set-up and bitstream are left to those who have no environment yet."""
    readme = (ROOT / "README.md").read_text().partition("## Your own network")[2]
    guide = (ROOT / "docs" / "your_own_network.md").read_text().partition("## From a NIR file")[2]
    setup, install, train, quantise, simulate, build = commands(readme)
    assert setup == "python3 -m venv .venv" and "pip install -c constraints.txt -e" in install
    assert "hw.build ice40 --network build/digits/net.npz" in build

    def run(line, extra=""):
        """What a command says, with this Python and in a folder of its own."""
        assert line.startswith(".venv/bin/python -m ")
        words = f"{line.replace('build/digits', str(tmp_path))} {extra}".split()[1:]
        done = subprocess.run([sys.executable, *words], cwd=ROOT, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    assert "test images right" in run(train, "--epochs 2")
    said = run(quantise)
    assert "same predictions on" in said and "accuracy float" in said
    digest = load(tmp_path / "net.npz").digest
    assert f"digest {digest}" in said
    run(simulate, "--limit 4")
    rtl = dict(np.load(tmp_path / "rtl.npz"))
    run(simulate.replace("--engine rtl", "--engine golden"), "--limit 4")
    golden = dict(np.load(tmp_path / "rtl.npz"))
    assert len(golden["pred"]) == 4 and rtl.keys() == {*golden, "cycles"}
    assert all(np.array_equal(rtl[key], golden[key]) for key in golden)
    nir, = commands(guide)
    assert re.search(rf"digest {digest}$", run(nir))
