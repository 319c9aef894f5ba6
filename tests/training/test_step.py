from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import standin

from minidrcn.backend import to_gpu
from minidrcn.data.patches import load_pair
from minidrcn.errors import InputError, UsageError
from minidrcn.model import checkpoint
from minidrcn.training import schedules, step
from minidrcn.training.config import TrainingConfig
from minidrcn.training.optim import SGD, Adam, Muon

SMALL = {"filters": 4, "recursions": 2, "steps": 6, "batch": 3, "patch": 12, "warmup": 1}


def arrays_of(state):
    parts = {"params": state.model.params, **state.optimiser_state}
    return {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}


def equal(a, b):
    a, b = arrays_of(a), arrays_of(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.fixture
def pairs(photo):
    return [load_pair(path, 2, 12) for path in sorted(photo.iterdir())]


def run(state, config, pairs, steps, workers=1):
    for _ in range(steps):
        state, _ = step.train_step(state, config, pairs, workers)
    return state


@pytest.mark.parametrize("options", [{}, {"optimiser": "sgd"}, {"optimiser": "nesterov", "weight_decay": 1e-3}])
def test_the_same_seed_gives_the_same_bits_for_any_number_of_workers(pairs, options):
    config = TrainingConfig(**SMALL, **options)
    a = run(step.start(config), config, pairs, 4, workers=1)
    b = run(step.start(config), config, pairs, 4, workers=3)
    assert equal(a, b)
    other = TrainingConfig(**SMALL, **options, seed=1)
    assert not equal(a, run(step.start(other), other, pairs, 4))


def test_a_run_may_start_from_a_trained_network_of_another_scale(pairs, tmp_path):
    first = TrainingConfig(**SMALL)
    state = run(step.start(first), first, pairs, 2)
    checkpoint.save(tmp_path / "x2.npz", state.model)
    config = TrainingConfig(**SMALL, scale=3, init=str(tmp_path / "x2.npz"))
    second = step.start(config)
    assert second.step == 0
    assert second.model.scale == 3
    assert all(np.array_equal(second.model.params[name], state.model.params[name]) for name in state.model.params)
    with pytest.raises(UsageError, match="another shape; ask for --filters 4, --recursions 2"):
        step.start(TrainingConfig(filters=5, init=str(tmp_path / "x2.npz")))
    with pytest.raises(UsageError, match=r"another shape; ask for --skip$"):
        step.start(TrainingConfig(**SMALL, skip=False, init=str(tmp_path / "x2.npz")))
    with pytest.raises(InputError, match=r"absent\.npz"):
        step.start(TrainingConfig(**SMALL, init=str(tmp_path / "absent.npz")))


@pytest.mark.parametrize("filters", [4, 8, 130])
@pytest.mark.parametrize(
    "options",
    [
        {"average": 0.9},
        {"clip": "adjustable"},
        {"clip": "value", "optimiser": "nesterov"},
        {"recursive_supervision": False},
    ],
)
def test_the_host_never_waits_for_the_device_inside_a_step(pairs, monkeypatch, options, filters):
    """A number that is looked at stops the host until the device has computed it."""
    standin.install(monkeypatch)
    config = TrainingConfig(**{**SMALL, "filters": filters, **options})
    state = step.start(config)
    on_device = {name: to_gpu(value) for name, value in state.model.params.items()}
    memory = {
        part: {name: to_gpu(value) for name, value in values.items()} for part, values in state.optimiser_state.items()
    }
    state = replace(state, model=state.model.with_params(on_device), optimiser_state=memory)
    before = standin.waits
    for _ in range(2):
        state, report = step.train_step(state, config, pairs)
    assert standin.waits == before
    assert np.isfinite(float(report.loss))
    assert standin.waits == before + 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimiser": "sgd", "schedule": "plateau", "clip": "adjustable", "clip_limit": 1e-5},
        {"optimiser": "nesterov"},
        {"optimiser": "muon", "schedule": "trapezoid", "average": 0.9},
    ],
)
def test_a_run_that_was_saved_and_loaded_goes_on_as_if_it_had_not_been(pairs, tmp_path, options):
    config = TrainingConfig(**SMALL, **options)
    state = step.after_evaluation(run(step.start(config), config, pairs, 3), 30.0)
    step.save_state(tmp_path / "a.npz", state, config)
    loaded, loaded_config = step.load_state(tmp_path / "a.npz")
    assert loaded_config == config
    assert (loaded.step, loaded.best_psnr, loaded.plateau) == (state.step, state.best_psnr, state.plateau)
    assert equal(run(loaded, config, pairs, 3), run(state, config, pairs, 3))


