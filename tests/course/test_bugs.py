from __future__ import annotations

import inspect
import math

import contract
import numpy as np
import pytest
from checks import CHECKS, judge_by_numbers, right

from minidrcn.course.checks.bugs import BUGS, Bug, plant

SEEDS = range(3)


def taps(N, H, W, K):
    """Every pixel (n, i, j), every place (k, m) in its window, and the pixel seen there if it is on the map."""
    for n, i, j, k, m in np.ndindex(N, H, W, K, K):
        a, b = i + k - K // 2, j + m - K // 2
        if 0 <= a < H and 0 <= b < W:
            yield (n, i, j), (k, m), (n, a, b)


def im2col(x, kernel=3):
    cols = np.zeros((*x.shape[:3], kernel, kernel, x.shape[3]), x.dtype)
    for pixel, place, seen in taps(*x.shape[:3], kernel):
        cols[pixel + place] = x[seen]
    return cols.reshape(x[..., 0].size, -1)


def col2im(cols, shape, kernel=3):
    cols = cols.reshape(*shape[:3], kernel, kernel, shape[3])
    x = np.zeros(shape, cols.dtype)
    for pixel, place, seen in taps(*shape[:3], kernel):
        x[seen] += cols[pixel + place]
    return x


def conv2d_forward(x, w, b):
    y = np.zeros((*x.shape[:3], len(b))) + b
    for pixel, place, seen in taps(*x.shape[:3], len(w)):
        y[pixel] += x[seen] @ w[place]
    return y, (x, w)


