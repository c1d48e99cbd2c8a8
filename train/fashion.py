"""Train the Fashion-MNIST network: ``python -m train.fashion --epochs 30``.

Checkpoints, the log (a JSON object an epoch) and ``<name>_best.npz``, the network of the epoch with
the highest accuracy so far, go to ``build/train``; the last epoch's network goes to ``--out``.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from rich.progress import Progress
from torch.nn import functional as F

from golden.io.arguments import real, whole
from golden.io.console import Console
from golden.io.errors import command, rule
from golden.io.files import output, replacing
from golden.network import load
from train import data
from train.core.augment import shifted
from train.core.lif import kernels
from train.core.loop import FOLDER, keep_memory, optimiser, spread
from train.core.snn import SEED, Net, encode, thresholds, work
from train.export import network


def arguments(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m train.fashion", description=__doc__)
    parser.add_argument("--data", help="folder with the idx files")
    parser.add_argument("--name", default="fashion", help="names the files under build/train")
    parser.add_argument("--out", default="models/fashion.npz", help="file for the last epoch")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, if any")
    parser.add_argument("--epochs", type=whole(), default=30)
    parser.add_argument("--stop", type=whole(), help="leave after this epoch, to be resumed")
    parser.add_argument("--batch", type=whole(), default=100)
    parser.add_argument("--rate", type=real(), default=2e-3, help="learning rate of Adam, at most")
    parser.add_argument("--price", type=float, default=0.005,
                        help="loss for 1,000 cycles of the engine")
    parser.add_argument("--channels", type=whole(), nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--strides", type=whole(), nargs="+", default=[1, 2, 2, 2])
    parser.add_argument("--bits", type=whole(), default=4, help="of a weight")
    parser.add_argument("--leak", type=whole(0), default=4, help="k of the leak 1 - 2**-k")
    parser.add_argument("--frac", type=whole(0), default=2, help="fraction bits of a membrane")
    parser.add_argument("--slope", type=real(), default=3.0, help="of the surrogate")
    parser.add_argument("--smooth", type=float, default=0.05, help="label smoothing")
    parser.add_argument("--shift", type=whole(0), default=1, help="pixels of random shift")
    parser.add_argument("--calm", type=float, default=0.25,
                        help="part of the run, its last, on pictures as they are")
    parser.add_argument("--free", type=float, default=0.0,
                        help="part of the run with thresholds drawn afresh for every batch")
    parser.add_argument("--start", metavar="NETWORK",
                        help="begin with the weights and thresholds of a network of these layers")
    parser.add_argument("--holdout", type=whole(0), default=0,
                        help="judge by so many training images, not by the test images")
    parser.add_argument("--limit", type=whole(), default=60000, help="training images used")
    parser.add_argument("--threads", type=whole(), default=2)
    parser.add_argument("--seed", type=whole(1, 2**31 - 1), default=1,
                        help="of first weights, order and shifts; the encoder keeps its own")
    return parser.parse_args(argv)


@torch.no_grad()
def start_from(net, made):
    """Give a ``train.core.snn.Net`` without biases what train.export made of one, to go on from."""
    layers = [*net.convs, net.dense]
    rule(len(layers) == len(made.stages), made.name, f"must have {len(layers)} layers")
    for layer, stage in zip(layers, made.stages, strict=True):
        weights = torch.from_numpy(stage.layer.weights.astype(np.float32))
        rule(weights.numel() == layer.weight.numel() and not np.any(stage.layer.biases), made.name,
             f"layer {stage.index} must have weights {tuple(layer.weight.shape)} and no biases")
        layer.step.fill_(float(stage.layer.scale) * 2**layer.frac)
        layer.weight.copy_(weights.reshape(layer.weight.shape) * layer.step)


def pictures(args):
    """Load ((images, labels) to learn, (images, labels) to judge by)."""
    learn, judge = data.tensors(args.data)
    if args.holdout:
        judge = [array[-args.holdout:] for array in learn]
        learn = [array[:-args.holdout] for array in learn]
    return [array[:args.limit] for array in learn], judge


def learn(pool, net, images, table, labels, args):
    """Set the gradients of ``net`` from a batch, a part of it in each thread; gives the loss."""
    def loss_of(images_part, labels_part):
        spikes = encode(images_part, table).bfloat16().contiguous(
            memory_format=torch.channels_last)
        scores = net(spikes, price=args.price / 1000 / len(images))
        return F.cross_entropy(scores, labels_part, label_smoothing=args.smooth,
                               reduction="sum") / len(images)

    return spread(pool, args.threads, loss_of, list(net.parameters()), images, labels)


def evaluate(pool, net, images, labels, *, seed=SEED):
    """Classify in exact integers and estimate the engine's work.

    Returns
    -------
    accuracy : float
    totals : (4, layers) array, means over the images, input first
        Cycles an image, operations an image, part of the input trains that are not all zero,
        spikes in such a train.
    """
    table = torch.from_numpy(thresholds(images[0].numel(), net.steps, seed))

    @torch.no_grad()
    def part(batch):
        taps = [encode(batch[0], table).contiguous(memory_format=torch.channels_last)]
        right = (net(taps[0], taps=taps).argmax(1) == batch[1]).sum().item()
        cycles, ops = work(net, taps)
        counts = [tap.unflatten(0, (net.steps, -1)).sum(0) for tap in taps]
        live = torch.stack([(count > 0).float().mean() for count in counts])
        rate = torch.stack([count[count > 0].mean() for count in counts])
        return right, torch.stack([cycles.mean(1), ops.mean(1), live, rate])

    batches = zip(images.split(250), labels.split(250), strict=True)
    right, totals = zip(*pool.map(part, batches), strict=True)
    return sum(right) / len(labels), torch.stack(totals).mean(0).numpy()


def summary(net, accuracy, totals):
    """What the log keeps of an epoch's network, as a dict."""
    cycles, ops, live, rate = totals
    return {"accuracy": accuracy, "cycles": round(float(cycles.sum())),
            "operations a cycle": round(float(ops.sum() / cycles.sum()), 2),
            "cycles by layer": cycles.round().tolist(),
            "live trains": [round(float(x), 3) for x in live],
            "spikes a live train": [round(float(x), 2) for x in rate],
            "theta": [layer.theta for layer in net.convs]}


