"""The lessons as they are committed: whole, run, and in step with their text twins. `notebooks/make.py` runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from minidrcn import DRCN, course
from minidrcn.ops import conv, pointwise
from minidrcn.training.optim import Adam, clip_by_global_norm

FOLDER = Path(__file__).parents[1] / "notebooks"
TWINS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))

ABSOLUTE_PATH = re.compile(r"""(?m)(?:^|[\s"'(=])/[\w.-]+/[\w.-]+|\b[A-Za-z]:\\""")

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def test_every_lesson_has_its_twin_and_its_place():
    assert [path.stem for path in TWINS] == [path.stem for path in LESSONS]
    assert [int(path.name[:2]) for path in LESSONS] == list(range(len(LESSONS)))


@lessons
def test_a_lesson_is_what_its_twin_says(path):
    pytest.importorskip("jupytext", reason='pip install -e ".[notebooks]" brings what reads the twins')
    import make
    import nbformat

    assert make.in_step(nbformat.read(path, 4), make.from_twin(path.with_suffix(".py")))


@lessons
def test_a_lesson_was_run_from_top_to_bottom_without_an_error(path):
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = [output["output_type"] for cell in code for output in cell["outputs"]]
    assert "error" not in kinds
    assert "display_data" in kinds or "execute_result" in kinds
    assert not [output for cell in code for output in cell["outputs"] if output.get("name") == "stderr"]


@lessons
def test_a_lesson_is_small_and_says_nothing_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert set(json.loads(text)["metadata"]) == {"kernelspec"}, "no widgets, and no twin for Jupyter to write to"
    for cell in cells(path, "code") + cells(path, "markdown"):
        assert not ABSOLUTE_PATH.search(source(cell))
        for output in cell.get("outputs", []):
            pictures_aside = {kind: value for kind, value in output.get("data", {}).items() if "image" not in kind}
            assert not ABSOLUTE_PATH.search("".join([*output.get("text", []), *map("".join, pictures_aside.values())]))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('File "/a/b.py", line 3', True),
        ("in /a/b", True),
        (r"C:\a\b", True),
        ("a/b/c.png, 1 / 2, x4/x2, $a/b$", False),
        ("https://arxiv.org/abs/1511.04491", False),
    ],
)
def test_a_path_of_a_machine_is_recognised(text, found):
    assert bool(ABSOLUTE_PATH.search(text)) == found


@lessons
def test_a_lesson_says_what_is_learned_and_ends_with_an_assertion_and_answered_questions(path):
    first, *_, last = cells(path, "markdown")
    assert re.match(rf"# {int(path.name[:2])}\. ", source(first))
    assert "**You will learn**" in source(first)
    assert "**Time:**" in source(first)
    questions, _, answers = source(last).partition("## To try")[2].partition("<details><summary>Answers</summary>")
    count = len(re.findall(r"(?m)^\d\. ", questions))
    assert 2 <= count == len(re.findall(r"(?m)^\d\. ", answers))
    aside = r"course\.check_|NotImplementedError|plots\.slider"  # for the reader
    own = [source(cell) for cell in cells(path, "code") if not re.search(aside, source(cell))]
    assert "assert " in own[-1]


@lessons
def test_every_figure_has_words_for_those_who_cannot_see_it(path):
    pictures = [
        output for cell in cells(path, "code") for output in cell["outputs"] if "image/png" in output.get("data", {})
    ]
    assert all(len(picture["metadata"]["image/png"]["alt"]) > 20 for picture in pictures)
    assert all(picture["metadata"]["image/png"]["width"] <= 600 for picture in pictures), (
        "a phone shows two thirds of it"
    )
    diagrams = re.findall(r"(?s)!\[(.*?)\]\(images/", "".join(source(cell) for cell in cells(path, "markdown")))
    assert all(len(words) > 20 for words in diagrams)


@lessons
def test_what_is_left_to_write_runs_unwritten_and_its_solution_is_right(path):
    code = [source(cell) for cell in cells(path, "code")]
    stubs = re.findall(r"(?m)^def (\w+)\([^\n]*\n(?:    .*\n)*?    raise NotImplementedError", "\n".join(code))
    blocks = re.findall(
        r"(?s)<summary>Solution</summary>\n\n```python\n(.*?)```", "\n".join(map(source, cells(path, "markdown")))
    )
    assert [re.match(r"def (\w+)", block)[1] for block in blocks] == stubs
    checks = dict(reversed(pair) for pair in re.findall(r"(course\.check_\w+)\((\w+)\)", "\n".join(code)))
    tools = {"np": np, "course": course, "conv": conv, "DRCN": DRCN, "Adam": Adam}
    tools |= {f.__name__: f for f in (conv.conv2d_backward, pointwise.relu_backward, clip_by_global_norm)}
    for name, block in zip(stubs, blocks, strict=True):
        written = dict(tools)
        exec(compile(block, name, "exec"), written)
        if name in checks:
            assert eval(checks[name], written)(written[name], show=False).fraction == 1
