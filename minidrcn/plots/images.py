"""Photographs: crops side by side, the piece that improved most, one that sharpens frame by frame."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..files import atomic_write
from .style import BLUE, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def side_by_side(images: Sequence[tuple[str, np.ndarray]], zoom: tuple[slice, slice], alt: str = "") -> Figure:
    """One crop of several versions of an image, in the first the whole image with the crop marked.

    Args:
        images: titles and images, (H, W) grey or (H, W, 3) RGB, in [0, 1], of one size; the last is shown whole first.
        zoom: rows and columns of the crop.
        alt: what is to be seen, in words.
    """
    rows, columns = zoom
    whole = images[-1][1]
    H, W = whole.shape[:2]
    tall = max(H / W, (rows.stop - rows.start) / (columns.stop - columns.start))
    # Two or three in a row can be told apart on a phone. A very tall panel is cut to a size that can be drawn.
    across = 3 if len(images) % 3 == 2 else 2
    down, width = -(-(len(images) + 1) // across), 5.4 / across
    figure = new_figure(across * width, down * (width * min(tall, 4.0) + 0.3), sharpness=1)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    figure.alt = f"{alt or 'One part of a photograph'}: {', '.join(title for title, _ in images)}."
    panels[0].imshow(whole, cmap="gray", vmin=0, vmax=1)
    panels[0].add_patch(_frame(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start))
    panels[0].set_title("whole image")
    for axes, (title, image) in zip(panels[1:], images, strict=False):
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


def _frame(x: int, y: int, width: int, height: int):
    """A rectangle around pixels, to be added to an image's axes: white in black, to be seen on any photograph."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    black = withStroke(linewidth=4, foreground="black")
    return Rectangle(
        (x - 0.5, y - 0.5), width, height, fill=False, edgecolor="white", linewidth=1.5, path_effects=[black]
    )


def sharpening(crops: Sequence[np.ndarray], psnrs: Sequence[float], d: int) -> Figure:
    """Frame d of an animation: of the crops after 0, 1, .. D recursions, luma in [0, 1], (H, W), the one after d.

    Beside it, how far the PSNR has come, in decibels.
    """
    D = len(crops) - 1
    figure = new_figure(6.6, 3.0)
    picture, quality = figure.subplots(1, 2, width_ratios=(1, 1.1))
    picture.imshow(crops[d], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    picture.set_title("bicubic interpolation" if d == 0 else f"after recursion {d} of {D}")
    picture.set_axis_off()
    quality.plot(range(D + 1), psnrs, color=GREY, linewidth=0.8)
    quality.plot(range(d + 1), psnrs[: d + 1], "o-", color=BLUE, markersize=4)
    quality.plot(d, psnrs[d], "o", color=ORANGE, markersize=8)
    quality.set_title(f"this crop: {psnrs[d]:.2f} dB")
    quality.set(xlabel="recursions", ylabel="PSNR (dB)", xticks=range(0, D + 1, max(1, D // 8)))
    return figure


def save_animation(
    figures: Sequence[Figure], seconds: Sequence[float], path: str | os.PathLike, overwrite: bool = True
) -> None:
    """Write figures of one size, each shown for so many seconds, as a GIF that repeats for ever, atomically."""
    from PIL import Image

    frames = []
    for figure in figures:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=90)
        frames.append(Image.open(file).convert("RGB").quantize(256))
    duration = [round(1000 * s) for s in seconds]
    with atomic_write(path, overwrite) as temporary:
        frames[0].save(temporary, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)
