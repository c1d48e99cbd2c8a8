"""One network simulated and compared with golden, in a process of its own that may be ended."""

import hashlib
import json
import os
import signal
import time
from multiprocessing import connection, get_context

import numpy as np

from golden.run import run
from sim.rtl import Simulation
from verify.drawn.cases import law

TIMEOUT = 300       # seconds for a network: its Verilog, its compilation, its runs
ROOM = 20           # times the cycles foretold, before a simulation is told to give up


def differing(case):
    """What a case shows: arrays that differ from golden's, by run; words compared; cycles."""
    network, options = case.network, dict(case.options)
    simulation = Simulation(network, quick=True, **options)
    wrong, words, cycles, digest = [], 0, 0, hashlib.sha256()
    for given in case.runs:
        settings = {key: given[key] for key in ("mode", "gamma")}
        wanted = run(case.images, network, taps=options["taps"], **settings)
        # What never ends gives up by itself, where the simulation hears this.
        foretold = int(law(simulation.accelerator.plan, case.images, network).sum())
        limit = ROOM * int(foretold / (1 - given["stall"])) + 40_000
        os.environ.update(LIMIT=str(limit), PATIENCE=str(limit))
        found = simulation.run(case.images, **given)
        found, wanted = found.arrays(), wanted.arrays()
        cycles += int(found.pop("cycles").sum())
        for key in sorted(found.keys() | wanted.keys()):
            words += np.size(wanted.get(key, 0))
            if key not in found or key not in wanted or not np.array_equal(
                    found[key], wanted[key]):
                wrong.append(f"{key} (stall {given['stall']})")
            digest.update(np.ascontiguousarray(wanted.get(key), dtype="<i8"))
    return {"wrong": wrong, "words": int(words), "cycles": cycles,
            "digest": digest.hexdigest()[:16]}


def child(function, argument, pipe):
    """``function(argument)`` over a pipe, in a group of processes of its own."""
    os.setsid()
    try:
        pipe.send(function(argument))
    except Exception as error:  # whatever it is, it is the answer
        pipe.send({"error": f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}"})


def trials(cases, *, jobs=2, timeout=TIMEOUT, test=differing):
    """Yield (number of the case, what ``test`` gives or {"error": ...}) as they end.

    ``cases`` are (number, argument of ``test``), which may be made one by one. A process that takes
    longer than ``timeout`` seconds is killed with all that it began.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["verify.drawn.trial"])
    waiting, running = iter(cases), {}
    more = True
    try:
        while more or running:
            while more and len(running) < jobs:
                found = next(waiting, None)
                if found is None:
                    more = False
                    break
                number, argument = found
                mine, theirs = context.Pipe(duplex=False)
                process = context.Process(target=child, args=(test, argument, theirs))
                process.start()
                theirs.close()
                running[number] = (process, mine, time.monotonic())
            connection.wait([pipe for _, pipe, _ in running.values()], timeout=1)
            for number, (process, pipe, began) in list(running.items()):
                seconds = time.monotonic() - began
                if pipe.poll():
                    try:
                        answer = pipe.recv()
                    except EOFError:
                        answer = {"error": "the process died"}
                elif seconds > timeout:
                    answer = {"error": f"no end within {timeout} s"}
                else:
                    continue
                ended(process)
                pipe.close()
                del running[number]
                yield number, {**answer, "seconds": round(seconds, 1)}
    finally:
        for process, pipe, _ in running.values():
            ended(process)
            pipe.close()


def ended(process):
    """Leave nothing of a process and what it began."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.join()
    process.close()


def described(case):
    """A case as one line of JSON-able words, enough to build it by hand."""
    network = case.network
    layers = []
    for layer in network.layers:
        if not hasattr(layer, "weights"):
            layers.append(layer.words())
            continue
        kind = layer.op.words(("in",))
        neuron = layer.neuron
        more = [f"g{layer.groups}"] * (layer.groups > 1) + ["norm"] * (layer.norm is not None)
        more += ["bias"] * (layer.bias is not None)
        more += [f"loop cut at {layer.recurrent.cut}"] if layer.recurrent is not None else []
        more += [f"{field.name}[c]" for field in neuron.fields
                 if np.size(getattr(neuron, field.name)) > 1]
        rule = f"{layer.model} {neuron.reset}/{neuron.compare}/{neuron.delay}"
        layers.append(f"{layer.channels} {kind} {rule} leak {int(np.max(neuron.leak))} "
                      f"{' '.join(more)}".strip())
    shape = "x".join(map(str, network.shape))
    return {"network": f"{shape} {network.encoder} T{network.steps}: {'; '.join(layers)}: "
                       f"{network.readout}", "digest": network.digest,
            **json.loads(json.dumps(case.options))}
