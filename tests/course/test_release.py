from __future__ import annotations

import json

import pytest
from conftest import run_command

from minidrcn.course.__main__ import main
from minidrcn.course.grading.release import STUB, for_students, read, release, without_hidden_tests, without_solution
from minidrcn.errors import InputError, UsageError


def test_solutions_become_stubs_with_their_indent():
    source = "def f(x):\n    '''Doc.'''\n    ### BEGIN SOLUTION\n    y = 1\n    return y\n    ### END SOLUTION\n\nf(1)"
    assert without_solution(source) == (
        "def f(x):\n    '''Doc.'''\n    # YOUR CODE HERE\n    raise NotImplementedError()\n\nf(1)"
    )
    assert without_solution("### BEGIN SOLUTION\nx\n### END SOLUTION") == STUB


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nx",
        "x\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
    ],
)
def test_a_mark_without_its_partner_is_noticed(source):
    with pytest.raises(InputError):
        without_solution(source)


def test_hidden_tests_disappear():
    source = "a\n### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS\nround(c)"
    assert without_hidden_tests(source) == "a\nround(c)"


def test_outputs_go_and_riddles_change():
    cell = {
        "cell_type": "code",
        "source": "RIDDLES = 0\nf(RIDDLES)",
        "outputs": [{}],
        "execution_count": 3,
        "metadata": {},
    }
    (released,) = for_students({"nbformat": 4, "cells": [cell]}, riddles=7)["cells"]
    assert released["source"] == ["RIDDLES = 7\n", "f(RIDDLES)"]
    assert released["outputs"] == []
    assert released["execution_count"] is None
    assert cell["outputs"], "the original stays"


def test_given_cells_are_kept_from_being_edited(tmp_path):
    release(tmp_path / "students")
    for path in (tmp_path / "students").glob("*.ipynb"):
        for cell in read(path)["cells"]:
            marks = cell["metadata"].get("nbgrader")
            assert cell["metadata"].get("deletable", True) == (marks is None)
            assert cell["metadata"].get("editable", True) == (not (marks and marks["locked"]))


def test_the_command_writes_a_new_folder_and_never_into_an_old_one(tmp_path, capsys):
    target = tmp_path / "students"
    assert run_command(main, ["release", target, "--only", "ex4", "ex10", "--riddles", "3"], capsys)[0] == 0
    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "ex04_convolution_backward.ipynb",
        "ex10_find_the_bug.ipynb",
    ]
    assert "RIDDLES = 3" in (target / "ex10_find_the_bug.ipynb").read_text(encoding="utf-8")
    before = (target / "README.md").read_bytes()
    code, out, err = run_command(main, ["release", target], capsys)
    assert (code, out) == (2, "")
    assert "exists; name a new folder" in err
    assert (target / "README.md").read_bytes() == before
    assert run_command(main, ["release", target / "README.md"], capsys)[0] == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run_command(main, ["release", empty, "--only", "ex1"], capsys)[0] == 0


def test_where_the_masters_are_missing_or_broken_it_says_so(tmp_path, capsys):
    code, _, err = run_command(main, ["release", tmp_path / "a", "--source", tmp_path], capsys)
    assert code == 2
    assert "run this in a clone, or name their folder with --source" in err
    assert not (tmp_path / "a").exists()
    (tmp_path / "ex01_im2col.ipynb").write_text(json.dumps({"nbformat": 3, "cells": []}), encoding="utf-8")
    code, _, err = run_command(main, ["release", tmp_path / "a", "--source", tmp_path, "--only", "ex1"], capsys)
    assert code == 1
    assert "not a notebook of format 4" in err
    assert not (tmp_path / "a").exists()
    with pytest.raises(UsageError):
        release(tmp_path / "a", source=tmp_path)
