"""Pictures of what a network looked at: SAM per step over the input."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Normalize
from PIL import Image

from golden.io.text import plain, short

SHOWN = 8  # steps of a row


def enlarged(values, size):
    """(H, W) resized to ``size`` = (height, width), smoothly."""
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size[::-1],
                                                                       Image.BICUBIC))


def heatmaps(images, result, frac, *, labels, label, path, title):
    """Write a picture: for each image and tap a row of steps, the map laid over the input.

    One colour scale a row, in NCS units, with a bar; the first column shows the input with
    prediction and label. ``result`` is a golden.network.result.Result, ``labels`` may be None;
    ``label(n)`` is the name of class n.
    """
    taps, steps = sorted(result.maps), result.scores.shape[1]
    chosen = np.unique(np.linspace(0, steps - 1, min(SHOWN, steps)).round().astype(int))
    rows, columns = len(images) * len(taps), len(chosen) + 2
    figure, axes = plt.subplots(rows, columns, figsize=(1.25 * columns + .8, 1.32 * rows + .8),
                                squeeze=False, layout="constrained")
    figure.suptitle(plain(title), fontsize=11, parse_math=False)
    name = lambda n: short(label(n))
    for row, (n, tap) in enumerate((n, tap) for n in range(len(images)) for tap in taps):
        picture = images[n].mean(axis=0)
        size = picture.shape
        maps = result.maps[tap][n] / 2**frac
        top = max(float(maps.max()), 1e-9)
        for axis in axes[row]:
            axis.set_xticks([])
            axis.set_yticks([])
        axes[row][0].imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes[row][0].set_ylabel(f"layer {tap}", fontsize=8)
        if tap == taps[0]:
            right = labels is None or labels[n] == result.pred[n]
            text = f"sees: {name(result.pred[n])}"
            if labels is not None:
                text += f"\nis: {name(labels[n])}"
            axes[row][0].set_title(text, fontsize=8, color="black" if right else "crimson",
                                   parse_math=False)
        shown = [(f"t = {t}", maps[t]) for t in chosen]
        for axis, (text, values) in zip(axes[row][1:], shown, strict=False):
            overlay(axis, picture, enlarged(values, size), top)
            axis.set_title(text, fontsize=7)
        summed = maps.sum(axis=0)
        overlay(axes[row][-1], picture, enlarged(summed, size), max(float(summed.max()), 1e-9))
        axes[row][-1].set_title("sum over t", fontsize=7)
        bar = figure.colorbar(plt.cm.ScalarMappable(Normalize(0, top), "inferno"),
                              ax=axes[row][-2], fraction=.06, pad=.03)
        bar.ax.tick_params(labelsize=6)
        bar.set_label("SAM", fontsize=6)
    figure.savefig(path, dpi=110, format="png")
    plt.close(figure)


def overlay(axis, picture, values, top):
    """Draw a map over a picture, the more opaque the hotter."""
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    share = np.clip(values / top, 0, 1)
    axis.imshow(share, cmap="inferno", vmin=0, vmax=1, alpha=np.clip(.25 + .75 * share, 0, 1))
