from __future__ import annotations

import os
import sys

import pytest

from minidrcn.course.grading.collect import collect, read_roster
from minidrcn.errors import InputError


@pytest.fixture
def folder(tmp_path):
    def make(**files):
        for name, content in files.items():
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "in"

    return make


def files(students):
    return {student.name: [file.name for file in student.files] for student in students}


def test_students_are_files_and_folders(folder, tmp_path):
    names = ("bob.py", "alice/hw/ex01_im2col.py", "alice/hw/ex05_relu.py", ".hidden.py", "carol/.x/a.py", "notes.txt")
    path = folder(**dict.fromkeys(names, "x = 1"))
    students, warnings = collect(path)
    assert files(students) == {"alice": ["ex01_im2col.py", "ex05_relu.py"], "bob": ["bob.py"], "carol": []}
    assert warnings == []
    assert files(collect(path / "alice" / "hw")[0]) == {"hw": ["ex01_im2col.py", "ex05_relu.py"]}
    assert files(collect(path / "bob.py")[0]) == {"bob": ["bob.py"]}
    with pytest.raises(InputError, match="no such file or folder"):
        collect(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no submissions in this folder"):
        collect(tmp_path / "empty")


def test_a_stray_exercise_does_not_turn_a_class_into_one_student(folder):
    students, warnings = collect(folder(**{"ex04_a.ipynb": "{}", "ann/ex04.ipynb": "{}", "ben/ex04.py": "x"}))
    assert list(files(students)) == ["ann", "ben"]
    assert warnings == ["ex04_a.ipynb: named like an exercise, but in no student's folder; it is not graded"]


def test_what_is_no_code_is_a_row_with_a_warning(folder):
    path = folder(**{"ann/all.zip": "PK", "ben/ex04.py": "x", "ben/README.md": "", "cleo/ex04.ipynb/inner.txt": ""})
    students, _ = collect(path)
    assert [student.warnings for student in students] == [
        ["all.zip: neither a notebook (.ipynb) nor a Python file (.py)"],
        [],
        [],
    ]
    assert [file.problem for file in students[2].files] == ["a folder, not a file"]


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
def test_links_and_pipes_are_not_read(folder):
    path = folder(**{"ann/ex04.py": "x = 1", "ben/a.txt": ""})
    os.symlink(path / "ann" / "ex04.py", path / "ben" / "ex04.py")
    os.mkfifo(path / "ben" / "ex05.py")
    (_, ben), _ = collect(path)
    assert ben.warnings == ["ex04.py: a link, which is not followed"]
    assert [(file.name, file.problem) for file in ben.files] == [("ex05.py", "a device, not a file")]


def test_equal_work_is_said(folder):
    students, _ = collect(folder(**{"ann/ex04.py": "x = 1", "ben/ex04.py": "x = 1", "cleo.py": "x = 2"}))
    assert students[1].warnings == ["ex04.py: the same as ann's, byte for byte"]
    assert students[0].warnings == students[2].warnings == []


def test_a_roster_gives_everybody_a_row(folder, tmp_path):
    (tmp_path / "roster").write_bytes(b"\xef\xbb\xbfann\n\nben\n")
    students, _ = collect(folder(**{"ben/ex04.py": "x", "dan.py": "y"}), read_roster(tmp_path / "roster"))
    assert [(student.name, student.warnings) for student in students] == [
        ("ben", []),
        ("dan", ["not on the roster"]),
        ("ann", []),
    ]


def test_download_folders_of_moodle_and_canvas(folder):
    students, _ = collect(
        folder(**{"Ada L_123_assignsubmission_file_/ex04.py": "a", "Bob K_456_assignsubmission_file/b.py": "b"})
    )
    assert [(student.name, student.id) for student in students] == [("Ada L", "123"), ("Bob K", "456")]
    path = folder(
        **{"canvas/lovelaceada_4321_98765_ex04_a.ipynb": "{}", "canvas/lovelaceada_LATE_4321_98766_ex05.py": "x"}
    )
    (student,), _ = collect(path / "canvas")
    assert (student.name, student.id) == ("lovelaceada", "4321")
    assert [(file.name, file.exercise.name) for file in student.files] == [("ex04_a.ipynb", "ex4"), ("ex05.py", "ex5")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff\xfe\x00", "not a text file in UTF-8"), (b" " * 20_000_001, "larger than 20 MB")],
)
def test_what_cannot_be_read_is_said(folder, content, problem):
    (student,), _ = collect(folder(**{"ann/ex04.py": content}) / "ann")
    assert problem in student.files[0].problem
