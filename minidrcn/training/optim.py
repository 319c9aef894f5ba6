"""From gradients to new weights: gradient clipping, SGD with momentum, Adam, Muon, the moving average of the weights.

An optimiser is a set of constants. What changes from step to step goes in and comes out:

    state = optimiser.init(params)
    params, state = optimiser.step(params, grads, state, lr, t)     fresh dicts; nothing is modified

Clipping keeps a step small when the gradient is not. A gradient that passes through D recursions is multiplied by the
same kernel D times and can grow like its gain to the power of D; one such step undoes a thousand good ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..backend import Array, Arrays, get_xp

State = dict[str, Arrays]


def global_norm(grads: Arrays) -> Array:
    """The Euclidean length of all gradients taken as one vector; a scalar, added up in float64."""
    # In float32 the square of 1e20 is infinite already.
    squares = [get_xp(g).square(g.astype("float64")).sum() for g in grads.values()]
    total = sum(squares[1:], start=squares[0])
    return get_xp(total).sqrt(total)


def clip_by_global_norm(grads: Arrays, max_norm: float) -> tuple[Arrays, Array]:
    """Shorten the gradient, keeping its direction, if it is longer than `max_norm` (Pascanu et al. 2013).

    Returns:
        the gradients, times `min(1, max_norm / norm)`, and their norm before.

    Raises:
        ValueError: max_norm is not positive.
    """
    _check_positive("max_norm", max_norm)
    norm = global_norm(grads)
    xp = get_xp(norm)
    # max_norm / max(norm, max_norm) is min(1, max_norm / norm) without a division by zero; nothing waits for the GPU.
    factor = max_norm / xp.maximum(norm, max_norm)
    return {name: g * factor.astype(g.dtype) for name, g in grads.items()}, norm


def clip_by_value(grads: Arrays, limit: float) -> Arrays:
    """Cut every entry to -limit..limit. The direction changes. Raises ValueError if the limit is not positive."""
    _check_positive("limit", limit)
    limit = float(limit)  # a NumPy float64 would make the gradients float64
    return {name: get_xp(g).clip(g, -limit, limit) for name, g in grads.items()}


def clip_adjustable(grads: Arrays, theta: float, lr: float) -> Arrays:
    """Cut every entry so that `abs(lr * g) <= theta`: as the learning rate falls, larger gradients are let through.

    The authors' training code clips so (theta 1e-5 at depth 20), after the same authors' VDSR (Kim et al. 2016,
    section 3.2). At a rate of 0 nothing is cut. Raises ValueError if theta is not positive.
    """
    _check_positive("theta", theta)
    return clip_by_value(grads, float(theta) / float(lr) if lr != 0 else math.inf)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, in the form that keeps the learning rate inside the velocity.

        g <- g + weight_decay * p
        v <- momentum * v - lr * g
        p <- p + v                            or, with Nesterov's momentum, p + momentum * v - lr * g

    The paper: momentum 0.9, weight decay 1e-4. A weight decay of c is the gradient of `c / 2 * ||p||^2` in the loss, of
    every parameter, biases and ensemble weights included. Nesterov's momentum looks one step ahead along the velocity
    (Sutskever et al. 2013; the authors' training code).
    """

    momentum: float = 0.9
    weight_decay: float = 1e-4
    nesterov: bool = False

    def init(self, params: Arrays) -> State:
        """Velocities of zero."""
        return {"v": _zeros(params)}

    def step(self, params: Arrays, grads: Arrays, state: State, lr: float, t: int) -> tuple[Arrays, State]:
        """One update. `lr` is the learning rate; `t`, the number of this update from 1 on, is not needed."""
        lr = float(lr)  # a NumPy float64 would make the parameters float64
        new_params, v = {}, {}
        for name, p in params.items():
            g = grads[name] + self.weight_decay * p
            v[name] = self.momentum * state["v"][name] - lr * g
            new_params[name] = p + (self.momentum * v[name] - lr * g if self.nesterov else v[name])
        return new_params, {"v": v}


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1): steps of about `lr`, whatever the size of the gradient.

        m <- beta1 * m + (1 - beta1) * g                  v <- beta2 * v + (1 - beta2) * g^2
        p <- p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    A weight decay of c adds `c * p` to the gradient first.
    """

    beta1: float = 0.9  # memory of the mean gradient
    beta2: float = 0.999  # memory of the mean squared gradient
    eps: float = 1e-8  # keeps the quotient finite
    weight_decay: float = 0.0

    def init(self, params: Arrays) -> State:
        """Means of zero."""
        return {"m": _zeros(params), "v": _zeros(params)}

    def step(self, params: Arrays, grads: Arrays, state: State, lr: float, t: int) -> tuple[Arrays, State]:
        """One update. `lr` is the learning rate, `t` the number of this update, counted from 1."""
        lr = float(lr)  # a NumPy float64 would make the parameters float64
        new_params, m, v = {}, {}, {}
        for name, p in params.items():
            g = grads[name] + self.weight_decay * p
            m[name] = self.beta1 * state["m"][name] + (1 - self.beta1) * g
            v[name] = self.beta2 * state["v"][name] + (1 - self.beta2) * g * g
            # Both means start at zero; dividing by 1 - beta^t takes that start out of them.
            mean = m[name] / (1 - self.beta1**t)
            mean_square = v[name] / (1 - self.beta2**t)
            new_params[name] = p - lr * mean / (get_xp(p).sqrt(mean_square) + self.eps)
        return new_params, {"m": m, "v": v}


@dataclass(frozen=True)
class Muon:
    """Muon (Jordan et al. 2024): momentum, made orthogonal, for the kernels from F to F channels; Adam for the rest.

        m <- momentum * m + g                               u = g + momentum * m, as a (9F, F) matrix
        p <- p - lr * 0.2 * sqrt(9F) * orthogonalise(u)

    A gradient is dominated by a few directions. This step goes equally far along all of them, so that the weak ones are
    learned too. `0.2 * sqrt(9F)` gives it the mean square of one of Adam's steps, so that both share a learning rate
    (Liu et al. 2025, "Muon is scalable for LLM training", equation 4). A weight decay of c adds `c * p` to a gradient.
    """

    momentum: float = 0.95
    weight_decay: float = 0.0

    def init(self, params: Arrays) -> State:
        """Momentum of zero, and Adam's means for the parameters that it updates."""
        kernels, rest = _hidden_kernels(params)
        return {"momentum": _zeros(kernels), **Adam().init(rest)}

    def step(self, params: Arrays, grads: Arrays, state: State, lr: float, t: int) -> tuple[Arrays, State]:
        """One update. `lr` is the learning rate, `t` the number of this update, counted from 1."""
        lr = float(lr)  # a NumPy float64 would make the parameters float64
        kernels, rest = _hidden_kernels(params)
        new_rest, means = Adam(weight_decay=self.weight_decay).step(rest, grads, state, lr, t)
        new_kernels, momentum = {}, {}
        for name, p in kernels.items():
            g = grads[name] + self.weight_decay * p
            momentum[name] = self.momentum * state["momentum"][name] + g
            u = (g + self.momentum * momentum[name]).reshape(-1, p.shape[-1])  # (9F, F)
            step = 0.2 * math.sqrt(len(u)) * orthogonalise(u)
            new_kernels[name] = p - lr * step.reshape(p.shape)
        params = {name: new_kernels[name] if name in kernels else new_rest[name] for name in params}
        return params, {"momentum": momentum, **means}


