"""The test that `pytest --submission FILE -m ex4` runs; it fails unless exercise 4 is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..exercises import EXERCISES, Exercise
from .collect import collect
from .grade import best_grade
from .sandbox import Limits

EVERY = [pytest.param(exercise, marks=getattr(pytest.mark, exercise.name), id=exercise.name) for exercise in EXERCISES]


@pytest.mark.parametrize("exercise", EVERY)
def test_exercise(exercise: Exercise, request: Any) -> None:
    """Run the exercise's check with the seed that learners see."""
    (student,), _ = collect(Path(request.config.getoption("--submission")))
    grade = best_grade(student, exercise, [0], Limits())
    if grade.points < exercise.points:
        pytest.fail("\n".join(grade.report), pytrace=False)
