"""What the oracle asks of a tree of sources: the only file here that knows the project's names.

It also measures trees that were made before it and after it. Where a thing has moved, its new place
goes into ``PLACES``; where it is called in another way, into one of the functions below.

Run as a program it measures one network in a Python of its own, which imports the project from the
tree and from nowhere else.
"""

import argparse
import hashlib
import importlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from amaranth import Module
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped
from amaranth_boards.icebreaker import ICEBreakerPlatform

from verify.oracle.netlist import fingerprint, graph, size
from verify.oracle.networks import CASES

__all__ = ["ROOT", "Project", "measure"]

ROOT = Path(__file__).resolve().parents[2]
# name: module and name where it may be, the first that the tree has; also under a later name.
PLACES = {
    "load": ("golden.network:load",),
    "run": ("golden.run:run",),
    "Accelerator": ("hw.accelerator:Accelerator",),
    "Simulation": ("sim.rtl:Simulation",),
    "Top": ("boards.top:Top", "boards.platform.top:Top"),
    "Form": ("boards.protocol:Form", "boards.protocol.codec:Form",
             "boards.protocol.codec:MapEncoding", "boards.protocol.identity:MapEncoding"),
    "AFTER_READ": ("boards.targets:AFTER_READ", "boards.platform.device:AFTER_READ",
                   "flow.steps:AFTER_READ"),
    "target_for": ("boards.targets:target_for", "boards.platform.device:target_for",
                   "boards.platform.target:target_for"),
}


class Streams(wiring.Component):
    """An accelerator with its streams alone, since what only a simulation reads costs no cells."""

    def __init__(self, accelerator):
        self.accelerator = accelerator
        super().__init__({name: member for name, member in accelerator.signature.members.items()
                          if member.is_signature})

    def elaborate(self, platform):
        m = Module()
        m.submodules.accelerator = self.accelerator
        for name in self.signature.members:
            connect(m, flipped(getattr(self, name)), getattr(self.accelerator, name))
        return m


class Project:
    """The names of a tree, imported when they are asked for.

    Raises RuntimeError where none of the places of a name is in the tree, or another tree was
    imported.
    """

    def __init__(self, tree=ROOT):
        self.tree = Path(tree).resolve()

    def __getattr__(self, name):
        for place in PLACES[name]:
            module, _, attribute = place.partition(":")
            path = self.tree.joinpath(*module.split("."))
            if not path.with_suffix(".py").is_file() and not (path / "__init__.py").is_file():
                continue
            imported = importlib.import_module(module)
            if not Path(imported.__file__).resolve().is_relative_to(self.tree):
                raise RuntimeError(f"{module} was imported from {imported.__file__}, not from "
                                   f"{self.tree}")
            if hasattr(imported, attribute):
                return getattr(imported, attribute)
        raise RuntimeError(f"{self.tree} has no {name} at {' or '.join(PLACES[name])}: "
                           f"write its new place into PLACES of {__file__}")

    def check(self):
        """Raise RuntimeError if a module of another tree was imported too."""
        rooms = {path.name for tree in (ROOT, self.tree) for path in tree.iterdir()
                 if (path / "__init__.py").is_file()} - {"verify"}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name.partition(".")[0] in rooms and file and not (
                    Path(file).resolve().is_relative_to(self.tree)):
                raise RuntimeError(f"{name} was imported from {file}, not from {self.tree}")

    def accelerator(self, network, options):
        """The accelerator of a network."""
        return self.Accelerator(network, **options)

    def chip(self, accelerator, *, form="FULL", **options):
        """The accelerator between the pins of a chip."""
        return self.Top(accelerator, form=self.Form[form], **options)

    def synthesis(self):
        """(lines for Yosys behind reading, options of synth_ice40) of an iCEBreaker."""
        return self.AFTER_READ, self.target_for("ice40").synthesis

    def model(self, network, images, taps, given):
        """{name: array} of the model in NumPy."""
        return self.run(images, network, taps=taps, **given).arrays()

    def simulated(self, network, images, case):
        """({name: array}, cycles of each image) of the simulated accelerator."""
        options = {key: value for key, value in case.options.items()
                   if key not in ("gamma", "mode")}  # a run writes them
        simulation = self.Simulation(network, quick=True, **options)
        result = simulation.run(images, **case.given)
        arrays = dict(result.arrays())
        cycles = [int(n) for n in arrays.pop("cycles")]
        arrays["causes"] = result.causes
        if case.deletions:
            layer, changes = case.deletions
            scores, counts = simulation.without_each(images[0], layer, list(changes))
            arrays["scores without"] = scores
            cycles += [int(n) for n in counts]
        return arrays, cycles


def digest(values):
    """Of the shape and the numbers of an array, whatever its type."""
    values = np.asarray(values)
    text = f"{values.shape} ".encode() + values.astype("<i8").tobytes()
    return hashlib.sha256(text).hexdigest()[:32]


def measured(component, project, sizes):
    """What is recorded of a component's netlist."""
    text = rtlil.convert(component, platform=ICEBreakerPlatform(), name="dut", emit_src=False)
    with tempfile.TemporaryDirectory(prefix="sam-oracle-") as folder:
        module = graph(text, folder)
        found = {"netlist": fingerprint(module, ports=False),
                 "netlist_ports": fingerprint(module, ports=True)}
        if sizes:
            before, options = project.synthesis()
            found |= size(text, folder, before=before, options=options)
    return found


def measure(case, project, *, sizes=True):
    """What is recorded of a case; without ``sizes`` no cells and no chip."""
    models = ROOT / "models"
    with tempfile.TemporaryDirectory(prefix="sam-oracle-") as folder:
        path = Path(folder) / "network.npz"
        path.write_bytes(case.content(models))
        network = project.load(path)
        with np.load(path) as archive:
            contents = {key: str(values) if values.dtype.kind == "U" else digest(values)
                        for key, values in archive.items()}
    images = case.images(models)
    setting = json.dumps([sorted(contents.items()), digest(images), sorted(case.options.items()),
                          sorted(case.given.items()), case.deletions, case.chip])
    found = {"setting": hashlib.sha256(setting.encode()).hexdigest()[:32]}
    found |= measured(Streams(project.accelerator(network, case.options)), project, sizes)
    if case.chip and sizes:
        accelerator = project.accelerator(network, case.options)
        found["chip"] = measured(project.chip(accelerator, **case.chip), project, sizes)
    arrays, found["cycles"] = project.simulated(network, images, case)
    found["results"] = {name: digest(values) for name, values in sorted(arrays.items())}
    wanted = project.model(network, images, case.options["taps"], case.given)
    found["model_differs"] = sorted(name for name, values in wanted.items()
                                    if digest(values) != found["results"].get(name))
    project.check()
    return found


def main():
    parser = argparse.ArgumentParser(prog="python -m verify.oracle.project")
    parser.add_argument("name", choices=CASES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--no-sizes", action="store_true")
    args = parser.parse_args()
    tree = args.tree.resolve()
    sys.path[:] = [str(tree), *(path for path in sys.path
                                if Path(path or ".").resolve() not in (ROOT, tree))]
    found = measure(CASES[args.name], Project(tree), sizes=not args.no_sizes)
    args.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
