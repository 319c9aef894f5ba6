"""The source of a submission, a notebook or a plain Python file, as pieces to run."""

from __future__ import annotations

import ast
import json
import re

from ...errors import InputError

PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")  # whose cell is still Python
NOT_A_NOTEBOOK = "not a notebook of format 4"


def pieces(name: str, source: str) -> list[tuple[str, str]]:
    """The code in a file (whose name ends in .ipynb or .py), without the cells that hold the instructor's checks.

    Each piece is the name that messages call it by, "cell 3" or the file's, and its source. Raises InputError if it is
    no notebook.
    """
    if not name.endswith(".ipynb"):
        return [(name, source)]
    try:
        cells = json.loads(source)["cells"]
        return [
            (f"cell {k}", _without_magics("".join(cell["source"])))
            for k, cell in enumerate(cells, start=1)
            if cell["cell_type"] == "code" and not cell.get("metadata", {}).get("nbgrader", {}).get("grade")
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(NOT_A_NOTEBOOK) from error


def parse(source: str) -> ast.Module | None:
    """The syntax tree of some source, or None if it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _without_magics(source: str) -> str:
    """The cell as plain Python: what only Jupyter understands becomes a comment, line for line."""
    start = source.lstrip()
    if start.startswith("%%") and not start.startswith(PYTHON_MAGICS):
        return ""
    source = re.sub(r"\A(\s*)%%", r"\1# %%", source)
    return source if parse(source) else re.sub(r"(?m)^([ \t]*)([%!].*|[\w.]+\?{1,2}[ \t]*)$", r"\1pass  # \2", source)
