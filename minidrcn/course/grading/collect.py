"""Who handed in what: every student's files, read into memory before the first of them is run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ..exercises import EXERCISES, Exercise

ENDINGS = (".ipynb", ".py")
IGNORED = (".md", ".txt", ".html", ".png", ".csv", ".json", ".pyc")  # nobody hands in code as one of these
MAX_BYTES = 20_000_000
# Moodle: a folder "Ada Lovelace_1234567_assignsubmission_file_". Canvas: a file "lovelaceada_LATE_4321_987_ex04.ipynb".
MOODLE = re.compile(r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_file_?")
CANVAS = re.compile(r"(?P<student>[^_]+)_(LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)")


class File(NamedTuple):
    """One file that was handed in: its name and content, or a problem, why it cannot be graded."""

    name: str
    source: str = ""
    problem: str = ""

    @property
    def exercise(self) -> Exercise | None:
        """The exercise that it is named like: "ex04_..." or "ex4"."""
        start = self.name.lower().partition(".")[0].partition("_")[0]
        return next((e for e in EXERCISES if start in (e.name, e.stem[:4])), None)


@dataclass
class Student:
    """One student's work."""

    name: str  # of the folder or file
    id: str = ""  # the number that Moodle or Canvas gave
    files: list[File] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)  # what the instructor should know of how it was handed in


def collect(path: Path, roster: Iterable[str] = ()) -> tuple[list[Student], list[str]]:
    """All students, in order, and warnings that concern none of them.

    A file is one student's work. So is a folder that holds exercises and no folders. Else every folder in it is a
    student's, as is every file that is not named like an exercise. The download folders of Moodle and Canvas are read
    as they are. Links are not followed. Whoever is named on the roster gets a row, and anyone who is not, a warning.

    Raises:
        InputError: there is nothing to grade.
    """
    if path.is_file():
        return [_with_files(Student(path.stem), [path])], []
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder")
    children = _visible(path)
    folders = [child for child in children if _is_folder(child)]
    named = [child for child in children if File(child.name).exercise and child.suffix in ENDINGS]
    if named and not folders:
        return [_with_files(Student(path.resolve().name), children)], []

    found: dict[str, Student] = {}
    warnings = []
    for child in children:
        match = (MOODLE if child in folders else CANVAS).fullmatch(child.name)
        plain = child.name if child in folders else child.stem
        student = Student(match["student"], match["id"]) if match else Student(plain)
        if child in folders:
            found[child.name] = _with_files(student, _below(child))
        elif child in named:
            warnings.append(f"{child.name}: named like an exercise, but in no student's folder; it is not graded")
        elif match or child.suffix not in IGNORED:
            student = found.setdefault(student.id or plain, student)
            _with_files(student, [child], match["file"] if match else "")
    students, names = list(found.values()), list(roster)
    if not any(student.files for student in students):
        raise InputError(f"{path}: no submissions in this folder; expected notebooks (.ipynb) or Python files (.py)")
    owners: dict[str, Student] = {}
    for student in students:
        for file in student.files:
            first = owners.setdefault(file.source, student)
            if file.source.strip() and first is not student:
                student.warnings.append(f"{file.name}: the same as {first.name}'s, byte for byte")
        student.warnings += ["not on the roster"] * bool(names and student.name not in names)
    known = {student.name for student in students}
    return students + [Student(name) for name in names if name not in known], warnings


def read_roster(path: Path) -> list[str]:
    """One name a line. Raises InputError if it cannot be read."""
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read; expected a text file with a name on each line") from error


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, in order, without what is hidden."""
    return sorted(child for child in folder.iterdir() if not child.name.startswith((".", "__")))


def _below(folder: Path) -> list[Path]:
    """Everything in a folder and in its folders, in order, without what is hidden."""
    below = [_below(child) if _is_folder(child) else [child] for child in _visible(folder)]
    return [path for paths in below for path in paths]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and path.suffix not in ENDINGS


def _with_files(student: Student, paths: Iterable[Path], name: str = "") -> Student:
    """The student with these files read, and warnings of what is none."""
    for path in paths:
        if path.is_symlink():
            student.warnings.append(f"{path.name}: a link, which is not followed")
        elif path.suffix in ENDINGS:
            student.files.append(_read(path, name or path.name))
        elif path.suffix not in IGNORED:
            student.warnings.append(f"{path.name}: neither a notebook (.ipynb) nor a Python file (.py)")
    return student


def _read(path: Path, name: str) -> File:
    if not path.is_file():
        return File(name, problem=f"a {'folder' if path.is_dir() else 'device'}, not a file")
    try:
        if path.stat().st_size > MAX_BYTES:
            return File(name, problem=f"larger than {MAX_BYTES // 10**6} MB; clear the outputs and hand it in again")
        return File(name, path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        return File(name, problem="not a text file in UTF-8")
    except OSError as error:
        return File(name, problem=f"cannot be read ({error.strerror})")
