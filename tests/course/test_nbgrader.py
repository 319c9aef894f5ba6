"""A round through nbgrader with three students: one right, one partly right, one with a loop that never ends."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minidrcn.course.exercises import EXERCISES
from minidrcn.course.grading.collect import collect
from minidrcn.course.grading.grade import best_grade
from minidrcn.course.grading.release import FOLDER, for_students, read
from minidrcn.course.grading.sandbox import Limits

pytest.importorskip("nbgrader", reason='pip install -e ".[course]" brings nbgrader')

GRADED = [exercise for exercise in EXERCISES if exercise.name in ("ex4", "ex10")]
SEED = "5"


def nbgrader(folder, *arguments):
    environment = {**os.environ, "MINIDRCN_COURSE_SEED": SEED, "JUPYTER_PLATFORM_DIRS": "1", "HOME": str(folder)}
    # nbgrader calls its database's own program by name.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    return result.returncode, result.stdout + result.stderr


def submit(course, student, change=lambda source: source):
    """Fill the released notebooks in with the masters' solutions, changed."""
    folder = course / "submitted" / student / "drcn"
    folder.mkdir(parents=True)
    for exercise in GRADED:
        name = f"{exercise.stem}.ipynb"
        notebook = read(course / "release" / "drcn" / name)
        for cell, master in zip(notebook["cells"], read(course / "source" / "drcn" / name)["cells"], strict=True):
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                cell["source"] = change("".join(master["source"]))
        (folder / name).write_text(json.dumps(notebook), encoding="utf-8")


def never_ends(source):
    return source.replace("    x, w = cache\n", "    while True:\n        pass\n")


def partly_right(source):
    source = source.replace("db = rows.sum(axis=0)", "db = rows.mean(axis=0)")
    return source.replace("conv_dx_batch_permuted", "conv_dw_mirrored")


@pytest.mark.slow
def test_three_students(tmp_path):
    source = tmp_path / "source" / "drcn"
    source.mkdir(parents=True)
    for exercise in GRADED:
        shutil.copy(FOLDER / f"{exercise.stem}.ipynb", source)
    (tmp_path / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "drcn"\n')

    code, said = nbgrader(tmp_path, "generate_assignment", "drcn")
    assert code == 0, said
    for exercise in GRADED:
        theirs = read(tmp_path / "release" / "drcn" / f"{exercise.stem}.ipynb")["cells"]
        ours = for_students(read(source / f"{exercise.stem}.ipynb"))["cells"]
        assert ["".join(cell["source"]) for cell in theirs] == ["".join(cell["source"]) for cell in ours]
        assert [{k: v for k, v in cell["metadata"].items() if k != "nbgrader"} for cell in theirs] == [
            {k: v for k, v in cell["metadata"].items() if k != "nbgrader"} for cell in ours
        ]

    submit(tmp_path, "loop", never_ends)
    submit(tmp_path, "partly", partly_right)
    submit(tmp_path, "right")
    code, said = nbgrader(tmp_path, "autograde", "drcn", "--ExecutePreprocessor.timeout=8")
    assert code == 0, said
    code, said = nbgrader(tmp_path, "generate_feedback", "drcn")
    assert code == 0, said
    code, said = nbgrader(tmp_path, "export")
    assert code == 0, said

    with open(tmp_path / "grades.csv", encoding="utf-8", newline="") as file:
        exported = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    ours = {
        student.name: round(sum(best_grade(student, e, [int(SEED)], Limits(3)).points for e in GRADED), 2)
        for student in collect(tmp_path / "submitted")[0]
    }
    assert exported == ours
    assert ours["right"] == sum(exercise.points for exercise in GRADED)
    assert ours["loop"] == ours["right"] - 4
    assert ours["loop"] < ours["partly"] < ours["right"]
    feedback = (tmp_path / "feedback" / "partly" / "drcn" / "ex04_convolution_backward.html").read_text(
        encoding="utf-8"
    )
    assert "a mean where the same bias was added to every pixel" in feedback