def orthogonalise(u: Array) -> Array:
    """The matrix with the singular vectors of `u`, (rows, columns), rows >= columns, and singular values near 1.

    A Newton-Schulz iteration: each round maps every singular value s to 3.4445 s - 4.775 s^3 + 2.0315 s^5, which brings
    those from 0.01 to 1 into 0.7..1.2 in five rounds (Jordan et al. 2024). Only matrix products: no decomposition.
    """
    norm = get_xp(u).sqrt((u * u).sum())  # no singular value is larger
    u = u / (norm + 1e-7)
    for _ in range(5):
        gram = u.T @ u
        u = 3.4445 * u + u @ (-4.775 * gram + 2.0315 * gram @ gram)
    return u


def _hidden_kernels(params: Arrays) -> tuple[Arrays, Arrays]:
    """The kernels with as many input as output channels, and all other parameters."""
    hidden = [name for name, p in params.items() if p.ndim == 4 and p.shape[2] == p.shape[3]]
    rest = {name: p for name, p in params.items() if name not in hidden}
    return {name: params[name] for name in hidden}, rest


def moving_average(average: Arrays, params: Arrays, decay: float, t: int) -> Arrays:
    """The exponential moving average of the weights after update `t`, counted from 1.

        average <- d * average + (1 - d) * p              d = min(decay, t / (t + 9))

    The weights of late updates circle around a better point than any of them (Polyak and Juditsky 1992). `d` starts at
    a tenth, so that the average soon forgets where training began.
    """
    d = min(decay, t / (t + 9))
    return {name: d * average[name] + (1 - d) * p for name, p in params.items()}


def _zeros(params: Arrays) -> Arrays:
    return {name: get_xp(p).zeros_like(p) for name, p in params.items()}
