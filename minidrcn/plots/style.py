"""Shared style: colours, an empty figure that shows itself in notebooks, saving to a file."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING

from ..files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by the colour-blind and in print.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
CSS_INCH = 96  # a page's pixels


def new_figure(width: float, height: float, layout: str = "constrained", sharpness: float = 1.5) -> Figure:
    """An empty figure, its size in inches: without pyplot, so no display is looked for and nothing is kept open.

    As the value of a notebook's cell it shows itself. Its `alt`, to be set by who draws it, says what is to be seen in
    words, for those who cannot see it. `sharpness` is the number of a picture's pixels in one of a page's; photographs,
    which take much space, get one.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    figure.alt = ""
    # Notebooks ask for this before anything that `%matplotlib inline` registers.
    figure._ipython_display_ = lambda: _display(figure, sharpness)
    return figure


def _display(figure: Figure, sharpness: float) -> None:
    from IPython.display import display

    file = io.BytesIO()
    figure.savefig(file, dpi=CSS_INCH * sharpness)
    shown = {"alt": figure.alt, "width": round(CSS_INCH * figure.get_figwidth())}
    png = base64.b64encode(file.getvalue()).decode()  # Jupyter's kernel encodes bytes by itself, a browser's does not
    data = {"image/png": png, "text/plain": figure.alt}
    display(data, raw=True, metadata={"image/png": shown})


def save(figure: Figure, path: str | os.PathLike, overwrite: bool = True) -> None:
    """Write a figure to a file, see `atomic_write`; its suffix names the format."""
    with atomic_write(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=110)
