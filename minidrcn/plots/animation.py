"""Pictures that move."""

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


def sharpening(crops: Sequence[np.ndarray], psnrs: Sequence[float], d: int) -> Figure:
    """One frame: the crop after d recursions, and how far its PSNR has come.

    Args:
        crops: luma in [0, 1], (H, W), after 0, 1, .. D recursions.
        psnrs: of each, in decibels.
        d: which one.
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
    quality.set_title(f"{psnrs[d]:.2f} dB")
    quality.set(xlabel="recursions", ylabel="PSNR (dB)", xticks=range(0, D + 1, max(1, D // 8)))
    return figure


def save_animation(figures: Sequence[Figure], seconds: Sequence[float], path: str | os.PathLike, dpi: int = 90) -> None:
    """Write figures of one size as a GIF that repeats for ever, atomically.

    Args:
        figures: in order.
        seconds: how long each is shown.
        path: ends in .gif.
        dpi: pixels an inch.
    """
    from PIL import Image

    frames = []
    for figure in figures:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=dpi)
        frames.append(Image.open(file).convert("RGB").quantize(256))
    first, *others = frames
    with atomic_write(path) as temporary:
        first.save(
            temporary, "GIF", save_all=True, append_images=others, duration=[round(1000 * s) for s in seconds], loop=0
        )
