from __future__ import annotations

import pytest

from minidrcn.training.schedules import Plateau, alpha_from_rate, cosine_rate, linear_alpha, trapezoid_rate


def test_cosine_rises_then_falls_to_almost_nothing():
    rates = [cosine_rate(step, 100, 0.1, warmup=10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1 / 11)
    assert rates[10] == max(rates) == 0.1
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.05)
    assert 0 < rates[-1] < 1e-4


def test_cosine_with_less_steps_than_warmup_is_defined():
    assert [cosine_rate(step, 2, 1.0, warmup=3) for step in range(2)] == [0.25, 0.5]
    assert cosine_rate(0, 1, 1.0) == 1.0


def test_trapezoid_rises_stays_and_falls_to_almost_nothing():
    rates = [trapezoid_rate(step, 100, 0.1, warmup=9) for step in range(100)]
    assert rates[:9] == pytest.approx([0.01 * (step + 1) for step in range(9)])
    assert rates[9:76] == [0.1] * 67
    assert rates[75:] == pytest.approx([0.1 * (100 - step) / 25 for step in range(75, 100)])
    longer = [trapezoid_rate(step, 200, 0.1, warmup=9) for step in range(150)]
    assert longer[:75] == rates[:75], "until the fall the number of steps does not matter"
    assert trapezoid_rate(0, 1, 1.0) == 1.0


def test_plateau_divides_after_five_evaluations_without_a_new_best():
    rule = Plateau(lr=0.01)
    errors = [5.0, 4.0, 4.0, 4.5, 4.0, 6.0, 4.0]
    rates = []
    for error in errors:
        rule = rule.update(error)
        rates.append(rule.lr)
    assert rates == [0.01] * 6 + [0.001]
    assert rule.best == 4.0
    assert rule.update(3.9).lr == 0.001
    assert rule.update(3.9).waited == 0


def test_plateau_ends_below_one_in_a_million():
    rule, evaluations = Plateau(lr=0.01).update(1.0), 0
    while not rule.finished:
        rule, evaluations = rule.update(1.0), evaluations + 1
    # 0.01 -> 1e-3, 1e-4, 1e-5, 1e-6 and then below; rounding may make the fifth unnecessary, never the sixth necessary.
    assert evaluations in (20, 25)
    assert rule.lr < 1e-6


def test_linear_alpha():
    assert [linear_alpha(step, 8) for step in (0, 1, 2, 4, 7)] == [1, 0.75, 0.5, 0, 0]


def test_alpha_tied_to_the_rate():
    assert alpha_from_rate(0.1, 0.1, 16) == pytest.approx(16 / 17)
    assert alpha_from_rate(0.001, 0.1, 16) == pytest.approx(0.01 * 16 / 17)
    assert alpha_from_rate(0.2, 0.1, 1) == 0.5
