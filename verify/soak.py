"""python -m sim.soak: thousands of real images through the Verilated RTL, each array golden's.

Images go in parts, several at once; each part is simulated, run in the golden model, compared in
every spike, map, score and read-out, and noted, so that a run that was broken off goes on where it
was. The layers mapped are those of the chip that hw.build makes. With --experiments every part
draws a chance of stalls (up to 0.6) and in every second image some spikes are taken away on their
way to memory (hw.explain.ablation), while mode and table differ from part to part. --verify FILE
recomputes a log's digests with the golden model alone.
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
from rich.progress import Progress

from golden.explain.perturb import NetworkModel
from golden.formats import MODES
from golden.images import load_images
from golden.io.console import Console
from golden.io.errors import BadInput, command
from golden.io.evidence import stamp
from golden.io.files import output, replacing
from golden.io.processes import workers
from golden.io.reading import tree
from golden.io.text import say
from golden.network import load
from golden.run import run
from hw.explain.ablation import mask_writes

PART = 50                       # images of one simulation
GAMMAS = (0.5, 0.0, 0.3, 1.3)


def digest_of(arrays):
    """sha256 over named arrays: names, shapes, and values as 64-bit integers."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name], dtype="<i8")
        found.update(f"{name} {values.shape}\n".encode())
        found.update(values)
    return found.hexdigest()


def compared(result):
    """Arrays of a Result that both engines give."""
    return {name: values for name, values in result.arrays().items() if name != "cycles"}


def plain_part(simulation, images, number):
    """(arrays, cycles) of the RTL without stalls."""
    found = simulation.run(images)
    return compared(found), int(found.cycles.sum())


def plain_golden(network, images, number):
    """Arrays of golden for the same."""
    return compared(run(images, network, taps=network.default_taps))


def drawn(network, images, number):
    """(stall, gamma, mode, (layer, step, neurons) or None for each image) of a mixed part."""
    rng = np.random.default_rng(0x50A4 + number)
    places = [int(np.prod(stage.source)) for stage in network.stages]
    found = []
    for n in range(len(images)):
        layer = int(rng.integers(len(places)))
        neurons = np.unique(rng.integers(0, places[layer], int(rng.integers(1, 30))))
        step = None if rng.random() < 0.5 else int(rng.integers(network.steps))
        found.append((layer, step, neurons) if n % 2 else None)
    return (float(rng.choice([0.1, 0.3, 0.6])), GAMMAS[number % len(GAMMAS)],
            MODES[number % len(MODES)], found)


def mixed_part(simulation, images, number):
    """(arrays, cycles) of the RTL under stalls, with experiments between plain images."""
    stall, gamma, mode, taken = drawn(simulation.network, images, number)
    plan, undone, writes = simulation.accelerator.plan, np.zeros((0, 3), dtype=np.uint16), []
    for each in taken:
        done = np.zeros((0, 3), dtype=np.uint16)
        before = undone
        if each:
            layer, step, neurons = each
            done, undone = mask_writes(plan, layer, neurons, step)
        else:
            undone = done
        writes.append(np.concatenate([before, done]))
    found = simulation.run(images, gamma=gamma, mode=mode, stall=stall, seed=number + 1,
                           writes=writes)
    # What a deletion leaves of trains, maps and counts is defined for plain images; of the others
    # the scores are compared.
    whole = np.array([each is None for each in taken])
    arrays = {name: values[whole] if np.ndim(values) else values
              for name, values in compared(found).items()}
    arrays["scores_of_experiments"] = found.logits[~whole]
    return arrays, int(found.cycles.sum())


def mixed_golden(network, images, number):
    """Arrays of golden for the same."""
    _, gamma, mode, taken = drawn(network, images, number)
    result = run(images, network, gamma=gamma, mode=mode)      # the spikes of all layers
    result.maps = {tap: result.maps[tap] for tap in network.default_taps}
    whole = np.array([each is None for each in taken])
    arrays = {name: values[whole] if np.ndim(values) else values
              for name, values in compared(result).items()}
    scores = []
    for n, each in enumerate(taken):
        if each:
            layer, step, neurons = each
            spikes = (result.spikes[layer] if layer else result.spikes_input)[n]
            left = spikes.reshape(network.steps, -1).copy()
            left[slice(None) if step is None else step, neurons] = 0
            scores.append(NetworkModel(network, layer)(left))
    arrays["scores_of_experiments"] = np.array(scores)
    return arrays


def part_of(simulation, network, images, number, *, mixed):
    """What is noted of a part; raises ArithmeticError naming the array that differs."""
    started = time.time()
    found, cycles = (mixed_part if mixed else plain_part)(simulation, images, number)
    wanted = (mixed_golden if mixed else plain_golden)(network, images, number)
    for name in sorted(wanted.keys() | found.keys()):
        if not np.array_equal(found.get(name), wanted.get(name)):
            raise ArithmeticError(f"part {number}: {name} of the RTL is not golden's")
    return {"part": number, "images": len(images), "cycles": cycles,
            "digest": digest_of(found), "seconds": round(time.time() - started, 1)}


def total(parts):
    """Digest of a log: sha256 over its parts' digests."""
    return hashlib.sha256("".join(part["digest"] for part in parts).encode()).hexdigest()


