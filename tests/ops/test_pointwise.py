from __future__ import annotations

import contract
import numpy as np
import pytest

from minidrcn.backend import to_cpu
from minidrcn.ops import pointwise


def test_relu(xp, rng):
    contract.check_relu_backward(pointwise.relu_backward, xp=xp, rng=rng)
    y, cache = pointwise.relu_forward(xp.asarray(np.array([-1.0, 0.0, 2.0])))
    assert to_cpu(y).tolist() == [0, 0, 2]
    assert to_cpu(pointwise.relu_backward(xp.asarray(np.array([5.0, 6.0, 7.0])), cache)).tolist() == [0, 0, 7]


def test_squared_error(xp, rng):
    contract.check_squared_error_backward(pointwise.squared_error_backward, xp=xp, rng=rng)
    loss, _ = pointwise.squared_error_forward(xp.asarray(np.array([[3.0, 0.0], [0.0, 1.0]])), xp.zeros((2, 2)))
    assert float(loss) == (9 + 1) / (2 * 2)


def test_weighted_sum(xp, rng):
    contract.check_weighted_sum_backward(pointwise.weighted_sum_backward, xp=xp, rng=rng)
    ys = xp.asarray(np.array([[1.0, 2.0], [10.0, 20.0]]))
    total, _ = pointwise.weighted_sum_forward(ys, xp.asarray(np.array([2.0, 0.5])))
    assert to_cpu(total).tolist() == [7, 14]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept(xp, rng, dtype):
    ys, target = (xp.asarray(rng.random(shape).astype(dtype)) for shape in ((3, 2, 4, 5, 1), (2, 4, 5, 1)))
    w = xp.asarray(rng.random(3).astype(dtype))
    total, sum_cache = pointwise.weighted_sum_forward(ys, w)
    loss, error_cache = pointwise.squared_error_forward(total, target)
    dtotal = pointwise.squared_error_backward(0.25, error_cache)
    dys, dw = pointwise.weighted_sum_backward(dtotal, sum_cache)
    y, relu_cache = pointwise.relu_forward(dys)
    outputs = (total, loss, dtotal, dys, dw, y, pointwise.relu_backward(y, relu_cache))
    assert {a.dtype for a in outputs} == {np.dtype(dtype)}


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="differ in shape"):
        pointwise.squared_error_forward(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="expected 2 weights"):
        pointwise.weighted_sum_forward(np.zeros((2, 3)), np.zeros(3))
