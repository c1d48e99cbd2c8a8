"""What every training run shares: epochs that can be resumed, a log, threads, a device.

A run keeps ``build/train/<name>.pt`` (checkpoint) and ``<name>.jsonl`` (one JSON object an epoch:
loss, accuracy, seconds). A run that is stopped goes on from its last epoch with the very random
numbers it would have drawn, and one that is finished is not repeated.
"""

import ctypes
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from rich.progress import Progress

from golden.io.arguments import real, whole
from golden.io.console import Console
from golden.io.files import replacing

FOLDER = Path("build/train")
console = Console()


def device():
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def keep_memory():
    """Keep freed arrays in the process: handing their pages back doubles the time of a step."""
    libc = ctypes.CDLL(None)
    for option, value in ((-3, 32 << 20), (-1, 1 << 30), (-8, 1)):
        # M_MMAP_THRESHOLD, at most 32 MiB; M_TRIM_THRESHOLD; M_ARENA_MAX.
        if not libc.mallopt(option, value):
            raise OSError(f"mallopt refuses {value} for option {option}")


def optimiser(net, total, rate):
    """Adam with a short warm-up and then half a cosine over ``total`` steps."""
    adam = torch.optim.Adam(net.parameters(), rate)
    warm = min(500, 1 + total // 20)
    return adam, torch.optim.lr_scheduler.LambdaLR(adam, lambda step: min(
        (step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * step / total)))


def spread(pool, threads, loss_of, weights, *arrays):
    """Set the gradients of ``weights`` from a batch, a part of it in each thread; give the loss.

    ``loss_of(*parts)`` is the loss of some of the arrays' rows, to be added up. Threads on parts,
    not threads within operations: those wait for each other by spinning, which multiplies the time
    whenever somebody else needs a core.
    """
    def part(parts):
        loss = loss_of(*parts)
        return loss.item(), torch.autograd.grad(loss, weights)

    chunks = zip(*(array.chunk(threads) for array in arrays), strict=True)
    losses, grads = zip(*pool.map(part, chunks), strict=True)
    for weight, *parts in zip(weights, *grads, strict=True):
        weight.grad = sum(parts)
    return sum(losses)


def arguments(parser, *, epochs, rate, threads=1):
    """Add the options of a run to a parser."""
    parser.add_argument("--epochs", type=whole(), default=epochs)
    parser.add_argument("--rate", type=real(), default=rate, help="learning rate of Adam, at most")
    parser.add_argument("--batch", type=whole(), default=100)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, if any")
    parser.add_argument("--stop", type=whole(), help="leave after this epoch, to be resumed")
    parser.add_argument("--threads", type=whole(), default=threads)
    parser.add_argument("--limit", type=whole(), help="training images used, all unless given")


def fit(name, net, loss_of, arrays, judge, args, augment=lambda share, chance, *batch: batch, *,
        seed=1):
    """Train ``net`` in place and return the seconds it took in all, earlier runs included.

    Parameters
    ----------
    loss_of : callable
        ``loss_of(*parts)`` is what is minimised, a sum over the rows of the parts of ``arrays``.
    arrays : sequence of tensors of one length
    judge : callable
        ``judge()`` gives a dict for the log; its "accuracy" is shown.
    args : what ``arguments`` parses
    augment : callable
        ``augment(share, chance, *batch)`` gives the batch to learn from; ``share`` of the run is
        done, and ``chance`` is the generator to draw from.
    seed : int
        Of the order of the rows and of all that is drawn on the way.
    """
    torch.set_num_threads(1)
    chance = torch.Generator().manual_seed(seed)
    arrays = [array[:args.limit] for array in arrays]
    weights = [weight for weight in net.parameters() if weight.requires_grad]
    per_epoch = len(arrays[0]) // args.batch
    adam, schedule = optimiser(net, args.epochs * per_epoch, args.rate)
    parts = {"net": net, "adam": adam, "schedule": schedule}
    saved, start, spent = FOLDER / f"{name}.pt", 0, 0.0
    if args.resume and saved.exists():
        state = torch.load(saved)
        for key, part in parts.items():
            part.load_state_dict(state[key])
        chance.set_state(state["chance"])
        start, spent = state["epoch"], state["seconds"]
    pool = ThreadPoolExecutor(args.threads, initializer=torch.set_num_threads, initargs=(1,))
    where = device()
    for epoch in range(start, min(args.epochs, args.epochs if args.stop is None else args.stop)):
        began, lost = time.time(), 0.0
        torch.manual_seed(1000 * (seed - 1) + 1 + epoch)       # for what draws without ``chance``
        net.train()
        order = torch.randperm(len(arrays[0]), generator=chance).split(args.batch)[:per_epoch]
        with Progress(console=console, transient=True) as progress:
            for index in progress.track(order, description=f"{name}: epoch {epoch + 1}"):
                batch = augment(epoch / args.epochs, chance, *(array[index] for array in arrays))
                lost += spread(pool, args.threads, lambda *parts: loss_of(*parts) / args.batch,
                               weights, *(array.to(where) for array in batch))
                adam.step()
                schedule.step()
        net.eval()
        found = judge() if epoch % 4 == 3 or epoch + 1 == args.epochs else {}
        spent += time.time() - began
        line = {"epoch": epoch + 1, "loss": round(lost / per_epoch, 4),
                "seconds": round(time.time() - began), **found}
        console.print(f"{name}: {json.dumps(line)}", highlight=False, soft_wrap=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        with open(FOLDER / f"{name}.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        with replacing(saved) as aside:
            torch.save({**{key: part.state_dict() for key, part in parts.items()},
                        "chance": chance.get_state(), "epoch": epoch + 1, "seconds": spent}, aside)
    net.eval()
    return spent


def accuracy(scores, images, labels, batch=250):
    """Part of the images that ``scores(images)`` ranks as labelled, in batches."""
    with torch.no_grad():
        where = device()
        right = sum((scores(some.to(where)).argmax(1).cpu() == of).sum().item()
                    for some, of in zip(images.split(batch), labels.split(batch), strict=True))
    return right / len(labels)


def track(numbers, what="working"):
    """Show progress over a list of numbers."""
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(numbers, description=what)


def kept(path, make):
    """The named arrays of ``path``, made by ``make()`` and written there if it is missing."""
    path = FOLDER / path
    if not path.exists():
        with replacing(path) as aside:
            np.savez(aside, **make())
    with np.load(path) as found:
        return {key: found[key] for key in found.files}
