"""Grading: fair points, whatever a submission does, and notices for what an instructor should look at."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from conftest import run_command

from minidrcn.course import check_im2col, grading_seed
from minidrcn.course.__main__ import main
from minidrcn.course.exercises import EXERCISES, exercises
from minidrcn.course.grading.grade import grade_file, grade_student, students
from minidrcn.course.grading.release import FOLDER
from minidrcn.errors import InputError

NAMED = {exercise.name: exercise for exercise in EXERCISES}

IM2COL = """
import numpy as np

def im2col(x, kernel=3):
    N, H, W, C = x.shape
    p = kernel // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.zeros((N, H, W, kernel, kernel, C))
    for k in range(kernel):
        for l in range(kernel):
            cols[:, :, :, k, l] = padded[:, k : k + H, l : l + W]
    return cols.reshape(N * H * W, -1)
"""
RELU = "def relu_backward(dy, cache):\n    return dy * (cache > 0)\n"


@pytest.fixture
def hand_in(tmp_path):
    def write(source, name="someone.py"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    return write


def grade(path, *names, riddles=0, **limits):
    wanted = [exercise for exercise in exercises(riddles) if not names or exercise.name in names]
    grades = grade_file(path, wanted, **limits)
    return {grade.exercise.name: grade for grade in grades}


def test_the_masters_get_all_points_and_no_notice():
    grades = grade_student(sorted(FOLDER.glob("*.ipynb")))
    assert [grade.points for grade in grades] == [exercise.points for exercise in EXERCISES]
    assert [notice for grade in grades for notice in grade.notices] == []


def test_a_plain_file_is_graded_for_what_it_defines(hand_in):
    grades = grade(hand_in(IM2COL + RELU))
    assert {name: one.points for name, one in grades.items()} == {"ex1": 2, "ex5": 1}
    grades = grade_student([hand_in(IM2COL + RELU)])
    assert [one.problem for one in grades if one.exercise.name not in ("ex1", "ex5")] == ["not handed in"] * 9


def test_the_score_is_the_check_s_own(hand_in):
    wrong = IM2COL.replace("range(kernel):\n        for l", "range(min(kernel, 3)):\n        for l")
    namespace = {}
    exec(wrong, namespace)
    expected = check_im2col(namespace["im2col"], seed=4, show=False)
    graded = grade(hand_in(wrong), "ex1", seed=4)["ex1"]
    assert 0 < graded.result.fraction < 1
    assert graded.result.fraction == expected.fraction
    assert graded.points == NAMED["ex1"].score(expected.fraction)


def test_the_best_of_several_counts(hand_in):
    files = [hand_in(RELU.replace("> 0", "< 0"), "a/ex05_relu.py"), hand_in(RELU, "a/again.py")]
    assert next(one for one in grade_student(files) if one.exercise.name == "ex5").points == 1


HALF_A_MESSAGE = """
def relu_backward(dy, cache):
    import os, stat, struct
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                os.write(number, struct.pack("!i", 1000))
        except OSError:
            pass
    while True: pass
