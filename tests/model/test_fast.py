from __future__ import annotations

import contract
import numpy as np
import pytest
from conftest import relative_error, to_xp
from hypothesis import given
from hypothesis import strategies as st

from minidrcn import DRCN
from minidrcn.model import network
from minidrcn.model.fast import WinogradLayers
from minidrcn.model.network import PlainLayers

BOTH = pytest.mark.parametrize("make", [PlainLayers, WinogradLayers])


def random_params(rng, C, filters):
    params = {}
    for name, F in filters.items():
        params |= {f"{name}.w": rng.standard_normal((3, 3, C, F)), f"{name}.b": rng.standard_normal(F)}
    return params


@BOTH
@pytest.mark.parametrize("names", [("a",), ("b",), ("a", "b")])
@pytest.mark.parametrize("C", [2, 8])  # too few channels for Winograd, and enough
def test_finite_differences_of_layers_that_read_one_map(make, names, C, rng):
    params = random_params(rng, C, {"a": 9, "b": 8})
    x = rng.standard_normal((2, 5, 6, C))
    upstream = [rng.standard_normal((2, 5, 6, len(params[f"{name}.b"]))) for name in names]

    def f(inputs):
        layers = make({name: value for name, value in inputs.items() if name != "x"}, {"a"})
        ys, cache = layers.forward(inputs["x"], *names)
        dx, grads = layers.backward(upstream, cache)
        untouched = {name: np.zeros_like(value) for name, value in inputs.items()}
        return sum((y * dy).sum() for y, dy in zip(ys, upstream, strict=True)), {**untouched, **grads, "x": dx}

    used = {name: value for name, value in params.items() if name[0] in names}
    report = contract.check_gradients(lambda p: f({**params, **p}), {**used, "x": x}, directions=2)
    assert report.ok, f"\n{report}"


@BOTH
def test_what_several_layers_send_back_adds_up(make, xp, rng):
    params = to_xp(xp, random_params(rng, 8, {"a": 9, "b": 8}))
    layers, x = make(params, {"b"}), xp.asarray(rng.standard_normal((1, 5, 4, 8)))
    (y_a, y_b), both = layers.forward(x, "a", "b")
    dys = to_xp(xp, (rng.standard_normal(y_a.shape), rng.standard_normal(y_b.shape)))
    dx, grads = layers.backward(dys, both)
    parts = []
    for name, y, dy in zip("ab", (y_a, y_b), dys, strict=True):
        (alone,), cache = layers.forward(x, name)
        assert relative_error(alone, y) < contract.EXACT
        dx_alone, grads_alone = layers.backward([dy], cache)
        parts.append(dx_alone)
        assert all(relative_error(grads[key], value) < contract.EXACT for key, value in grads_alone.items())
    assert relative_error(dx, parts[0] + parts[1]) < contract.EXACT


@given(
    st.integers(1, 2), st.integers(1, 11), st.integers(1, 11), st.integers(1, 4), st.sampled_from([5, 8, 10, 17]),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_the_fast_network_is_the_plain_one_for_any_shape(N, H, W, recursions, filters, relu, supervision, skip):
    """Winograd, layers joined, reconstruction folded: at borders too, and where a side is a single pixel."""
    rng = np.random.default_rng(H * 100 + W)
    options = {"reconstruction_relu": relu, "recursive_supervision": supervision, "skip": skip}
    plain = contract.random_model(rng, filters, recursions, **options)
    fast = DRCN.from_params(plain.params, plain.architecture)
    x = rng.random((N, H, W, 1))
    final, ys, cache = plain.forward(x)
    fast_final, fast_ys, fast_cache = fast.forward(x)
    assert relative_error(fast_final, final) < 1e-12
    assert relative_error(fast_ys, ys) < 1e-12
    upstream = rng.standard_normal(final.shape), rng.standard_normal(ys.shape)
    dx, grads = plain.backward(*upstream, cache)
    fast_dx, fast_grads = fast.backward(*upstream, fast_cache)
    assert relative_error(fast_dx, dx) < 1e-12
    assert fast_grads.keys() == grads.keys()
    assert all(relative_error(fast_grads[name], grads[name]) < 1e-12 for name in grads)


@pytest.mark.parametrize("options", [{}, {"reconstruction_relu": True}, {"recursive_supervision": False}])
def test_the_fast_network_passes_finite_differences(xp, options):
    def forward(params, x, architecture):
        return network.forward(params, x, architecture, WinogradLayers)

    contract.check_network_backward(network.backward, forward, xp=xp, filters=8, directions=1, **options)


def test_twice_the_same_and_nothing_touched(rng):
    model = contract.random_model(rng, filters=10, conv="winograd")
    for value in model.params.values():
        contract.frozen(value)
    final, ys, cache = model.forward(contract.frozen(rng.random((2, 5, 6, 1))))
    upstream = [contract.frozen(rng.standard_normal(a.shape)) for a in (final, ys)]
    (dx, first), (again, second) = (model.backward(*upstream, cache) for _ in range(2))
    assert np.array_equal(dx, again)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_training_does_without_the_gradient_of_the_input(rng):
    for conv in ("im2col", "winograd"):
        model = contract.random_model(rng, filters=10, conv=conv)
        final, ys, cache = model.forward(rng.random((2, 5, 6, 1)))
        upstream = rng.standard_normal(final.shape), rng.standard_normal(ys.shape)
        _, grads = model.backward(*upstream, cache)
        _, same = model.backward(*upstream, cache, input_gradient=False)
        assert all(relative_error(grads[name], same[name]) < contract.EXACT for name in grads)
        assert model.backward(*upstream, cache, input_gradient=False)[0] is None


def test_the_order_of_the_parameters_does_not_matter(rng):
    model = contract.random_model(rng, filters=10, conv="winograd")
    x = rng.random((1, 5, 6, 1))
    other = DRCN.from_params(dict(sorted(model.params.items())), model.architecture)
    assert np.array_equal(model.predict(x)[0], other.predict(x)[0])
    assert np.array_equal(model.predict(x)[0], model.with_params(dict(sorted(model.params.items()))).predict(x)[0])
