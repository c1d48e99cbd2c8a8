"""The slowest path of a design in its own words, out of nextpnr's log."""

import re

__all__ = ["sentence", "slowest"]

# What each part of the design is for; its name is that of the submodule.
PARTS = {
    "address_generator": "forms the addresses of the next visit",
    "look": "looks up which trains of a visit have spikes",
    "dispatcher": "picks one train a cycle out of the queue of visits",
    "fetch": "reads trains and weights",
    "datapath": "adds weights in the lanes and steps the neurons",
    "lane": "adds the weights of one output channel and steps its neuron",
    "lif": "leaks, fires and resets a neuron",
    "cuba": "steps a neuron with a synaptic current",
    "alpha": "steps a neuron with two traces",
    "sums": "holds the sums of all steps of a lane",
    "drain": "shifts the sums of a walk to the neurons",
    "player": "plays the rows of the walk buffer",
    "gatherer": "fills the rows of the walk buffer",
    "walk_buffer": "holds trains and weights of walks",
    "readout": "scores the classes",
    "packer": "gathers spikes into trains",
    "writer": "stores finished trains",
    "encoder": "turns pixels into spikes",
    "sam": "makes the maps",
    "sequencer": "counts passes and rounds",
    "tap_queue": "queues trains for the maps",
    "tap_reader": "reads trains back for the maps",
    "engine": "walks the layers",
    "link": "speaks with the host",
    "framer": "frames results and answers",
    "deframer": "takes requests apart",
    "executor": "carries requests out",
    "loader": "loads weights from flash",
    "receiver": "receives bytes of the UART",
    "transmitter": "sends bytes of the UART",
    "accelerator": "computes",
}
REPORT = re.compile(r"Critical path report for clock '([^']+)' \(posedge -> posedge\):")
HOP = re.compile(r"Info:\s+(clk-to-q|source|logic|routing|setup)\s+(\d+\.\d+)\s+(\d+\.\d+)\s+"
                 r"(?:Source|Net) (\S+)")


def place_of(cell: str) -> str:
    """Modules and signal of a cell's name, without what the tools added to it."""
    parts = []
    for part in cell.removeprefix("top.").split("."):
        plain = re.split(r"\$|_SB_|_(?:WDATA|RDATA|WADDR|RADDR)", part)[0]
        if plain:
            parts.append(plain)
        if plain != part:
            break
    return ".".join(parts)


def slowest(log: str) -> dict | None:
    """The path that bounds the clock, by nextpnr's own delays; None where the log has none.

    Of a log with several reports the last ones count. ``ns`` is the whole delay, ``logic_ns`` and
    ``wire_ns`` its parts, ``cells`` the cells of logic on the way, ``start`` and ``end`` the
    registers, as modules and signal, and ``through`` the modules passed.
    """
    found = {}
    for report in REPORT.finditer(log):
        hops, sinks = [], []
        for line in log[report.end():].splitlines()[1:]:
            if hop := HOP.match(line):
                hops.append((hop[1], float(hop[2]), float(hop[3]), hop[4]))
            elif not re.match(r"Info:\s+(type|Sink|Defined in|[\w./]+:\d+|/)", line):
                break
            else:
                sinks += re.findall(r"Sink (\S+)", line)
        if hops and hops[-1][0] == "setup":
            found[report[1]] = hops
    if not found:
        return None
    clock, hops = max(found.items(), key=lambda each: each[1][-1][2])
    places = [place_of(cell.rpartition(".")[0]) for kind, _, _, cell in hops if kind != "routing"]
    through = list(dict.fromkeys(place.rpartition(".")[0] for place in places))
    return {
        "clock": clock, "ns": hops[-1][2], "cells": sum(kind == "logic" for kind, *_ in hops),
        "wire_ns": round(sum(ns for kind, ns, *_ in hops if kind == "routing"), 2),
        "logic_ns": round(sum(ns for kind, ns, *_ in hops if kind != "routing"), 2),
        "start": places[0], "end": places[-1], "through": [each for each in through if each]}


def meaning(place: str) -> str:
    """What the innermost known part of a place does; "" where none is known."""
    for part in reversed(place.split(".")):
        if (name := part.rstrip("0123456789")) in PARTS:
            return f"{name} {PARTS[name]}"
    return ""


def sentence(path: dict) -> str:
    """A path of ``slowest`` in a sentence or two."""
    means = list(dict.fromkeys(filter(None, map(meaning, (path["start"], path["end"])))))
    return (f"The slowest path takes {path['ns']:g} ns: from {path['start']} through "
            f"{path['cells']} cells of logic ({path['logic_ns']:g} ns) and the wires between "
            f"them ({path['wire_ns']:g} ns) to {path['end']}."
            + (f" Here {', and '.join(means)}." if means else ""))
