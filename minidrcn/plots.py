"""Every picture the project draws. matplotlib is loaded here and nowhere else, and never needs a display."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by the colour-blind and in print.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"


def training_curve(rows: Sequence[dict[str, float | None]]) -> Figure:
    """Validation PSNR beside bicubic's, the loss, and the gradient's length, over the updates.

    Args:
        rows: as in `log.csv`, with the columns step, loss, grad_norm, psnr and psnr_bicubic; None where empty.
    """
    figure = _figure(10, 3.2)
    quality, loss, norm = figure.subplots(1, 3)

    measured = [row for row in rows if row["psnr"] is not None]
    if measured:
        steps = [row["step"] for row in measured]
        quality.plot(steps, [row["psnr"] for row in measured], "o-", color=BLUE, markersize=3, label="DRCN")
        quality.plot(steps, [row["psnr_bicubic"] for row in measured], "--", color=ORANGE, label="bicubic")
        quality.legend(frameon=False)
    quality.set(title="validation images", xlabel="update", ylabel="PSNR (dB)")

    trained = [row for row in rows if row["loss"] is not None]
    for axes, column, title in ((loss, "loss", "training loss"), (norm, "grad_norm", "gradient, before clipping")):
        axes.plot([row["step"] for row in trained], [row[column] for row in trained], color=GREY, linewidth=0.8)
        axes.set(title=title, xlabel="update")
        if trained:
            axes.set_yscale("log")
    loss.set_ylabel("loss (sum over pixels)")
    norm.set_ylabel("Euclidean norm")
    return figure


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
    figure = _figure(sum(widths), height + 0.45)
    panels = figure.subplots(1, len(widths), width_ratios=widths)
    panels[0].imshow(whole, cmap="gray", vmin=0, vmax=1)
    panels[0].add_patch(_frame(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start))
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
    # The sum over a window is four corners of the running sum.
    windows = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
    i, j = np.unravel_index(windows.argmax(), windows.shape)
    return slice(int(i), int(i) + h), slice(int(j), int(j) + w)


def growth(rows: Sequence[dict]) -> Figure:
    """Time over size on logarithmic axes, one panel for each number that was varied.

    Args:
        rows: dicts with panel (what was varied), value, seconds, and gflop, the operations the dashed line follows.
    """
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    figure = _figure(2.8 * len(panels), 2.9)
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels), sharey=True)), panels, strict=True):
        points = [row for row in rows if row["panel"] == panel]
        values, seconds, gflop = (np.array([row[key] for row in points]) for key in ("value", "seconds", "gflop"))
        axes.loglog(values, gflop * (seconds[-1] / gflop[-1]), "--", color=GREY, label="as the operations grow")
        axes.loglog(values, seconds, "o-", color=BLUE, markersize=4, label="measured")
        axes.set_xticks(values, [str(value) for value in values], minor=False)
        axes.minorticks_off()
        axes.set_xlabel(panel)
    figure.axes[0].set_ylabel("seconds")
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def save(figure: Figure, path: str | os.PathLike, dpi: int = 110) -> None:
    """Write a figure to a file whose ending says the format, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def _figure(width: float, height: float) -> Figure:
    # A Figure of its own, without pyplot: no display is looked for and nothing is kept open.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _frame(x: int, y: int, width: int, height: int):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), width, height, fill=False, edgecolor=ORANGE, linewidth=1.5)
