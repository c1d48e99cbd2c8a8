"""Go on from a ReLU network: the same layers as spikes, in the integers of the accelerator."""

import numpy as np
import torch
from torch.nn import functional as F

from golden.run import run_batched
from train.conversion import peaks, start
from train.core import loop
from train.core.snn import encode, thresholds
from train.export import network


def begin(net, wanted, images, quantile=0.99):
    """Start a train.core.snn.Net from one of train.core.ann, its thresholds from ``images``."""
    start(net, wanted, peaks(wanted, images[:1000].numpy(), quantile))


def spikes_of(images, table):
    """Input spikes of (N, H, W) uint8 images in the type that trains fastest."""
    return encode(images, table).bfloat16().contiguous(memory_format=torch.channels_last)


def tune(name, net, learn, test, args, augment=lambda share, chance, *batch: batch, *, free=0.3,
         smooth=0.05, seed=1):
    """Train ``net`` on spikes; return what its card needs, golden's own accuracy included.

    The encoder's random numbers are drawn afresh for every batch in the first ``free`` of the run
    and are those of the chip afterwards. ``seed`` is that of ``train.core.loop.fit``.

    Returns
    -------
    (golden.network.Network, dict)
    """
    where = loop.device()
    net.to(where)
    chip = torch.from_numpy(thresholds(learn[0][0].numel(), net.steps).copy()).to(where)
    now = {"table": chip}

    def prepared(share, chance, images, labels):
        now["table"] = chip if share >= free else torch.randint(
            0, 256, chip.shape, generator=chance, dtype=torch.uint8).to(where)
        return augment(share, chance, images, labels)

    def loss_of(images, labels):
        return F.cross_entropy(net(spikes_of(images, now["table"])), labels,
                               label_smoothing=smooth, reduction="sum")

    def judge():
        scored = lambda some: net(encode(some, chip).contiguous(memory_format=torch.channels_last))
        return {"accuracy": loop.accuracy(scored, *test),
                "theta": [layer.theta for layer in net.convs]}

    loop.keep_memory()
    seconds = loop.fit(name, net, loss_of, learn, judge, args, prepared, seed=seed)
    made = network(net, name=name, notes={})
    pred = run_batched(test[0].numpy(), made, taps=(), keep=False).pred
    return made, {"accuracy": float(np.mean(pred == test[1].numpy())), "seconds": round(seconds)}
