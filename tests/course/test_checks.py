"""What every check does with a function: fair, helpful, and impossible to crash."""

from __future__ import annotations

import pydoc

import numpy as np
import pytest
from checks import CHECKS, judge_by_numbers, right

from minidrcn import course
from minidrcn.course.checks import hints
from minidrcn.course.checks.bugs import BUGS, plant
from minidrcn.course.checks.cases import draw_sizes
from minidrcn.course.checks.convolution import COLUMNS, CONVOLUTIONS
from minidrcn.course.checks.pointwise import MAPS, PREDICTIONS
from minidrcn.course.checks.recursion import RECURSIONS
from minidrcn.course.checks.recursive import loss_and_gradients
from minidrcn.ops.conv import col2im, conv2d_backward, conv2d_forward, im2col

EVERY = {**CHECKS, "training": course.check_training, "riddles": course.check_find_the_bug}


def endless(*arguments):
    return endless(*arguments)


def raises(*arguments):
    raise ValueError("two\nlines")


def ends(*arguments):
    raise SystemExit


def changes_everything(*arguments):
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            argument[...] = np.nan


NONSENSE = {
    "no function": None,
    "None": lambda *_: None,
    "a number": lambda *_: 3.5,
    "a string": lambda *_: "dx",
    "a scalar array": lambda *_: np.array(1.0),
    "an empty array": lambda *_: np.zeros((0, 3)),
    "a wrong shape": lambda *_: np.zeros((2, 3)),
    "objects": lambda *_: np.array([None]),
    "integers": lambda first, *_: np.ones_like(first, dtype=int),
    "complex": lambda first, *_: first * 1j,
    "huge numbers": lambda first, *_: (np.full_like(first, -1.7e308),) * 3,
    "NaN": lambda first, *_: first * np.nan,
    "too many": lambda *_: (np.zeros(2),) * 9,
    "a tuple in a tuple": lambda *_: ((np.zeros(2),),),
    "a dict": lambda *_: {"dx": np.zeros(2)},
    "a dict of anything": lambda *_: ({3: "x", None: None}, None),
    "nested dicts": lambda *_: ({"w": {"w": 1}}, {"b": []}),
    "a generator": lambda *_: (i for i in range(3)),
    "a class": lambda *_: dict,
    "the arguments": lambda *arguments: arguments,
    "an exception": raises,
    "endless recursion": endless,
    "exit": ends,
    "wrong number of arguments": lambda: 0,
    "in-place nonsense": changes_everything,
}


@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("check", EVERY)
def test_nonsense_gets_no_points_and_a_sentence(check, name, capsys):
    result = EVERY[check](NONSENSE[name])
    out, err = capsys.readouterr()
    assert err == ""
    assert result.fraction < 0.35
    assert not result.ok
    assert "WRONG" in out
    assert "Traceback" not in out
    assert all(len(line) < 330 for line in out.splitlines())


@pytest.mark.parametrize("check", EVERY)
def test_help_says_what_the_function_takes_and_returns(check):
    said = pydoc.plain(pydoc.render_doc(EVERY[check]))
    assert "Check `fn(" in said
    assert ") -> " in said
    assert "`check(fn, " in said


@pytest.mark.parametrize("target", CHECKS)
def test_a_check_says_what_it_did(target, capsys):
    result = CHECKS[target](right(target), seed=5)
    out, err = capsys.readouterr()
    assert out == f"{result}\n"
    assert err == ""
    assert out.splitlines()[0] == f"{target.partition(':')[2]}, seed 5"
    assert out.splitlines()[-1] == "everything is right: 100 %"
    CHECKS[target](right(target), seed=5, show=False)
    assert capsys.readouterr().out == ""


def test_local_functions_lambdas_and_partial_credit():
    def mine(dy, cache):
        dx, dw, db = conv2d_backward(dy, cache)
        return dx, dw / len(dy), db

    result = course.check_conv_backward(mine, show=False)
    assert result.fraction == pytest.approx(2 / 3)
    assert course.check_conv_backward(lambda dy, cache: list(conv2d_backward(dy, cache)), show=False).fraction == 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_convolution_that_fails_for_other_kernels_keeps_the_points_of_3_x_3(seed):
    def forward(x, w, b):
        assert len(w) == 3
        return conv2d_forward(x, w, b)

    def backward(dy, cache):
        return conv2d_backward(dy, cache) if len(cache[1]) == 3 else None

    assert course.check_conv_forward(forward, seed, show=False).fraction == 0.75
    assert course.check_conv_backward(backward, seed, show=False).fraction == 0.75