def soak(network, images, folder, *, mixed, jobs, console, lanes=4):
    """Log of all parts; those noted in ``folder`` by the same design are not run again."""
    from sim.rtl import Simulation
    options = {"experiments": True} if mixed else {}
    with console.status("building the simulation (about 20 s the first time) ..."):
        simulation = Simulation(
            network, taps=network.default_taps, lanes=lanes, **options)
    design = Path(simulation.program).parent.name      # of the Verilog and the way it was built
    folder = Path(folder) / f"{'mixed' if mixed else 'plain'}-{design}"
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(images), PART)

    def one(number):
        some = images[number * PART:(number + 1) * PART]
        key = hashlib.sha256(np.ascontiguousarray(some)).hexdigest()
        noted = folder / f"{number:05}.json"
        if noted.exists():
            part = json.loads(noted.read_text())
            if part["pixels"] == key:
                return part
        part = {"pixels": key, **part_of(simulation, network, some, number, mixed=mixed)}
        with replacing(noted) as aside:
            aside.write_text(json.dumps(part))
        return part
    parts = []
    with Progress(console=console, transient=True) as progress, workers(jobs) as pool:
        task = progress.add_task("soak", total=len(images))
        for part in pool.map(one, range(len(starts))):
            parts.append(part)
            progress.advance(task, part["images"])
            if not console.is_terminal and part["part"] % 10 == 9:
                say(f"{sum(p['images'] for p in parts)} of {len(images)} images equal",
                    file=sys.stderr, flush=True)
    return {"network": network.digest, "taps": list(simulation.taps), "lanes": lanes,
            "mixed": mixed, "images": len(images), "part": PART,
            "design": design, "cycles": sum(part["cycles"] for part in parts),
            "seconds": round(sum(part["seconds"] for part in parts), 1),
            "digest": total(parts), "parts": parts}


def verify(path, network, images, *, limit, jobs, console):
    """Recompute the digests of a log by the golden model; raise ArithmeticError at the first."""
    log = tree(path, "log file")
    try:
        known = isinstance(log["mixed"], bool) and log["parts"] and all(
            0 <= part["part"] < 10**6 and 0 < part["images"] <= PART
            and isinstance(part["digest"], str) for part in log["parts"])
        known = known and isinstance(log["digest"], str) and isinstance(log["network"], str)
    except (KeyError, TypeError, IndexError):
        known = False
    if not known:
        raise BadInput(f"{path}: not a log of this command")
    if log["network"] != network.digest:
        raise BadInput(f"{path}: of network {log['network']}, not {network.digest}")
    if log.get("taps") != list(network.default_taps):
        raise BadInput(f"{path}: of maps of other layers than hw.build makes of this network; "
                       "run `make soak` again")
    if log["digest"] != total(log["parts"]):
        raise ArithmeticError(f"{path}: the digest is not that of the parts")
    chosen = log["parts"]
    if limit:
        chosen = chosen[::max(1, len(chosen) * PART // limit)]

    def one(part):
        some = images[part["part"] * PART:][:part["images"]]
        golden = (mixed_golden if log["mixed"] else plain_golden)(network, some, part["part"])
        if digest_of(golden) != part["digest"]:
            raise ArithmeticError(f"{path}: part {part['part']} is not golden's")
        return len(some)
    with Progress(console=console, transient=True) as progress, workers(jobs) as pool:
        counts = list(progress.track(pool.map(one, chosen), total=len(chosen),
                                     description="golden"))
    return sum(counts), log["digest"]


@command
def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m sim.soak", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="fashion", metavar="NET")
    parser.add_argument("--images", default="build/fashion_test.npz", metavar="FILE",
                        help="from `make build/fashion_test.npz` (default: %(default)s)")
    parser.add_argument("--limit", type=int, help="images, from the first")
    parser.add_argument("--experiments", action="store_true", help="stalls and experiments")
    parser.add_argument("--lanes", type=int, default=4, help="channels at once (default: 4)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", default="build/soak", help="where parts are noted")
    parser.add_argument("--out", metavar="LOG.json")
    parser.add_argument("--verify", metavar="LOG.json")
    args = parser.parse_args(argv)
    for name in ("limit", "jobs"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise BadInput(f"--{name} must be at least 1, not {getattr(args, name)}")
    if args.lanes not in (1, 2, 4, 8, 16):
        raise BadInput(f"--lanes must be 1, 2, 4, 8 or 16, not {args.lanes}")
    if args.out is not None:
        output(args.out, args.network, args.images, args.verify, suffix=".json")
    network = load(args.network)
    images, _ = load_images(args.images, network)
    console = Console(stderr=True)
    made = stamp("soak_lanes" if args.lanes != 4 else "soak_mixed" if args.experiments else "soak",
                 "sim.soak", argv)
    try:
        if args.verify:
            count, digest = verify(args.verify, network, images, limit=args.limit, jobs=args.jobs,
                                   console=console)
            say(f"{args.verify}: {count} images recomputed, digest {digest} holds")
            return
        log = soak(network, images[:args.limit], args.work, mixed=args.experiments,
                   lanes=args.lanes, jobs=args.jobs, console=console)
    except ArithmeticError as error:
        say(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    if args.out is not None:
        with replacing(args.out) as aside:
            aside.write_text(json.dumps({"stamp": made, **log}, indent=1) + "\n")
    say(f"{log['images']} images equal golden in {log['cycles']:,} cycles "
        f"({log['seconds']:,.0f} s); digest {log['digest']}")


if __name__ == "__main__":
    main()
