from __future__ import annotations

import contract
import numpy as np
import pytest
import standin
from conftest import relative_error

import minidrcn
from minidrcn import DRCN
from minidrcn.model.initialise import he, identity
from minidrcn.model.network import Architecture
from minidrcn.ops.conv import conv2d_backward, conv2d_forward


def test_the_paper_s_network_has_1775121_parameters():
    model = DRCN(filters=256, recursions=16)
    assert sum(p.size for p in model.params.values()) == 1_775_121
    assert model.architecture.radius == 20


def test_names_shapes_and_start_values():
    F, D = 6, 4
    params = DRCN(filters=F, recursions=D, seed=3).params
    assert {name: p.shape for name, p in params.items()} == {
        "embed1.w": (3, 3, 1, F),
        "embed1.b": (F,),
        "embed2.w": (3, 3, F, F),
        "embed2.b": (F,),
        "recursion.w": (3, 3, F, F),
        "recursion.b": (F,),
        "reconstruct1.w": (3, 3, F, F),
        "reconstruct1.b": (F,),
        "reconstruct2.w": (3, 3, F, 1),
        "reconstruct2.b": (1,),
        "ensemble.w": (D,),
    }
    assert {p.dtype for p in params.values()} == {np.dtype("float32")}
    assert not any(params[name].any() for name in params if name.endswith(".b") and name != "recursion.b")
    assert np.array_equal(params["ensemble.w"], np.full(D, 1 / D, dtype="float32"))


def test_the_recursion_starts_as_the_identity(rng):
    h = rng.random((2, 5, 4, 6))
    y, _ = conv2d_forward(h, identity((3, 3, 6, 6)), np.zeros(6))
    assert np.array_equal(y, h)


def test_he_keeps_the_power_of_a_signal(rng):
    w = he(rng, (3, 3, 64, 64))
    assert abs(w.var() * 9 * 64 - 2) < 0.05


@pytest.mark.parametrize("filters", [4, 32])
def test_before_training_it_is_bicubic_interpolation(filters, rng):
    x = rng.random((1, 30, 31, 1)).astype("float32")
    final, ys = DRCN(filters=filters, recursions=9).predict(x)
    # 0.05 dB at 30 dB is a root mean square change of 0.0034.
    assert np.sqrt(np.mean((final - x) ** 2)) < 0.0034
    assert len(ys) == 9


def test_the_seed_decides_and_dtypes_start_alike():
    a, b, other = (DRCN(8, 3, seed=seed).params["embed2.w"] for seed in (5, 5, 6))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, other)
    assert np.array_equal(DRCN(8, 3, seed=5, dtype="float64").params["embed2.w"].astype("float32"), a)


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("supervision", [True, False])
def test_all_four_combinations_of_skip_and_supervision(skip, supervision, rng):
    model = DRCN(4, 3, skip=skip, recursive_supervision=supervision)
    x, y = rng.random((2, 2, 5, 4, 1)).astype("float32")
    final, ys = model.predict(x)
    assert final.shape == x.shape
    assert ys.shape == ((3 if supervision else 1), *x.shape)
    assert ("ensemble.w" in model.params) == supervision
    loss, grads = model.loss_and_grads(x, y)
    assert grads.keys() == model.params.keys()
    assert {g.dtype for g in grads.values()} == {loss.dtype} == {np.dtype("float32")}
    assert all(grads[name].shape == model.params[name].shape for name in grads)


def test_without_supervision_alpha_has_no_effect(rng):
    model = contract.random_model(rng, recursive_supervision=False)
    x, y = rng.random((2, 2, 5, 4, 1))
    losses = {float(model.loss_and_grads(x, y, alpha)[0]) for alpha in (0.0, 0.5, 1.0)}
    final, _ = model.predict(x)
    assert losses == {float(((final - y) ** 2).sum() / (2 * len(x)))}


def test_the_loss_is_a_sum_over_pixels_and_a_mean_over_the_batch(rng):
    model = contract.random_model(rng, recursions=3)
    x, y = rng.random((2, 2, 5, 4, 1))
    final, ys = model.predict(x)
    l1 = sum(((y - y_d) ** 2).sum() for y_d in ys) / (2 * 3 * 2)
    l2 = ((y - final) ** 2).sum() / (2 * 2)
    assert abs(float(model.loss_and_grads(x, y, 0.3)[0]) - (0.3 * l1 + 0.7 * l2)) < 1e-12


@pytest.mark.parametrize(
    "options",
    [{}, {"reconstruction_relu": True}, {"reconstruction_relu": True, "skip": False}, {"output_relu": True},
     {"recursive_supervision": False}, {"reconstruction_relu": True, "recursive_supervision": False}],
)  # fmt: skip
def test_prediction_alone_agrees_with_the_forward_pass(options, rng):
    model = contract.random_model(rng, recursions=4, **options)
    x = rng.random((2, 5, 4, 1))
    expected, expected_ys, _ = model.forward(x)
    final, ys = model.predict(x)
    assert relative_error(final, expected) < 1e-12
    assert relative_error(ys, expected_ys) < 1e-12
    final, ys = model.predict(x, per_recursion=False)
    assert relative_error(final, expected) < 1e-12
    assert ys is None


