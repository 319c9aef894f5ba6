"""How training goes, and the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import BLUE, COLOURS, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_curve(rows: Sequence[dict[str, float | None]]) -> Figure:
    """Validation PSNR beside bicubic's, the loss, and the gradient's length with their running means, over the updates.

    Rows are as in `log.csv`, with the columns step, loss, grad_norm, psnr and psnr_bicubic; None where empty.
    """
    figure = new_figure(5, 7.5)
    quality, loss, norm = figure.subplots(3, 1)

    measured = [row for row in rows if row["psnr"] is not None]
    if measured:
        steps = _column(measured, "step")
        quality.plot(steps, _column(measured, "psnr"), "o-", color=BLUE, markersize=3, label="DRCN")
        quality.plot(steps, _column(measured, "psnr_bicubic"), "--", color=ORANGE, label="bicubic")
        quality.legend(frameon=False)
    quality.set(title="validation images", xlabel="update", ylabel="PSNR (dB)")

    trained = [row for row in rows if row["loss"] is not None]
    steps = _column(trained, "step")
    width = max(len(trained) // 20, 1)
    for axes, column, title in ((loss, "loss", "training loss"), (norm, "grad_norm", "gradient, before clipping")):
        values = _column(trained, column)
        axes.plot(steps, values, color=GREY, linewidth=0.6, alpha=0.4)
        axes.set(title=title, xlabel="update")
        if trained:
            means = np.convolve(values, np.full(width, 1 / width), "valid")
            axes.plot(steps[width - 1 :], means, color=BLUE, label="running mean")
            axes.set_yscale("log")
    if trained:
        loss.legend(frameon=False)
    loss.set_ylabel("loss (sum over pixels)")
    norm.set_ylabel("Euclidean norm")
    reached = f": {measured[0]['psnr']:.2f} to {measured[-1]['psnr']:.2f} dB" if measured else ""
    figure.alt = f"Three curves over the updates: PSNR on validation images{reached}, training loss, gradient norm."
    return figure


def recursion_performance(rows: Sequence[dict]) -> Figure:
    """PSNR over the number of recursions: every network as a point, the mean over seeds as a line.

    Rows have recursions, seed, psnr and psnr_bicubic.
    """
    figure = new_figure(4.2, 3.2)
    axes = figure.subplots()
    depths, psnrs = _means(rows, "recursions", "psnr")
    axes.plot(depths, psnrs, "-", color=BLUE, label="DRCN, mean")
    axes.plot(_column(rows, "recursions"), _column(rows, "psnr"), "o", color=BLUE, markersize=4)
    axes.axhline(rows[0]["psnr_bicubic"], linestyle="--", color=ORANGE, label="bicubic")
    axes.set_xticks(depths)
    axes.set(xlabel="recursions D", ylabel="PSNR (dB)")
    axes.legend(frameon=False)
    figure.alt = "Mean PSNR over the recursions: " + ", ".join(
        f"D = {D:.0f}: {psnr:.2f} dB" for D, psnr in zip(depths, psnrs, strict=True)
    )
    return figure


def ensemble_effect(rows: Sequence[dict]) -> Figure:
    """PSNR of every recursion's own prediction beside their ensemble's, and the weights the ensemble has learned.

    Rows have d, seed, psnr, weight and psnr_ensemble.
    """
    figure = new_figure(8.4, 3.2)
    quality, weights = figure.subplots(1, 2)
    for k, (seed, of_seed) in enumerate(_by(rows, "seed").items()):
        ds, colour = _column(of_seed, "d"), COLOURS[k % len(COLOURS)]
        quality.plot(ds, _column(of_seed, "psnr"), "o-", color=colour, markersize=4, label=f"seed {seed:.0f}")
        quality.axhline(of_seed[0]["psnr_ensemble"], color=colour, linestyle="--", label="its ensemble")
        weights.plot(ds, _column(of_seed, "weight"), "o-", color=colour, markersize=4)
    weights.axhline(1 / max(_column(rows, "d")), color=GREY, linestyle=":", label="1 / D, the start")
    quality.set(xlabel="recursion d", ylabel="PSNR (dB)")
    weights.set(xlabel="recursion d", ylabel="weight in the ensemble")
    quality.margins(y=0.1)  # the ensemble's level stays clear of the frame
    quality.autoscale_view()
    for axes in (quality, weights):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
    return figure


def contributions(rows: Sequence[dict]) -> Figure:
    """PSNR over training for each network; gradient norms by recursion at the end, and of recursion 1 over training.

    Rows have network, seed, step, psnr and gradient_1 .. gradient_D.
    """
    figure = new_figure(11, 3.3)
    quality, last, first = figure.subplots(1, 3)
    end = max(_column(rows, "step"))
    keys = [key for key in rows[0] if key.startswith("gradient_")]
    for (name, of_network), colour, marker in zip(_by(rows, "network").items(), COLOURS, "os^D", strict=False):
        quality.plot(*_means(of_network, "step", "psnr"), color=colour, label=name)
        lengths = [np.mean(_column(_by(of_network, "step")[end], key)) for key in keys]
        last.plot(range(1, len(keys) + 1), lengths, f"{marker}-", color=colour, markersize=4, label=name)
        first.plot(*_means(of_network, "step", keys[0]), color=colour, label=name)
    quality.set(title="held-out images", xlabel="update", ylabel="PSNR (dB)")
    last.set(title=f"after update {end}", xlabel="recursion d", ylabel="length of the gradient", yscale="log")
    first.set(title="recursion 1, over training", xlabel="update", ylabel="length of the gradient", yscale="log")
    quality.legend(frameon=False)
    return figure


def clipping(rows: Sequence[dict]) -> Figure:
    """The loss on one batch over the updates, clipped and not, a line for each seed; it ends where it is not finite.

    Rows have training (a name), seed, step and loss, None where it is not finite.
    """
    figure = new_figure(5.6, 3.4)
    axes = figure.subplots()
    trainings = _by(rows, "training")
    half = (len(trainings) + 1) // 2
    for k, (name, of_name) in enumerate(trainings.items()):
        # Some that explode have no more than their first point, which only a mark shows.
        marks = {"linestyle": "-", "marker": "o", "markersize": 3}
        crosses = {"linestyle": "--", "marker": "x", "markersize": 6}
        style = {"color": COLOURS[k % half % len(COLOURS)], **(marks if k < half else crosses)}
        label = name + (" (exploded)" if None in _column(of_name, "loss") else "")
        for of_seed in _by(of_name, "seed").values():
            finite = [row for row in of_seed if row["loss"] is not None]
            axes.plot(_column(finite, "step"), _column(finite, "loss"), label=label, **style)
            label = None  # once in the legend is enough
    axes.set(xlabel="update", ylabel="loss (sum over pixels)", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _column(rows: Sequence[dict], name: str) -> list:
    return [row[name] for row in rows]


def _by(rows: Sequence[dict], name: str) -> dict[Any, list[dict]]:
    """The rows of each value in a column, in the order in which the values come."""
    groups: dict[Any, list[dict]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def _means(rows: Sequence[dict], x: str, y: str) -> tuple[list, list[float]]:
    """The different values of x in order, and the mean of y over the rows of each."""
    groups = sorted(_by(rows, x).items())
    return [value for value, _ in groups], [float(np.mean(_column(of_value, y))) for _, of_value in groups]