def test_the_average_of_the_weights_is_kept_beside_them(pairs):
    config = TrainingConfig(**SMALL, average=0.9)
    plain = TrainingConfig(**SMALL)
    start = step.start(config)
    first, second = (run(start, config, pairs, steps) for steps in (1, 2))
    unaveraged = run(step.start(plain), plain, pairs, 2)
    for name, p in second.model.params.items():
        assert np.array_equal(p, unaveraged.model.params[name]), "averaging does not change training"
        average = 0.1 * start.model.params[name] + 0.9 * first.model.params[name]  # t = 1: d = 1 / 10
        average = 2 / 11 * average + 9 / 11 * p  # t = 2: d = 2 / 11
        assert np.allclose(second.averaged.params[name], average, rtol=1e-5, atol=1e-9)
        assert second.averaged.params[name].dtype == np.float32
    assert unaveraged.averaged.params["embed1.w"] is unaveraged.model.params["embed1.w"]


def test_a_step_leaves_the_state_before_it_alone(pairs):
    config = TrainingConfig(**SMALL)
    state = step.start(config)
    before = {name: value.copy() for name, value in arrays_of(state).items()}
    after, report = step.train_step(state, config, pairs, 1)
    assert all(np.array_equal(value, before[name]) for name, value in arrays_of(state).items())
    assert (state.step, after.step) == (0, 1)
    assert report.loss > 0
    assert {value.dtype for value in arrays_of(after).values()} == {np.dtype("float32")}


def test_training_brings_the_loss_down(pairs):
    config = TrainingConfig(**{**SMALL, "steps": 60, "lr": 5e-3, "batch": 8})
    state = step.start(config)
    losses = []
    for _ in range(config.steps):
        state, report = step.train_step(state, config, pairs, 1)
        losses.append(float(report.loss))
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert step.finished(state, config)


def test_rates_and_alpha_follow_the_options():
    config = TrainingConfig(**SMALL, schedule="plateau", alpha="rate", lr=0.1, optimiser="sgd")
    state = step.start(config)
    assert step.learning_rate(config, state) == 0.1
    assert step.alpha_at(config, state, 0.1) == pytest.approx(2 / 3)
    assert step.alpha_at(replace(config, alpha="none"), state, 0.1) == 0
    state = step.after_evaluation(state, 30.0)
    for _ in range(5):
        state = step.after_evaluation(state, 29.0)
    assert step.learning_rate(config, state) == pytest.approx(0.01)
    assert state.best_psnr == 30
    assert step.optimiser(config) == SGD(0.9, 0.0)
    assert step.optimiser(TrainingConfig(optimiser="nesterov", momentum=0.5)) == SGD(0.5, 0.0, nesterov=True)
    assert step.optimiser(TrainingConfig(weight_decay=0.1)) == Adam(weight_decay=0.1)
    assert step.optimiser(TrainingConfig(optimiser="muon", weight_decay=0.1)) == Muon(weight_decay=0.1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"clip": "norm", "clip_limit": 2.5}, [1.5, 2.0]),
        ({"clip": "value", "clip_limit": 3.5}, [3.0, 3.5]),
        ({"clip": "adjustable", "clip_limit": 0.35}, [3.0, 3.5]),
        ({"clip": "none"}, [3.0, 4.0]),
    ],
)
def test_clipping_follows_the_options(options, expected):
    clipped, norm = step.clip(TrainingConfig(**options), {"w": np.array([3.0, 4.0])}, 0.1)
    assert np.allclose(clipped["w"], expected)
    assert norm == 5


def test_a_network_without_a_run_cannot_be_gone_on_with(tmp_path):
    from minidrcn import DRCN
    from minidrcn.model import checkpoint

    checkpoint.save(tmp_path / "a.npz", DRCN(2, 1))
    with pytest.raises(InputError, match="holds no training run to go on with"):
        step.load_state(tmp_path / "a.npz")
    config = TrainingConfig(**SMALL)
    state = step.start(config)
    step.save_state(tmp_path / "b.npz", step.replace(state, optimiser_state={}), config)
    with pytest.raises(InputError, match="optimiser's state does not fit"):
        step.load_state(tmp_path / "b.npz")
    double = {
        part: {n: v.astype("float64") for n, v in values.items()} for part, values in state.optimiser_state.items()
    }
    step.save_state(tmp_path / "b.npz", step.replace(state, optimiser_state=double), config)
    with pytest.raises(InputError, match="optimiser's state does not fit"):
        step.load_state(tmp_path / "b.npz")
    for plateau in (
        schedules.Plateau(lr="0.01"),
        schedules.Plateau(best=[1.0]),
        schedules.Plateau(factor=0.0),
        schedules.Plateau(patience="many"),
    ):
        step.save_state(tmp_path / "b.npz", step.replace(state, plateau=plateau), config)
        with pytest.raises(InputError, match="holds no training run to go on with"):
            step.load_state(tmp_path / "b.npz")
    step.save_state(tmp_path / "b.npz", step.replace(state, best_psnr=float("nan")), config)
    with pytest.raises(InputError, match="best PSNR nan"):
        step.load_state(tmp_path / "b.npz")