def conv2d_backward(dy, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for pixel, place, seen in taps(*x.shape[:3], len(w)):
        dx[seen] += w[place] @ dy[pixel]
        dw[place] += np.outer(x[seen], dy[pixel])
    return dx, dw, np.array([dy[..., f].sum() for f in range(w.shape[3])])


def relu_backward(dy, cache):
    dx = np.zeros_like(dy)
    for index in np.ndindex(dy.shape):
        if cache[index] > 0:
            dx[index] = dy[index]
    return dx


def recursion_backward(dh, caches):
    dw = db = 0
    for d in range(len(caches) - 1, -1, -1):
        dh, dw_d, db_d = conv2d_backward(relu_backward(dh, caches[d][1]), caches[d][0])
        dw, db = dw + dw_d, db + db_d
    return dh, dw, db


def supervision_backward(dys, caches):
    dh = dw = db = dv = dc = 0
    for d in range(len(caches) - 1, -1, -1):
        dh_d, dv_d, dc_d = conv2d_backward(dys[d], caches[d][2])
        dh, dw_d, db_d = conv2d_backward(relu_backward(dh + dh_d, caches[d][1]), caches[d][0])
        dw, db, dv, dc = dw + dw_d, db + db_d, dv + dv_d, dc + dc_d
    return dh, dw, db, dv, dc


def loss_and_gradients(ys, w, y, alpha):
    D, N = ys.shape[:2]
    loss, dys, dw = 0.0, np.zeros_like(ys), np.zeros_like(w)
    for pixel in np.ndindex(y.shape):
        error = sum(w[d] * ys[d][pixel] for d in range(D)) - y[pixel]
        loss += (1 - alpha) * error**2 / (2 * N)
        for d in range(D):
            single = ys[d][pixel] - y[pixel]
            loss += alpha * single**2 / (2 * D * N)
            dys[d][pixel] = alpha * single / (D * N) + (1 - alpha) * error * w[d] / N
            dw[d] += (1 - alpha) * error * ys[d][pixel] / N
    return loss, dys, dw


def clip_by_global_norm(grads, max_norm):
    norm = math.sqrt(sum(entry**2 for g in grads.values() for entry in g.ravel().tolist()))
    return {name: g * (max_norm / norm if norm > max_norm else 1.0) for name, g in grads.items()}, norm


# What somebody may hand in who writes loops, and none of the package's own lines.
LOOPS = (
    im2col,
    col2im,
    conv2d_forward,
    conv2d_backward,
    relu_backward,
    recursion_backward,
    supervision_backward,
    loss_and_gradients,
    clip_by_global_norm,
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_planted_bug_is_rejected_by_its_check(bug):
    for seed in SEEDS:
        result = CHECKS[bug.target](plant(bug), seed, show=False)
        assert not result.ok
        assert result.fraction < 1


@pytest.mark.parametrize("target", CHECKS)
def test_the_right_function_gets_full_marks(target):
    for seed in SEEDS:
        result = CHECKS[target](right(target), seed, show=False)
        assert result.ok, f"\n{result}"
        assert result.fraction == 1


def assert_full_marks(fn, seeds):
    (check,) = (check for check in CHECKS.values() if check.function_name == fn.__name__)
    for seed in seeds:
        result = check(fn, seed, show=False)
        assert result.fraction == 1, f"\n{result}"


@pytest.mark.parametrize("fn", LOOPS)
def test_loops_get_full_marks(fn):
    assert_full_marks(fn, SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("fn", LOOPS)
def test_loops_get_full_marks_on_200_seeds(fn):
    assert_full_marks(fn, range(200))


@pytest.mark.slow
@pytest.mark.parametrize("target", CHECKS)
def test_no_flake_on_200_seeds(target):
    bugs = {bug.name: plant(bug) for bug in BUGS if bug.target == target}
    for seed in range(200):
        result = CHECKS[target](right(target), seed, show=False)
        assert result.ok, f"\n{result}"
        passed = [name for name, fn in bugs.items() if judge_by_numbers(CHECKS[target], fn, seed).fraction == 1]
        assert passed == [], f"seed {seed}"


# In functions of the package that no exercise asks for.
FURTHER = {
    "ops.pointwise:squared_error_backward": (
        ("squared_error_doubled", "(dloss /", "(2 * dloss /", "the square's 2 is kept; the 1/2 in front cancels it"),
        ("squared_error_sign", "(prediction - target) *", "(target - prediction) *", "wrong sign: it climbs the loss"),
        ("squared_error_pixel_mean", "len(target)", "target.size", "divided by all pixels; the loss sums over pixels"),
        ("squared_error_for_two_images", "len(target)", "2", "divided by 2, however many images there are"),
    ),
    "ops.pointwise:weighted_sum_backward": (
        ("ensemble_as_plain_mean", "w.reshape(-1, *(1,) * dy.ndim)", "get_xp(ys).ones_like(ys) / len(ys)",
         "the gradient is shared out evenly, whatever the learned weights are"),
        ("ensemble_weights_reversed", "(ys * dy)", "(ys[::-1] * dy)", "weight d gets the gradient of weight D + 1 - d"),
        ("ensemble_drops_fourth_weight", "return dys, dw", "dw[3:] = 0; return dys, dw", "w[3] gets no gradient"),
    ),
    "model.loss:loss_backward": (
        ("loss_dropped_alpha", "alpha / D,", "1 / D,", "alpha is left out of the recursions' own predictions"),
        ("loss_singles_without_one_over_d", "alpha / D,", "alpha,", "l1 is a mean over the recursions, not a sum"),
        ("loss_ensemble_at_full_weight", "1 - alpha,", "1,", "the ensemble's part is not multiplied by 1 - alpha"),
        ("loss_for_two_recursions", "D = len(single_caches)", "D = 2", "D is taken to be 2"),
    ),
}  # fmt: skip
CONTRACTED = [b for b in BUGS if b.function_name in contract.CHECKS]
CONTRACTED += [Bug(name, target, *edit) for target, bugs in FURTHER.items() for name, *edit in bugs]


@pytest.mark.parametrize("bug", CONTRACTED, ids=lambda bug: bug.name)
def test_the_checks_of_the_package_s_own_tests_reject_it_as_well(bug):
    with pytest.raises(AssertionError):
        contract.CHECKS[bug.function_name](plant(bug))


@pytest.mark.parametrize("name", contract.CHECKS)
def test_the_right_functions_pass_the_same_checks(name):
    contract.CHECKS[name](contract.RIGHT[name])


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own():
    assert len(BUGS) >= 100
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert all(bug.mistake and "\n" not in bug.mistake for bug in BUGS)
    assert {bug.target for bug in BUGS} == set(CHECKS)


def test_a_planted_bug_shows_its_own_source_and_leaves_the_package_alone():
    bug = BUGS[0]
    wrong = plant(bug)
    assert bug.wrong in inspect.getsource(wrong)
    assert bug.right in inspect.getsource(right(bug.target))


def test_a_bug_whose_line_is_gone_is_noticed():
    with pytest.raises(ValueError, match="stands 0 times"):
        plant(Bug("gone", "ops.conv:im2col", "no such line", "", "nothing"))