"""


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("def relu_backward(dy, cache):\n    while True: pass", "it was stopped after 2 s"),
        (HALF_A_MESSAGE, "it was stopped after 2 s"),
        ("def relu_backward(dy, cache):\n    import os; os._exit(0)", "it ended its own process"),
        ("def relu_backward(dy, cache):\n    import ctypes; ctypes.string_at(0)", "it ended its own process"),
        (
            "import numpy as np\ndef relu_backward(dy, cache):\n    return [np.ones(10**6) for _ in range(1000)]",
            "more than 400 MiB of memory",
        ),
        (
            "def relu_backward(dy, cache):\n    import sys; sys.setrecursionlimit(10**9)\n"
            "    def f(n): return f(n + 1)\n    return f(0)",
            "",
        ),
        ("relu_backward = 3", "expected a function"),
        ("from nowhere import relu_backward", "there is nothing named relu_backward in it"),
        ("def relu_backward(dy, cache) return", "there is nothing named relu_backward in it"),
        ("def relu_backward(dy, cache):\n    raise SystemExit", "it ends the program"),
        (
            "def relu_backward(dy, cache):\n    import os\n    os.close(1); os.close(0)\n    return None",
            "is there a return",
        ),
    ],
)
def test_whatever_happens_is_a_sentence_and_no_points(hand_in, source, problem):
    graded = grade(hand_in(source), "ex5", seconds=2, mebibytes=400)["ex5"]
    assert graded.points == 0
    assert problem in str(graded.result)


def test_one_bad_exercise_leaves_the_others_alone(hand_in):
    source = IM2COL + "def col2im(*_):\n    while True: pass\n" + RELU
    grades = grade(hand_in(source), seconds=1)
    assert {name: one.points for name, one in grades.items()} == {"ex1": 2, "ex2": 0, "ex5": 1}


def test_code_that_never_ends_is_stopped_and_said(hand_in):
    grades = grade(hand_in(IM2COL + RELU + "while True: pass"), seconds=1)
    assert [one.problem for one in grades.values()] == [
        "while its code is run, it was stopped after 1 s: does a loop never end?"
    ] * 2
    assert all(one.points == 0 for one in grades.values())


def test_a_cell_that_fails_leaves_the_others_alone_and_is_told_to_who_needs_it(hand_in):
    cells = [IM2COL.replace("kernel, kernel, C", "kernel, kernel, 7"), "1 / 0", RELU]
    notebook = {
        "nbformat": 4,
        "cells": [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells],
    }
    grades = grade(hand_in(json.dumps(notebook), "a.ipynb"))
    assert grades["ex5"].points == 1
    assert grades["ex5"].notices == []
    assert grades["ex1"].points < 2
    assert "cell 2: it raises ZeroDivisionError: division by zero, line 1: 1 / 0" in grades["ex1"].remarks


def test_a_submission_works_in_a_folder_of_its_own_and_finds_its_own_modules(hand_in, tmp_path):
    hand_in("FACTOR = 1.0\n", "helper.py")
    path = hand_in("import helper\nopen('trash', 'w').close()\nprint('noise')\n" + RELU.rstrip() + " * helper.FACTOR")
    assert grade(path)["ex5"].points == 1
    assert sorted(file.name for file in path.parent.iterdir() if file.suffix) == ["helper.py", "someone.py"]


def test_a_patched_checker_changes_nothing_and_is_noticed(hand_in):
    source = """
from minidrcn.course.checks import pointwise, guard, judge, report
from minidrcn.grad_check import numeric_gradient
report.Result.fraction = property(lambda self: 1.0)
judge.judge = lambda *_, **__: None
guard.call.__code__ = (lambda fn, arguments: None).__code__
"""
    graded = grade(hand_in(source + "def relu_backward(dy, cache):\n    return dy\n"))["ex5"]
    assert graded.points == 0
    graded = grade(hand_in(source.replace("guard.call", "numeric_gradient") + RELU))["ex5"]
    assert graded.points == 1
    for name in ("report.Result.fraction", "course.checks.judge.judge", "grad_check.numeric_gradient"):
        assert any(name in notice and "it changes" in notice for notice in graded.notices), name


FINITE_DIFFERENCES = """
def conv(x, w, b):
    K, _, _, F = w.shape
    return (im2col(x, K) @ w.reshape(-1, F) + b).reshape(*x.shape[:3], F)

def numeric(f, z):
    dz = np.zeros_like(z)
    for index in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[index] = 1e-5
        dz[index] = (f(z + step) - f(z - step)) / 2e-5
    return dz

def conv2d_backward(dy, cache):
    x, w = cache
    b = np.zeros(w.shape[3])
    return (
        numeric(lambda x: (conv(x, w, b) * dy).sum(), x),
        numeric(lambda w: (conv(x, w, b) * dy).sum(), w),
        numeric(lambda b: (conv(x, w, b) * dy).sum(), b),
    )
"""


def test_finite_differences_are_noticed(hand_in):
    graded = grade(hand_in(IM2COL + FINITE_DIFFERENCES))["ex4"]
    assert graded.points == 4, "the instructor decides"
    assert any("it calls conv " in notice and "as finite differences do" in notice for notice in graded.notices)
    assert any("digits only" in notice for notice in graded.notices)
    with_the_package = FINITE_DIFFERENCES.replace("conv(x, w, b)", "conv2d_forward(x, w, b)[0]").replace(
        "def conv2d_forward(x, w, b)[0]", "def conv(x, w, b)"
    )
    graded = grade(
        hand_in("import numpy as np\nfrom minidrcn.ops.conv import conv2d_forward\n" + with_the_package), "ex4"
    )["ex4"]
    assert any("it calls conv2d_forward " in notice for notice in graded.notices)


def test_an_honest_solution_with_loops_is_not_suspected(hand_in):
    source = """
