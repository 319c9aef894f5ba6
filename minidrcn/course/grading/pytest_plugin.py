"""For pytest: `pytest --submission FILE -m ex4` runs an exercise's check on a submission, wherever the file is.

Installed with the package. Without that option it does nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Add the option."""
    help_text = "minidrcn: run the checks of the exercises on this file, and nothing else; -m ex1, -m ex2, ... for one"
    parser.addoption("--submission", metavar="FILE", help=help_text)


def pytest_configure(config: Any) -> None:
    """Make a marker of every exercise, and run their checks instead of the tests that lie around."""
    submission = config.getoption("--submission")
    if not submission:
        return
    import pytest

    if not Path(submission).is_file():
        raise pytest.UsageError(f"--submission {submission}: no such file")
    from ..exercises import EXERCISES

    for exercise in EXERCISES:
        config.addinivalue_line("markers", f"{exercise.name}: the check of {exercise.title}, with --submission")
    config.args = [str(Path(__file__).with_name("handed_in.py"))]
