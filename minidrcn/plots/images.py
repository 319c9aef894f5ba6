"""Photographs, and crops of them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def side_by_side(images: Sequence[tuple[str, np.ndarray]], zoom: tuple[slice, slice]) -> Figure:
    """One crop of several versions of an image, in the first the whole image with the crop marked.

    Args:
        images: titles and images, (H, W) grey or (H, W, 3) RGB, in [0, 1], of one size; the last is shown whole first.
        zoom: rows and columns of the crop.
    """
    rows, columns = zoom
    whole = images[-1][1]
    H, W = whole.shape[:2]
    aspect = (columns.stop - columns.start) / (rows.stop - rows.start)
    height = 2.6
    # A panorama's panel is cut to a size that can be drawn.
    widths = [height * min(max(shape, 0.25), 4.0) for shape in (W / H, *[aspect] * len(images))]
    figure = new_figure(sum(widths), height + 0.45)
    panels = figure.subplots(1, len(widths), width_ratios=widths)
    panels[0].imshow(whole, cmap="gray", vmin=0, vmax=1)
    panels[0].add_patch(frame(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start))
    panels[0].set_title("whole image")
    for axes, (title, image) in zip(panels[1:], images, strict=True):
        axes.imshow(image[rows, columns], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title)
    for axes in panels:
        axes.set_axis_off()
    return figure


def most_improved(before: np.ndarray, after: np.ndarray, target: np.ndarray, side: int = 64) -> tuple[slice, slice]:
    """The window of an image, (H, W) each, where the squared error fell most, at most `side` pixels wide and high."""
    gain = np.square(before - target) - np.square(after - target)
    total = np.pad(gain.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    h, w = min(side, gain.shape[0]), min(side, gain.shape[1])
    # Summed-area table: four corners give a window's sum.
    windows = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
    i, j = np.unravel_index(windows.argmax(), windows.shape)
    return slice(int(i), int(i) + h), slice(int(j), int(j) + w)


def frame(x: int, y: int, width: int, height: int):
    """A rectangle around pixels, to be added to an image's axes."""
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), width, height, fill=False, edgecolor=ORANGE, linewidth=1.5)
