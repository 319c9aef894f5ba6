"""Grading: fair points, whatever a submission does, and notices for what an instructor should look at."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import run_command

from minidrcn.course import check_im2col, grading_seed
from minidrcn.course.__main__ import main
from minidrcn.course.exercises import EXERCISES, exercises
from minidrcn.course.grading import sandbox
from minidrcn.course.grading.collect import collect
from minidrcn.course.grading.grade import best_grade, seeds_of
from minidrcn.course.grading.release import FOLDER
from minidrcn.course.grading.sandbox import Limits

NAMED = {exercise.name: exercise for exercise in EXERCISES}

IM2COL = """
import numpy as np

def im2col(x, kernel=3):
    N, H, W, C = x.shape
    p = kernel // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.zeros((N, H, W, kernel, kernel, C), dtype=x.dtype)
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


def grade(path, *names, riddles=0, seed=1, seconds=30, mebibytes=2048):
    """The grades of one student's file or folder, by exercise, those that were handed in."""
    wanted = [exercise for exercise in exercises(riddles) if not names or exercise.name in names]
    (student,), _ = collect(path)
    grades = [best_grade(student, exercise, [seed], Limits(seconds, mebibytes)) for exercise in wanted]
    return {grade.exercise.name: grade for grade in grades if grade.status != "not handed in"}


def test_the_masters_get_all_points_and_no_notice():
    grades = grade(FOLDER)
    assert {name: one.points for name, one in grades.items()} == {e.name: e.points for e in EXERCISES}
    assert [notice for one in grades.values() for notice in one.notices] == []


def test_a_plain_file_is_graded_for_what_it_defines(hand_in):
    grades = grade(hand_in(IM2COL + RELU))
    assert {name: one.points for name, one in grades.items()} == {"ex1": 2, "ex5": 1}


def test_the_score_is_the_check_s_own(hand_in):
    wrong = IM2COL.replace("range(kernel):\n        for l", "range(min(kernel, 3)):\n        for l")
    namespace = {}
    exec(wrong, namespace)
    expected = check_im2col(namespace["im2col"], seed=4, show=False)
    graded = grade(hand_in(wrong), "ex1", seed=4)["ex1"]
    assert 0 < expected.fraction < 1
    assert graded.report == str(expected).splitlines()
    assert graded.points == round(NAMED["ex1"].points * expected.fraction, 2)


def test_the_best_of_several_files_counts(hand_in, tmp_path):
    hand_in(RELU.replace("> 0", "< 0"), "a/ex05_relu.py")
    hand_in(RELU, "a/again.py")
    assert grade(tmp_path / "in" / "a")["ex5"].points == 1