def with_border(cols, shape, kernel):
    p = kernel // 2
    return np.pad(col2im(cols, shape, kernel), ((0, 0), (p, p), (p, p), (0, 0)))


def in_another_order(dy, cache):
    dx, dw, db = conv2d_backward(dy, cache)
    return dw, dx, db


@pytest.mark.parametrize(
    ("check", "fn", "words"),
    [
        (course.check_im2col, lambda x, K: im2col(x, K).reshape(*x.shape[:3], -1), "a reshape is missing"),
        (course.check_im2col, lambda x, K: im2col(x, K).T, "the same lengths in another order"),
        (course.check_im2col, lambda x, K: im2col(x.astype("float32"), K), "float32 where the inputs are float64"),
        (course.check_im2col, lambda x, K: im2col(x.astype(float), K), "float64 where the inputs are float32"),
        (course.check_im2col, lambda x, K: None, "is there a return at the function's end?"),
        (course.check_col2im, with_border, "the border of the padding is still on it"),
        (course.check_conv_backward, lambda dy, cache: conv2d_backward(dy, cache)[:2], "returned 2 values; expected 3"),
        (course.check_conv_backward, lambda dy, cache: conv2d_backward(dy, cache)[0], "expected dx, dw, db"),
        (course.check_conv_backward, in_another_order, "that is dw; the order is dx, dw, db"),
        (course.check_conv_forward, lambda x, w, b: (x, x, x), "returned 3 values; expected 2: y, cache"),
        (course.check_clipping, lambda g, m: (list(g.values()), m), "must be a dict of arrays"),
        (course.check_clipping, lambda g, m: ({}, 1.0), "is None"),
        (course.check_clipping, lambda g, m: (g, 1.0), "or returns it as it is"),
        (course.check_find_the_bug, lambda k: "nothing", "is no name from its list"),
    ],
)
def test_the_sentence_says_what_to_do(check, fn, words, capsys):
    check(fn)
    assert words in capsys.readouterr().out


def scaled(k, factor):
    def backward(dy, cache):
        grads = list(conv2d_backward(dy, cache))
        grads[k] = grads[k] * (factor(dy) if callable(factor) else factor)
        return tuple(grads)

    return backward


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (scaled(0, 2), "off by exactly 2"),
        (scaled(0, -1), "off by exactly -1"),
        (scaled(1, 0), "all zeros"),
        (scaled(2, lambda dy: 1 / dy[..., 0].size), "a mean where the same bias was added"),
        (scaled(1, lambda dy: 1 / dy[..., 0].size), r"off by exactly 1/(N*H*W)"),
        (scaled(1, len), "off by exactly N"),
        (scaled(1, lambda dy: 1 / (2 * len(dy))), r"off by exactly 1/(2*N)"),
    ],
)
def test_known_faces_of_mistakes_are_recognised(fn, words, capsys):
    course.check_conv_backward(fn)
    assert f"hint: {words}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("of_l1", "of_l2", "words"),
    [
        (lambda N, D: D, lambda N, D: 1, "the part that comes from l1 is off by exactly D: "),
        (lambda N, D: 1 / D, lambda N, D: 1, "the part that comes from l1 is off by exactly 1/D: "),
        (lambda N, D: 0, lambda N, D: 1, "the part that comes from l1 is all zeros"),
        (lambda N, D: 1, lambda N, D: 2 * N, "the part that comes from l2 is off by exactly 2*N: "),
        (lambda N, D: -1, lambda N, D: -1, "off by exactly -1: "),
    ],
)
def test_a_factor_in_one_part_of_the_loss_is_recognised(of_l1, of_l2, words):
    def mine(ys, w, y, alpha):
        D, N = ys.shape[:2]
        loss, dys, dw = loss_and_gradients(ys, w, y, alpha)
        l2 = (1 - alpha) * loss_and_gradients(ys, w, y, 0.0)[0]
        dys_1 = alpha * (ys - y) / (D * N)
        return of_l1(N, D) * (loss - l2) + of_l2(N, D) * l2, of_l1(N, D) * dys_1 + of_l2(N, D) * (dys - dys_1), dw

    loss, dys, dw = judge_by_numbers(course.check_loss, mine).rows
    assert loss.hint.startswith(words)
    assert dys.hint.startswith(words)
    assert dw.ok


