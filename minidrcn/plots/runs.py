"""Training curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import BLUE, GREY, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_curve(rows: Sequence[dict[str, float | None]]) -> Figure:
    """Validation PSNR beside bicubic's, the loss, and the gradient's length with their running means, over the updates.

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
    steps = [row["step"] for row in trained]
    width = max(len(trained) // 20, 1)
    for axes, column, title in ((loss, "loss", "training loss"), (norm, "grad_norm", "gradient, before clipping")):
        values = [row[column] for row in trained]
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
    return figure
