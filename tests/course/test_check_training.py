from __future__ import annotations

import pytest

from minidrcn import DRCN, course
from minidrcn.course.checks.training import training_batches
from minidrcn.training.optim import Adam


def train(params, batches, lr=3e-3):
    model, adam = DRCN(filters=8, recursions=3).with_params(params), Adam()
    state = adam.init(params)
    for step, (x, y) in enumerate(batches):
        _, grads = model.loss_and_grads(x, y, alpha=0.5)
        params, state = adam.step(model.params, grads, state, lr, step + 1)
        model = model.with_params(params)
    return model.params


def test_a_loop_that_trains_gets_full_marks(capsys):
    result = course.check_training(train)
    assert result.fraction == 1
    assert "dB, bicubic" in capsys.readouterr().out


@pytest.mark.slow
def test_no_flake_on_200_seeds():
    for seed in range(200):
        result = course.check_training(train, seed, show=False)
        assert result.ok, f"\n{result}"


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (lambda p, b: train(p, b[:3], -3e-3), "is the sign of the step right"),
        (lambda p, b: p, "more than bicubic are asked for"),
        (lambda p, b: {name: v * float("nan") for name, v in p.items()}, "training has exploded"),
        (lambda p, b: {name: v[..., :1] for name, v in p.items()}, "must be an array of floats, of shape"),
        (lambda p, b: {"w": 1}, "the keys of what it returned are not those of params"),
        (lambda p, b: DRCN(), "it returned a value of type DRCN"),
    ],
)
def test_what_is_wrong_is_said(fn, words, capsys):
    result = course.check_training(fn)
    assert words in capsys.readouterr().out
    assert result.fraction <= 1 / 3


def test_parameters_changed_in_place_cost_a_fifth():
    def changes(params, batches):
        trained = train(params, batches)
        params["embed1.w"] += 1
        return trained

    assert course.check_training(changes, show=False).fraction == 0.8


def test_a_seed_decides_the_patches():
    first, again, other = training_batches(0), training_batches(0), training_batches(1)
    assert (first[0][0] == again[0][0]).all()
    assert (first[0][0] != other[0][0]).any()
