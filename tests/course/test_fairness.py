from __future__ import annotations

import sys

import numpy as np
import pytest

from minidrcn import grad_check
from minidrcn.course.grading import fairness
from minidrcn.model.drcn import DRCN
from minidrcn.ops import conv
from minidrcn.training import optim

X = np.arange(12.0).reshape(1, 3, 4, 1)


def test_what_is_replaced_removed_or_rewritten_is_found(monkeypatch):
    before = fairness.snapshot()
    assert fairness.changed_since(before) == []
    monkeypatch.setattr(conv, "col2im", None)
    monkeypatch.delattr(optim, "clip_by_value")
    monkeypatch.setattr(DRCN, "predict", lambda *_: None)
    code = grad_check.numeric_gradient.__code__
    monkeypatch.setattr(grad_check.numeric_gradient, "__code__", code.replace(co_name="other"))
    changed = fairness.changed_since(before)
    for name in (
        "ops.conv.col2im",
        "training.optim.clip_by_value",
        "model.drcn.DRCN.predict",
        "grad_check.numeric_gradient",
    ):
        assert f"minidrcn.{name}" in changed
    assert "minidrcn.ops.conv.im2col" not in changed


def test_calls_from_outside_are_told_from_calls_inside():
    watched = fairness.watch(lambda x: conv.conv2d_forward(x, np.ones((3, 3, 1, 2)), np.zeros(2))[0], (X,))
    assert watched["package"] == {"ops.conv:conv2d_forward": 1}
    assert watched["ran"]["ops.conv:im2col"] == 1
    assert fairness.watch(conv.im2col, (X,))["package"] == {"ops.conv:im2col": 1}


def test_an_exception_ends_the_watching():

    assert fairness.watch(lambda x: 1 / 0, (X,)) == {"package": {}, "ran": {}, "whole": {}}
    assert sys.getprofile() is None


@pytest.mark.parametrize(
    ("watched", "entries", "error", "words"),
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
def test_notices(watched, entries, error, words):
    watched = {"package": {}, "ran": {}, "whole": {}} | watched
    found = fairness.notices(watched, ("ops.conv:given", "model.drcn"), ("ops.conv:own",), entries, error)
    assert (words in "; ".join(found)) if words else (found == [])
