"""Update rules against numbers worked out by hand (fractions), and against PyTorch."""

from __future__ import annotations

import contract
import numpy as np
import pytest
from conftest import relative_error, to_xp

from minidrcn.backend import to_cpu
from minidrcn.training.optim import (
    SGD,
    Adam,
    Muon,
    clip_adjustable,
    clip_by_global_norm,
    clip_by_value,
    global_norm,
    orthogonalise,
)


def run(optimiser, xp, p, gradients, lr):
    params = {"p": xp.asarray(np.array(p))}
    state = optimiser.init(params)
    history = []
    for t, g in enumerate(gradients, start=1):
        params, state = optimiser.step(params, {"p": xp.asarray(np.array(g))}, state, lr, t)
        history.append(to_cpu(params["p"]).tolist())
    return history


def test_sgd_with_momentum_by_hand(xp):
    # v1 = -0.5 * 2 = -1, p1 = 4 - 1 = 3;  v2 = 0.5 * -1 - 0.5 * 3 = -2, p2 = 3 - 2 = 1
    assert run(SGD(0.5, 0.0), xp, [4.0], [[2.0], [3.0]], 0.5) == [[3.0], [1.0]]


def test_weight_decay_by_hand(xp):
    # g = 2 + 0.25 * 4 = 3, p1 = 4 - 0.5 * 3 = 2.5
    assert run(SGD(0.0, 0.25), xp, [4.0], [[2.0]], 0.5) == [[2.5]]


def test_nesterov_by_hand(xp):
    # v1 = -1, p1 = 4 + 0.5 * -1 - 1 = 2.5;  v2 = 0.5 * -1 - 1.5 = -2, p2 = 2.5 + 0.5 * -2 - 1.5 = 0
    assert run(SGD(0.5, 0.0, nesterov=True), xp, [4.0], [[2.0], [3.0]], 0.5) == [[2.5], [0.0]]


def test_adam_by_hand(xp):
    # t = 1: m = 1, v = 1 (beta 1/2, 3/4, g = 2), mean = 1 / (1/2) = 2, mean square = 1 / (1/4) = 4, step = 2 / 2 = 1
    # t = 2: g = 0: m = 1/2, v = 3/4, mean = (1/2) / (3/4) = 2/3, mean square = (3/4) / (7/16) = 12/7
    history = run(Adam(0.5, 0.75, eps=0.0), xp, [4.0], [[2.0], [0.0]], 0.5)
    assert history[0] == [3.5]
    assert abs(history[1][0] - (3.5 - 0.5 * (2 / 3) / (12 / 7) ** 0.5)) < 1e-15


def test_adam_s_first_step_is_the_rate_whatever_the_gradient(xp):
    history = run(Adam(), xp, [1.0, 1.0, 1.0], [[1e-4, -1.0, 1e4]], 0.01)
    assert np.allclose(history[0], [0.99, 1.01, 0.99], atol=1e-5)


def test_orthogonalise_keeps_singular_vectors_and_evens_out_singular_values(xp, rng):
    u, _, vt = np.linalg.svd(rng.standard_normal((18, 6)), full_matrices=False)
    matrix = (u * [1.0, 0.5, 0.3, 0.1, 0.03, 0.01]) @ vt
    result = to_cpu(orthogonalise(xp.asarray(matrix)))
    values = u.T @ result @ vt.T  # diagonal, if the singular vectors are the same
    assert np.allclose(values, np.diag(np.diag(values)), atol=1e-12)
    assert 0.6 < np.diag(values).min() <= np.diag(values).max() < 1.25
    assert not to_cpu(orthogonalise(xp.zeros((18, 6)))).any()


