"""python -m train.sam_speed: SAM maps in golden against the authors' method in PyTorch.

Same spikes, same definition ("official"), one process, one thread each; of every method the CPU
time of the best of several repeats, taken in turn. The authors' method follows their script: in
each step t it goes over all steps t' so far and adds exp(-gamma (t - time(t'))) for every neuron,
where time(t') is t' at a spike and 0 in silence, which is how N_off(t) gets its z(t) exp(-gamma t).
Two quicker ways to say the same in PyTorch stand beside it: one factor for each pair of steps, and
one matrix product over all of them. golden computes in integers and only where there is a spike, so
that its time grows with their number.

Fails unless every map of golden is within its bound of the authors' method in double precision:
per spike (1/2 + A 2**-8) / (1 - exp(-gamma)) for A, which is at most 1 / (1 - exp(-gamma)), and
1/2 + T 2**-8 for the ghost, in units of 2**-SCORE_FRAC (golden.sam).
"""

import argparse
import json
import math
import time

import numpy as np
import torch

from golden.formats import GAMMA, SCORE_FRAC
from golden.io.arguments import whole
from golden.io.errors import BadInput, command
from golden.io.files import output, replacing
from golden.io.text import say
from golden.sam import activation_map


def script(spikes, gamma):
    """(T, H, W) maps of (T, C, H, W) spikes, step by step, as the authors' script goes."""
    maps = []
    for t, now in enumerate(spikes):
        score = torch.zeros_like(now)
        for before in range(t + 1):
            score += torch.exp(-gamma * (t - before * spikes[before]))
        maps.append((score * now).sum(dim=0))
    return torch.stack(maps)


def factors(spikes, gamma):
    """The same with one exponential for each pair of steps and one for the ghost."""
    maps = []
    silent = torch.zeros_like(spikes[0])
    for t, now in enumerate(spikes):
        silent += 1 - now
        score = silent * math.exp(-gamma * t)
        for before in range(t + 1):
            score += math.exp(-gamma * (t - before)) * spikes[before]
        maps.append((score * now).sum(dim=0))
    return torch.stack(maps)


def product(spikes, gamma):
    """The same as one product with the (T, T) matrix of exp(-gamma (t - t'))."""
    t = torch.arange(len(spikes), dtype=spikes.dtype)
    decay = torch.exp(-gamma * (t[:, None] - t)).tril()
    score = (decay @ spikes.flatten(1)).reshape(spikes.shape)
    silent = torch.cumsum(1 - spikes, dim=0)
    return ((score + silent * torch.exp(-gamma * t)[:, None, None, None]) * spikes).sum(dim=1)


METHODS = {"the authors' way": script, "one factor a pair": factors, "one matrix product": product}


def measured(spikes, gamma, repeats):
    """Best seconds of CPU time of each method, golden the last."""
    tensor = torch.from_numpy(spikes).float()
    calls = {name: lambda f=f: f(tensor, gamma) for name, f in METHODS.items()}
    calls["golden"] = lambda: activation_map(spikes[None], gamma=gamma, mode="official")
    best = dict.fromkeys(calls, math.inf)
    for _ in range(repeats):
        for name, call in calls.items():
            start = time.process_time()  # with one thread: what an idle core would take
            call()
            best[name] = min(best[name], time.process_time() - start)
    return best


def compared(spikes, gamma):
    """(largest error, largest share of its bound) of golden's maps, in units of 2**-SCORE_FRAC."""
    got = activation_map(spikes[None], gamma=gamma, mode="official")[0]
    wanted = script(torch.from_numpy(spikes).double(), gamma).numpy() * 2**SCORE_FRAC
    limit = 1 / (1 - math.exp(-gamma))
    each = (0.5 + limit * 2**-8) * limit + 0.5 + len(spikes) * 2**-8
    error = np.abs(got - wanted)
    # Where no neuron spikes, both must be 0.
    return float(error.max()), float((error / np.maximum(each * spikes.sum(axis=1), 1e-9)).max())


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.sam_speed", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=3, default=(256, 16, 16), metavar="N",
                        help="C H W of the layer (default: 256 16 16, the paper's layer 4)")
    parser.add_argument("--steps", type=whole(), default=30)
    parser.add_argument("--rate", type=float, nargs="+", default=(0.05, 0.02, 0.1, 0.2),
                        help="chances of a spike; the first is the one to quote (default: 0.05, "
                             "the mean of layers 2 to 4 of models/fashion.npz, and others)")
    parser.add_argument("--gamma", type=float, default=GAMMA)
    parser.add_argument("--repeats", type=whole(), default=15)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args(argv)
    for name, holds in (("--steps", 1 <= args.steps <= 255), ("--repeats", args.repeats >= 1),
                        ("--gamma", math.isfinite(args.gamma) and args.gamma > 0),
                        ("--shape", min(args.shape) >= 1),
                        ("--rate", all(0 <= rate <= 1 for rate in args.rate))):
        if not holds:
            raise BadInput(f"{name} is out of range")
    if args.json is not None:
        output(args.json, suffix=".json", option="--json")
    torch.set_num_threads(1)  # as many as golden uses
    say(f"SAM of {' x '.join(map(str, args.shape))} neurons, {args.steps} steps, gamma "
        f"{args.gamma}; one thread each, CPU time, best of {args.repeats}")
    report = {"shape": list(args.shape), "steps": args.steps, "gamma": args.gamma, "threads": 1,
              "repeats": args.repeats, "torch": torch.__version__, "rates": []}
    for rate in args.rate:
        chance = np.random.default_rng(0).random((args.steps, *args.shape))
        spikes = (chance < rate).astype(np.uint8)
        best = measured(spikes, args.gamma, args.repeats)
        error, share = compared(spikes, args.gamma)
        report["rates"].append({
            "rate": rate, "spikes": int(spikes.sum()), "seconds": best, "largest error": error,
            "share of bound": share,
            "times faster": {name: best[name] / best["golden"] for name in METHODS}})
        say(f"{rate:.0%} spikes: golden {best['golden'] * 1e3:.2f} ms; "
              + ", ".join(f"{name} {best[name] * 1e3:.2f} ms, {best[name] / best['golden']:.1f} x"
                          for name in METHODS)
              + f"; largest error {error:.1f} units of 2**-{SCORE_FRAC}, {share:.0%} of its bound")
    if args.json is not None:
        with replacing(args.json) as aside:
            aside.write_text(json.dumps(report, indent=2) + "\n")
    raise SystemExit(0 if all(entry["share of bound"] <= 1 for entry in report["rates"]) else 1)


if __name__ == "__main__":
    main()
