"""What every forward/backward pair must satisfy, as checks that raise AssertionError.

The right functions pass them in `test_*.py`; the planted bugs must fail them in `course/test_bugs.py`.
"""

from __future__ import annotations

import itertools

import numpy as np
from conftest import relative_error, to_xp

from minidrcn.backend import get_xp, to_cpu
from minidrcn.grad_check import check_gradients
from minidrcn.model import network
from minidrcn.model.drcn import DRCN
from minidrcn.model.loss import loss_backward, loss_forward
from minidrcn.ops import conv, pointwise
from minidrcn.training import optim

OPERATION_TOLERANCE = 1e-8
NETWORK_TOLERANCE = 1e-6
EXACT = 1e-12  # what only differs in the order of summation


def frozen(array):
    """The same NumPy array, read-only, so that a function that writes to its input raises."""
    if isinstance(array, np.ndarray):
        array.flags.writeable = False
    return array


def check_pair(forward, backward, inputs, dy, differentiable=None) -> None:
    """Finite differences with the upstream gradient dy, twice the same result, inputs untouched, linear in dy.

    Args:
        forward: takes `inputs` by name, returns y and a cache.
        backward: takes dy and the cache, returns one gradient or a tuple of them in the order of `differentiable`.
        inputs: dict of arrays and constants.
        dy: of y's shape, or a number where y is a number.
        differentiable: names of inputs that gradients come back for; all arrays if left out.
    """
    names = differentiable or list(inputs)
    xp = get_xp(inputs[names[0]])
    for value in inputs.values():
        frozen(value)
    y, cache = forward(**inputs)
    assert getattr(y, "shape", ()) == getattr(dy, "shape", ())

    def gradients(upstream) -> dict:
        result = backward(frozen(upstream), cache)
        result = result if isinstance(result, tuple) else (result,)
        assert len(result) == len(names)
        return dict(zip(names, result, strict=True))

    before = {name: to_cpu(inputs[name]).copy() for name in names}
    dy_before = to_cpu(dy).copy() if hasattr(dy, "shape") else dy
    try:
        first, second = gradients(dy), gradients(dy)
    except ValueError as error:
        raise AssertionError(f"the backward pass writes to its inputs or cannot be run: {error}") from error
    assert np.array_equal(to_cpu(dy) if hasattr(dy, "shape") else dy, dy_before), "dy was changed"
    for name in names:
        assert first[name].dtype == inputs[name].dtype, f"d{name} changes the dtype"
        assert np.array_equal(to_cpu(first[name]), to_cpu(second[name])), f"d{name} differs the second time"
        assert np.array_equal(to_cpu(inputs[name]), before[name]), f"{name} was changed"

    doubled = gradients(-2.5 * dy)
    for name in names:
        assert relative_error(-2.5 * first[name], doubled[name]) < EXACT, f"d{name} is not linear in dy"

    def fake_loss(params):
        y, cache = forward(**{**inputs, **params})
        result = backward(dy, cache)
        return (y * dy).sum(), dict(zip(names, result if isinstance(result, tuple) else (result,), strict=True))

    point = {name: inputs[name] for name in names}
    report = check_gradients(fake_loss, point, elementwise=True, tolerance=OPERATION_TOLERANCE)
    assert report.ok, f"\n{report}"
    assert xp is get_xp(first[names[0]])


def reference_conv2d(x, w, b):
    """A convolution in words of one syllable, NumPy only."""
    N, H, W, _ = x.shape
    K, F = w.shape[0], w.shape[3]
    p = K // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    y = np.empty((N, H, W, F))
    for n, i, j, f in itertools.product(range(N), range(H), range(W), range(F)):
        y[n, i, j, f] = (padded[n, i : i + K, j : j + K] * w[..., f]).sum() + b[f]
    return y


