from __future__ import annotations

import itertools

import contract
import numpy as np
import pytest
from conftest import relative_error, to_xp

from minidrcn import DRCN
from minidrcn.backend import to_cpu
from minidrcn.grad_check import check_gradients
from minidrcn.model import network
from minidrcn.ops.conv import conv2d_backward, conv2d_forward

BASIC = {"skip": False, "recursive_supervision": False, "reconstruction_relu": True, "output_relu": True}
VARIANTS = {
    "paper": {"reconstruction_relu": True},
    "linear": {},
    "basic": BASIC,
    "basic linear": {**BASIC, "output_relu": False},
    "skip only": {"recursive_supervision": False},
    "supervision only": {"skip": False},
    "output relu": {"output_relu": True},
}
variants = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS.keys())


@variants
@pytest.mark.parametrize("recursions", [1, 2, 5])
def test_finite_differences_with_random_upstream_gradients(options, recursions):
    contract.check_network_backward(network.backward, recursions=recursions, **options)


@variants
@pytest.mark.parametrize("recursions", [1, 2, 5])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_finite_differences_of_the_loss(options, recursions, alpha, rng):
    model = contract.random_model(rng, recursions=recursions, **options)
    x, y = rng.random((2, 2, 5, 4, 1))
    report = check_gradients(lambda p: model.with_params(p).loss_and_grads(x, y, alpha), model.params, directions=1)
    assert report.ok, f"\n{report}"


@pytest.mark.parametrize("options", [VARIANTS["paper"], {}, BASIC], ids=["paper", "linear", "basic"])
def test_finite_differences_on_every_array_module(xp, options):
    contract.check_network_backward(network.backward, xp=xp, directions=1, **options)


def test_the_modules_agree(xp, rng):
    model = contract.random_model(rng, recursions=3)
    x, y = rng.random((2, 2, 5, 4, 1))
    loss, grads = model.loss_and_grads(x, y, 0.3)
    moved = model.with_params(to_xp(xp, model.params))
    moved_loss, moved_grads = moved.loss_and_grads(*to_xp(xp, (x, y)), 0.3)
    assert abs(float(loss) - float(moved_loss)) < 1e-12 * float(loss)
    assert all(relative_error(grads[name], moved_grads[name]) < 1e-11 for name in grads)
    for per_recursion in (True, False):
        final, ys = moved.predict(xp.asarray(x), per_recursion=per_recursion)
        assert relative_error(final, model.predict(x)[0]) < 1e-12
        assert (ys is not None) == per_recursion


def test_the_gradient_of_a_shared_kernel_is_the_sum_of_its_uses(rng):
    """Untie the kernels: give each use a copy of its own, and check each copy's gradient by itself."""
    D = 4
    model = contract.random_model(rng, recursions=D)
    x, y = rng.random((2, 2, 5, 4, 1))
    uses, gradient_of_use = [], {}

    def run(moved_use=None, v=0.0):
        uses.clear()

        def untied_forward(x, w, b):
            own = w.copy() if len(uses) != moved_use else w + v
            uses.append((own, next(name for name, p in model.params.items() if p is w)))
            return conv2d_forward(x, own, b)

        def untied_backward(dy, cache):
            dx, dw, db = conv2d_backward(dy, cache)
            number = next(k for k, (own, _) in enumerate(uses) if own is cache[1])
            if moved_use is None:
                gradient_of_use[number] = dw
            return dx, dw, db

        untied = DRCN.from_params(model.params, model.architecture, conv=(untied_forward, untied_backward))
        return untied.loss_and_grads(x, y, 0.3)

    _, grads = run()
    names = [name for _, name in uses]
    assert names.count("recursion.w") == names.count("reconstruct1.w") == names.count("reconstruct2.w") == D
    for name in ("recursion.w", "reconstruct1.w", "reconstruct2.w", "embed1.w"):
        total = sum(gradient_of_use[k] for k, n in enumerate(names) if n == name)
        assert relative_error(grads[name], total) < 1e-12

    for k, dw in list(gradient_of_use.items()):
        v = 1e-6 * rng.standard_normal(dw.shape)
        numeric = (run(k, v)[0] - run(k, -v)[0]) / 2
        assert abs(numeric - (dw * v).sum()) < 1e-6 * np.linalg.norm(dw) * np.linalg.norm(v)


def test_one_recursion_is_a_plain_chain_of_convolutions(rng):
    model = contract.random_model(rng, recursions=1, reconstruction_relu=True)
    p, x = model.params, rng.random((2, 5, 4, 1))

    def conv(h, name):
        return conv2d_forward(h, p[f"{name}.w"], p[f"{name}.b"])[0]

    h = np.maximum(conv(np.maximum(conv(x, "embed1"), 0), "embed2"), 0)
    h = np.maximum(conv(h, "recursion"), 0)
    y_1 = x + conv(np.maximum(conv(h, "reconstruct1"), 0), "reconstruct2")
    final, ys = model.predict(x)
    assert relative_error(ys[0], y_1) < 1e-13
    assert relative_error(final, p["ensemble.w"][0] * y_1) < 1e-13