def recursion(order=reversed, relu_first=True, mask_from=lambda conv_cache, relu_cache: relu_cache):
    def backward(dh, caches):
        dw = db = 0
        for conv_cache, relu_cache in order(caches):
            mask = mask_from(conv_cache, relu_cache) > 0
            dh, dw_d, db_d = conv2d_backward(dh * mask if relu_first else dh, conv_cache)
            dh, dw, db = dh if relu_first else dh * mask, dw + dw_d, db + db_d
        return dh, dw, db

    return backward


def supervision(order=reversed, relu_first=True, mask_from=lambda conv_cache, relu_cache: relu_cache):
    def backward(dys, caches):
        dh = dw = db = dv = dc = 0
        for d in order(range(len(caches))):
            conv_cache, relu_cache, reconstruct_cache = caches[d]
            mask = mask_from(conv_cache, relu_cache) > 0
            dh_d, dv_d, dc_d = conv2d_backward(dys[d], reconstruct_cache)
            dh, dw_d, db_d = conv2d_backward((dh + dh_d) * (mask if relu_first else 1), conv_cache)
            dh, dw, db, dv, dc = dh * (1 if relu_first else mask), dw + dw_d, db + db_d, dv + dv_d, dc + dc_d
        return dh, dw, db, dv, dc

    return backward


def mirrored_col2im(cols, shape, kernel):
    turned = cols.reshape(-1, kernel, kernel, shape[3])[:, ::-1, ::-1]
    return col2im(turned.reshape(cols.shape), shape, kernel)


def clip_each(grads, max_norm):
    lengths = {name: np.sqrt((g**2).sum()) for name, g in grads.items()}
    clipped = {name: g * (max_norm / max(lengths[name], max_norm)) for name, g in grads.items()}
    return clipped, np.sqrt(sum(length**2 for length in lengths.values()))


def map_before(conv_cache, relu_cache):
    return conv_cache[0]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("check", "fn", "words"),
    [
        (course.check_col2im, mirrored_col2im, "the taps are put back mirrored"),
        (course.check_recursion_backward, recursion(order=iter), "the caches are taken from first to last"),
        (course.check_recursion_backward, recursion(mask_from=map_before), "masked by h_(d-1), not by h_d"),
        (course.check_recursion_backward, recursion(relu_first=False), "the ReLU must be undone first"),
        (course.check_recursion_backward, recursion(relu_first=False, mask_from=map_before), "the ReLU of h_D is left"),
        (course.check_supervision_backward, supervision(order=iter), "all is taken from first to last"),
        (course.check_supervision_backward, supervision(mask_from=map_before), "masked by h_(d-1), not by h_d"),
        (course.check_supervision_backward, supervision(relu_first=False), "the ReLU must be undone first"),
        (
            course.check_supervision_backward,
            supervision(relu_first=False, mask_from=map_before),
            "the prediction's gradient goes round the mask of h_d",
        ),
        (course.check_clipping, clip_each, "each array is shortened by its own length"),
    ],
)
def test_a_mistake_is_called_the_same_in_every_row(check, fn, words, seed):
    wrong = [row for row in check(fn, seed, show=False).rows if not row.ok]
    assert wrong
    assert all(row.hint.startswith(words) for row in wrong)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_called_by_its_name(bug):
    result = CHECKS[bug.target](plant(bug), show=False)
    told = {row.hint for row in result.rows} | {row.problem for row in result.rows} | set(result.conduct)
    # Two mistakes can give the very same numbers; then the first one of the list is named.
    assert any(told)
    assert all(row.hint or row.problem or row.ok for row in result.rows)


def test_random_results_are_noticed():
    rng = np.random.default_rng(0)
    result = course.check_relu_backward(lambda dy, y: rng.random(dy.shape), show=False)
    assert any("called a second time" in sentence for sentence in result.conduct)


