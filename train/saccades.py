"""Recordings of an event camera that jumps over pictures, and a network trained on them.

``python -m train.saccades --out build/saccades`` makes recordings of scikit-learn's digits, trains
a convolutional network with snnTorch on their frames (some minutes) and writes ``float.npz`` (for
golden.quantise), ``calibration.npz`` (some frames that were learnt), ``test.npz`` (frames that were
not) and ``recordings/``: those of the test as address events, a folder a class, for ``--events``.

The camera is a model, no recording: see ``recorded``.
"""

import argparse
from pathlib import Path

import numpy as np
import snntorch as snn
import torch
from sklearn.datasets import load_digits
from snntorch import surrogate
from torch import nn
from torch.nn import functional as F

from golden.importers.snntorch import from_snntorch
from golden.io.arguments import whole
from golden.io.errors import command
from golden.io.events import binned
from golden.io.files import output, publishing
from golden.io.text import say
from train.finetune import class_scores

SIDE, SPREAD = 34, 3            # pixels of the sensor; of a digit's pixel
EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)])
CORNERS = ((2, 1), (8, 5), (2, 9), (2, 1))      # (x, y) of a picture at the ends of the saccades
SACCADE, STEP = 100_000, 1_000                  # microseconds of a saccade, and between two looks
CONTRAST, DARK = 0.35, 0.1      # change of log brightness of an event; brightness of black
BETA, LEARNT, TEST, CALIBRATION = 0.9375, 1200, 300, 200
FILES = ("float.npz", "calibration.npz", "test.npz")


def path() -> np.ndarray:
    """(looks, 2) places (x, y) of a picture's corner: straight from each of CORNERS to the next."""
    share = np.arange(SACCADE // STEP)[:, None] / (SACCADE // STEP)
    ways = [np.array(a) + share * (np.array(b) - a)
            for a, b in zip(CORNERS, CORNERS[1:], strict=False)]
    return np.concatenate([*ways, [CORNERS[-1]]])


def shown(picture: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) brightness, 0 to 1: a picture (H, W) at a real place (x, y), bilinear."""
    found = np.zeros((SIDE, SIDE))
    x, y = np.floor(place).astype(int)
    right, down = place - (x, y)
    for dy, dx, share in ((0, 0, (1 - down) * (1 - right)), (0, 1, (1 - down) * right),
                          (1, 0, down * (1 - right)), (1, 1, down * right)):
        found[y + dy:y + dy + picture.shape[0], x + dx:x + dx + picture.shape[1]] += share * picture
    return found


def recorded(picture: np.ndarray) -> np.ndarray:
    """The events of a sensor over which a picture (H, W), 0 to 1, moves along ``path``.

    Each pixel keeps the logarithm of a brightness, at first that of the first look. At each look it
    gives an event for every CONTRAST by which ``log(brightness + DARK)`` has left it, and moves it
    as far: p is 1 where it got brighter. Without noise, and without a time in which a pixel is
    blind. Records of EVENT, in order of time, then y, x.
    """
    found, kept = [], None
    for n, place in enumerate(path()):
        light = np.log(shown(picture, place) + DARK)
        kept = light if kept is None else kept
        times = np.trunc((light - kept) / CONTRAST).astype(int)
        kept = kept + times * CONTRAST
        ys, xs = np.nonzero(times)
        events = np.zeros(len(ys), EVENT)
        events["x"], events["y"], events["t"] = xs, ys, n * STEP
        events["p"] = times[ys, xs] > 0
        found.append(np.repeat(events, np.abs(times[ys, xs])))
    return np.concatenate(found)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(N, 24, 24) pictures, 0 to 1, and (N,) their digits, in an order drawn once."""
    digits = load_digits()
    order = np.random.default_rng(1).permutation(len(digits.target))[:LEARNT + TEST]
    return (np.kron(digits.images[order] / 16, np.ones((SPREAD, SPREAD))), digits.target[order])


def model() -> nn.Sequential:
    """Two convolutions and ten classes, small enough that all neurons wait in block memories."""
    leaky = lambda: snn.Leaky(beta=BETA, spike_grad=surrogate.atan(), init_hidden=True)
    return nn.Sequential(
        nn.Conv2d(2, 8, 5, stride=2, bias=False), leaky(),
        nn.Conv2d(8, 24, 5, stride=2, bias=False), leaky(),
        nn.Flatten(), nn.Linear(864, 10, bias=False))


def trained(frames: np.ndarray, labels: np.ndarray, epochs: int) -> nn.Sequential:
    """The model, trained on frames (N, T, 2, SIDE, SIDE)."""
    torch.manual_seed(1)
    data, names, net = torch.from_numpy(frames), torch.from_numpy(labels), model()
    adam = torch.optim.Adam(net.parameters(), 2e-3)
    for epoch in range(epochs):
        for index in torch.randperm(len(data)).split(30):
            loss = F.cross_entropy(
                class_scores(net, data[index].float(), frames.shape[1], "frames") / 4, names[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
        say(f"epoch {epoch + 1} of {epochs}: loss {loss.item():.3f}", flush=True)
    return net.eval()


@command
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.saccades", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="build/saccades", metavar="DIR")
    parser.add_argument("--steps", type=whole(1, 1023), default=50,
                        help="time steps of the frames (default: %(default)s)")
    parser.add_argument("--epochs", type=whole(), default=4)
    parser.add_argument("--limit", type=whole(), metavar="N", help="only N pictures of each kind")
    args = parser.parse_args(argv)
    out = Path(args.out)
    for name in FILES:
        output(out / name, what="the example's", known=lambda _: (out / "recordings").is_dir())
    torch.set_num_threads(1)    # threads within small operations mostly wait for each other
    drawn, labels = pictures()
    learnt, test = (slice(at, at + min(count, args.limit or count))
                    for at, count in ((0, LEARNT), (LEARNT, TEST)))
    chosen = np.r_[learnt, test]
    drawn, labels = drawn[chosen], labels[chosen]
    learnt, test = slice(0, learnt.stop), slice(learnt.stop, None)
    recordings = [recorded(picture) for picture in drawn]
    frames = np.concatenate([binned(each, (2, SIDE, SIDE), args.steps, 1) for each in recordings])
    net = trained(frames[learnt], labels[learnt], args.epochs)
    with torch.no_grad():
        right = np.concatenate([
            class_scores(net, torch.from_numpy(part).float(), args.steps, "frames").argmax(1)
            for part in np.array_split(frames[test], 10)]) == labels[test]
    say(f"test recordings right: {right.mean():.1%} of {len(right)}, a tenth by chance; "
        f"{np.mean([*map(len, recordings)]):.0f} events a recording")
    made = from_snntorch(net, shape=(2, SIDE, SIDE), steps=args.steps, encoder="frames",
                         name="saccades")
    with publishing() as put:
        made.save(put(out / FILES[0]))
        for name, kind in ((FILES[1], slice(0, min(CALIBRATION, learnt.stop))), (FILES[2], test)):
            np.savez_compressed(put(out / name), images=frames[kind], labels=labels[kind])
        for n, (events, label) in enumerate(zip(recordings[test], labels[test], strict=True)):
            np.save(put(out / "recordings" / str(label) / f"{n:03}.npy"), events)
    say(f"wrote {', '.join(FILES)} and recordings/ to {out}")


if __name__ == "__main__":
    main()
