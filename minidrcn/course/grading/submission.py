"""What somebody handed in, a notebook or a plain Python file, as pieces of source to run."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError

ENDINGS = (".ipynb", ".py")
MAX_BYTES = 20_000_000
# Cell magics whose cell is still Python.
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


class Piece(NamedTuple):
    """Some source, and how messages call it: "cell 3" or the file's name."""

    name: str
    source: str


def read_submission(path: Path) -> list[Piece]:
    """The code of a submission, without the cells that hold the instructor's checks.

    Raises:
        InputError: the file is missing, too large, no text, or no notebook.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: expected a notebook (.ipynb) or a Python file (.py)")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 10**6} MB; clear the outputs and hand it in again")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8") from error
    if path.suffix == ".py":
        return [Piece(path.name, text)]
    try:
        cells = json.loads(text)["cells"]
        return [
            Piece(f"cell {k}", _without_magics("".join(cell["source"])))
            for k, cell in enumerate(cells, start=1)
            if cell["cell_type"] == "code" and not _is_check(cell)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: not a notebook of format 4") from error


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
