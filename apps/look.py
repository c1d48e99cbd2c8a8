"""One look of all maps: the colours, how they lie over a picture, and their bar.

What a method found goes from nothing, which is transparent, to bright: "inferno", whose steps look
even. What speaks for and against a class goes from blue over nothing to red. Both lie on a picture
in greys, signed ones on a pale print of it, so that faint values are seen on either.
"""

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap

__all__ = ["HEAT", "SIGNED", "bar", "drawable", "overlay", "top_of"]

LEVELS = 257            # odd, so that one of them is nothing
STRONGEST = 0.9         # opacity of the largest value: the picture is seen through it


def clear(name, strength):
    """The colours of a map of matplotlib, each as opaque as ``strength`` (LEVELS,), 0 to 1."""
    colours = matplotlib.colormaps[name](np.linspace(0, 1, LEVELS))
    colours[:, 3] = STRONGEST * np.sqrt(strength)
    return ListedColormap(colours, name=f"clear {name}")


HEAT = clear("inferno", np.linspace(0, 1, LEVELS))
SIGNED = clear("RdBu_r", np.abs(np.linspace(-1, 1, LEVELS)))


def drawable(image: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3) to draw of an image (C, H, W) or of spike frames (T, C, H, W).

    Three channels are colours. Of two, as a camera of events has them, the first is red and the
    second cyan, and where both are alike it is grey. Of any other number the mean is drawn; of
    frames their sum, its largest value the brightest.
    """
    if image.ndim == 4:
        image = image.sum(axis=0, dtype=np.int64)
        image = image * 255 // max(int(image.max()), 1)
    if len(image) == 1:
        return image[0]
    if len(image) in (2, 3):
        return np.moveaxis(image[[0, 1, 1]] if len(image) == 2 else image, 0, -1)
    return image.mean(axis=0)


def greys(image: np.ndarray) -> np.ndarray:
    """(H, W) of what lies under a map: the mean of the colours, which would mix with the map's."""
    found = drawable(image)
    return found.mean(axis=2) if found.ndim == 3 else found


def top_of(values: np.ndarray, signed: bool) -> float:
    """The value at the end of a scale: the largest, or (signed) the 99.5th percentile of sizes."""
    sizes = np.abs(values[values != 0])
    return float(np.percentile(sizes, 99.5) if signed else sizes.max()) if sizes.size else 1.0


def overlay(axes, under, values, top, signed, title="", *, extent=(0, 1, 1, 0)):
    """Draw ``values`` over greys (H, W); return the mappable for a colour bar."""
    most = max(int(under.max()), 1)
    axes.imshow(under, cmap="gray_r" if signed else "gray", extent=extent, vmin=0,
                vmax=3 * most if signed else most)
    axes.set_axis_off()
    axes.set_title(title, fontsize=8, parse_math=False)
    return axes.imshow(values, cmap=SIGNED if signed else HEAT, extent=extent,
                       vmin=-top if signed else 0, vmax=top, interpolation="nearest")


def bar(part, shown, axes, label, *, beyond):
    """Colour bar of ``shown`` beside ``axes`` of a figure or a part of one.

    ``beyond`` says whether values lie beyond its ends, as with ``top_of`` of a signed map.
    """
    found = part.colorbar(shown, ax=axes, shrink=0.9, aspect=30,
                          extend="both" if beyond else "neither")
    found.set_label(label, fontsize=8)
    found.ax.tick_params(labelsize=7)
    return found
