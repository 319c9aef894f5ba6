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
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


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


def recursion_performance(rows: Sequence[dict]) -> Figure:
    """PSNR over the number of recursions: every network as a point, the mean over seeds as a line.

    Args:
        rows: dicts with recursions, seed, psnr and psnr_bicubic.
    """
    figure = _figure(4.2, 3.2)
    axes = figure.subplots()
    depths, means = _means(rows, "recursions", "psnr")
    axes.plot(depths, means, "-", color=BLUE, label="DRCN, mean")
    axes.plot([row["recursions"] for row in rows], [row["psnr"] for row in rows], "o", color=BLUE, markersize=4)
    axes.axhline(rows[0]["psnr_bicubic"], linestyle="--", color=ORANGE, label="bicubic")
    axes.set_xticks(depths)
    axes.set(xlabel="recursions D", ylabel="PSNR (dB)")
    axes.legend(frameon=False)
    return figure


def ensemble_effect(rows: Sequence[dict]) -> Figure:
    """PSNR of every recursion's own prediction beside their ensemble's, and the weights the ensemble has learned.

    Args:
        rows: dicts with d, seed, psnr, weight and psnr_ensemble.
    """
    figure = _figure(8.4, 3.2)
    quality, weights = figure.subplots(1, 2)
    for seed in dict.fromkeys(row["seed"] for row in rows):
        of_seed = [row for row in rows if row["seed"] == seed]
        ds = [row["d"] for row in of_seed]
        label = {"label": "one prediction"} if seed == rows[0]["seed"] else {}
        quality.plot(ds, [row["psnr"] for row in of_seed], "o-", color=BLUE, markersize=4, **label)
        label = {"label": "ensemble"} if label else {}
        quality.axhline(of_seed[0]["psnr_ensemble"], color=GREEN, linestyle="--", **label)
        weights.plot(ds, [row["weight"] for row in of_seed], "o-", color=BLUE, markersize=4)
    weights.axhline(1 / max(row["d"] for row in rows), color=GREY, linestyle=":", label="1 / D, the start")
    quality.set(xlabel="recursion d", ylabel="PSNR (dB)")
    weights.set(xlabel="recursion d", ylabel="weight in the ensemble")
    for axes in (quality, weights):
        axes.legend(frameon=False)
    return figure


def contributions(rows: Sequence[dict]) -> Figure:
    """PSNR over training for each network, and the gradient that reaches each recursion: at the end, and the first one
    over training.

    Args:
        rows: dicts with network, seed, step, psnr and gradient_1 .. gradient_D.
    """
    figure = _figure(11, 3.3)
    quality, last, first = figure.subplots(1, 3)
    end = max(row["step"] for row in rows)
    keys = [key for key in rows[0] if key.startswith("gradient_")]
    for name, colour, marker in zip(dict.fromkeys(row["network"] for row in rows), COLOURS, "os^D", strict=False):
        of_network = [row for row in rows if row["network"] == name]
        quality.plot(*_means(of_network, "step", "psnr"), color=colour, label=name)
        lengths = [np.mean([row[key] for row in of_network if row["step"] == end]) for key in keys]
        last.plot(range(1, len(keys) + 1), lengths, f"{marker}-", color=colour, markersize=4, label=name)
        first.plot(*_means(of_network, "step", keys[0]), color=colour, label=name)
    quality.set(title="held-out images", xlabel="update", ylabel="PSNR (dB)")
    last.set(title=f"after update {end}", xlabel="recursion d", ylabel="length of the gradient", yscale="log")
    first.set(title="recursion 1, over training", xlabel="update", ylabel="length of the gradient", yscale="log")
    quality.legend(frameon=False)
    return figure


def clipping(rows: Sequence[dict]) -> Figure:
    """Training loss over the updates, clipped and not; a curve ends where the loss is no longer finite.

    Args:
        rows: dicts with training (a name), seed, step and loss, None where it is not finite.
    """
    figure = _figure(5.6, 3.4)
    axes = figure.subplots()
    names = list(dict.fromkeys(row["training"] for row in rows))
    for k, name in enumerate(names):
        half = (len(names) + 1) // 2
        style = {"color": COLOURS[k % half % len(COLOURS)], "linestyle": "-" if k < half else "--"}
        finite = [row for row in rows if row["training"] == name and row["loss"] is not None]
        exploded = " (exploded)" if any(row["training"] == name and row["loss"] is None for row in rows) else ""
        axes.plot(*_means(finite, "step", "loss"), label=name + exploded, **style)
    axes.set(xlabel="update", ylabel="loss (sum over pixels)", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    return figure


def recipes(rows: Sequence[dict]) -> Figure:
    """PSNR of a network trained in several ways: every seed a point, hollow with the mean of the late weights.

    Args:
        rows: dicts with recipe, seed, psnr and psnr_mean_weights; the first recipe's mean is the line to compare with.
    """
    names = list(dict.fromkeys(row["recipe"] for row in rows))
    figure = _figure(6.4, 1.0 + 0.27 * len(names))
    axes = figure.subplots()
    places = [names.index(row["recipe"]) for row in rows]
    for key, face, label in (
        ("psnr_mean_weights", "none", "mean of the weights over the last quarter"),
        ("psnr", BLUE, "last weights"),
    ):
        axes.plot([row[key] for row in rows], places, "o", color=BLUE, markerfacecolor=face, markersize=5, label=label)
    axes.axvline(np.mean([row["psnr"] for row in rows if row["recipe"] == names[0]]), color=ORANGE, linestyle="--")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("PSNR (dB)")
    axes.legend(frameon=False, fontsize=8)
    return figure


def save(figure: Figure, path: str | os.PathLike, dpi: int = 110) -> None:
    """Write a figure to a file whose ending says the format, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi)


def _means(rows: Sequence[dict], x: str, y: str) -> tuple[list, list[float]]:
    """The different values of x in order, and the mean of y over the rows of each."""
    values = sorted({row[x] for row in rows})
    return values, [float(np.mean([row[y] for row in rows if row[x] == value])) for value in values]


def _figure(width: float, height: float) -> Figure:
    # A Figure of its own, without pyplot: no display is looked for and nothing is kept open.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _frame(x: int, y: int, width: int, height: int):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), width, height, fill=False, edgecolor=ORANGE, linewidth=1.5)
