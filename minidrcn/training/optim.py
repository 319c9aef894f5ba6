"""Update rules on dicts of arrays: SGD with momentum, as in the paper, and Adam.

An optimiser is a set of constants. What changes from step to step goes in and comes out:

    state = optimiser.init(params)
    params, state = optimiser.step(params, grads, state, lr, t)     fresh dicts; nothing is modified
"""

from __future__ import annotations

from dataclasses import dataclass

from ..backend import Arrays, get_xp

State = dict[str, Arrays]


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum, in the form that keeps the learning rate inside the velocity.

        g <- g + weight_decay * p
        v <- momentum * v - lr * g
        p <- p + v                            or, with Nesterov's momentum, p + momentum * v - lr * g

    The paper: momentum 0.9, weight decay 1e-4. A weight decay of c is the gradient of `c / 2 * ||p||^2` in the loss.

    Attributes:
        momentum: how much of the velocity stays, in 0..1.
        weight_decay: c above, applied to every parameter, biases and ensemble weights included.
        nesterov: look one step ahead along the velocity (Sutskever et al. 2013; the authors' training code).
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

    Attributes:
        beta1: memory of the mean gradient.
        beta2: memory of the mean squared gradient.
        eps: keeps the quotient finite.
        weight_decay: c, where `c * p` is added to the gradient first.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
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
