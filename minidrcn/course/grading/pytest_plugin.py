"""For pytest: `pytest --submission FILE -m ex4` runs an exercise's check on a submission, wherever the file is.

Installed with the package. Without that option it does nothing; with it, pytest collects this file and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ..exercises import EXERCISES, Exercise
from .collect import collect
from .grade import best_grade
from .sandbox import Limits


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    help_text = "minidrcn: run the checks of the exercises on this file, and nothing else; -m ex1, -m ex2, ... for one"
    parser.addoption("--submission", metavar="FILE", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Make a marker of every exercise, and run their checks instead of the tests that lie around."""
    submission = config.getoption("--submission")
    if submission and not Path(submission).is_file():
        raise pytest.UsageError(f"--submission {submission}: no such file")
    for exercise in EXERCISES if submission else ():
        config.addinivalue_line("markers", f"{exercise.name}: the check of {exercise.title}, with --submission")
        config.args = [__file__]


@pytest.mark.parametrize(
    "exercise", [pytest.param(e, marks=getattr(pytest.mark, e.name), id=e.name) for e in EXERCISES]
)
def test_exercise(exercise: Exercise, request: pytest.FixtureRequest) -> None:
    """Run the exercise's check with the seed that learners see; it fails unless everything is right."""
    (student,), _ = collect(Path(request.config.getoption("--submission")))
    grade = best_grade(student, exercise, [0], Limits())
    if grade.points < exercise.points:
        pytest.fail("\n".join(grade.report), pytrace=False)
