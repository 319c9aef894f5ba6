"""The figures of the lessons: matrices, curves, bars, feature maps and sliders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import BLUE, COLOURS, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, LETTER, TITLE, GAP = 0.36, 0.075, 0.42, 0.25  # inches: an entry, a letter and the height of a title, a gap


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
        for (i, j), value in np.ndenumerate(matrix):
            axes.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=8)
        axes.set_xticks(np.arange(-0.5, matrix.shape[1]), [])
        axes.set_yticks(np.arange(-0.5, matrix.shape[0]), [])
        axes.grid(color="white", linewidth=1.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_title(title, fontsize=9)
    return figure


def im2col_step(x: np.ndarray, cols: np.ndarray, pixel: tuple[int, int]) -> Figure:
    """One 3 x 3 window of a padded map, and the row of the matrix that it becomes.

    Args:
        x: one channel of one map, (H, W).
        cols: what `im2col` makes of it, (H*W, 9).
        pixel: row and column of the output pixel whose window is marked.
    """
    i, j = pixel
    padded = np.pad(x, 1)
    window = np.zeros(padded.shape, dtype=bool)
    window[i : i + 3, j : j + 3] = True
    row = np.zeros(cols.shape, dtype=bool)
    row[i * x.shape[1] + j] = True
    return matrices([(f"the map with its border of zeros,\nwindow of pixel ({i}, {j})", padded, window),
                    (f"im2col: row {i * x.shape[1] + j}\nis that window", cols, row)])  # fmt: skip


def lines(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], xlabel: str, ylabel: str, log: str = ""
) -> Figure:
    """Curves, xs and ys by name, one colour and one mark each; `log` names the logarithmic axes: "x", "y" or "xy"."""
    figure = new_figure(5.6, 3.4)
    axes = figure.subplots()
    for k, (name, (xs, ys)) in enumerate(curves.items()):
        style = {"color": (*COLOURS, GREY)[k % 5], "marker": "os^Dv"[k % 5], "markersize": 4}
        axes.plot(xs, ys, label=name, **style)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set(**{f"{axis}scale": "log" for axis in log})
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure


def bars(values: Mapping[str, float], xlabel: str, digits: str = ".3g") -> Figure:
    """One number for each of a few names, written at the end of its bar as the format specification says."""
    figure = new_figure(6, 0.7 + 0.34 * len(values))
    axes = figure.subplots()
    drawn = axes.barh(list(values), list(values.values()), color=BLUE)
    axes.bar_label(drawn, [f" {value:{digits}}" for value in values.values()])
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.18)
    axes.set_xlabel(xlabel)
    return figure


def feature_maps(images: Mapping[str, np.ndarray], symmetric: bool = False, columns: int = 6) -> Figure:
    """Small maps beside each other, each from its own smallest to its own largest value.

    Args:
        images: (H, W) each, by title.
        symmetric: blue below zero, red above it, one range for all, which one pixel in 200 exceeds.
        columns: how many in a row.
    """
    if not symmetric:
        return _grid(images, columns, {"cmap": "gray"})
    limit = float(np.percentile(np.abs(list(images.values())), 99.5))
    return _grid(images, columns, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit})


def photographs(images: Mapping[str, np.ndarray], columns: int = 6) -> Figure:
    """Versions of one photograph beside each other, (H, W) each in [0, 1], by title; black is 0 and white 1 in all."""
    return _grid(images, columns, {"cmap": "gray", "vmin": 0, "vmax": 1})


def _grid(images: Mapping[str, np.ndarray], columns: int, style: dict) -> Figure:
    n = len(images)
    columns = min(columns, n)
    rows = -(-n // columns)
    H, W = next(iter(images.values())).shape
    width = max(1.7, 3.4 / columns)  # inches
    figure = new_figure(columns * width, rows * (width * H / W + 0.3))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, image) in zip(grid.flat, images.items(), strict=False):
        axes.imshow(image, interpolation="nearest", **style)
        axes.set_title(title, fontsize=9)
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
