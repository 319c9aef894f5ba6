"""Schedules of the learning rate (warm-up, cosine, trapezoid, reduce on plateau) and of alpha.

`step` is 0 for the first of `steps` steps and steps - 1 for the last; `lr` is the highest rate, which a linear warm-up
reaches at step `warmup`: Adam's first steps, taken from few gradients, are its worst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

FALL = 0.25  # of all steps, over which the trapezoid's rate falls
ALPHA_UNTIL = 0.5  # of all steps, over which alpha falls


def cosine_rate(step: int, steps: int, lr: float, warmup: int = 0) -> float:
    """Cosine annealing to 0 after the warm-up (Loshchilov and Hutter 2017)."""
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    return lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))


def trapezoid_rate(step: int, steps: int, lr: float, warmup: int = 0) -> float:
    """Trapezoid (warmup-stable-decay): the warm-up, `lr`, a linear fall to 0 in the last quarter.

    Until the fall nothing depends on `steps`: such a training can be prolonged, where half a cosine cannot (Zhai et al.
    2022, "Scaling vision transformers", section 3.5).
    """
    rise = min(1.0, (step + 1) / (warmup + 1))
    return lr * min(rise, (steps - step) / max(FALL * steps, 1), 1.0)


@dataclass(frozen=True)
class Plateau:
    """Reduce on plateau, as in the paper: rate / 10 after 5 evaluations without a new best, stop below 1e-6."""

    lr: float = 0.01  # the current rate
    factor: float = 10.0  # what it is divided by
    patience: int = 5  # evaluations without a new best after which it is
    stop: float = 1e-6  # training is over when the rate is lower than this
    best: float = math.inf  # the lowest error so far
    waited: int = 0  # evaluations since

    def update(self, error: float) -> Plateau:
        """The rule after one more validation error, lower is better."""
        if error < self.best:
            return replace(self, best=error, waited=0)
        if self.waited + 1 < self.patience:
            return replace(self, waited=self.waited + 1)
        return replace(self, lr=self.lr / self.factor, waited=0)

    @property
    def finished(self) -> bool:
        """Whether training should end."""
        return self.lr < self.stop


def linear_alpha(step: int, steps: int) -> float:
    """From 1 to 0 over the first half of all steps. The paper says that alpha decays and not how."""
    return max(0.0, 1 - step / max(ALPHA_UNTIL * steps, 1))


def alpha_from_rate(lr: float, lr_start: float, recursions: int) -> float:
    """Alpha tied to the learning rate, `lr / lr_start * D / (D + 1)`, as in the authors' training code."""
    return min(1.0, lr / lr_start) * recursions / (recursions + 1)
