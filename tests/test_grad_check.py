from __future__ import annotations

import numpy as np
import pytest
from conftest import to_xp

from minidrcn.grad_check import check_gradients, main


def quadratic(factor=1.0, entry=None):
    """Loss sum(a * p^2) / 2 with gradient a * p, made wrong by a factor, everywhere or at one entry."""

    def f(params):
        p = params["p"]
        a = np.arange(1.0, p.size + 1).reshape(p.shape)
        g = a * p
        if entry is None:
            g = factor * g
        else:
            g[entry] *= factor
        return (a * p * p).sum() / 2, {"p": g}

    return f


@pytest.fixture
def point(rng):
    return {"p": rng.standard_normal((3, 4))}


@pytest.mark.parametrize("elementwise", [True, False])
def test_a_right_gradient_passes(point, elementwise):
    report = check_gradients(quadratic(), point, elementwise=elementwise)
    assert report.ok
    assert "all 1 gradients agree" in str(report)
    assert report.rows[0].error < 1e-9


@pytest.mark.parametrize("elementwise", [True, False])
@pytest.mark.parametrize("factor", [2.0, -1.0, 0.5, 1 + 1e-4, 1 + 5e-6])
def test_a_wrong_factor_is_found_and_named(point, elementwise, factor):
    report = check_gradients(quadratic(factor), point, elementwise=elementwise)
    assert not report.ok
    assert report.rows[0].ratio == pytest.approx(factor, rel=1e-5)
    assert "WRONG: p" in str(report)


@pytest.mark.parametrize("elementwise", [True, False])
def test_the_one_wrong_entry_is_located(point, elementwise):
    report = check_gradients(quadratic(3.0, entry=(1, 2)), point, elementwise=elementwise)
    assert report.rows[0].index == (1, 2)
    assert report.rows[0].ratio == pytest.approx(3, rel=1e-5)


def test_every_parameter_is_checked_by_itself():
    def f(params):
        return params["large"].sum() * 1e3 + params["small"].sum(), {
            "large": np.full(1000, 1e3),
            "small": np.array([1.001]),
        }

    report = check_gradients(f, {"large": np.linspace(-1, 1, 1000), "small": np.ones(1)})
    assert [row.ok for row in report.rows] == [True, False]


def test_a_gradient_that_rounding_hides_does_not_pass():
    report = check_gradients(lambda params: (1e9 + params["p"].sum(), {"p": np.full(3, 1.001)}), {"p": np.ones(3)})
    assert not report.ok
    assert "too small to be measured beside a loss of 1e+09" in str(report)


@pytest.mark.parametrize("wrong", [5e-6, 5e-5, 5e-4])
@pytest.mark.parametrize("size", [1e-5, 1e-4])
def test_a_small_error_in_a_small_gradient_does_not_pass(wrong, size):
    def f(params):
        return 1 + size * params["p"].sum(), {"p": np.full(5, size * (1 + wrong))}

    assert not check_gradients(f, {"p": np.ones(5)}, elementwise=True).ok


def test_a_kink_within_the_step_is_no_bug_and_a_bug_at_a_kink_is():
    def hinge(slope):
        def f(params):
            p = params["p"]
            return np.maximum(p, 0).sum(), {"p": slope * (p > 0)}

        return f

    at_kink = {"p": np.array([1e-7, 0.5, -0.3])}
    assert check_gradients(hinge(1.0), at_kink, elementwise=True).ok
    assert not check_gradients(hinge(0.9), at_kink, elementwise=True).ok


@pytest.mark.parametrize(
    ("grads", "problem"),
    [
        ({}, "no gradient was returned"),
        (None, "no gradient was returned"),
        ({"p": None}, "the gradient is no array but NoneType"),
        ({"p": np.zeros((4, 3))}, r"the gradient has the shape (4, 3)"),
        ({"p": np.full((3, 4), np.nan)}, "the gradient is not finite"),
    ],
)
def test_what_cannot_be_compared_is_a_failure_with_a_reason(point, grads, problem):
    report = check_gradients(lambda params: (params["p"].sum(), grads), point)
    assert not report.ok
    assert problem in str(report)


def test_a_gradient_that_is_zero_on_both_sides_passes():
    report = check_gradients(lambda params: (1.0, {"p": np.zeros(3)}), {"p": np.ones(3)})
    assert report.ok


def test_float32_is_refused():
    with pytest.raises(ValueError, match="need float64"):
        check_gradients(quadratic(), {"p": np.zeros((3, 4), dtype="float32")})
    with pytest.raises(ValueError, match="no parameters"):
        check_gradients(quadratic(), {})


def test_parameters_are_left_alone(point):
    before = point["p"].copy()
    point["p"].flags.writeable = False
    check_gradients(quadratic(), point)
    assert np.array_equal(point["p"], before)


def test_on_every_array_module(xp, point):
    report = check_gradients(
        lambda params: ((params["p"] * params["p"]).sum(), {"p": 2 * params["p"]}), to_xp(xp, point)
    )
    assert report.ok


def test_the_command_prints_the_table_of_the_whole_network(capsys):
    assert main(["--filters", "3", "--recursions", "2"]) == 0
    output = capsys.readouterr().out
    assert output.count("gradients agree with finite differences") == 6
    assert "ensemble.w" in output
    assert "WRONG" not in output


def test_the_command_fails_where_a_gradient_is_wrong(capsys, monkeypatch):
    from minidrcn.course.checks.bugs import BUGS, plant
    from minidrcn.model import network

    bug = next(bug for bug in BUGS if bug.name == "recursion_gradient_overwritten")
    monkeypatch.setattr(network, "backward", plant(bug))
    assert main(["--filters", "3", "--recursions", "2"]) == 1
    assert "WRONG: recursion.w" in capsys.readouterr().out


def test_wrong_usage_is_one_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--filters", "0"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "must be a whole number of at least 1" in error
