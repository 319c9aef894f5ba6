from __future__ import annotations

import contract
import numpy as np
import pytest

from minidrcn import DRCN
from minidrcn.data.patches import load_pair
from minidrcn.imaging.protocol import load_sample
from minidrcn.ops import conv
from minidrcn.training import step, study
from minidrcn.training.config import TrainingConfig

SMALL = {"filters": 4, "recursions": 3, "steps": 5, "batch": 2, "patch": 12, "warmup": 1}


@pytest.fixture
def pairs(photo):
    return [load_pair(path, 2, 12) for path in sorted(photo.iterdir())]


def test_a_browser_does_half_of_the_updates_and_says_so(monkeypatch, capsys):
    assert study.updates(100) == 100
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("sys.platform", "emscripten")
    assert study.updates(100) == 50
    assert "50 instead of 100" in capsys.readouterr().out


def test_snapshots_are_of_training(pairs):
    config = TrainingConfig(**SMALL)
    snapshots = list(study.train_snapshots(config, pairs, 2, workers=1))
    assert [snapshot.step for snapshot in snapshots] == [0, 2, 4, 5]
    assert snapshots[0].loss is None
    state = step.start(config)
    for _ in range(5):
        state, report = step.train_step(state, config, pairs, 1)
    assert snapshots[-1].loss == report.loss
    for model in (snapshots[-1].model, study.trained(config, pairs, workers=1)):
        assert all(np.array_equal(state.model.params[name], p) for name, p in model.params.items())


def test_training_that_explodes_goes_on_to_the_end(pairs):
    config = TrainingConfig(**SMALL, lr=1e30, clip="none", optimiser="sgd")
    last = list(study.train_snapshots(config, pairs, 1))[-1]
    assert last.step == 5
    assert not np.isfinite(last.loss)


def test_training_can_start_from_another_network(pairs):
    config = TrainingConfig(**SMALL)
    other = study.with_he_recursion(step.start(config).model, seed=1)
    first, *_, last = study.train_snapshots(config, pairs, 5, 1, other)
    assert first.model is other
    *_, usual = study.train_snapshots(config, pairs, 5, 1)
    assert not np.array_equal(last.model.params["embed1.w"], usual.model.params["embed1.w"])


def test_he_in_the_recursion_has_his_variance_and_no_bias_and_nothing_else_changes():
    model = DRCN(filters=32, recursions=2)
    he = study.with_he_recursion(model, seed=3)
    assert he.params["recursion.w"].var() == pytest.approx(2 / (9 * 32), rel=0.05)
    assert he.params["recursion.w"].dtype == np.float32
    assert not he.params["recursion.b"].any()
    assert all(p is model.params[name] for name, p in he.params.items() if not name.startswith("recursion"))


def test_quality_is_the_mean_over_images_of_the_ensemble_and_of_each_prediction(photo, rng):
    samples = [load_sample(path, 2) for path in sorted(photo.iterdir())]
    model = step.start(TrainingConfig(**SMALL, seed=1)).model
    psnr, singles = study.mean_psnr(model, samples)
    assert len(singles) == 3
    assert abs(psnr - study.bicubic_psnr(samples)) < 0.05  # before training it is bicubic interpolation
    shifted = model.with_params({**model.params, "ensemble.w": np.float32([1.5, 0, 0])})
    worse, same = study.mean_psnr(shifted, samples)
    assert same == singles
    assert worse < psnr - 3


@pytest.mark.parametrize("options", [{}, {"recursive_supervision": False}])
def test_the_gradient_that_reaches_each_recursion_is_the_one_of_finite_differences(rng, options):
    model = contract.random_model(rng, filters=2, recursions=3, **options)
    x, y = rng.random((2, 1, 4, 3, 1))

    def loss_with(push, d):
        """The loss if `push` is added to what the recursive convolution gives in its use d."""
        uses = []

        def forward(x, w, b):
            z, cache = conv.conv2d_forward(x, w, b)
            if w is model.params["recursion.w"]:
                uses.append(1)
                z = z + push if len(uses) == d else z
            return z, cache

        pushed = DRCN.from_params(model.params, model.architecture, conv=(forward, conv.conv2d_backward))
        return pushed.loss_and_grads(x, y, 0.3)[0]

    eps, lengths = 1e-5, study.gradient_norms(model, (x, y), alpha=0.3)
    assert len(lengths) == 3
    for d, length in enumerate(lengths, start=1):
        units = np.eye(4 * 3 * 2).reshape(-1, 1, 4, 3, 2)
        gradient = [(loss_with(eps * unit, d) - loss_with(-eps * unit, d)) / (2 * eps) for unit in units]
        assert np.linalg.norm(gradient) == pytest.approx(length, rel=1e-7)


def test_the_loss_on_the_probe(rng):
    model = contract.random_model(rng)
    x, y = rng.random((2, 2, 6, 5, 1))
    assert study.probe_loss(model, (x, y), 0.3) == pytest.approx(float(model.loss_and_grads(x, y, 0.3)[0]))
    broken = model.with_params({name: np.full_like(p, 1e200) for name, p in model.params.items()})
    assert not np.isfinite(study.probe_loss(broken, (x, y)))


def test_the_probe_is_the_same_for_all_and_no_batch_of_training(pairs):
    config = TrainingConfig(**SMALL)
    x, y = study.probe_batch(config, pairs)
    again, _ = study.probe_batch(TrainingConfig(**{**SMALL, "recursions": 1}, seed=3), pairs)
    assert np.array_equal(x, again)
    assert x.shape == y.shape == (2, 12, 12, 1)
