"""Grade what was handed in: each exercise of each submission in a process of its own, judged here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..checks import guard
from ..checks.bugs import target_function
from ..checks.cases import ComparingCheck
from ..checks.judge import by_position, judge
from ..exercises import Exercise
from . import notices, sandbox
from .collect import File, Student
from .sandbox import Limits
from .submission import NOT_A_NOTEBOOK


@dataclass(frozen=True)
class Grade:
    """What one exercise of one student is worth."""

    exercise: Exercise
    status: str = "not handed in"  # or "graded", "unreadable", "stopped: time", "stopped: memory", "stopped: crashed"
    points: float = 0.0
    report: list[str] = field(default_factory=lambda: ["not handed in"])  # lines for the student: the check's table
    notices: list[str] = field(default_factory=list)  # what the instructor should look at


def best_grade(student: Student, exercise: Exercise, seeds: Sequence[int], limits: Limits) -> Grade:
    """The best grade of all files that hold something for the exercise. A file named like one counts for it alone."""
    best = Grade(exercise)
    for file in student.files:
        if file.exercise and file.exercise.name != exercise.name:
            continue
        if file.problem:
            grade = Grade(exercise, "unreadable", report=[f"{file.name}: {file.problem}"])
        elif exercise.function in file.source or file.exercise:
            others = [other for other in student.files if other.name.endswith(".py") and not other.problem]
            modules = {other.name: other.source for other in others if other is not file}
            grade = grade_file(file, exercise, seeds, limits, modules)
        else:
            continue
        if best.status in ("not handed in", "unreadable") or grade.points > best.points:
            best = grade
    return best


def grade_file(file: File, exercise: Exercise, seeds: Sequence[int], limits: Limits, modules: dict[str, str]) -> Grade:
    """Run one exercise of one file, which may import modules, and judge it with each seed: the worst result counts."""
    check = exercise.check
    seeds = seeds[: check.seeds]
    cases = [check.cases(seed) for seed in seeds]
    calls = tuple(case.arguments for group in cases for case in group)
    answers = sandbox.run(file, modules, check, calls, limits)
    if answers.stopped:
        return Grade(exercise, f"stopped: {answers.stopped}", 0.0, list(answers.problems))
    if answers.outcomes[0].problem == NOT_A_NOTEBOOK:
        return Grade(exercise, "unreadable", 0.0, [f"{file.name}: {NOT_A_NOTEBOOK}"])
    results, error, remaining = [], np.nan, iter(answers.outcomes)
    for seed, group in zip(seeds, cases, strict=True):
        outcomes = [next(remaining) for _ in group]
        results.append(check.grade(outcomes, seed))
        if exercise.gradients and results[-1].fraction > 0:
            error = np.fmax(error, _error(check, outcomes, seed))
    worst = min(results, key=lambda result: result.fraction)
    entries = sum(np.asarray(right).size for right in cases[0][0].right.values()) if exercise.gradients else 0
    out_of_memory = any(outcome.problem.startswith("it needs more memory") for outcome in answers.outcomes)
    return Grade(
        exercise,
        "stopped: memory" if out_of_memory else "graded",
        round(exercise.points * worst.fraction, 2),
        str(worst).splitlines() + ([] if worst.ok else list(answers.problems)),
        notices.sentences(answers.seen, answers.called, exercise, entries, float(error)),
    )


def seeds_of(student: str, secret: str) -> tuple[int, int]:
    """Two seeds that follow from a student's name and a secret."""
    digest = hashlib.sha256(f"{secret}/{student}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def _error(check: ComparingCheck, outcomes: Sequence[guard.Outcome], seed: int) -> float:
    """The largest relative difference from what the package's own function gives, which rounds like a derivation."""
    cases, target = [], target_function(check.target)
    for case in check.cases(seed):
        exact = by_position(list(case.right))(guard.call(target, case.arguments).value)
        cases.append(replace(case, right=exact))
    return float(np.max([row.error for row in judge(check, outcomes, cases, seed, known_mistakes=False).rows]))
