"""The source of a submission, a notebook or a plain Python file, as pieces to run."""

from __future__ import annotations

import ast
import json
import re
from typing import NamedTuple

from ...errors import InputError

# Cell magics whose cell is still Python.
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


NOT_A_NOTEBOOK = "not a notebook of format 4"


class Piece(NamedTuple):
    """Some source, and how messages call it: "cell 3" or the file's name."""

    name: str
    source: str


def pieces(name: str, source: str) -> list[Piece]:
    """The code in a file, without the cells that hold the instructor's checks.

    Args:
        name: the file's name, which ends in .ipynb or .py.
        source: its content.

    Raises:
        InputError: it is no notebook.
    """
    if not name.endswith(".ipynb"):
        return [Piece(name, source)]
    try:
        cells = json.loads(source)["cells"]
        return [
            Piece(f"cell {k}", _without_magics("".join(cell["source"])))
            for k, cell in enumerate(cells, start=1)
            if cell["cell_type"] == "code" and not _is_check(cell)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(NOT_A_NOTEBOOK) from error


def parse(source: str) -> ast.Module | None:
    """The syntax tree of some source, or None if it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_check(cell: dict) -> bool:
    return bool(cell.get("metadata", {}).get("nbgrader", {}).get("grade", False))


def _without_magics(source: str) -> str:
    """The cell as plain Python: what only Jupyter understands becomes a comment, line for line."""
    first = source.lstrip().partition("\n")[0]
    if first.startswith("%%"):
        if not first.startswith(PYTHON_MAGICS):
            return ""
        source = re.sub(r"(?m)^(\s*)%%", r"\1# %%", source, count=1)
    if parse(source):
        return source
    return re.sub(r"(?m)^([ \t]*)([%!].*|[\w.]+\?{1,2}[ \t]*)$", r"\1pass  # \2", source)
