"""The paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import BLUE, COLOURS, GREY, ORANGE, means, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def recursion_performance(rows: Sequence[dict]) -> Figure:
    """PSNR over the number of recursions: every network as a point, the mean over seeds as a line.

    Args:
        rows: dicts with recursions, seed, psnr and psnr_bicubic.
    """
    figure = new_figure(4.2, 3.2)
    axes = figure.subplots()
    depths, psnrs = means(rows, "recursions", "psnr")
    axes.plot(depths, psnrs, "-", color=BLUE, label="DRCN, mean")
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
    figure = new_figure(8.4, 3.2)
    quality, weights = figure.subplots(1, 2)
    for k, seed in enumerate(dict.fromkeys(row["seed"] for row in rows)):
        of_seed = [row for row in rows if row["seed"] == seed]
        ds, colour = [row["d"] for row in of_seed], COLOURS[k % len(COLOURS)]
        quality.plot(ds, [row["psnr"] for row in of_seed], "o-", color=colour, markersize=4, label=f"seed {seed:.0f}")
        quality.axhline(of_seed[0]["psnr_ensemble"], color=colour, linestyle="--", label="its ensemble")
        weights.plot(ds, [row["weight"] for row in of_seed], "o-", color=colour, markersize=4)
    weights.axhline(1 / max(row["d"] for row in rows), color=GREY, linestyle=":", label="1 / D, the start")
    quality.set(xlabel="recursion d", ylabel="PSNR (dB)")
    weights.set(xlabel="recursion d", ylabel="weight in the ensemble")
    for axes in (quality, weights):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
    return figure


def contributions(rows: Sequence[dict]) -> Figure:
    """PSNR over training for each network; gradient norms by recursion at the end, and of recursion 1 over training.

    Args:
        rows: dicts with network, seed, step, psnr and gradient_1 .. gradient_D.
    """
    figure = new_figure(11, 3.3)
    quality, last, first = figure.subplots(1, 3)
    end = max(row["step"] for row in rows)
    keys = [key for key in rows[0] if key.startswith("gradient_")]
    for name, colour, marker in zip(dict.fromkeys(row["network"] for row in rows), COLOURS, "os^D", strict=False):
        of_network = [row for row in rows if row["network"] == name]
        quality.plot(*means(of_network, "step", "psnr"), color=colour, label=name)
        lengths = [np.mean([row[key] for row in of_network if row["step"] == end]) for key in keys]
        last.plot(range(1, len(keys) + 1), lengths, f"{marker}-", color=colour, markersize=4, label=name)
        first.plot(*means(of_network, "step", keys[0]), color=colour, label=name)
    quality.set(title="held-out images", xlabel="update", ylabel="PSNR (dB)")
    last.set(title=f"after update {end}", xlabel="recursion d", ylabel="length of the gradient", yscale="log")
    first.set(title="recursion 1, over training", xlabel="update", ylabel="length of the gradient", yscale="log")
    quality.legend(frameon=False)
    return figure


def clipping(rows: Sequence[dict]) -> Figure:
    """The loss on one batch over the updates, clipped and not, a line for each seed; it ends where it is not finite.

    Args:
        rows: dicts with training (a name), seed, step and loss, None where it is not finite.
    """
    figure = new_figure(5.6, 3.4)
    axes = figure.subplots()
    names = list(dict.fromkeys(row["training"] for row in rows))
    half = (len(names) + 1) // 2
    for k, name in enumerate(names):
        # Some that explode have no more than their first point, which only a mark shows.
        marks = {"linestyle": "-", "marker": "o", "markersize": 3}
        crosses = {"linestyle": "--", "marker": "x", "markersize": 6}
        style = {"color": COLOURS[k % half % len(COLOURS)], **(marks if k < half else crosses)}
        of_name = [row for row in rows if row["training"] == name]
        label = name + (" (exploded)" if any(row["loss"] is None for row in of_name) else "")
        for seed in dict.fromkeys(row["seed"] for row in of_name):
            finite = [row for row in of_name if row["seed"] == seed and row["loss"] is not None]
            axes.plot([row["step"] for row in finite], [row["loss"] for row in finite], label=label, **style)
            label = None  # once in the legend is enough
    axes.set(xlabel="update", ylabel="loss (sum over pixels)", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    return figure
