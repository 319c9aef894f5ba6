"""`pytest --submission FILE -m exN`, run as an instructor would, from any folder."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from minidrcn.course.grading.release import FOLDER, release

if not [entry for entry in entry_points(group="pytest11") if entry.value == "minidrcn.course.grading.pytest_plugin"]:
    pytest.skip("the plugin comes with the installed package: pip install -e .", allow_module_level=True)


def run_pytest(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return result.returncode, result.stdout + result.stderr


def test_a_right_submission_passes_and_an_empty_one_says_why_not(tmp_path):
    code, said = run_pytest(tmp_path, "--submission", FOLDER / "ex05_relu.ipynb", "-m", "ex5")
    assert (code, "1 passed, 10 deselected" in said) == (0, True), said
    release(tmp_path / "students")
    code, said = run_pytest(tmp_path, "--submission", tmp_path / "students" / "ex05_relu.ipynb", "-m", "ex5")
    assert code == 1
    assert "not written yet" in said
    assert "Traceback" not in said


def test_a_file_that_is_not_there_is_a_wrong_usage(tmp_path):
    code, said = run_pytest(tmp_path, "--submission", "nowhere.py")
    assert code == 4
    assert "--submission nowhere.py: no such file" in said
