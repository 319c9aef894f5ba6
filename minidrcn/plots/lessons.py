"""The figures of the lessons: matrices, curves, bars, feature maps and sliders, narrow enough for a phone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import BLUE, COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, LETTER, TITLE, GAP = 0.31, 0.075, 0.42, 0.2  # inches: an entry, a letter and the height of a title, a gap
WRITTEN_OUT = 12  # entries of a matrix that its description lists
Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # xs and ys by name


def matrices(panels: Sequence[tuple[str, np.ndarray, np.ndarray | None]]) -> Figure:
    """Matrices with their entries written out, some of them marked.

    Args:
        panels: a title, a matrix, and a boolean matrix of the entries to mark or None, each.
    """
    from matplotlib.colors import ListedColormap

    # Laid out by hand, so that an entry takes the same space in every matrix.
    titles = [max(map(len, title.splitlines())) * LETTER for title, _, _ in panels]
    widths = [max(CELL * matrix.shape[1], title) for (_, matrix, _), title in zip(panels, titles, strict=True)]
    width, height = sum(widths) + GAP * len(panels), CELL * max(matrix.shape[0] for _, matrix, _ in panels) + TITLE
    figure = new_figure(width, height, layout="none")
    left = GAP / 2
    for (title, matrix, marked), room in zip(panels, widths, strict=True):
        h, w = CELL * matrix.shape[0], CELL * matrix.shape[1]
        box = (left + (room - w) / 2) / width, 1 - (TITLE + h) / height, w / width, h / height
        left += room + GAP
        axes = figure.add_axes(box)
        marked = np.zeros(matrix.shape, dtype=bool) if marked is None else marked
        axes.imshow(np.where(marked, 1.0, 0.0), cmap=ListedColormap(["#EEF2F6", "#F6B48F"]), vmin=0, vmax=1)
        entries = {place: f"{value:.3g}" for place, value in np.ndenumerate(matrix)}
        size = 9 if max(map(len, entries.values())) <= 3 else 7
        for (i, j), entry in entries.items():
            axes.text(j, i, entry, ha="center", va="center", fontsize=size)
        axes.set_xticks(np.arange(-0.5, matrix.shape[1]), [])
        axes.set_yticks(np.arange(-0.5, matrix.shape[0]), [])
        axes.grid(color="white", linewidth=1.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(title, fontsize=9)
        figure.alt += f"{' '.join(title.split())}: {_in_words(matrix, marked)}. "
    return figure


def _in_words(matrix: np.ndarray, marked: np.ndarray) -> str:
    rows, columns = matrix.shape
    if matrix.size <= WRITTEN_OUT:
        words = " / ".join(" ".join(f"{value:.3g}" for value in row) for row in matrix)
    else:
        words = f"a matrix of {rows} x {columns} numbers"
    i, j = np.nonzero(marked)
    if not len(i):
        return words
    return f"{words}, marked from row {i.min()}, column {j.min()} to row {i.max()}, column {j.max()}"


def im2col_step(x: np.ndarray, cols: np.ndarray, pixel: tuple[int, int], w: np.ndarray | None = None) -> Figure:
    """One window of a padded map, the row of the matrix that it becomes, and what the kernel makes of it.

    Args:
        x: one channel of one map, (H, W).
        cols: what `im2col` makes of it with 3 x 3 windows, (H*W, 9).
        pixel: row and column of the output pixel whose window is marked.
        w: the kernel, (3, 3), if the output is to be shown as well.
    """
    i, j = pixel
    window = np.zeros((x.shape[0] + 2, x.shape[1] + 2), dtype=bool)
    window[i : i + 3, j : j + 3] = True
    row = np.zeros(cols.shape, dtype=bool)
    row[i * x.shape[1] + j] = True
    panels = [(f"zeros around x,\nwindow of pixel ({i}, {j})", np.pad(x, 1), window),
              (f"cols: row {i * x.shape[1] + j}\nis that window", cols, row)]  # fmt: skip
    if w is None:
        return matrices(panels)
    y = cols @ w.ravel()
    figure = matrices([*panels, ("y =\ncols @ w", y[:, None], row[:, :1])])
    width, height = figure.get_size_inches()
    products = [" + ".join(f"{a:g}·{b:g}" for a, b in zip(*rows, strict=True)) for rows in zip(
        np.pad(x, 1)[i : i + 3, j : j + 3], w, strict=True)]  # fmt: skip
    words = f"y[{i}, {j}] =\n" + " +\n".join(products) + f"\n= {y[i * x.shape[1] + j]:g}"
    figure.text(GAP / width, 1 - (TITLE + CELL * (x.shape[0] + 2.6)) / height, words, va="top", fontsize=9)
    figure.alt += " ".join(words.split())
    return figure


def lines(curves: Curves, xlabel: str, ylabel: str, log: str = "") -> Figure:
    """Curves, xs and ys by name, one colour and one mark each; `log` names the logarithmic axes: "x", "y" or "xy"."""
    figure = new_figure(4.8, 3.3)
    axes = figure.subplots()
    for k, (name, (xs, ys)) in enumerate(curves.items()):
        style = {"color": (*COLOURS, GREY)[k % 5], "marker": "os^Dv"[k % 5], "markersize": 4}
        axes.plot(xs, ys, label=name, **style)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set(**{f"{axis}scale": "log" for axis in log})
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=9)
    figure.alt = f"{ylabel} over {xlabel}. " + " ".join(map(_course, curves, curves.values()))
    return figure


def _course(name: str, curve: tuple[Sequence[float], Sequence[float]]) -> str:
    """Where a curve begins, ends and turns, in words."""
    (x, *_, end), ys = curve if len(curve[0]) > 1 else ([*curve[0], *curve[0]], [*curve[1], *curve[1]])
    words = f"{name}: {ys[0]:.3g} at {x:.3g}, {ys[-1]:.3g} at {end:.3g}"
    if max(ys) > max(ys[0], ys[-1]):
        words += f", at most {max(ys):.3g}"
    if min(ys) < min(ys[0], ys[-1]):
        words += f", at least {min(ys):.3g}"
    return f"{words}."


def bars(values: Mapping[str, float], xlabel: str, digits: str = ".3g") -> Figure:
    """One number for each of a few names, its name above its bar, written at its end as the format says."""
    figure = new_figure(4.8, 0.6 + 0.45 * len(values))
    axes = figure.subplots()
    drawn = axes.barh(range(len(values)), list(values.values()), height=0.45, color=BLUE)
    axes.bar_label(drawn, [f" {value:{digits}}" for value in values.values()], fontsize=9)
    for k, name in enumerate(values):
        axes.annotate(name, (0, k - 0.25), xycoords=("axes fraction", "data"), va="bottom", fontsize=9)
    axes.set_ylim(len(values) - 0.7, -0.75)
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0.18)
    axes.set_xlabel(xlabel)
    figure.alt = f"{xlabel}. " + ", ".join(f"{name}: {value:{digits}}" for name, value in values.items()) + "."
    return figure


def paths(surface, tracks: Mapping[str, np.ndarray], alt: str = "") -> Figure:
    """The ways of several optimisers over the contour lines of a loss of two weights, whose minimum is at (0, 0).

    Args:
        surface: the loss, a function of two arrays.
        tracks: by name, the points that were visited, (steps + 1, 2), all from one start.
        alt: what is to be seen, in words.
    """
    points = np.concatenate(list(tracks.values()))
    (x0, y0), (x1, y1) = np.minimum(points.min(axis=0), 0), np.maximum(points.max(axis=0), 0)
    dx, dy = 0.08 * (x1 - x0), 0.08 * (y1 - y0)
    a, b = np.meshgrid(np.linspace(x0 - dx, x1 + dx, 120), np.linspace(y0 - dy, y1 + dy, 120))
    figure = new_figure(4.8, 1.5 * len(tracks) + 0.4)
    rows = figure.subplots(len(tracks), 1, sharex=True, squeeze=False).ravel()
    for k, (axes, (name, track)) in enumerate(zip(rows, tracks.items(), strict=True)):
        axes.contour(a, b, surface(a, b), levels=12, colors=GREY, linewidths=0.5)
        axes.plot(*track.T, "o-", color=COLOURS[k % 4], markersize=3, linewidth=1)
        axes.plot(0, 0, "*", color="black", markersize=9)
        axes.set_title(f"{name}: loss {surface(*track[-1]):.2g} after {len(track) - 1} steps", fontsize=9)
        axes.set_ylabel("second weight", fontsize=9)
        figure.alt += f"{name}: from loss {surface(*track[0]):.2g} to {surface(*track[-1]):.2g}. "
    axes.set_xlabel("first weight", fontsize=9)
    figure.alt = f"{alt} {figure.alt}"
    return figure


def feature_maps(
    images: Mapping[str, np.ndarray], symmetric: bool = False, columns: int = 3, alt: str = "small maps"
) -> Figure:
    """Small maps beside each other, each from its own smallest to its own largest value.

    Args:
        images: (H, W) each, by title.
        symmetric: blue below zero, red above it, one range for all, which one pixel in 200 exceeds.
        columns: how many in a row.
        alt: what is to be seen, in words.
    """
    if not symmetric:
        return _grid(images, columns, alt, {"cmap": "gray"})
    limit = float(np.percentile(np.abs(list(images.values())), 99.5))
    return _grid(images, columns, alt, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit})


def photographs(images: Mapping[str, np.ndarray], columns: int = 3, alt: str = "one photograph") -> Figure:
    """Versions of one photograph beside each other, (H, W) each in [0, 1], by title; black is 0 and white 1 in all."""
    return _grid(images, columns, alt, {"cmap": "gray", "vmin": 0, "vmax": 1})


def _grid(images: Mapping[str, np.ndarray], columns: int, alt: str, style: dict) -> Figure:
    n = len(images)
    columns = min(columns, n)
    rows = -(-n // columns)
    H, W = next(iter(images.values())).shape
    width = min(5.1 / columns, 3.4)  # inches
    figure = new_figure(columns * width, rows * (width * H / W + 0.3), sharpness=1)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, image) in zip(grid.flat, images.items(), strict=False):
        axes.imshow(image, interpolation="nearest", **style)
        axes.set_title(title, fontsize=9)
    figure.alt = f"{alt}: {', '.join(images)}."
    return figure


def slider(draw: Callable[..., Any], **ranges: tuple[int, int]) -> None:
    """Show what `draw` returns, with a slider for each argument; without ipywidgets print a line of text instead.

    Each range is the smallest and the largest whole number. The slider begins in the middle.
    """
    try:
        from ipywidgets import IntSlider, interact
    except ImportError:
        print('no sliders here; pip install -e ".[notebooks]" brings them')
        return
    sliders = {
        name: IntSlider((low + high) // 2, low, high, continuous_update=False) for name, (low, high) in ranges.items()
    }
    interact(draw, **sliders)
