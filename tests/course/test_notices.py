from __future__ import annotations

import ast
import sys

import numpy as np
import pytest

from minidrcn.course.checks import guard
from minidrcn.course.exercises import EXERCISES
from minidrcn.course.grading import notices
from minidrcn.course.grading.worker import load
from minidrcn.ops import conv

X = np.arange(12.0).reshape(1, 3, 4, 1)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import numpy as np\nfrom math import sqrt\nfrom functools import partial", []),
        ("import autograd.numpy as np", ["it imports autograd"]),
        ("import threading, os", ["it imports threading", "it imports os"]),
        ("from minidrcn import course\ncourse.check_loss(f)\ncourse.show_riddles(0)", []),
        ("from minidrcn import course\nanswers = course.riddles.riddles_of(0)", ["it uses course.riddles"]),
        ("from minidrcn import course\nf = course.checks.convolution.conv", ["it uses course.checks"]),
        ("open('ex04.ipynb')", ["it uses open"]),
        ("f = __import__('autograd')", ["it uses __import__"]),
        ("g = f.__globals__", ["it looks behind __globals__"]),
        ("print(inspect.getsource(f))", ["it uses inspect"]),
    ],
)
def test_what_the_source_says(source, said):
    assert list(notices.in_source([ast.parse(source), None])["other"]) == said


def test_imports_of_the_package_are_listed():
    source = (
        "from minidrcn.ops.conv import conv2d_backward as f\nimport minidrcn.ops.winograd\nfrom minidrcn import DRCN"
    )
    assert notices.in_source([ast.parse(source)])["package"] == ("ops.conv:conv2d_backward", "ops.winograd", "DRCN")


def test_calls_from_a_submission_are_told_from_calls_inside():
    source = """
import numpy as np
from minidrcn.ops import conv

def helper(x):
    return conv.conv2d_forward(x, np.ones((3, 3, 1, 2)), np.zeros(2))[0]

def f(x):
    return helper(x) + helper(x)
"""
    module, problems = load("a.py", source)
    outcome, called = notices.counted(lambda: guard.call(module.f, (X,)), X.size)
    assert problems == []
    assert outcome.value.shape == (1, 3, 4, 2)
    assert called["package"] == {"ops.conv:conv2d_forward": 2}
    assert called["ran"]["ops.conv:im2col"] == 2
    assert called["whole"]["helper"] == 2
    assert sys.getprofile() is None


@pytest.mark.parametrize(
    ("called", "entries", "error", "words"),
    [
        ({"package": {"ops.conv:im2col": 1}}, 0, np.nan, "it calls ops.conv.im2col of the package"),
        ({"package": {"ops.conv:given": 1, "model.drcn:f": 1}}, 0, np.nan, ""),
        ({"ran": {"ops.conv:own": 2}}, 0, np.nan, "it computes with ops.conv.own of the package instead of its own"),
        ({"whole": {"f": 30}}, 30, 1e-15, "it calls f 30 times for 30 numbers"),
        ({"whole": {"f": 29}}, 30, 1e-15, ""),
        ({"whole": {"f": 30}}, 0, np.nan, ""),
        ({}, 30, 3e-10, "right to 9 digits only"),
        ({}, 30, 3e-16, ""),
        ({}, 30, 0.5, ""),
        ({}, 30, np.nan, ""),
    ],
)
def test_sentences(called, entries, error, words):
    exercise = EXERCISES[0]._replace(given=("ops.conv:given", "model.drcn"), own=("ops.conv:own",))
    found = notices.sentences({}, called, exercise, entries, error)
    assert (words in "; ".join(found)) if words else (found == [])


def test_the_package_s_functions_are_the_ones_counted():
    _, called = notices.counted(lambda: guard.call(conv.im2col, (X,)), X.size)
    assert called["ran"]["ops.conv:im2col"] == 1
    assert called["package"] == {}