def test_the_worst_of_several_seeds_counts(hand_in):
    """Right for the sizes of the first seed alone."""
    (student,), _ = collect(
        hand_in("def relu_backward(dy, cache):\n    return dy * (cache > 0) * (dy.size in SIZES)\n")
    )
    case = NAMED["ex5"].check.cases(3)
    sizes = {one.arguments[0].size for one in case}
    file = student.files[0]._replace(source=student.files[0].source + f"SIZES = {sizes}\n")
    student.files[:] = [file]
    assert best_grade(student, NAMED["ex5"], [3], Limits()).points == 1
    assert best_grade(student, NAMED["ex5"], [3, 4], Limits()).points < 1


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("def relu_backward(dy, cache):\n    while True: pass", "stopped: time", "after 1 s of computing"),
        (RELU + "while True: pass", "stopped: time", "does a loop never end?"),
        ("def relu_backward(dy, cache):\n    import os; os._exit(0)", "stopped: crashed", "cannot be read"),
        ("import ctypes\ndef relu_backward(dy, cache): ctypes.string_at(0)", "stopped: crashed", "ended its own"),
        ("import numpy as np\ndef relu_backward(dy, cache):\n    return [np.ones(10**6) for _ in range(1000)]",
         "stopped: memory", "it needs more memory than there is"),
        pytest.param("def relu_backward(dy, cache):\n    import sys; sys.setrecursionlimit(10**9)\n"
                     "    def f(n): return f(n + 1)\n    return f(0)", "", "", marks=pytest.mark.slow),
        ("relu_backward = 3", "graded", "expected a function"),
        ("from nowhere import relu_backward", "graded", "there is nothing named relu_backward in it"),
        ("def relu_backward(dy, cache) return", "graded", "there is nothing named relu_backward in it"),
        ("def relu_backward(dy, cache):\n    raise SystemExit", "graded", "it ends the program"),
        ("def relu_backward(dy, cache):\n raise ValueError('\\ud800\\n\\x1b[2J')", "graded", "it raises Val"),
        ("def relu_backward(dy, cache):\n    import os\n    os.close(1); os.close(0)\n    return None", "graded",
         "is there a return"),
        ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + RELU, "", ""),
        ("import os, signal\nos.killpg(0, signal.SIGTERM)\n" + RELU, "stopped: crashed", ""),
        ("import os\nfor fd in range(3, 50):\n    try: os.write(fd, b'forged')\n    except OSError: pass\n"
         "def relu_backward(dy, cache): return dy", "graded", "WRONG"),
        ("import os\nopen('answers', 'wb').write(b'PK')\nos._exit(0)\nrelu_backward=1", "stopped: crashed", "read"),
        ("import os, numpy\nfrom minidrcn.course.grading import wire\nopen('answers', 'wb').write(wire.encode("
         "numpy.zeros(3)))\nos._exit(0)\nrelu_backward=1", "stopped: crashed", "cannot be read"),
        *[(f"from minidrcn.course.grading import notices\nnotices.counted = lambda f, size: (f(), {counts})\n" + RELU,
           "stopped: crashed", "cannot be read") for counts in ({"whole": ["nonsense"]}, {"package": {"a": "b"}}, 3)],
        ("import os\nos.mkfifo('answers')\nos._exit(0)\nrelu_backward=1", "stopped: crashed", "cannot be read"),
        ("import os\nos.symlink('/etc/passwd', 'answers')\nos._exit(0)\nrelu_backward=1", "stopped: crashed", "read"),
        ("from minidrcn.course.grading import worker\nfrom minidrcn.course.checks import guard\n"
         "guard.call = lambda *_: guard.Outcome(7, 8, 9, 10)\nrelu_backward=1", "stopped: crashed", "cannot be read"),
        ("from minidrcn.course.checks import report, judge\nreport.Result.fraction = property(lambda self: 1.0)\n"
         "judge.judge = lambda *_, **__: None\ndef relu_backward(dy, cache): return dy", "graded", "WRONG"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("isolated", [pytest.param(False, id="plain"),
                                      pytest.param(True, id="bubblewrap", marks=pytest.mark.slow)])  # fmt: skip
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of these limits and signals")
def test_whatever_happens_is_a_sentence_and_no_points(hand_in, source, status, words, isolated, monkeypatch):
    if isolated and not sandbox.isolated():
        pytest.skip("bubblewrap is not installed, or may not do its work")
    monkeypatch.setattr(sandbox, "isolated", lambda: isolated)
    # Limits of their own for what is stopped; a slow machine must not stop the others.
    graded = grade(hand_in(source), "ex5", seconds=1 if "time" in status else 20, mebibytes=1024)["ex5"]
    assert graded.points == 0 or (status == "" and RELU in source)
    assert not status or graded.status == status, graded.report
    said = "\n".join(graded.report)
    assert words in said
    assert said.isprintable() or "\n" in said
    assert "\x1b" not in said
    said.encode()


def test_one_bad_exercise_leaves_the_others_alone(hand_in):
    source = IM2COL + "def col2im(*_):\n    import os\n    os._exit(3)\n" + RELU
    grades = grade(hand_in(source))
    assert {name: one.points for name, one in grades.items()} == {"ex1": 2, "ex2": 0, "ex5": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit computing time")
@pytest.mark.parametrize("source", ["f'" + "{" * 150 + "1" + "}" * 150 + "'\n", "a=1\n" * 400_000])
def test_source_that_is_hard_to_parse_is_parsed_under_the_limits(hand_in, source):
    graded = grade(hand_in(RELU + source), "ex5", seconds=3, mebibytes=1024)["ex5"]
    assert graded.points in (0, 1)


def test_waiting_is_told_from_computing(hand_in, monkeypatch):
    monkeypatch.setattr("minidrcn.course.grading.sandbox.PATIENCE", 1)
    graded = grade(hand_in("import time\ndef relu_backward(dy, cache):\n    time.sleep(99)"), "ex5", seconds=2)["ex5"]
    assert (graded.points, graded.status) == (0, "stopped: time")
    assert "does it sleep" in graded.report[0]


def test_a_cell_that_fails_leaves_the_others_alone_and_is_told_to_who_needs_it(hand_in):
    cells = [IM2COL.replace("kernel, kernel, C", "kernel, kernel, 7"), "1 / 0", RELU]
    notebook = {
        "nbformat": 4,
        "cells": [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells],
    }
    grades = grade(hand_in(json.dumps(notebook), "a.ipynb"))
    assert (grades["ex5"].points, grades["ex5"].notices) == (1, [])
    assert grades["ex1"].points < 2
    assert "cell 2: it raises ZeroDivisionError: division by zero, line 1: 1 / 0" in grades["ex1"].report


def test_a_submission_works_in_a_folder_of_its_own_and_finds_its_own_modules(hand_in, tmp_path):
    hand_in("FACTOR = 1.0\n", "ann/helper.py")
    hand_in("import helper\nopen('trash', 'w').close()\nprint('noise')\n" + RELU.rstrip() + " * helper.FACTOR",
            "ann/ex05.py")  # fmt: skip
    assert grade(tmp_path / "in" / "ann")["ex5"].points == 1
    assert sorted(file.name for file in (tmp_path / "in" / "ann").iterdir()) == ["ex05.py", "helper.py"]


def test_nothing_is_left_behind(hand_in, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    grade(hand_in("open('left', 'w').close()\n" + RELU), "ex5")
    assert not list(tmp_path.glob("submission-*"))


@pytest.mark.skipif(not sandbox.isolated(), reason="bubblewrap is not installed, or may not do its work")
def test_inside_bubblewrap_nothing_else_is_to_be_seen(hand_in, tmp_path):
    secret = hand_in("secret", "neighbour.txt")
    source = f"""
import glob, os, socket, subprocess
assert not os.path.exists({str(secret)!r})
assert not os.path.exists({str(FOLDER)!r})
assert not os.path.exists(os.path.expanduser("~root/.bashrc"))
assert len(glob.glob("/proc/[0-9]*")) < 6
try:
    socket.create_connection(("127.0.0.1", 22), 1)
    raise SystemExit
except OSError:
    pass
try:
    open("/usr/forged", "w")
    raise SystemExit
except OSError:
    pass
subprocess.Popen(["sleep", "300.7251"], start_new_session=True)
"""
    graded = grade(hand_in(source + RELU), "ex5")["ex5"]
    assert graded.points == 1, graded.report
    assert "sleep 300.7251" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


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
    source = source[: source.index("# After one batch")].replace(", conv=(conv2d_forward, conv2d_backward)", "")
    graded = grade(hand_in(source), "ex11")["ex11"]
    assert graded.points == 3
    assert any("instead of its own" in notice for notice in graded.notices)


def test_riddles_of_another_set(hand_in):
    from minidrcn.course.checks.riddles import riddles_of

    answers = {k: riddle.bug.name for k, riddle in enumerate(riddles_of(5), start=1)}
    path = hand_in(f"def diagnose(k):\n    return {answers!r}[k]")
    assert grade(path, "ex10", riddles=5)["ex10"].points == 3
    assert grade(path, "ex10")["ex10"].points < 3


def test_the_seed_comes_from_the_environment_or_is_drawn_and_said(monkeypatch, hand_in, capsys):
    monkeypatch.setenv("MINIDRCN_COURSE_SEED", "12")
    assert grading_seed() == 12
    code, out, err = run_command(main, ["grade", hand_in(RELU), "--only", "ex5"], capsys)
    assert code == 0
    assert "seed 12" in out
    assert "seeds from --seed 12" in err
    code, out, _ = run_command(main, ["grade", hand_in(RELU), "--only", "ex5", "--seed", "3"], capsys)
    assert "seed 3" in out
    monkeypatch.setenv("MINIDRCN_COURSE_SEED", "many")
    code, out, err = run_command(main, ["grade", hand_in(RELU)], capsys)
    assert (code, out) == (2, "")
    assert "MINIDRCN_COURSE_SEED must be a whole number" in err
    monkeypatch.delenv("MINIDRCN_COURSE_SEED")
    assert grading_seed() == 1
    said = {run_command(main, ["grade", hand_in(RELU), "--only", "ex5"], capsys)[2] for _ in range(2)}
    assert len(said) == 2, "hidden, and another one every time"


def test_seeds_of_its_own_for_each_student():
    assert seeds_of("ann", "secret") == seeds_of("ann", "secret")
    assert len({*seeds_of("ann", "secret"), *seeds_of("bob", "secret"), *seeds_of("ann", "other")}) == 6


def a_class(hand_in):
    hand_in(RELU, "alice/ex05_relu.py")
    hand_in(RELU.replace("cache > 0", "dy > 0") + "import minidrcn.imaging.tiles\n", "bob.py")
    hand_in("\xff" * 3, "=zoe.py")
    hand_in("PK", "carl/all.zip")


def test_the_command_prints_tables_and_keeps_results(tmp_path, hand_in, capsys):
    a_class(hand_in)
    (tmp_path / "roster.txt").write_text("alice\nbob\ncarl\ndora\n", encoding="utf-8")
    arguments = ["grade", tmp_path / "in", "--only", "ex1", "ex5", "--roster", tmp_path / "roster.txt", "--seed", "4"]
    code, out, err = run_command(main, [*arguments, "--out", tmp_path / "out"], capsys)
    assert code == 0, err
    assert [line.split() for line in out.splitlines()] == [
        ["student", "ex1", "ex5", "total", "status"],
        ["(points)", "2", "1", "3"],
        ["=zoe", "0", "0", "0", "not", "handed", "in"],
        ["alice", "0", "1", "1", "partly"],
        ["bob", "0", "0", "0", "partly"],
        ["carl", "0", "0", "0", "not", "handed", "in"],
        ["dora", "0", "0", "0", "not", "handed", "in"],
        [],
        ["=zoe:", "not", "on", "the", "roster"],
        ["bob:", "ex5:", "it", "imports", "imaging.tiles", "from", "the", "package"],
        ["carl:", "all.zip:", "neither", "a", "notebook", "(.ipynb)", "nor", "a", "Python", "file", "(.py)"],
    ]
    kept = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [name.rsplit("-", 1)[0] for name in kept] == ["_zoe", "_zoe", *["alice"] * 2, *["bob"] * 2, *["carl"] * 2,
                                                         *["dora"] * 2, "seed.txt"]  # fmt: skip
    feedback = next((tmp_path / "out").glob("bob-*.txt")).read_text(encoding="utf-8")
    assert "hint: the mask comes from the incoming gradient instead of the map" in feedback
    assert "notice" not in feedback, "notices are for the instructor"

    code, again, _ = run_command(main, [*arguments[:-2], "--out", tmp_path / "out", "--resume"], capsys)
    assert again == out
    code, out, err = run_command(main, [*arguments, "--out", tmp_path / "out"], capsys)
    assert code == 2
    assert "exists; name a new folder, or go on in it with --resume" in err
    (tmp_path / "out" / "seed.txt").write_text("none", encoding="utf-8")
    code, _, err = run_command(main, [*arguments, "--out", tmp_path / "out", "--resume"], capsys)
    assert (code, "seed.txt: not a seed" in err) == (1, True)
    (tmp_path / "out" / "seed.txt").write_text("4\n", encoding="utf-8")
    code, _, err = run_command(main, [*arguments, "--resume"], capsys)
    assert (code, "--resume needs --out" in err) == (2, True)
    code, out, err = run_command(main, [*arguments, "--seed", "9", "--out", tmp_path / "out", "--resume"], capsys)
    assert (code, "was begun with --seed 4" in err) == (2, True)


def test_results_for_other_programs(tmp_path, hand_in, capsys):
    a_class(hand_in)
    hand_in(RELU, "Ada Lovelace_1234567_assignsubmission_file_/ex05.py")
    arguments = ["grade", tmp_path / "in", "--only", "ex5", "--seed", "4"]
    rows = list(csv.DictReader(io.StringIO(run_command(main, [*arguments, "--csv"], capsys)[1])))
    assert [row["student"] for row in rows] == ["'=zoe", "Ada Lovelace", "alice", "bob", "carl"], "no cell is a formula"
    assert (rows[2]["ex5"], rows[2]["total"], rows[2]["maximum"], rows[2]["status"]) == ("1", "1", "1", "graded")
    rows = list(csv.DictReader(io.StringIO(run_command(main, [*arguments, "--moodle"], capsys)[1])))
    assert (rows[1]["Identifier"], rows[1]["Full name"], rows[1]["Grade"]) == (
        "Participant 1234567",
        "Ada Lovelace",
        "1",
    )
    assert "ex5 relu: 1 of 1 points" in rows[1]["Feedback comments"]
    rows = list(csv.DictReader(io.StringIO(run_command(main, [*arguments, "--canvas"], capsys)[1])))
    assert rows[0]["Student"].strip() == "Points Possible"
    code, _, err = run_command(main, [*arguments, "--gradescope"], capsys)
    assert (code, "one submission" in err) == (2, True)
    arguments[1] = tmp_path / "in" / "alice"
    results = json.loads(run_command(main, [*arguments, "--gradescope"], capsys)[1])
    assert (results["score"], results["tests"][0]["max_score"], results["tests"][0]["name"]) == (1, 1, "ex5 relu")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_grading_that_is_killed_goes_on_to_the_same_table(tmp_path, hand_in):
    for k in range(6):
        hand_in(RELU if k % 2 else RELU + f"# {k}\n1 / 0\n", f"student{k}/ex05.py")
    command = [sys.executable, "-m", "minidrcn.course", "grade", str(tmp_path / "in"), "--only", "ex5", "--jobs", "1"]
    whole = subprocess.run([*command, "--seed", "5"], capture_output=True, text=True, check=True).stdout
    out = tmp_path / "out"
    killed = subprocess.Popen([*command, "--seed", "5", "--out", str(out)], stdout=subprocess.DEVNULL)
    while not list(out.glob("*.json")):
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    resumed = subprocess.run([*command, "--out", str(out), "--resume"], capture_output=True, text=True, check=True)
    assert resumed.stdout == whole


@pytest.mark.skipif(sys.platform == "win32", reason="the name of the folder")
def test_modules_in_the_folder_that_grading_is_started_in_are_not_imported(tmp_path, hand_in):
    hand_in("raise SystemExit('imported')", "random.py")
    hand_in("raise SystemExit('imported')", "secrets.py")
    path = hand_in(RELU, "bob/ex05.py")
    command = [sys.executable, "-m", "minidrcn.course", "grade", str(path), "--only", "ex5"]
    result = subprocess.run(command, cwd=tmp_path / "in", capture_output=True, text=True, check=False)
    assert "1 of 1 points" in result.stdout, result.stderr


def test_a_failure_of_the_grader_is_one_student_s_row(hand_in, tmp_path, capsys, monkeypatch):
    a_class(hand_in)

    def fail(student, exercise, *_):
        if student.name == "alice":
            raise RuntimeError("no")
        return best_grade(student, exercise, *_)

    monkeypatch.setattr("minidrcn.course.__main__.best_grade", lambda student, exercise, seeds, limits: fail(
        student, exercise, seeds, limits))  # fmt: skip
    code, out, _ = run_command(main, ["grade", tmp_path / "in", "--only", "ex5", "--seed", "4"], capsys)
    assert code == 0
    assert "alice: ex5: the grader failed on it; please report this" in out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "arguments are required: ACTION"),
        (["grade", "nowhere"], 1, "no such file or folder"),
        (["grade", ".", "--only", "ex99"], 2, "invalid choice"),
        (["grade", ".", "--seconds", "0"], 2, "must be a whole number of at least 1"),
        (["grade", ".", "--seed", "1", "--seed-from", "x"], 2, "not allowed with"),
        (["grade", ".", "--roster", "nowhere"], 1, "cannot be read; expected a text file"),
        (["release"], 2, "arguments are required: DIR"),
    ],
)
def test_mistakes_are_answered_in_one_line(arguments, status, words, capsys):
    code, out, err = run_command(main, arguments, capsys)
    assert (code, out) == (status, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_read_is_a_problem_of_that_student_alone(hand_in):
    graded = grade(hand_in("relu_backward {", "a.ipynb"))["ex5"]
    assert (graded.status, graded.points) == ("unreadable", 0)
    assert graded.report == ["a.ipynb: not a notebook of format 4"]


def test_the_same_seed_gives_the_same_result(hand_in):
    path = hand_in(IM2COL.replace("p = kernel // 2", "p = 1"))
    first, second = (grade(path, "ex1", seed=9)["ex1"].report for _ in range(2))
    assert first == second


def test_a_submission_is_run_with_plain_arrays(hand_in):
    """What comes in is a NumPy array that may be written to, and at two places it is one array."""
    source = """
def recursion_backward(dh, caches):
    assert dh.flags.writeable and type(dh).__name__ == "ndarray"
    assert caches[0][1] is caches[1][0][0]
    return dh
"""
    assert "expected dh_0, dw, db" in "".join(grade(hand_in(source), "ex6")["ex6"].report)
