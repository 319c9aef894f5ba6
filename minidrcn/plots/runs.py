"""How training goes, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import BLUE, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_curve(rows: Sequence[dict[str, float | None]]) -> Figure:
    """Validation PSNR beside bicubic's, the loss, and the gradient's length, over the updates.

    Args:
        rows: as in `log.csv`, with the columns step, loss, grad_norm, psnr and psnr_bicubic; None where empty.
    """
    figure = new_figure(10, 3.2)
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


def growth(rows: Sequence[dict]) -> Figure:
    """Time over size on logarithmic axes, one panel for each number that was varied.

    Args:
        rows: dicts with panel (what was varied), value, seconds, and gflop, the operations the dashed line follows.
    """
    panels = list(dict.fromkeys(row["panel"] for row in rows))
    figure = new_figure(2.8 * len(panels), 2.9)
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
