"""Grade what was handed in: each submission in its own process, judged by a checker that it cannot reach."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..checks import guard
from ..checks.bugs import target_function
from ..checks.judge import by_position
from ..checks.report import Result
from ..exercises import EXERCISES, Exercise
from . import fairness
from .remote import RemoteFunction, Stopped, Submission
from .submission import ENDINGS, parse, read_submission


@dataclass(frozen=True)
class Grade:
    """What one exercise of one submission is worth.

    Attributes:
        exercise: the exercise.
        result: of its check; None where nothing was handed in or nothing could be run.
        problem: why there is no result, or "".
        remarks: what the student should know besides: pieces of the code that failed.
        notices: what the instructor should look at.
    """

    exercise: Exercise
    result: Result | None = None
    problem: str = ""
    remarks: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def points(self) -> float:
        """The score, in points."""
        return self.exercise.score(self.result.fraction) if self.result else 0.0


def students(path: Path) -> dict[str, list[Path]]:
    """Who handed in which files: names and files, in order.

    A file is one student's work. So is a folder that holds exercises directly, named as they were released; else
    every file and folder in it is one student's, named after it.

    Raises:
        InputError: there is nothing to grade.
    """
    if path.is_file():
        return {path.stem: [path]}
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder")
    if any(_exercise_of(file) for file in _files_in(path)):
        return {path.resolve().name: _files_in(path)}
    found: dict[str, list[Path]] = {}
    for child in sorted(path.iterdir()):
        files = [file for file in (child, *sorted(child.rglob("*"))) if _is_submission(file)]
        if files and not child.name.startswith("."):
            found.setdefault(child.stem if child.is_file() else child.name, []).extend(files)
    if not found:
        raise InputError(f"{path}: no submissions in this folder; expected notebooks (.ipynb) or Python files (.py)")
    return found


def grade_student(
    files: Sequence[Path],
    exercises: Sequence[Exercise] = EXERCISES,
    seed: int = 1,
    **limits: float,
) -> list[Grade]:
    """Grade one student's files: for each exercise the best of what was handed in.

    Args:
        files: notebooks and Python files. One that is named like an exercise counts for that exercise alone.
        exercises: those to grade.
        seed: of the hidden sizes and numbers.
        limits: `seconds` that the code of a file, and then every exercise, may take; `mebibytes` of memory.
    """
    best = {exercise.name: Grade(exercise, problem="not handed in") for exercise in exercises}
    for file in files:
        only = _exercise_of(file)
        wanted = [exercise for exercise in exercises if only is None or exercise.name == only.name]
        for grade in grade_file(file, wanted, seed, **limits):
            name = grade.exercise.name
            if best[name].problem == "not handed in" or grade.points > best[name].points:
                best[name] = grade
    return list(best.values())


def grade_file(
    path: Path,
    exercises: Sequence[Exercise] = EXERCISES,
    seed: int = 1,
    seconds: float = 30.0,
    mebibytes: int = 2048,
) -> list[Grade]:
    """Grade the exercises that a file has something for; all that are asked for, if it cannot be run."""
    grades: list[Grade] = []
    try:
        defined = _names_in(path)
    except (InputError, OSError) as error:
        return [Grade(exercise, problem=str(error)) for exercise in exercises]
    waiting = [exercise for exercise in exercises if exercise.function in defined or len(exercises) == 1]
    # What concerns the whole file is said once, with its first exercise.
    said = _imports(path, {name for exercise in waiting for name in exercise.given})
    told: set[str] = set()
    while waiting:
        with Submission(path, seconds, mebibytes) as submission:
            try:
                problems = submission.ask("problems")
            except Stopped as stopped:
                return grades + [Grade(exercise, problem=f"while its code is run, {stopped}") for exercise in waiting]
            while waiting and submission.alive:
                submission.new_budget()
                grade = _grade(submission, waiting.pop(0), seed)
                grade.notices.extend(said)
                said = []
                changed = [name for name in _changes(submission) if name not in told]
                grade.notices.extend(f"it changes {name} of the package" for name in changed)
                told.update(changed)
                if not grade.result.ok:
                    grade.remarks.extend(problems)
                grades.append(grade)
    return grades


def _grade(submission: Submission, exercise: Exercise, seed: int) -> Grade:
    fn = RemoteFunction(submission, exercise.function)
    result = exercise.check(fn, seed, show=False)
    found = []
    if result.fraction > 0:
        with contextlib.suppress(Stopped):  # the score stands; there is only less to say
            found = _notices(submission, fn, exercise, seed)
    return Grade(exercise, result, notices=found)


def _notices(submission: Submission, fn: RemoteFunction, exercise: Exercise, seed: int) -> list[str]:
    case = exercise.check.sample(seed)
    watched = submission.ask("watch", exercise.function, case.arguments)
    entries, error = 0, float("nan")
    if exercise.gradients:
        entries = sum(np.asarray(right).size for right in case.right.values())
        exact = by_position(list(case.right))(guard.call(target_function(exercise.check.target), case.arguments).value)
        again = exercise.check.judge(fn, seed, [replace(case, right=exact)], known_mistakes=False)
        error = float(np.max([row.error for row in again.rows]))
    return fairness.notices(watched, exercise.given, exercise.own, entries, error)


def _changes(submission: Submission) -> tuple[str, ...]:
    with contextlib.suppress(Stopped):
        return submission.ask("changes")
    return ()


def _names_in(path: Path) -> set[str]:
    """Every name that the file assigns, defines or imports; where it is no Python, those that its text contains."""
    found: set[str] = set()
    for piece in read_submission(path):
        tree = parse(piece.source)
        if tree is None:
            found |= {exercise.function for exercise in EXERCISES if exercise.function in piece.source}
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.alias):
                found.add((node.asname or node.name).partition(".")[0])
    return found


def _imports(path: Path, given: set[str]) -> list[str]:
    """What the file imports from the package besides what the exercises give."""
    names = set()
    trees = [parse(piece.source) for piece in read_submission(path)]
    for node in (node for tree in trees if tree for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}:{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    ours = {
        name[len(fairness.PACKAGE) + 1 :]
        for name in names
        if name.startswith((f"{fairness.PACKAGE}.", f"{fairness.PACKAGE}:"))
    }
    allowed = {*given, "course", "DRCN"}
    return sorted(
        f"it imports {name.replace(':', '.')} from the package"
        for name in ours
        if name not in allowed and name.partition(":")[0] not in allowed
    )


def _exercise_of(path: Path) -> Exercise | None:
    """The exercise that a file is named like: "ex04_..." or "ex4"."""
    for exercise in EXERCISES:
        if path.stem.lower().partition("_")[0] in (exercise.name, f"ex{exercise.number:02}"):
            return exercise
    return None


def _files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if _is_submission(file))


def _is_submission(path: Path) -> bool:
    return path.suffix in ENDINGS and path.is_file() and not any(part.startswith(".") for part in path.parts[-2:])
