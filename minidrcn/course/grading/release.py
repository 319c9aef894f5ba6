"""Make of the instructor's notebooks what students get: no solutions, no hidden tests, no outputs.

The markers are nbgrader's, and so is what stands in a solution's place, so notebooks released here and by nbgrader are
the same cell for cell.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, UsageError
from ...files import write_text
from ..exercises import EXERCISES, Exercise

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
FOLDER = Path(__file__).parents[3] / "notebooks" / "exercises"


def release(
    target: Path, wanted: Sequence[Exercise] = EXERCISES, riddles: int = 0, source: Path = FOLDER
) -> list[Path]:
    """Write the students' notebooks, with that set of riddles, and their README into a new folder: the files written.

    Raises:
        UsageError: the target holds files, or the instructor's notebooks are not in the source.
        InputError: a notebook cannot be read.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target}: exists; name a new folder")
    paths = [source / f"{exercise.stem}.ipynb" for exercise in wanted]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise UsageError(
            f"{source}: {', '.join(missing)} not found; the exercises come with the project's source, not with the "
            "installed package: run this in a clone, or name their folder with --source"
        )
    texts = {path.name: json.dumps(for_students(read(path), riddles), indent=1, ensure_ascii=False) for path in paths}
    if (source / "students.md").is_file():
        texts["README.md"] = (source / "students.md").read_text(encoding="utf-8").removesuffix("\n")
    target.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_text(target / name, f"{text}\n")
    return [target / name for name in texts]


def read(path: Path) -> dict[str, Any]:
    """A notebook's JSON. Raises InputError if it is no notebook of format 4."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if notebook["nbformat"] != 4 or not all("source" in cell for cell in notebook["cells"]):
            raise ValueError("not format 4")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a notebook of format 4") from error
    return notebook


def for_students(notebook: dict[str, Any], riddles: int = 0) -> dict[str, Any]:
    """A copy of a notebook as students get it."""
    cells = []
    for cell in notebook["cells"]:
        source = without_hidden_tests(without_solution("".join(cell["source"])))
        cell = {**cell, "source": source.replace("RIDDLES = 0", f"RIDDLES = {riddles}").splitlines(keepends=True)}
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
        marks = cell.get("metadata", {}).get("nbgrader")
        if marks:
            # Jupyter keeps such cells from being deleted, and the given ones from being edited, as nbgrader asks it to.
            kept = {"deletable": False, **({"editable": False} if marks.get("locked") else {})}
            cell["metadata"] = {**cell["metadata"], **kept}
        cells.append(cell)
    return {**notebook, "cells": cells}


def without_solution(source: str) -> str:
    """The source with what stands between the marks of a solution replaced by a stub, indented like them.

    Raises:
        InputError: a mark has no partner.
    """
    begin, end = r"^([ \t]*)### BEGIN SOLUTION", r"^[ \t]*### END SOLUTION[^\n]*"
    kept = re.sub(f"(?ms){begin}((?!{begin}).)*?{end}", lambda match: textwrap.indent(STUB, match[1]), source)
    alone = re.search(f"(?m){begin}|{end}", kept)
    if alone:
        raise InputError(f"a mark without its partner: {alone[0].strip()}")
    return kept


def without_hidden_tests(source: str) -> str:
    """The source without what stands between the marks of hidden tests."""
    return re.sub(r"(?ms)^[ \t]*### BEGIN HIDDEN TESTS.*?^[ \t]*### END HIDDEN TESTS[^\n]*\n?", "", source).rstrip("\n")
