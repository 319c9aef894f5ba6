"""The exercises as they are committed: masters whose solutions are right, released copies without a trace of them."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import textwrap
from pathlib import Path

import pytest

from minidrcn import __version__
from minidrcn.course.checks import bugs, recursive
from minidrcn.course.exercises import EXERCISES
from minidrcn.course.grading.release import FOLDER, for_students, read
from minidrcn.course.grading.worker import load

TWINS = sorted(FOLDER.glob("ex*.py"))
every = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


def master(exercise):
    return read(FOLDER / f"{exercise.stem}.ipynb")


def solved(exercise):
    """The module that a master defines, and what went wrong."""
    path = FOLDER / f"{exercise.stem}.ipynb"
    return load(path.name, path.read_text(encoding="utf-8"))


def cells(notebook, **marks):
    """Code cells whose nbgrader metadata say so."""
    return [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        and all(cell["metadata"].get("nbgrader", {}).get(name) == value for name, value in marks.items())
    ]


def source(cell):
    return "".join(cell["source"])


def run_cell(cell, namespace):
    """Run a cell: the value of its last line if that is an expression, or the exception."""
    tree = ast.parse(source(cell))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(tree, "cell", "exec"), namespace)
            return eval(compile(ast.Expression(last.value), "cell", "eval"), namespace) if last else None
    except Exception as error:
        return error


def test_every_exercise_has_its_master_and_its_twin():
    assert [path.stem for path in TWINS] == [exercise.stem for exercise in EXERCISES]
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == [exercise.stem for exercise in EXERCISES]
    assert len(EXERCISES) >= 8


@every
def test_a_master_is_what_its_twin_says(exercise):
    pytest.importorskip("jupytext", reason='pip install -e ".[notebooks]" brings what reads the twins')
    import make
    import nbformat

    path = FOLDER / f"{exercise.stem}.ipynb"
    assert make.in_step(nbformat.read(path, 4), make.from_twin(path.with_suffix(".py")))


@every
def test_the_cells_are_marked_as_nbgrader_wants_them(exercise):
    notebook = master(exercise)
    names = [cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook["cells"] if "nbgrader" in cell["metadata"]]
    assert len(set(names)) == len(names)
    assert all(name.startswith(exercise.stem[:4]) for name in names)
    (check,) = cells(notebook, grade=True)
    assert check["metadata"]["nbgrader"]["points"] == exercise.points
    assert source(check).splitlines()[-1] == f"round({exercise.points} * result.fraction, 2)"
    solutions = cells(notebook, solution=True)
    assert f"def {exercise.function}(" in source(solutions[-1])
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(notebook))
    assert f"**{exercise.points} point" in source(notebook["cells"][0])
    assert f"about {exercise.minutes} minutes.**" in source(notebook["cells"][0])
    assert source(notebook["cells"][0]).startswith(f"# Exercise {exercise.name[2:]}: ")


@every
def test_the_solution_gets_full_marks(exercise):
    module, problems = solved(exercise)
    assert problems == []
    for seed in (0, 1, 2):
        result = exercise.check(vars(module)[exercise.function], seed, show=False)
        assert result.ok, f"\n{result}"
    namespace = dict(vars(module))
    assert run_cell(cells(master(exercise), grade=True)[0], namespace) == exercise.points


@pytest.mark.slow
@every
def test_the_solution_gets_full_marks_on_200_seeds(exercise):
    module, _ = solved(exercise)
    for seed in range(200):
        result = exercise.check(vars(module)[exercise.function], seed, show=False)
        assert result.ok, f"\n{result}"


@every
def test_a_released_copy_fails_exactly_where_the_student_is_to_write(exercise, capsys):
    notebook, namespace = for_students(master(exercise)), {}
    for cell in cells(notebook):
        marks = cell["metadata"].get("nbgrader", {})
        value = run_cell(cell, namespace)
        if marks.get("solution"):
            assert isinstance(value, NotImplementedError), source(cell)
        elif marks.get("grade") and exercise.function in namespace:
            assert value == 0
        else:
            assert not isinstance(value, Exception), value
    assert exercise.function in namespace
    assert capsys.readouterr().err == ""


@every
def test_a_released_copy_has_no_word_of_the_solution(exercise):
    before, after = master(exercise), for_students(master(exercise))
    released = json.dumps(after)
    assert "HIDDEN" not in released
    assert "SOLUTION" not in released
    assert "grading_seed" not in released
    solutions = re.findall(
        r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", "\n".join(map(source, cells(before))), re.DOTALL
    )
    text = "\n".join(map(source, after["cells"]))
    lines = {line.strip() for solution in solutions for line in solution.splitlines()}
    told = [line for line in lines if len(line) > 12 and not line.startswith("def ") and line in text]
    # What the text itself gives as a tool.
    assert all(line in GIVEN for line in told), told


@pytest.mark.parametrize("name", ["recursion_forward", "supervision_forward"])
def test_the_forward_pass_in_the_text_is_the_one_that_is_given(name):
    exercise = {"recursion_forward": EXERCISES[5], "supervision_forward": EXERCISES[6]}[name]
    loop = inspect.getsource(getattr(recursive, name)).rpartition('"""\n')[2]
    assert textwrap.indent(textwrap.dedent(loop), "    ") in source(master(exercise)["cells"][0])


GIVEN = {
    "model = DRCN(filters=8, recursions=3, conv=(conv2d_forward, conv2d_backward))",
    "state = adam.init(params)",
    "adam = Adam()",
}


@every
def test_no_asterisk_of_a_product_becomes_italics(exercise):
    for cell in master(exercise)["cells"]:
        if cell["cell_type"] == "markdown":
            prose = "\n".join(line for line in source(cell).splitlines() if not line.startswith("    "))
            prose = re.sub(r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", "", prose, flags=re.DOTALL)
            assert not re.findall(r"\w\*\w", prose)


def test_the_pages_say_what_the_list_says():
    rows = [f"| {e.name[2:]} | {e.title} | `{e.function}` | {e.points} | {e.minutes} |" for e in EXERCISES]
    totals = f"| | all | | {sum(e.points for e in EXERCISES)} | {sum(e.minutes for e in EXERCISES)} |"
    for name in ("README.md", "students.md"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "\n".join([*rows, totals]) in text
    assert f"minidrcn-{__version__}-py3-none-any.whl" in (FOLDER / "students.md").read_text(encoding="utf-8")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert "There are eleven exercises" in readme
    assert len(EXERCISES) == 11


@every
def test_what_is_given_exists(exercise):
    for name in (*exercise.given, *exercise.own):
        if ":" in name:
            assert callable(bugs.target_function(name))