@command
def main(argv=None):
    args = arguments(argv)
    output(args.out, suffix=".npz")
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    keep_memory()
    kernels()
    chance = torch.Generator().manual_seed(args.seed)
    pool = ThreadPoolExecutor(args.threads, initializer=torch.set_num_threads, initargs=(1,))
    (images, labels), check = pictures(args)

    net = Net(args.channels, args.strides, bits=args.bits, leak=args.leak, frac=args.frac,
              slope=args.slope)
    if args.start is not None:
        start_from(net, load(args.start))
    table = torch.from_numpy(thresholds(images[0].numel(), net.steps))
    per_epoch = len(images) // args.batch
    adam, schedule = optimiser(net, args.epochs * per_epoch, args.rate)
    parts = {"net": net, "adam": adam, "schedule": schedule}
    FOLDER.mkdir(parents=True, exist_ok=True)
    saved, start, best = FOLDER / f"{args.name}.pt", 0, 0.0
    if args.resume and saved.exists():
        state = torch.load(saved)
        for key, part in parts.items():
            part.load_state_dict(state[key])
        chance.set_state(state["chance"])
        start, best = state["epoch"], state["best"]

    console = Console()
    for epoch in range(start, args.epochs if args.stop is None else args.stop):
        began, lost = time.time(), 0.0
        order = torch.randperm(len(images), generator=chance).split(args.batch)[:per_epoch]
        with Progress(console=console, transient=True) as progress:
            for index in progress.track(order, description=f"epoch {epoch + 1}"):
                drawn = table
                if epoch < args.free * args.epochs:
                    drawn = torch.randint(0, 256, table.shape, generator=chance, dtype=torch.uint8)
                batch = images[index]
                if epoch < (1 - args.calm) * args.epochs:
                    batch = shifted(batch, args.shift, chance, mirror=True)
                lost += learn(pool, net, batch, drawn, labels[index], args)
                adam.step()
                schedule.step()
        accuracy, totals = evaluate(pool, net, *check)
        line = {"epoch": epoch + 1, "loss": round(lost / per_epoch, 4),
                "seconds": round(time.time() - began), **summary(net, accuracy, totals)}
        console.print(f"epoch {line['epoch']}: loss {line['loss']}, accuracy {accuracy:.2%}, "
                      f"{line['cycles']:,} cycles, {line['seconds']} s", highlight=False)
        with open(FOLDER / f"{args.name}.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        made = network(net, name=args.name, notes={"classes": list(data.CLASSES), **line})
        if accuracy > best:
            best = accuracy
            made.save(FOLDER / f"{args.name}_best.npz")
        with replacing(saved) as aside:
            torch.save({**{key: part.state_dict() for key, part in parts.items()},
                        "chance": chance.get_state(), "epoch": epoch + 1, "best": best,
                        "args": vars(args)}, aside)
        if epoch + 1 == args.epochs:
            made.save(args.out)


if __name__ == "__main__":
    main()