@pytest.mark.parametrize("options", [{}, {"recursive_supervision": False}, {"reconstruction_relu": True}])
@pytest.mark.parametrize("filters", [9, 130])
def test_the_fast_convolution_gives_what_the_plain_one_gives(filters, options, rng):
    x, y = rng.random((2, 2, 6, 5, 1))
    plain = contract.random_model(rng, filters, **options)
    fast = DRCN.from_params(plain.params, plain.architecture, conv="winograd")
    for ours, theirs in zip(fast.predict(x), plain.predict(x), strict=True):
        assert relative_error(ours, theirs) < 1e-11
    loss, grads = fast.loss_and_grads(x, y)
    expected_loss, expected_grads = plain.loss_and_grads(x, y)
    assert abs(loss - expected_loss) < 1e-11 * expected_loss
    assert grads.keys() == fast.params.keys()
    assert all(relative_error(grads[name], expected_grads[name]) < 1e-10 for name in grads)


@pytest.mark.parametrize(
    "options", [{}, {"recursive_supervision": False, "skip": False}, {"reconstruction_relu": True}]
)
def test_rounding_decides_nothing_at_the_start(options, rng):
    """Before the first update the recursion is the identity: what is 0 after a ReLU must not come to its kink again."""
    x, y = rng.random((2, 2, 20, 21, 1))
    plain, fast = (DRCN(16, 9, dtype="float64", conv=conv, **options) for conv in ("im2col", "winograd"))
    expected, found = (model.loss_and_grads(x, y)[1] for model in (plain, fast))
    assert all(relative_error(found[name], expected[name]) < 1e-10 for name in expected)


def test_parameters_changed_in_place_count(rng):
    model, x = DRCN(16, 2, dtype="float64"), rng.random((1, 6, 5, 1))
    before = model.predict(x)[0]
    model.params["recursion.w"] *= 2
    expected = DRCN.from_params(model.params, model.architecture).predict(x)[0]
    assert np.array_equal(model.predict(x)[0], expected)
    assert not np.array_equal(before, expected)


def test_a_pair_of_functions_takes_the_place_of_the_convolution(rng):
    def own_forward(x, w, b):
        y, cache = conv2d_forward(x, w, b)
        return y, {"kernel and input": cache[::-1]}  # a cache that nobody but the pair can read

    def own_backward(dy, cache):
        return conv2d_backward(dy, cache["kernel and input"][::-1])

    x, y = rng.random((2, 1, 5, 4, 1))
    own = DRCN(4, 2, dtype="float64", conv=(own_forward, own_backward))
    expected = DRCN(4, 2, dtype="float64", conv="im2col").loss_and_grads(x, y)
    loss, grads = own.loss_and_grads(x, y)
    assert loss == expected[0]
    assert all(np.array_equal(grads[name], expected[1][name]) for name in grads)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": 0}, "filters must be at least 1, not 0"),
        ({"recursions": 2.5}, "recursions must be of type int"),
        ({"filters": True}, "filters must be"),
        ({"skip": 1}, "skip must be of type bool"),
        ({"dtype": "float16"}, "must all be float32 or all float64, not float16"),
        ({"conv": "fft"}, "conv must be 'im2col' or 'winograd' or a pair"),
        ({"conv": (1, 2)}, "pair"),
    ],
)
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        DRCN(**options)


@pytest.mark.parametrize("shape", [(5, 4), (1, 5, 4), (1, 5, 4, 3), (0, 5, 4, 1), (1, 0, 4, 1)])
def test_images_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"x must have the shape \(N, H, W, 1\)"):
        DRCN(2, 1).predict(np.zeros(shape, dtype="float32"))


def test_alpha_out_of_range_is_refused():
    x = np.zeros((1, 3, 4, 1), dtype="float32")
    with pytest.raises(ValueError, match=r"alpha must be in 0\.\.1"):
        DRCN(2, 1).loss_and_grads(x, x, alpha=1.5)


def test_images_and_network_must_be_on_the_same_device(monkeypatch):
    standin.install(monkeypatch)
    model = DRCN(2, 1).to_gpu()
    assert model.xp.__name__ == "cupy"
    with pytest.raises(TypeError, match="x is a numpy array, the network's are cupy's"):
        model.predict(np.zeros((1, 3, 4, 1), dtype="float32"))
    assert np.array_equal(model.to_cpu().params["embed1.w"], DRCN(2, 1).params["embed1.w"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("embed1.b"), "names and shapes"),
        (lambda p: p.update({"embed1.b": np.zeros(7, "float32")}), "names and shapes"),
        (lambda p: p.update({"embed1.b": np.zeros(4)}), "not float32 and float64"),
        (lambda p: p["embed1.b"].fill(np.nan), "not finite"),
    ],
)
def test_foreign_parameters_are_refused(change, message):
    params = DRCN(4, 2).params
    change(params)
    with pytest.raises(ValueError, match=message):
        DRCN.from_params(params, Architecture(4, 2))


def test_the_interface_that_others_rely_on():
    assert {"DRCN", "load", "upscale_image"} <= set(dir(minidrcn))
    assert minidrcn.load("x2").scale == 2
