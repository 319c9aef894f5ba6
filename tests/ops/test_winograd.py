from __future__ import annotations

import contract
import numpy as np
import pytest
from conftest import relative_error
from hypothesis import given
from hypothesis import strategies as st

from minidrcn.backend import to_cpu
from minidrcn.ops import conv, winograd
from minidrcn.ops.memory import Workspace

sides = st.integers(1, 23)
channels = st.integers(1, 20)
TOLERANCE = {"float64": 1e-10, "float32": 5e-5}


def random_inputs(rng, N, H, W, C, F, K=3, dtype="float64"):
    """x, w, b and an upstream gradient."""
    shapes = ((N, H, W, C), (K, K, C, F), (F,), (N, H, W, F))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def both_passes(module, x, w, b, dy, **helpers):
    y, cache = module.conv2d_forward(x, w, b, **helpers)
    return (y, *module.conv2d_backward(dy, cache, **{k: v for k, v in helpers.items() if k == "workspace"}))


def test_the_three_matrices_are_a_filter(rng):
    x, w = rng.standard_normal(6), rng.standard_normal(3)
    expected = [x[i : i + 3] @ w for i in range(4)]
    assert np.allclose(winograd.A.T @ ((winograd.G @ w) * (winograd.B.T @ x)), expected, rtol=1e-13)


def test_transposed_they_are_a_product_of_polynomials(rng):
    p, w = rng.standard_normal(4), rng.standard_normal(3)
    assert np.allclose(winograd.B @ ((winograd.G @ w) * (winograd.A @ p)), np.convolve(p, w), rtol=1e-13)


def test_the_bias_reaches_all_outputs_of_a_tile_once():
    assert np.array_equal(np.kron(winograd.A, winograd.A)[winograd.ONES], np.ones(16))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(st.integers(1, 3), sides, sides, channels, channels, st.sampled_from([3, 3, 3, 1, 5]), st.booleans())
def test_agrees_with_the_plain_pair_on_any_shape(dtype, N, H, W, C, F, K, with_workspace):
    rng = np.random.default_rng(N + 10 * H + 1000 * W)
    x, w, b, dy = random_inputs(rng, N, H, W, C, F, K, dtype)
    helpers = {"workspace": Workspace()} if with_workspace else {}
    expected = both_passes(conv, *(a.astype("float64") for a in (x, w, b, dy)))
    for ours, theirs in zip(both_passes(winograd, x, w, b, dy, **helpers), expected, strict=True):
        assert ours.dtype == dtype
        assert relative_error(ours, theirs) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(2, 41, 41, 64, 64), (1, 41, 41, 256, 256), (1, 130, 67, 32, 64)])
def test_agrees_with_the_plain_pair_at_the_sizes_in_use(dtype, shape, rng):
    x, w, b, dy = random_inputs(rng, *shape, dtype=dtype)
    expected = both_passes(conv, *(a.astype("float64") for a in (x, w, b, dy)))
    for ours, theirs in zip(both_passes(winograd, x, w, b, dy), expected, strict=True):
        assert relative_error(ours, theirs) < TOLERANCE[dtype]


def test_backward_passes_finite_differences(xp, rng, monkeypatch):
    monkeypatch.setattr(winograd, "FEW_CHANNELS", 1)  # so that small arrays, quick to check, take the fast way
    contract.check_conv2d_backward(winograd.conv2d_backward, winograd.conv2d_forward, xp, rng)


@pytest.mark.parametrize("channels", [(9, 8), (8, 2), (2, 8)])
def test_the_chosen_way_passes_finite_differences(channels, rng):
    x, w, b, dy = random_inputs(rng, 2, 6, 5, *channels)
    contract.check_pair(winograd.conv2d_forward, winograd.conv2d_backward, {"x": x, "w": w, "b": b}, dy)


@pytest.mark.parametrize("shape", [(2, 9, 13, 8, 16), (1, 41, 40, 64, 64), (2, 30, 70, 64, 1), (2, 9, 8, 1, 9)])
def test_helpers_change_no_bit(shape, rng):
    x, w, b, dy = random_inputs(rng, *shape, dtype="float32")
    workspace = Workspace()
    workspace.take("V", (10**6,), np.dtype("float32")).fill(np.nan)  # what was there before is never read
    workspace.take("window", (10**6,), np.dtype("float32")).fill(np.nan)
    alone = both_passes(winograd, x, w, b, dy)
    for _ in range(2):
        helped = both_passes(winograd, x, w, b, dy, prepared=winograd.prepare(w), workspace=workspace)
        assert all(np.array_equal(a, h) for a, h in zip(alone, helped, strict=True))


def test_results_outlive_the_workspace_s_next_use(rng):
    x, w, b, dy = random_inputs(rng, 2, 9, 13, 8, 8)
    workspace = Workspace()
    first = both_passes(winograd, x, w, b, dy, workspace=workspace)
    kept = [a.copy() for a in first]
    both_passes(winograd, 2 * x, w + 1, b, dy, workspace=workspace)
    assert all(np.array_equal(a, k) for a, k in zip(first, kept, strict=True))


def test_blocks_change_nothing_but_rounding(xp, rng, monkeypatch):
    x, w, b, dy = (xp.asarray(a) for a in random_inputs(rng, 3, 22, 17, 8, 9))
    whole = [to_cpu(a) for a in both_passes(winograd, x, w, b, dy)]
    monkeypatch.setattr(winograd, "BLOCK_TILES", 1)
    for name in ("BLOCK_BYTES", "GPU_BLOCK_BYTES"):
        monkeypatch.setattr(winograd, name, 36 * 9 * 8 * 12)  # 12 tiles: rows of one image, images one by one
    for ours, expected in zip(both_passes(winograd, x, w, b, dy), whole, strict=True):
        assert relative_error(ours, expected) < contract.EXACT


def test_another_kernel_s_transform_is_refused(rng):
    x, w, b, _ = random_inputs(rng, 1, 5, 6, 8, 8)
    with pytest.raises(ValueError, match="another kernel"):
        winograd.conv2d_forward(x, w, b, prepared=winograd.prepare(w.copy()))


def test_wrong_shapes_are_named(rng):
    x, w, b, dy = random_inputs(rng, 1, 5, 6, 8, 8)
    with pytest.raises(ValueError, match="expected a kernel"):
        winograd.conv2d_forward(x[..., :7], w, b)
    _, cache = winograd.conv2d_forward(x, w, b)
    with pytest.raises(ValueError, match="expected dy of shape"):
        winograd.conv2d_backward(dy[:, :4], cache)


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 7), st.integers(1, 40))
def test_blocks_cover_every_row_of_tiles_once_and_keep_the_limit(N, th, tw, tiles):
    x = np.zeros((N, 1, 1, 1), dtype="float32")
    seen = np.zeros((N, th), dtype=int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "BLOCK_TILES", tiles)
        patch.setattr(winograd, "BLOCK_BYTES", 1)
        for n, rows in winograd._blocks(x, th, tw, 8):
            seen[n, rows] += 1
            assert seen[n, rows].size * tw <= max(tiles, tw)
            assert seen[n, rows].shape[0] == 1 or rows == slice(0, th)
    assert (seen == 1).all()