import numpy as np

def window(padded, n, i, j, K):
    return padded[n, i : i + K, j : j + K]

def conv2d_backward(dy, cache):
    x, w = cache
    K, p = len(w), len(w) // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, i, j in np.ndindex(dy.shape[:3]):
        for f, g in enumerate(dy[n, i, j]):
            dw[..., f] += g * window(padded, n, i, j, K)
            dpadded[n, i : i + K, j : j + K] += g * w[..., f]
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]], dw, dy.sum(axis=(0, 1, 2))
"""
    graded = grade(hand_in(source))["ex4"]
    assert graded.points == 4
    assert graded.notices == []


@pytest.mark.parametrize(
    "source",
    [
        "from minidrcn.ops.conv import conv2d_backward",
        "import minidrcn.ops.conv\nconv2d_backward = minidrcn.ops.conv.conv2d_backward",
        "import importlib\ndef conv2d_backward(dy, cache):\n"
        "    return importlib.import_module('minidrcn.ops.' + 'conv').conv2d_backward(dy, cache)",
        "from functools import partial\nfrom minidrcn.ops import conv\nconv2d_backward = partial(conv.conv2d_backward)",
        "from minidrcn.ops import winograd as w\nconv2d_backward = lambda dy, c: w.conv2d_backward(dy, (*c, None))",
    ],
)
def test_the_package_s_own_answer_is_noticed(hand_in, source):
    graded = grade(hand_in(source), "ex4")["ex4"]
    assert any("of the package" in notice or "from the package" in notice for notice in graded.notices)


def test_what_an_exercise_gives_is_no_reason_for_a_notice(hand_in):
    source = """
from minidrcn.ops.conv import conv2d_backward
from minidrcn.ops.pointwise import relu_backward

def recursion_backward(dh, caches):
    dw = db = 0
    for conv_cache, relu_cache in caches[::-1]:
        dh, *ones = conv2d_backward(relu_backward(dh, relu_cache), conv_cache)
        dw, db = dw + ones[0], db + ones[1]
    return dh, dw, db