def check_im2col(im2col, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(1)
    for N, H, W, C, K in ((2, 4, 5, 3, 3), (1, 1, 2, 2, 3), (2, 3, 6, 2, 5), (2, 3, 4, 1, 1), (1, 3, 3, 2, 3)):
        x = rng.standard_normal((N, H, W, C))
        cols = im2col(frozen(xp.asarray(x)), K)
        assert cols.shape == (N * H * W, K * K * C)
        p = K // 2
        padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        expected = [
            padded[n, i : i + K, j : j + K].ravel() for n, i, j in itertools.product(range(N), range(H), range(W))
        ]
        assert np.array_equal(to_cpu(cols), expected)
    assert im2col(xp.ones((1, 2, 3, 1), "float32"), 3).dtype == np.float32


def check_col2im(col2im, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(2)
    for N, H, W, C, K in ((2, 4, 5, 3, 3), (1, 1, 2, 2, 3), (2, 3, 6, 2, 5), (2, 3, 4, 1, 1), (1, 3, 3, 2, 3)):
        x, cols = to_xp(xp, (rng.standard_normal((N, H, W, C)), rng.standard_normal((N * H * W, K * K * C))))
        left = float((conv.im2col(x, K) * cols).sum())
        right = float((x * col2im(frozen(cols), x.shape, K)).sum())
        assert abs(left - right) <= EXACT * max(abs(left), abs(right), 1), "not the adjoint of im2col"
    assert col2im(xp.ones((6, 9), "float32"), (1, 2, 3, 1), 3).dtype == np.float32


def check_conv2d_backward(backward, forward=conv.conv2d_forward, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(3)
    for N, H, W, C, F, K in ((2, 4, 5, 3, 2, 3), (3, 2, 3, 1, 4, 3), (2, 3, 4, 2, 1, 5), (2, 3, 3, 2, 2, 3)):
        x, w, b, dy = to_xp(
            xp, [rng.standard_normal(shape) for shape in ((N, H, W, C), (K, K, C, F), (F,), (N, H, W, F))]
        )
        check_pair(forward, backward, {"x": x, "w": w, "b": b}, dy)


def check_relu_backward(backward, forward=pointwise.relu_forward, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(4)
    x, dy = to_xp(xp, rng.standard_normal((2, 2, 3, 4, 2)))
    check_pair(forward, backward, {"x": x}, dy)
    check_pair(forward, backward, {"x": xp.asarray([-2.0, 0.01, 3.0, 9.0])}, xp.asarray([10.0, -20.0, 30.0, 40.0]))


def check_squared_error_backward(backward, forward=pointwise.squared_error_forward, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(5)
    prediction, target = to_xp(xp, rng.standard_normal((2, 3, 4, 5, 1)))
    check_pair(forward, backward, {"prediction": prediction, "target": target}, 0.7, ["prediction"])


def check_weighted_sum_backward(backward, forward=pointwise.weighted_sum_forward, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(6)
    ys, w, dy = to_xp(xp, [rng.standard_normal(shape) for shape in ((4, 2, 3, 4, 1), (4,), (2, 3, 4, 1))])
    check_pair(forward, backward, {"ys": ys, "w": w}, dy)


def check_loss_backward(backward, forward=loss_forward, xp=np, rng=None) -> None:
    rng = rng or np.random.default_rng(7)
    final, ys, y = to_xp(xp, [rng.standard_normal(shape) for shape in ((2, 3, 4, 1), (3, 2, 3, 4, 1), (2, 3, 4, 1))])
    for alpha in (0.0, 0.3, 1.0):

        def f(params, alpha=alpha):
            loss, cache = forward(params["final"], params["ys"], y, alpha)
            dfinal, dys = backward(cache)
            return loss, {"final": dfinal, "ys": dys}

        report = check_gradients(f, {"final": final, "ys": ys}, elementwise=True, tolerance=OPERATION_TOLERANCE)
        assert report.ok, f"alpha = {alpha}\n{report}"


def check_network_backward(
    backward, forward=network.forward, xp=np, seed=8, recursions=3, filters=3, directions=2, **options
) -> None:
    """Finite differences for every parameter and the input, with random upstream gradients for final and ys."""
    rng = np.random.default_rng(seed)
    model = random_model(rng, filters, recursions, **options)
    x = rng.random((2, 5, 4, 1))
    final, ys, _ = model.forward(x)
    dfinal, dys = to_xp(xp, (rng.standard_normal(final.shape), rng.standard_normal(ys.shape)))

    def f(inputs):
        params = {name: value for name, value in inputs.items() if name != "x"}
        final, ys, cache = forward(params, inputs["x"], model.architecture)
        dx, grads = backward(dfinal, dys, cache)
        return (final * dfinal).sum() + (ys * dys).sum(), {**grads, "x": dx}

    point = to_xp(xp, {**model.params, "x": x})
    report = check_gradients(f, point, directions=directions, tolerance=NETWORK_TOLERANCE, seed=seed)
    assert report.ok, f"\n{report}"


def check_clip_by_global_norm(clip, xp=np) -> None:
    grads = to_xp(xp, {"w": np.array([[3.0, 0.0]]), "b": np.array([4.0])})
    clipped, norm = clip(grads, 2.5)
    assert float(norm) == 5.0
    assert np.allclose(to_cpu(clipped["w"]), [[1.5, 0]], rtol=EXACT)
    assert np.allclose(to_cpu(clipped["b"]), [2], rtol=EXACT)
    clipped, _ = clip({"v": grads["w"], "c": grads["b"]}, 4.5)  # longer than any array alone
    assert set(clipped) == {"v", "c"}
    assert np.allclose(to_cpu(clipped["c"]), [3.6], rtol=EXACT)
    untouched, norm = clip(grads, 7.0)
    assert float(norm) == 5.0
    assert untouched is not grads
    assert all(np.array_equal(to_cpu(untouched[name]), to_cpu(grads[name])) for name in grads)
    zero, norm = clip({"w": xp.zeros(3)}, 1.0)
    assert float(norm) == 0.0
    assert not to_cpu(zero["w"]).any()


CHECKS = {
    "im2col": check_im2col,
    "col2im": check_col2im,
    "conv2d_backward": check_conv2d_backward,
    "relu_backward": check_relu_backward,
    "squared_error_backward": check_squared_error_backward,
    "weighted_sum_backward": check_weighted_sum_backward,
    "loss_backward": check_loss_backward,
    "backward": check_network_backward,
    "clip_by_global_norm": check_clip_by_global_norm,
}
RIGHT = {
    "im2col": conv.im2col,
    "col2im": conv.col2im,
    "conv2d_backward": conv.conv2d_backward,
    "relu_backward": pointwise.relu_backward,
    "squared_error_backward": pointwise.squared_error_backward,
    "weighted_sum_backward": pointwise.weighted_sum_backward,
    "loss_backward": loss_backward,
    "backward": network.backward,
    "clip_by_global_norm": optim.clip_by_global_norm,
}


def random_model(rng, filters=3, recursions=3, **options) -> DRCN:
    """A float64 network whose biases, recursion and ensemble are not as regular as at the start of training."""
    model = DRCN(filters, recursions, dtype="float64", **{"conv": "im2col", **options})
    return model.with_params({name: p + 0.2 * rng.standard_normal(p.shape) for name, p in model.params.items()})
