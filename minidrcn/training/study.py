"""Snapshots of a network during training, and what experiments and lessons measure of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .. import cli
from ..data.patches import Pair, draw_batch
from ..imaging.protocol import Sample, measure
from ..model import initialise
from ..model.drcn import DRCN
from ..model.loss import loss_forward
from ..ops import conv
from . import step
from .config import TrainingConfig

PROBE_SEED = 10**9  # far from every (seed, step) that patches are drawn with


class Snapshot(NamedTuple):
    """A network after some updates."""

    step: int  # updates done
    model: DRCN
    loss: float | None  # of the last batch; None before the first update, not finite where training has exploded


def train_snapshots(
    config: TrainingConfig,
    pairs: Sequence[Pair],
    every: int,
    workers: int | None = None,
    model: DRCN | None = None,
) -> Iterator[Snapshot]:
    """Train as `python -m minidrcn.train` does, and yield the model every `every` updates, first and last included.

    Training that explodes goes on to the end, which is what some experiments are about. Nothing is validated on the
    way, so the rate of a plateau schedule stays as it is. `model` is one to start from, instead of the one that the
    options describe.
    """
    state = step.start(config)
    state = state if model is None else replace(state, model=model)
    yield Snapshot(0, state.model, None)
    with np.errstate(all="ignore"):
        for _ in cli.progress(range(config.steps), unit="update"):
            state, report = step.train_step(state, config, pairs, workers)
            if state.step % every == 0 or state.step == config.steps:
                yield Snapshot(state.step, state.model, float(report.loss))


def updates(count: int) -> int:
    """How many updates a lesson has time for: `count`, and in a browser half of it, with a line that says so.

    A browser has one thread and no fast matrix product: an update takes about ten times as long there.
    """
    if sys.platform != "emscripten":
        return count
    print(f"In a browser updates are slow: {count // 2} instead of {count}, which the text describes.")
    return count // 2


def trained(config: TrainingConfig, pairs: Sequence[Pair], workers: int | None = None) -> DRCN:
    """The network after all updates, see `train_snapshots`."""
    _, last = train_snapshots(config, pairs, config.steps, workers)
    return last.model


def with_he_recursion(model: DRCN, seed: int) -> DRCN:
    """The network with He's random kernel in the recursion and no bias, instead of the identity."""
    w, b = model.params["recursion.w"], model.params["recursion.b"]
    kernel = initialise.he(np.random.default_rng((seed, PROBE_SEED)), w.shape)
    return model.with_params({**model.params, "recursion.w": kernel.astype(w.dtype), "recursion.b": np.zeros_like(b)})


def mean_psnr(model: DRCN, samples: Sequence[Sample]) -> tuple[float, list[float]]:
    """Mean PSNR over the images in decibels: of the ensemble, and of each recursion's own prediction."""
    ensemble, single = [], []
    for sample in samples:
        final, ys = model.predict(sample.x[None, :, :, None])
        ensemble.append(measure(final[0, :, :, 0], sample).psnr)
        single.append([measure(y[0, :, :, 0], sample).psnr for y in ys])
    return float(np.mean(ensemble)), np.mean(single, axis=0).tolist()


def bicubic_psnr(samples: Sequence[Sample]) -> float:
    """Mean PSNR of bicubic interpolation."""
    return float(np.mean([measure(sample.x, sample).psnr for sample in samples]))


def probe_batch(config: TrainingConfig, pairs: Sequence[Pair]) -> Pair:
    """A fixed batch, the same for every network of an experiment and never a training batch."""
    return draw_batch(pairs, config.batch, config.patch, np.random.default_rng(PROBE_SEED))


def probe_loss(model: DRCN, batch: Pair, alpha: float = 0.5) -> float:
    """The loss on one batch; not finite if training has exploded."""
    with np.errstate(all="ignore"):
        final, ys, _ = model.forward(batch[0])
        loss, _ = loss_forward(final, ys, batch[1], alpha)
    return float(loss)


def gradient_norms(model: DRCN, batch: Pair, alpha: float = 0.5) -> list[float]:
    """The norm of the gradient that reaches each use of the recursive convolution, d = 1 to D.

    The backward pass runs with an instrumented convolution that notes the norm of every incoming gradient, if the
    kernel is the recursion's.
    """
    lengths: list[float] = []

    def backward(dy, cache):
        if cache[1] is model.params["recursion.w"]:
            lengths.append(float(np.sqrt((dy.astype(np.float64) ** 2).sum())))
        return conv.conv2d_backward(dy, cache)

    watched = DRCN.from_params(model.params, model.architecture, conv=(conv.conv2d_forward, backward))
    watched.loss_and_grads(*batch, alpha)
    return lengths[::-1]  # the backward pass comes by the last recursion first