"""
    graded = grade(hand_in(source), "ex6")["ex6"]
    assert (graded.points, graded.notices) == (3, [])


def test_a_network_without_the_student_s_convolution_is_noticed(hand_in):
    master = json.loads((FOLDER / "ex11_train.ipynb").read_text(encoding="utf-8"))
    source = "\n".join("".join(cell["source"]) for cell in master["cells"] if cell["cell_type"] == "code")
    source = source[: source.index("# One batch")].replace(", conv=(conv2d_forward, conv2d_backward)", "")
    graded = grade(hand_in(source), "ex11")["ex11"]
    assert graded.points == 3
    assert any("instead of its own" in notice for notice in graded.notices)


def test_riddles_of_another_set(hand_in):
    from minidrcn.course.checks.riddles import riddles_of

    answers = {k: riddle.bug.name for k, riddle in enumerate(riddles_of(5), start=1)}
    path = hand_in(f"def diagnose(k):\n    return {answers!r}[k]")
    assert grade(path, "ex10", riddles=5)["ex10"].points == 3
    assert grade(path, "ex10")["ex10"].points < 3


def test_students_are_files_and_folders(tmp_path, hand_in):
    for name in (
        "bob.py",
        "alice/hw/ex01_im2col.py",
        "alice/hw/ex05_relu.py",
        ".hidden.py",
        "carol/.x/a.py",
        "notes.txt",
    ):
        hand_in(RELU, name)
    found = students(tmp_path / "in")
    assert {name: [file.name for file in files] for name, files in found.items()} == {
        "alice": ["ex01_im2col.py", "ex05_relu.py"],
        "bob": ["bob.py"],
    }
    assert list(students(tmp_path / "in" / "alice" / "hw")) == ["hw"]
    assert list(students(tmp_path / "in" / "bob.py")) == ["bob"]
    with pytest.raises(InputError, match="no such file or folder"):
        students(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no submissions in this folder"):
        students(tmp_path / "empty")


def test_the_seed_comes_from_the_environment(monkeypatch, hand_in, capsys):
    monkeypatch.delenv("MINIDRCN_COURSE_SEED", raising=False)
    assert grading_seed() == 1
    monkeypatch.setenv("MINIDRCN_COURSE_SEED", "12")
    assert grading_seed() == 12
    code, out, _ = run_command(main, ["grade", hand_in(RELU), "--only", "ex5"], capsys)
    assert code == 0
    assert "seed 12" in out
    code, out, _ = run_command(main, ["grade", hand_in(RELU), "--only", "ex5", "--seed", "3"], capsys)
    assert "seed 3" in out
    monkeypatch.setenv("MINIDRCN_COURSE_SEED", "many")
    code, out, err = run_command(main, ["grade", hand_in(RELU)], capsys)
    assert (code, out) == (2, "")
    assert "MINIDRCN_COURSE_SEED must be a whole number" in err


def test_the_command_prints_tables_and_writes_feedback(tmp_path, hand_in, capsys):
    hand_in(RELU, "alice/ex05_relu.py")
    hand_in(RELU.replace("cache > 0", "dy > 0") + "import minidrcn.imaging.tiles\n", "bob.py")
    hand_in("\xff", "zoe.py")
    arguments = ["grade", tmp_path / "in", "--only", "ex1", "ex5"]
    code, out, err = run_command(main, [*arguments, "--feedback", tmp_path / "feedback"], capsys)
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["student", "ex1", "ex5", "total"],
        ["(points)", "2", "1", "3"],
        ["alice", "0", "1", "1"],
        ["bob", "0", "0", "0"],
        ["zoe", "0", "0", "0"],
        [],
        ["bob,", "ex5:", "it", "imports", "imaging.tiles", "from", "the", "package"],
    ]
    assert sorted(path.name for path in (tmp_path / "feedback").iterdir()) == ["alice.txt", "bob.txt", "zoe.txt"]
    feedback = (tmp_path / "feedback" / "bob.txt").read_text(encoding="utf-8")
    assert "hint: the mask comes from the incoming gradient instead of the map" in feedback
    assert "notice" not in feedback, "notices are for the instructor"

    code, out, _ = run_command(main, [*arguments, "--csv"], capsys)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["student"] for row in rows] == ["alice", "bob", "zoe"]
    assert rows[0] == {"student": "alice", "ex1": "0", "ex5": "1", "total": "1", "notices": ""}

    code, _, err = run_command(main, [*arguments, "--feedback", tmp_path / "feedback"], capsys)
    assert code == 2
    assert "exists; name a new folder" in err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "arguments are required: ACTION"),
        (["grade", "nowhere"], 1, "no such file or folder"),
        (["grade", ".", "--only", "ex99"], 2, "invalid choice"),
        (["grade", ".", "--seconds", "0"], 2, "must be a whole number of at least 1"),
        (["release"], 2, "arguments are required: DIR"),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, status, words, capsys):
    code, out, err = run_command(main, arguments, capsys)
    assert (code, out) == (status, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_read_is_a_problem_of_that_student_alone(hand_in):
    grades = grade_student([hand_in("{", "a.ipynb")], [NAMED["ex5"]])
    assert "not a notebook of format 4" in grades[0].problem


def test_the_same_seed_gives_the_same_result(hand_in):
    path = hand_in(IM2COL.replace("p = kernel // 2", "p = 1"))
    first, second = (str(grade(path, "ex1", seed=9)["ex1"].result) for _ in range(2))
    assert first == second


def test_a_submission_is_run_with_plain_arrays(hand_in):
    """What comes in is a NumPy array that may be written to, and at two places it is one array."""
    source = """
def recursion_backward(dh, caches):
    assert dh.flags.writeable and type(dh).__name__ == "ndarray"
    assert caches[0][1] is caches[1][0][0]
    return dh
"""
    result = grade(hand_in(source), "ex6")["ex6"].result
    assert "expected dh_0, dw, db" in result.rows[0].problem
    assert np.isnan(result.rows[0].error)


def test_nothing_is_left_behind(hand_in, tmp_path, monkeypatch):
    """The folder that a submission worked in is gone afterwards, whatever it left in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    grade(hand_in("open('left', 'w').close()\n" + RELU), "ex5")
    assert not list(tmp_path.glob("submission-*"))
