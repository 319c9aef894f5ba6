from __future__ import annotations

import contract
import numpy as np
import pytest
from conftest import to_xp

from minidrcn.backend import to_cpu
from minidrcn.training.clipping import clip_adjustable, clip_by_global_norm, clip_by_value, global_norm


def test_clip_by_global_norm(xp):
    contract.check_clip_by_global_norm(clip_by_global_norm, xp)


def test_clip_by_value(xp):
    grads = to_xp(xp, {"w": np.array([-3.0, 0.5, 2.0])})
    assert to_cpu(clip_by_value(grads, 1.0)["w"]).tolist() == [-1, 0.5, 1]
    assert to_cpu(grads["w"]).tolist() == [-3, 0.5, 2]


def test_clip_adjustable_bounds_the_step_not_the_gradient(xp):
    grads = to_xp(xp, {"w": np.array([-300.0, 50.0, 200.0])})
    for lr, expected in ((0.01, [-100, 50, 100]), (0.1, [-10, 10, 10]), (0.001, [-300, 50, 200])):
        clipped = to_cpu(clip_adjustable(grads, 1.0, lr)["w"])
        assert np.allclose(clipped, expected)
        assert (np.abs(lr * clipped) <= 1 + 1e-12).all()


def test_the_norm_of_float32_gradients_neither_overflows_nor_changes_them(xp):
    grads = to_xp(xp, {"w": np.full(4, 1e30, dtype="float32")})
    assert float(global_norm(grads)) == pytest.approx(2e30)
    clipped, norm = clip_by_global_norm(grads, 1.0)
    assert float(norm) == pytest.approx(2e30)
    assert np.allclose(to_cpu(clipped["w"]), 0.5)
    assert clipped["w"].dtype == np.float32


def test_a_gradient_that_is_not_finite_stays_visible():
    with np.errstate(invalid="ignore"):
        clipped, norm = clip_by_global_norm({"w": np.array([1.0, np.nan])}, 1.0)
    assert np.isnan(norm)
    assert np.isnan(clipped["w"]).all()


@pytest.mark.parametrize("clip", [lambda g: clip_by_global_norm(g, 0), lambda g: clip_by_value(g, -1.0),
                                  lambda g: clip_adjustable(g, 0.0, 0.1)])  # fmt: skip
def test_limits_must_be_positive(clip):
    with pytest.raises(ValueError, match="must be positive"):
        clip({"w": np.ones(2)})