@variants
def test_backward_twice_gives_the_same_and_touches_nothing(options, rng):
    model = contract.random_model(rng, **options)
    x = contract.frozen(rng.random((2, 5, 4, 1)))
    for p in model.params.values():
        contract.frozen(p)
    final, ys, cache = model.forward(x)
    dfinal, dys = contract.frozen(rng.standard_normal(final.shape)), contract.frozen(rng.standard_normal(ys.shape))
    for map_ in itertools.chain.from_iterable(conv_cache for use in cache.hidden for _, conv_cache, _ in use):
        contract.frozen(map_)
    dx, grads = model.backward(dfinal, dys, cache)
    dx_again, grads_again = model.backward(dfinal, dys, cache)
    assert np.array_equal(dx, dx_again)
    assert all(np.array_equal(grads[name], grads_again[name]) for name in model.params)
    assert list(grads) == list(model.params)

    dx_sum, grads_sum = model.backward(2 * dfinal, 2 * dys, cache)
    assert relative_error(dx_sum, 2 * dx) < 1e-12
    assert all(relative_error(grads_sum[name], 2 * grads[name]) < 1e-12 for name in grads)


def test_backward_is_linear_in_what_comes_from_above(rng):
    model = contract.random_model(rng)
    final, ys, cache = model.forward(rng.random((2, 5, 4, 1)))
    dfinal, dys = rng.standard_normal(final.shape), rng.standard_normal(ys.shape)
    dx, grads = model.backward(dfinal, dys, cache)
    dx_a, grads_a = model.backward(dfinal, np.zeros_like(dys), cache)
    dx_b, grads_b = model.backward(np.zeros_like(dfinal), dys, cache)
    assert relative_error(dx, dx_a + dx_b) < 1e-12
    assert all(relative_error(grads[name], grads_a[name] + grads_b[name]) < 1e-12 for name in grads)


def test_images_of_a_batch_do_not_mix(rng):
    model = contract.random_model(rng)
    x = rng.random((3, 5, 4, 1))
    final, ys = model.predict(x)
    alone, alone_ys = model.predict(x[1:2])
    assert relative_error(final[1:2], alone) < 1e-13
    assert relative_error(ys[:, 1:2], alone_ys) < 1e-13


def test_the_receptive_field_has_the_paper_s_size(rng):
    model = contract.random_model(rng, filters=2, recursions=16)
    assert 2 * model.architecture.radius + 1 == 41
    x = rng.random((1, 45, 47, 1))
    final, ys, cache = model.forward(x)
    dfinal = np.zeros_like(final)
    dfinal[0, 22, 23] = 1
    dx, _ = model.backward(dfinal, np.zeros_like(ys), cache)
    rows, columns = np.nonzero(dx[0, :, :, 0])
    assert max(abs(rows - 22).max(), abs(columns - 23).max()) <= 20
    # With positive kernels no path is cut by a ReLU, and the field is reached in full.
    positive = model.with_params({name: np.abs(p) / p.size for name, p in model.params.items()})
    _, ys, cache = positive.forward(x)
    dx, _ = positive.backward(dfinal, np.zeros_like(ys), cache)
    rows, columns = np.nonzero(dx[0, :, :, 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 42, 3, 43)


@pytest.mark.torch
@variants
def test_loss_and_gradients_agree_with_pytorch(options, rng):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch_peer import TorchDRCN

    model = contract.random_model(rng, filters=5, recursions=4, **options)
    x, y = rng.random((2, 3, 7, 6, 1))
    loss, grads = model.loss_and_grads(x, y, 0.3)
    peer = TorchDRCN(model)
    expected_loss, expected = peer.loss_and_grads(peer.images(x), peer.images(y), 0.3)
    assert abs(float(loss) - float(expected_loss)) < 1e-9 * abs(float(expected_loss))
    for name, g in grads.items():
        theirs = expected[name].numpy()
        assert relative_error(g, theirs.transpose(2, 3, 1, 0) if theirs.ndim == 4 else theirs) < 1e-9, name


def test_the_module_of_the_result_is_the_module_of_the_input(xp, rng):
    model = contract.random_model(rng)
    moved = model.with_params(to_xp(xp, model.params))
    final, ys, _ = moved.forward(xp.asarray(rng.random((1, 5, 4, 1))))
    assert isinstance(final, xp.ndarray)
    assert isinstance(ys, xp.ndarray)
    assert isinstance(to_cpu(final), np.ndarray)
