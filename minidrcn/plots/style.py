"""Shared style: colours, an empty figure, saving to a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by the colour-blind and in print.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)


def new_figure(width: float, height: float, layout: str = "constrained") -> Figure:
    """An empty figure, its size in inches: without pyplot, so no display is looked for and nothing is kept open."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def save(figure: Figure, path: str | os.PathLike, overwrite: bool = True) -> None:
    """Write a figure to a file, see `atomic_write`; its suffix names the format."""
    with atomic_write(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=110)
