from __future__ import annotations

import contract
import numpy as np
import pytest
from conftest import relative_error
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.backend import to_cpu
from minidrcn.ops.conv import col2im, conv2d_backward, conv2d_forward, im2col

sides = st.integers(1, 7)
channels = st.integers(1, 4)
kernels = st.sampled_from([1, 3, 5])


def test_im2col_lays_out_neighbourhoods(xp, rng):
    contract.check_im2col(im2col, xp, rng)


def test_col2im_is_the_adjoint_of_im2col(xp, rng):
    contract.check_col2im(col2im, xp, rng)


def test_backward_passes_finite_differences(xp, rng):
    contract.check_conv2d_backward(conv2d_backward, xp=xp, rng=rng)


def test_forward_is_the_sum_over_the_neighbourhood(xp, rng):
    x, w, b = (rng.standard_normal(shape) for shape in ((2, 4, 5, 3), (3, 3, 3, 2), (2,)))
    y, _ = conv2d_forward(xp.asarray(x), xp.asarray(w), xp.asarray(b))
    assert relative_error(y, contract.reference_conv2d(x, w, b)) < contract.EXACT


@given(st.integers(1, 3), sides, sides, channels, channels, kernels)
def test_any_shape(N, H, W, C, F, K):
    rng = np.random.default_rng(N + 10 * H + 100 * W)
    x, w, b = (rng.standard_normal(shape) for shape in ((N, H, W, C), (K, K, C, F), (F,)))
    y, cache = conv2d_forward(x, w, b)
    assert relative_error(y, contract.reference_conv2d(x, w, b)) < 1e-11
    # <y, dy> is linear in x and in w, so the gradients can be read off without finite differences.
    dy = rng.standard_normal(y.shape)
    dx, dw, db = conv2d_backward(dy, cache)
    without_bias = ((y - b) * dy).sum()
    scale = np.abs(y * dy).sum()
    assert abs((dx * x).sum() - without_bias) < 1e-12 * scale
    assert abs((dw * w).sum() - without_bias) < 1e-12 * scale
    assert relative_error(db, dy.sum(axis=(0, 1, 2))) < 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept(xp, rng, dtype):
    shapes = ((2, 4, 5, 3), (3, 3, 3, 2), (2,))
    x, w, b = (xp.asarray(rng.standard_normal(shape).astype(dtype)) for shape in shapes)
    y, cache = conv2d_forward(x, w, b)
    assert {a.dtype for a in (y, *conv2d_backward(y, cache))} == {np.dtype(dtype)}


def test_the_cache_is_the_inputs_themselves(rng):
    x, w, b = (rng.standard_normal(shape) for shape in ((2, 4, 5, 3), (3, 3, 3, 2), (2,)))
    _, cache = conv2d_forward(x, w, b)
    assert cache[0] is x
    assert cache[1] is w


def test_maps_that_are_not_contiguous(rng):
    x = rng.standard_normal((5, 2, 4, 3)).transpose(1, 2, 0, 3)
    w, b, dy = (rng.standard_normal(shape) for shape in ((3, 3, 3, 2), (2,), (5, 4, 2, 2)))
    dy = dy.transpose(2, 1, 0, 3)
    y, cache = conv2d_forward(x, w, b)
    expected, expected_cache = conv2d_forward(x.copy(), w, b)
    assert np.array_equal(y, expected)
    for a, e in zip(conv2d_backward(dy, cache), conv2d_backward(dy.copy(), expected_cache), strict=True):
        assert relative_error(a, e) < contract.EXACT


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: im2col(np.zeros((2, 3, 4))), "expected maps of shape"),
        (lambda: im2col(np.zeros((1, 3, 4, 1)), 2), "must be odd"),
        (lambda: col2im(np.zeros((12, 9)), (1, 3, 5, 1)), "expected columns of shape"),
        (lambda: conv2d_forward(np.zeros((1, 3, 4, 2)), np.zeros((3, 3, 1, 1)), np.zeros(1)), "expected a kernel"),
        (lambda: conv2d_forward(np.zeros((1, 3, 4, 1)), np.zeros((3, 3, 1, 2)), np.zeros(1)), "expected a bias"),
        (lambda: conv2d_forward(np.zeros((3, 4, 1)), np.zeros((3, 3, 1, 2)), np.zeros(2)), "expected maps"),
        (lambda: conv2d_backward(np.zeros((1, 3, 4, 2)), (np.zeros((1, 3, 4, 1)), np.zeros((3, 3, 1, 1)))), "dy of"),
    ],
)
def test_wrong_shapes_are_named(function, message):
    with pytest.raises(ValueError, match=message):
        function()


def test_float32_gradients_agree_with_float64(xp, rng):
    inputs = [rng.standard_normal(shape) for shape in ((2, 9, 7, 16), (3, 3, 16, 8), (8,), (2, 9, 7, 8))]
    results = []
    for dtype in ("float32", "float64"):
        x, w, b, dy = (xp.asarray(a.astype(dtype)) for a in inputs)
        y, cache = conv2d_forward(x, w, b)
        results.append([to_cpu(a) for a in (y, *conv2d_backward(dy, cache))])
    for single, double in zip(*results, strict=True):
        assert relative_error(single, double) < 1e-5
