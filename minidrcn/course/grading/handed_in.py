"""The test that `pytest --submission FILE -m ex4` runs; it fails unless exercise 4 is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..exercises import EXERCISES, Exercise
from .grade import grade_file

EVERY = [pytest.param(exercise, marks=getattr(pytest.mark, exercise.name), id=exercise.name) for exercise in EXERCISES]


@pytest.mark.parametrize("exercise", EVERY)
def test_exercise(exercise: Exercise, request: Any) -> None:
    """Run the exercise's check with the seed that learners see."""
    (grade,) = grade_file(Path(request.config.getoption("--submission")), [exercise], seed=0)
    said = [str(grade.result) if grade.result else grade.problem, *grade.remarks]
    if grade.result is None or not grade.result.ok:
        pytest.fail("\n".join(said), pytrace=False)