def test_muon_orthogonalises_what_has_as_many_channels_in_as_out_and_leaves_the_rest_to_adam(xp, rng):
    shapes = {"hidden.w": (3, 3, 6, 6), "first.w": (3, 3, 1, 6), "hidden.b": (6,)}
    p, g1, g2 = ({name: rng.standard_normal(shape) for name, shape in shapes.items()} for _ in range(3))
    params, muon = to_xp(xp, p), Muon(0.5)
    state = muon.init(params)
    for t, g in enumerate((g1, g2), start=1):
        params, state = muon.step(params, to_xp(xp, g), state, 0.1, t)

    kernel = "hidden.w"
    # m1 = g1, u1 = 1.5 g1;  m2 = 0.5 g1 + g2, u2 = g2 + 0.5 m2
    u1, u2 = 1.5 * g1[kernel], 1.5 * g2[kernel] + 0.25 * g1[kernel]
    steps = [0.2 * 54**0.5 * orthogonalise(u.reshape(54, 6)).reshape(3, 3, 6, 6) for u in (u1, u2)]
    assert np.allclose(to_cpu(params[kernel]), p[kernel] - 0.1 * steps[0] - 0.1 * steps[1], atol=1e-12)
    assert 0.16 < np.sqrt(np.mean(steps[0] ** 2)) < 0.24, "as large as a step of Adam's"
    for name in ("first.w", "hidden.b"):
        assert np.allclose(to_cpu(params[name]), run(Adam(), xp, p[name], [g1[name], g2[name]], 0.1)[-1])


@pytest.mark.torch
def test_ten_steps_of_muon_agree_with_pytorch(rng):
    torch = pytest.importorskip("torch", "2.9", reason="PyTorch is not installed, or is older than Muon")
    p, gradients = rng.standard_normal((3, 3, 6, 6)), rng.standard_normal((10, 3, 3, 6, 6))
    tensor = torch.nn.Parameter(torch.tensor(p.reshape(54, 6)))
    peer = torch.optim.Muon([tensor], lr=0.05, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    for g in gradients:
        tensor.grad = torch.tensor(g.reshape(54, 6))
        peer.step()
    ours = np.array(run(Muon(0.95), np, p, gradients, 0.05)[-1]) - p
    theirs = tensor.detach().numpy().reshape(p.shape) - p
    assert relative_error(ours, theirs) < 0.02, "theirs is worked out in bfloat16"


@pytest.mark.parametrize("optimiser", [SGD(), SGD(nesterov=True), Adam(weight_decay=0.1)], ids=repr)
def test_nothing_is_modified_and_the_dtype_is_kept(xp, rng, optimiser):
    before = {"a": rng.random((3, 2)).astype("float32"), "b": rng.random(4).astype("float32")}
    params, grads = to_xp(xp, before), to_xp(xp, before)
    state = optimiser.init(params)
    new, new_state = optimiser.step(params, grads, state, np.float64(0.1), 1)
    for name, value in before.items():
        assert np.array_equal(to_cpu(params[name]), value)
        assert np.array_equal(to_cpu(grads[name]), value)
        assert not np.array_equal(to_cpu(new[name]), value)
        assert new[name].dtype == np.float32
        assert all(not to_cpu(part[name]).any() for part in state.values())
        assert {part[name].dtype for part in new_state.values()} == {np.dtype("float32")}


@pytest.mark.torch
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.9, 0.01), ("SGD", {"momentum": 0.9, "weight_decay": 0.01})),
        (SGD(0.9, 0.01, nesterov=True), ("SGD", {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True})),
        (Adam(weight_decay=0.01), ("Adam", {"weight_decay": 0.01})),
    ],
    ids=["sgd", "nesterov", "adam"],
)
def test_ten_steps_agree_with_pytorch(ours, theirs, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    p, gradients = rng.standard_normal((3, 4)), rng.standard_normal((10, 3, 4))
    tensor = torch.nn.Parameter(torch.tensor(p))
    name, options = theirs
    peer = getattr(torch.optim, name)([tensor], lr=0.05, **options)
    for g in gradients:
        tensor.grad = torch.tensor(g)
        peer.step()
    assert relative_error(np.array(run(ours, np, p, gradients, 0.05)[-1]), tensor.detach().numpy()) < 1e-12


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
