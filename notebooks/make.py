"""Run lessons and exercises from their text twins and write them as notebooks.

    python notebooks/make.py              all of them
    python notebooks/make.py 03 ex        those whose names begin so
    python notebooks/make.py --check      run, but write nothing; say which files are behind their twins

A notebook is written and reviewed as `NN_name.py`; `NN_name.ipynb` is made from it and never edited by hand. Lessons
are written with their outputs, exercises without: their solutions are run to see that they work.
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from PIL import Image

from minidrcn.files import write_text

FOLDER = Path(__file__).parent
SECONDS = 300  # for one cell
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"


def twins(prefixes: list[str]) -> list[Path]:
    """The text files of lessons and exercises, in order."""
    paths = sorted(FOLDER.glob("[0-9][0-9]_*.py")) + sorted(FOLDER.glob("exercises/ex[0-9][0-9]_*.py"))
    return [path for path in paths if not prefixes or path.name.startswith(tuple(prefixes))]


def from_twin(path: Path) -> nbformat.NotebookNode:
    """A notebook without outputs. Cells are named by their place, so that a new run changes nothing but outputs.

    The notebook does not say that it has a twin: Jupyter would write to the twin when a learner saves, and would refuse
    to open the notebook where the twin happens to be older.
    """
    notebook = jupytext.read(path)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    for place, cell in enumerate(notebook.cells):
        # What an exercise's cells are for, solution or check, is all that is kept of their metadata.
        kept = {name: value for name, value in cell.metadata.items() if name == "nbgrader"}
        cell.id, cell.metadata = f"cell-{place:02}", nbformat.from_dict(kept)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def is_exercise(path: Path) -> bool:
    """Whether it is one of the exercises."""
    return path.name.startswith("ex")


def run(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Execute every cell; what only a living kernel can show, sliders, is left out of the result."""
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": FOLDER}})
    notebook = client.execute()
    notebook.metadata.pop("widgets", None)
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = in_256_colours(output.data["image/png"])
    return notebook


def in_256_colours(png: str) -> str:
    """A picture, base64, with its 256 most fitting colours: photographs take a third of the space, and look alike."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        smaller = image.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    file = io.BytesIO()
    smaller.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main() -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description="Run lessons and exercises and write them as notebooks.")
    parser.add_argument("prefixes", nargs="*", metavar="NN", help="beginnings of names (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a notebook is behind its twin")
    args = parser.parse_args()
    lessons = twins(args.prefixes)
    if not lessons:
        parser.error(f"no lesson begins with {' or '.join(args.prefixes) or 'two digits'}")
    status = 0
    for path in lessons:
        target, start = path.with_suffix(".ipynb"), time.monotonic()
        lesson = from_twin(path)
        if args.check and not (target.exists() and in_step(nbformat.read(target, 4), lesson)):
            print(f"{target.name}: behind {path.name}; run python notebooks/make.py", file=sys.stderr)
            status = 1
        try:
            lesson = run(lesson)
        except (CellControlSignal, DeadKernelError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            status = 1
            continue
        if not args.check:
            write_text(target, nbformat.writes(from_twin(path) if is_exercise(path) else lesson))
        print(f"{path.stem}: {time.monotonic() - start:.0f} s", flush=True)
    return status


def in_step(notebook: nbformat.NotebookNode, lesson: nbformat.NotebookNode) -> bool:
    """Whether two notebooks have the same cells, whatever their outputs."""
    mine, theirs = ([(c.cell_type, c.source, c.metadata) for c in one.cells] for one in (notebook, lesson))
    return mine == theirs


if __name__ == "__main__":
    sys.exit(main())
