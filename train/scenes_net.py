"""Train the network for scenes: first with ReLUs, then as spikes in integers.

``python -m train.scenes_net`` writes ``models/scenes_ann.npz`` (train.core.ann) and
``models/scenes.npz``. The spiking network starts from the weights of the other, brought to
thresholds of 1 (train.conversion), and learns on in the integers of the accelerator
(train.core.snn). ``--seed N`` trains both from other first weights, in another order, as
``scenes-N``.
"""

import argparse
import zlib
from pathlib import Path

import torch
from torch.nn import functional as F

from golden.io.arguments import real, whole
from golden.io.errors import BadInput, command
from golden.io.files import output
from train import scenes
from train.core import loop
from train.core.ann import Ann, described, noisy
from train.core.snn import Net
from train.core.tune import begin, tune

CHANNELS, STRIDES = (8, 16, 32, 32, 64), (2, 2, 2, 1, 2)
STEPS = 16


def data(count, match=True):
    """Scenes to learn and to test, made once and kept under build/train."""
    def make(part, number):
        made = scenes.make(part, number, match=match, progress=loop.track)
        return {"images": made.images, "labels": made.labels[:, 0]}

    # Scenes of another program are other scenes.
    program = zlib.crc32(Path(scenes.__file__).read_bytes())
    kind = "matched" if match else "plain"
    for part, number in (("train", count), ("test", 2000)):
        found = loop.kept(f"scenes_{kind}_{part}_{number}_{program:08x}.npz",
                          lambda p=part, n=number: make(p, n))
        yield torch.from_numpy(found["images"]), torch.from_numpy(found["labels"]).long()


def moved(share, chance, images, labels):
    """Mirror each of (N, 64, 64) images or not, and shift all by up to 4 pixels round the edge."""
    mirror = torch.rand(len(images), 1, 1, generator=chance) < 0.5
    images = torch.where(mirror, images.flip(2), images)
    return images.roll(torch.randint(-4, 5, (2,), generator=chance).tolist(), (1, 2)), labels


def train_ann(name, args, learn, test):
    """The ReLU network, trained."""
    net = Ann(CHANNELS, STRIDES, size=scenes.SIDE, classes=len(scenes.CLASSES), mean=True)
    net.to(loop.device())

    def loss_of(images, labels):
        return F.cross_entropy(net(noisy(images[:, None] / 256, STEPS)), labels,
                               label_smoothing=0.05, reduction="sum")

    def judge():
        return {"accuracy": loop.accuracy(lambda some: net(some[:, None] / 256), *test)}

    # Batch norm needs the whole batch.
    single = argparse.Namespace(**{**vars(args), "threads": 1})
    seconds = loop.fit(name, net, loss_of, learn, judge, single, moved, seed=args.seed)
    return net, {**judge(), "seconds": round(seconds)}


@command
def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m train.scenes_net", description=__doc__)
    loop.arguments(parser, epochs=20, rate=3e-3, threads=2)
    parser.add_argument("--tuning", type=whole(0), default=4, help="epochs as spikes")
    parser.add_argument("--tuning-rate", type=real(), default=1.5e-3)
    parser.add_argument("--bits", type=whole(), default=4, help="of a weight")
    parser.add_argument("--count", type=whole(), default=24000, help="training scenes")
    parser.add_argument("--seed", type=whole(0), default=1)
    parser.add_argument("--ann", help="file; models/scenes_ann.npz of seed 1 unless given")
    parser.add_argument("--out", help="file; models/scenes.npz of seed 1 unless given")
    args = parser.parse_args(argv)
    if not 1 <= args.seed < 2**31:
        raise BadInput(f"--seed must be from 1 to 2^31 - 1, not {args.seed}")
    name = "scenes" if args.seed == 1 else f"scenes-{args.seed}"
    ann, out = args.ann or f"models/{name}_ann.npz", args.out or f"models/{name}.npz"
    output(ann, suffix=".npz", option="--ann")
    output(out, ann, suffix=".npz")
    torch.manual_seed(args.seed)
    learn, test = data(args.count)
    relu, notes = train_ann(f"{name}_ann", args, learn, test)
    notes = {"data": "train.scenes, brightness matched", "classes": list(scenes.CLASSES), **notes}
    wanted = described(relu, name=f"{name}_ann", steps=STEPS, notes=notes)
    wanted.save(ann)
    loop.console.print(f"{ann}: {notes['accuracy']:.2%}", highlight=False)

    net = Net(CHANNELS, STRIDES, steps=STEPS, size=scenes.SIDE, classes=len(scenes.CLASSES),
              bits=args.bits, bias=True, mean=True)
    begin(net, wanted, learn[0])
    args.epochs, args.rate = args.tuning, args.tuning_rate
    made, found = tune(name, net, learn, test, args, moved, seed=args.seed)
    notes |= {"accuracy float": notes["accuracy"], **found}
    made.replace(notes=notes).save(out)
    loop.console.print(f"{out}: integers {found['accuracy']:.2%} of {len(test[0])}",
                       highlight=False)


if __name__ == "__main__":
    main()
