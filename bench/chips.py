"""The chips that are measured, as hw.build makes them."""

from bench.store import ROOT
from flow import build, steps
from flow.design import design
from golden.io import processes
from golden.io.errors import BadInput
from golden.network import load


def chip(options, *, clock):
    """(accelerator, component for the board, hertz) of command line ``options`` of hw.build."""
    config = build.configured(["ice40", *options, "--clock", str(clock)])
    return design(load(config.network), config)


def netlist(options, *, clock):
    """(folder of the synthesised chip, accelerator, hertz)."""
    accelerator, component, hz = chip(options, clock=clock)
    return steps.synthesised(component, ROOT / "flow"), accelerator, hz


def size(options, *, clock):
    """{lc, ebr, spram, dsp} after packing, which no seed changes."""
    return steps.packed_size(netlist(options, clock=clock)[0])


def clocks(options, seeds, *, clock, jobs, tick):
    """[{seed, fmax_mhz, lc, ebr, spram, dsp}] of places and routes for ``clock`` MHz.

    A seed that finds no place reaches 0 MHz, of no cells.
    """
    folder, _, hz = netlist(options, clock=clock)
    routes = steps.seeds_routed(folder, seeds, hz=hz, jobs=jobs, tick=tick)
    nothing = {"fmax_mhz": 0, **dict.fromkeys(steps.icebreaker().used, 0)}
    return [{"seed": seed, **({"fmax_mhz": steps.fmax(route), **steps.used(route)} if route
                              else nothing)}
            for seed, route in routes.items()]


def prepare(variants, *, jobs, tick):
    """Synthesise all (options, clock), ``jobs`` at a time, each in a process of its own."""
    from joblib import Parallel, delayed
    work = (delayed(prepared)(options, clock) for options, clock in variants)
    with processes.unheard():
        ends = Parallel(n_jobs=jobs, return_as="generator_unordered",
                        **processes.ending_with_us())(work)
    for _ in ends:
        tick()


def prepared(options, clock):
    """Synthesise one; what fails will be told by the measure that wants it."""
    try:
        netlist(options, clock=clock)
    except (BadInput, steps.ToolError):
        pass
