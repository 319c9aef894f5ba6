"""Draw every picture that a lesson's sliders can show, so that a page shows them without Python.

The lesson is run up to its last slider, with `plots.slider` replaced by `draw_all`.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from itertools import product
from typing import Any

import make
import nbformat
from nbclient import NotebookClient

KIND = "application/x-minidrcn-frames+json"
FIRST = "import frames, minidrcn.plots\nminidrcn.plots.slider = frames.draw_all"


def has_slider(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell of a lesson shows a slider."""
    return cell.cell_type == "code" and "plots.slider(" in cell.source


def frames_of(lesson: nbformat.NotebookNode) -> dict[str, list[dict[str, Any]]]:
    """What the sliders of a lesson show: what `draw_all` makes, by the cell's id.

    Raises:
        CellExecutionError: a cell fails.
    """
    places = [place for place, cell in enumerate(lesson.cells) if has_slider(cell)]
    if not places:
        return {}
    lesson = copy.deepcopy(lesson)
    lesson.cells = [nbformat.v4.new_code_cell(FIRST), *lesson.cells[: places[-1] + 1]]
    resources = {"metadata": {"path": make.FOLDER}}
    NotebookClient(lesson, timeout=make.SECONDS, kernel_name="python3", resources=resources).execute()
    return {
        cell.id: [output.data[KIND] for output in cell.outputs if KIND in output.get("data", {})]
        for cell in filter(has_slider, lesson.cells)
    }


def draw_all(draw: Callable[..., Any], **ranges: tuple[int, int]) -> None:
    """In a lesson instead of `plots.slider`: show what `draw` prints and returns for every place of the sliders.

    What is shown is of the kind KIND: `{"ranges": {name: [low, high]}, "frames": [...]}`, a frame for each combination,
    the last slider's values fastest: `{"values": {name: value}, "text": ..., "png": base64, "about": {}}`, the last
    being what the figure says of itself, as in a notebook's metadata.
    """
    from IPython.display import display

    combinations = [dict(zip(ranges, values, strict=True)) for values in product(
        *(range(low, high + 1) for low, high in ranges.values()))]  # fmt: skip
    display({KIND: {"ranges": ranges, "frames": [_frame(draw, values) for values in combinations]}}, raw=True)


def _frame(draw: Callable[..., Any], values: dict[str, int]) -> dict[str, Any]:
    from IPython.display import display
    from IPython.utils.capture import capture_output

    with capture_output() as caught:
        display(draw(**values))
    (shown,) = (output for output in caught.outputs if "image/png" in output.data)
    png = shown.data["image/png"]
    return {
        "values": values,
        "text": caught.stdout,
        "png": png if isinstance(png, str) else base64.b64encode(png).decode(),
        "about": (shown.metadata or {}).get("image/png", {}),
    }