@pytest.mark.parametrize("visible", [COLUMNS, CONVOLUTIONS, MAPS, PREDICTIONS, RECURSIONS, ({"C": 2, "F": 3},)])
def test_hidden_sizes_differ_from_the_visible_ones(visible):
    assert draw_sizes("x", 0, visible) == list(visible)
    for seed in range(1, 201):
        drawn = draw_sizes("x", seed, visible)
        assert not [sizes for sizes in drawn if sizes in visible]
        for sizes, seen in zip(drawn, visible, strict=True):
            assert set(sizes) == set(seen)
            assert (sizes.get("H") == sizes.get("W")) == (seen.get("H") == seen.get("W"))
            assert (sizes.get("C") == sizes.get("F")) == (seen.get("C") == seen.get("F"))


@pytest.mark.parametrize("check", [check for check in CHECKS.values() if check is not course.check_clipping])
def test_every_seed_has_the_sizes_that_tell(check):
    """What is right for one N or D alone, or wrong for square maps or equal channels alone, is never right by luck."""
    for seed in range(200):
        drawn = draw_sizes(check.function_name, seed, check.visible)
        for size, several in (("N", {2, 3}), ("D", {2, 3, 4})):
            assert not any(size in sizes for sizes in drawn) or {sizes[size] for sizes in drawn} >= several
        assert any(sizes["N"] == 3 and sizes.get("D", 3) >= 3 for sizes in drawn)
        assert {sizes["H"] == sizes["W"] for sizes in drawn if "W" in sizes} == {True, False}
        assert not any("C" in sizes and "F" in sizes for sizes in drawn) or {
            sizes["C"] == sizes["F"] for sizes in drawn
        } == {True, False}


def test_alpha_is_below_a_half_and_above_and_both_ends():
    for seed in range(40):
        alphas = [case.sizes["alpha"] for case in course.check_loss.cases_of(seed, PREDICTIONS)]
        assert 0 < alphas[0] < 0.5 < alphas[3] < 1
        assert alphas[1:3] == [0, 1]


def test_a_function_made_for_the_visible_sizes_fails_on_hidden_ones():
    visible = {tuple(sizes[size] for size in "NHWC") for sizes in COLUMNS}

    def fitted(x, K):
        return im2col(x, K) if x.shape in visible else np.zeros((x[..., 0].size, K * K * x.shape[3]))

    assert course.check_im2col(fitted, show=False).fraction == 1
    assert course.check_im2col(fitted, seed=1, show=False).fraction == 0


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        course.check_im2col(im2col, seed)


@pytest.mark.parametrize(
    ("yours", "words"),
    [
        (lambda a: a[::-1, ::-1], "mirrored"),
        (lambda a: a.swapaxes(0, 1), "transposed"),
        (lambda a: np.roll(a, 1, axis=1), "shifted by one pixel"),
        (lambda a: np.roll(a, (1, -1), axis=(1, 2)), "shifted by one pixel"),
        (lambda a: a * 0.5, "off by exactly 0.5"),
    ],
)
def test_signatures(yours, words, rng):
    right = rng.standard_normal((4, 4, 5, 3)) if "roll" not in words else rng.standard_normal((2, 5, 6, 3))
    assert words in hints.hint([hints.Comparison(yours(right), right, {})])


def test_a_border_that_is_wrong_is_told_from_the_inside(rng):
    right = rng.standard_normal((2, 5, 6, 3))
    yours = right.copy()
    yours[:, 0] = 0
    assert "right inside, wrong at the border" in hints.hint([hints.Comparison(yours, right, {})])


def test_a_signature_must_hold_in_every_case(rng):
    a, b = rng.standard_normal((2, 3, 4))
    two_is_n = [hints.Comparison(a / 2, a, {"N": 2}), hints.Comparison(b / 3, b, {"N": 3})]
    assert "1/N" in hints.hint(two_is_n)
    two_is_two = [hints.Comparison(a / 2, a, {"N": 2}), hints.Comparison(b / 2, b, {"N": 3})]
    assert "exactly 0.5" in hints.hint(two_is_two)
    assert hints.hint([hints.Comparison(a, b, {})]) == ""


def test_the_use_that_is_left_over_or_missing_is_found(rng):
    uses = tuple(rng.standard_normal((3, 2, 5)))
    right = sum(uses)
    assert "add the D uses up, or overwrite" in hints.hint([hints.Comparison(uses[1], right, {}, uses)])
    assert "the last use" in hints.hint([hints.Comparison(right - uses[2], right, {}, uses)])
