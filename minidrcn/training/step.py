"""One training step, and the value that goes from step to step.

Seed and step decide everything random, so a run that was stopped after any step goes on exactly as if it had never been
stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import NamedTuple

import numpy as np

from ..backend import Array, Arrays
from ..data.patches import Pair, draw_batch
from ..errors import InputError, UsageError
from ..model import checkpoint
from ..model.drcn import DRCN
from ..options import flag
from ..parallel import loss_and_grads, one_blas_thread
from . import optim, schedules
from .config import TrainingConfig
from .optim import SGD, Adam, Muon, State, moving_average


@dataclass(frozen=True)
class TrainingState:
    """Everything that changes while a network is trained."""

    model: DRCN
    optimiser_state: State  # and the moving average of the weights as its part "average"
    plateau: schedules.Plateau  # for the schedule of that name
    step: int = 0  # updates done
    best_psnr: float = -math.inf  # on the validation images so far, in decibels

    @property
    def averaged(self) -> DRCN:
        """The network to measure and to keep: with the averaged weights if there are any."""
        return self.model.with_params(self.optimiser_state.get("average", self.model.params))


class StepReport(NamedTuple):
    """What one update looked like; loss and grad_norm are on the device the network is on."""

    loss: Array
    grad_norm: Array
    lr: float
    alpha: float


def start(config: TrainingConfig) -> TrainingState:
    """The state before the first update.

    Raises:
        UsageError: the network to start from has another shape than the options say.
        InputError: it cannot be read.
    """
    architecture = config.architecture
    model = DRCN(**asdict(architecture), seed=config.seed, scale=config.scale)
    if config.init:
        trained = checkpoint.load(config.init)
        ours, theirs = asdict(architecture), asdict(trained.architecture)
        different = [_asking_for(name, theirs[name]) for name in ours if ours[name] != theirs[name]]
        if different:
            raise UsageError(f"--init {config.init}: a network of another shape; ask for {', '.join(different)}")
        model = model.with_params({name: value.astype(model.dtype) for name, value in trained.params.items()})
    return TrainingState(model, _initial_memory(config, model), schedules.Plateau(lr=config.lr))


def _initial_memory(config: TrainingConfig, model: DRCN) -> State:
    memory = optimiser(config).init(model.params)
    return {**memory, "average": model.params} if config.average else memory


def _outline(memory: State) -> dict[str, dict[str, tuple]]:
    return {part: {name: (v.shape, v.dtype) for name, v in values.items()} for part, values in memory.items()}


def _asking_for(name: str, value: object) -> str:
    if isinstance(value, bool):
        return flag(name if value else f"no_{name}")
    return f"{flag(name)} {value}"


def optimiser(config: TrainingConfig) -> SGD | Adam | Muon:
    """The update rule that the options name."""
    if config.optimiser == "adam":
        return Adam(weight_decay=config.weight_decay)
    if config.optimiser == "muon":
        return Muon(weight_decay=config.weight_decay)
    return SGD(config.momentum, config.weight_decay, nesterov=config.optimiser == "nesterov")


def train_step(
    state: TrainingState,
    config: TrainingConfig,
    pairs: Sequence[Pair],
    workers: int | None = None,
    gradient: Callable[..., tuple[Array, Arrays]] = loss_and_grads,
) -> tuple[TrainingState, StepReport]:
    """Draw a batch, take its gradient, clip it, update the parameters: the state after it, and a report.

    `gradient` is `parallel.loss_and_grads`, or takes the same sum over several machines. `state` is not modified.
    """
    model = state.model
    x, y = batch(state, config, pairs)
    lr = learning_rate(config, state)
    alpha = alpha_at(config, state, lr)

    loss, grads = gradient(model, x, y, alpha, workers)
    grads, norm = clip(config, grads, lr)
    t, memory = state.step + 1, state.optimiser_state
    with one_blas_thread():  # Muon's products: the bits shall not depend on how many cores there are
        params, new_memory = optimiser(config).step(model.params, grads, memory, lr, t)
    if config.average:
        new_memory["average"] = moving_average(memory["average"], params, config.average, t)

    state = replace(state, model=model.with_params(params), optimiser_state=new_memory, step=t)
    return state, StepReport(loss, norm, lr, alpha)


def batch(state: TrainingState, config: TrainingConfig, pairs: Sequence[Pair]) -> tuple[Array, Array]:
    """Inputs and targets of the next update, where the network is."""
    rng = np.random.default_rng((config.seed, state.step + 1))  # initial weights: default_rng(seed), which is (seed, 0)
    xp = state.model.xp
    x, y = draw_batch(pairs, config.batch, config.patch, rng)
    return xp.asarray(x), xp.asarray(y)


def learning_rate(config: TrainingConfig, state: TrainingState) -> float:
    """The rate of the next update."""
    if config.schedule == "cosine":
        return schedules.cosine_rate(state.step, config.steps, config.lr, config.warmup)
    if config.schedule == "trapezoid":
        return schedules.trapezoid_rate(state.step, config.steps, config.lr, config.warmup)
    return state.plateau.lr if config.schedule == "plateau" else config.lr


def alpha_at(config: TrainingConfig, state: TrainingState, lr: float) -> float:
    """The alpha of the next update."""
    if config.alpha == "rate":
        return schedules.alpha_from_rate(lr, config.lr, config.recursions)
    if config.alpha == "none":
        return 0.0
    return schedules.linear_alpha(state.step, config.steps)


def clip(config: TrainingConfig, grads: dict[str, Array], lr: float) -> tuple[dict[str, Array], Array]:
    """The gradients clipped as the options say, and their joint length before."""
    if config.clip == "norm":
        return optim.clip_by_global_norm(grads, config.clip_limit)
    norm = optim.global_norm(grads)
    if config.clip == "value":
        return optim.clip_by_value(grads, config.clip_limit), norm
    if config.clip == "adjustable":
        return optim.clip_adjustable(grads, config.clip_limit, lr), norm
    return grads, norm


def after_evaluation(state: TrainingState, psnr: float) -> TrainingState:
    """The state once the validation PSNR after `state.step` updates is known."""
    return replace(state, plateau=state.plateau.update(-psnr), best_psnr=max(state.best_psnr, psnr))


def finished(state: TrainingState, config: TrainingConfig) -> bool:
    """Whether no update is left to do."""
    return state.step >= config.steps or (config.schedule == "plateau" and state.plateau.finished)


def save_state(path, state: TrainingState, config: TrainingConfig) -> None:
    """Write all that is needed to go on."""
    training = {"step": state.step, "best_psnr": state.best_psnr}
    training |= {"plateau": asdict(state.plateau), "config": asdict(config)}
    checkpoint.save(path, state.model, state.optimiser_state, training)


def load_state(path) -> tuple[TrainingState, TrainingConfig]:
    """Read what `save_state` wrote.

    Raises:
        InputError: there is no such file, or it is no checkpoint of a training run.
    """
    model, optimiser_state, training = checkpoint.load_checkpoint(path)
    try:
        config = TrainingConfig.from_dict(training["config"])
        plateau = schedules.Plateau(**training["plateau"])
        step, best_psnr = training["step"], training["best_psnr"]
        if type(step) is not int or step < 0 or not isinstance(best_psnr, float) or math.isnan(best_psnr):
            raise ValueError(f"step {step!r}, best PSNR {best_psnr!r}")
        fresh = schedules.Plateau(plateau.lr, best=plateau.best, waited=plateau.waited)
        if plateau != fresh or not all(isinstance(value, (int, float)) for value in astuple(plateau)):
            raise ValueError(f"{plateau}")
        state = TrainingState(model, optimiser_state, plateau, step, best_psnr)
        if _outline(optimiser_state) != _outline(_initial_memory(config, model)):
            raise ValueError("the optimiser's state does not fit the network")
        return state, config
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: holds no training run to go on with ({error})") from error
