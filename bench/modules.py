"""Logic cells of each module, from Yosys' hierarchy."""

import json
from collections import Counter

from bench.chips import chip
from bench.store import ROOT, kept
from flow import steps

# Modules that are shown by themselves; what lies in none of them counts for the one around it.
SHOWN = ("accelerator", "address_generator", "datapath", "encoder", "lane", "link", "reader", "sam",
         "trains", "weights")


def logic_cells(module):
    """Logic cells of a module by itself, packed as nextpnr does.

    A cell holds a LUT, the flip-flop that alone takes its output, and the carry that shares its
    inputs; what finds no partner has one to itself.
    """
    luts, flops, carries, sinks = [], [], [], Counter()
    for cell in module["cells"].values():
        pins = {name: tuple(bits) for name, bits in cell["connections"].items()}
        for name, bits in pins.items():
            if cell["port_directions"].get(name) != "output":
                sinks.update(bits)
        if cell["type"] == "SB_LUT4":
            luts.append(pins)
        elif cell["type"].startswith("SB_DFF"):
            flops.append(pins)
        elif cell["type"] == "SB_CARRY":
            carries.append(pins)
    for port in module["ports"].values():
        if port["direction"] == "output":
            sinks.update(port["bits"])
    outputs = {pins["O"][0] for pins in luts}
    packed = sum(pins["D"][0] in outputs and sinks[pins["D"][0]] == 1 for pins in flops)
    chains = {(pins["I1"], pins["I2"], pins["I3"]) for pins in luts}
    alone = sum((pins["I0"], pins["I1"], pins["CI"]) not in chains for pins in carries)
    return len(luts) + len(flops) - packed + alone


def shown(path):
    """Name under which the module at ``path`` (instance names, outermost first) is counted."""
    for name in reversed(path):
        name = name.rstrip("0123456789")
        if name in SHOWN:
            return {"lane": "lanes", "accelerator": "order, counts"}.get(name, name)
    return "UART, PLL"


def by_module(netlist):
    """{name: logic cells} of a netlist of modules that were not dissolved."""
    modules, found = netlist["modules"], Counter()

    def walk(name, path):
        found[shown(path)] += logic_cells(modules[name])
        for instance, cell in modules[name]["cells"].items():
            if cell["type"] in modules and not cell["type"].startswith(("SB_", "$")):
                walk(cell["type"], (*path, instance))
    top = next(name for name, module in modules.items()
               if int(module["attributes"].get("top", "0"), 2))
    walk(top, ())
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def measure(options, *, clock):
    """``by_module`` of the chip of command line ``options`` of hw.build."""
    _, component, _ = chip(options, clock=clock)
    folder = steps.synthesised(component, ROOT / "flow", flat=False)
    return kept("modules", [folder.name], lambda: by_module(
        json.loads((folder / "top.json").read_text())))
