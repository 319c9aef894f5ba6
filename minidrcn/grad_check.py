"""Gradient checking by finite differences: is a gradient the derivative of its loss?

    numeric = (f(p + eps v) - f(p - eps v)) / (2 eps)          analytic = <gradient, v>

along every coordinate (`elementwise`, for operations) or along random directions v of one parameter at a time (for
networks, where every coordinate would take hours). One parameter at a time, because in a joint direction the few biases
would drown in the many kernel entries. Everything is float64: float32 rounding hides what is to be seen.

This file knows functions and dicts of arrays; only its command, `python -m minidrcn.grad_check`, knows the network.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import cli
from .backend import Array, Arrays, get_xp, is_finite, to_cpu

LossAndGrads = Callable[[Arrays], tuple[float, Arrays]]

EPS = 1e-5  # half the step of a difference
ENTRIES_TO_LOCATE = 40


@dataclass(frozen=True)
class Row:
    """The verdict on one array: a parameter's gradient, or whatever else is compared with what is right."""

    name: str
    ok: bool  # whether the error is within the tolerance
    shape: tuple[int, ...] = ()
    error: float = np.nan  # the largest difference, relative to the largest magnitude
    index: tuple[int, ...] | None = None  # the worst entry, where entries were looked at one by one
    yours: float = np.nan  # the number there; of a gradient, the derivative claimed at the worst entry or direction
    right: float = np.nan  # the number that belongs there; of a gradient, the derivative measured
    problem: str = ""  # what kept it from being compared at all

    @property
    def ratio(self) -> float:
        """Yours over right: 2, -1, 0 and D each name a bug."""
        return self.yours / self.right if self.right else np.nan


@dataclass(frozen=True)
class Report:
    """One row a parameter, and the verdict on all of them. `print(report)` shows a table."""

    rows: list[Row]
    tolerance: float = 1e-6

    @property
    def ok(self) -> bool:
        """Whether every gradient passed."""
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        width = max(len("parameter"), *(len(row.name) for row in self.rows))
        lines = [
            f"{'parameter':{width}}  {'shape':16} {'error':>9}       {'at':16} {'analytic':>14} {'numeric':>14} ratio"
        ]
        for row in self.rows:
            start = f"{row.name:{width}}  {_tuple(row.shape):16} "
            if row.problem:
                lines.append(f"{start}{'':>9} WRONG {row.problem}")
            else:
                at = "a direction" if row.index is None else _tuple(row.index)
                lines.append(
                    f"{start}{row.error:9.1e} {'ok   ' if row.ok else 'WRONG'} {at:16} "
                    f"{row.yours:14.6e} {row.right:14.6e} {row.ratio:.4g}"
                )
        wrong = [row.name for row in self.rows if not row.ok]
        if wrong:
            lines.append(f"WRONG: {', '.join(wrong)} (tolerance {self.tolerance:g})")
        else:
            lines.append(f"all {len(self.rows)} gradients agree with finite differences to {self.tolerance:g}")
        return "\n".join(lines)


def check_gradients(
    f: LossAndGrads,
    params: Arrays,
    *,
    elementwise: bool = False,
    directions: int = 3,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> Report:
    """Compare the gradients that `f` returns with finite differences of the loss that `f` returns.

    A ReLU that switches within the step of a difference makes the quotient wrong, not the gradient. What disagrees is
    therefore checked again at two points nearby, where a wrong gradient is still wrong.

    Args:
        f: takes a dict of arrays, returns the loss and a dict of gradients with the same keys.
        params: the point to check at, float64. The arrays are not modified.
        elementwise: check every entry of every parameter, instead of random directions.
        directions: how many for each parameter. Where one fails, single entries are looked at to say where.
        tolerance: the largest error that passes, relative to the parameter's largest derivative. A gradient too small
            to be seen beside the rounding of the loss fails, and the report says so.
        seed: of the directions.

    Raises:
        ValueError: a parameter is not float64, or there is none.
    """
    if not params:
        raise ValueError("there are no parameters to check")
    for name, value in params.items():
        if value.dtype != np.float64:
            raise ValueError(f"gradient checks need float64, the parameter {name} is {value.dtype}")
    rng = np.random.default_rng(seed)
    point, rows = params, {}
    for _ in range(3):
        disagreeing = [name for name in params if name not in rows or not rows[name].ok]
        if not disagreeing:
            break
        loss, grads = f(dict(point))
        for name in disagreeing:
            shape = params[name].shape
            problem = _problem(grads, name, shape)
            if problem:
                row = Row(name, False, shape, problem=problem)
            else:
                compare = partial(_compare, f, point, name, float(loss), to_cpu(grads[name]), tolerance)
                if elementwise:
                    row = compare(list(np.ndindex(shape)))
                else:
                    row = compare([_direction(shape, rng) for _ in range(directions)])
                    located = row if row.ok else compare(_likely_entries(to_cpu(grads[name]), rng))
                    row = row if located.ok else located
            if row.ok or name not in rows:
                rows[name] = row
        point = {name: p + get_xp(p).asarray(1e-3 * rng.standard_normal(p.shape)) for name, p in params.items()}
    return Report(list(rows.values()), tolerance)


def numeric_gradient(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The derivative of a number by every entry of an array, float64: two evaluations of `f` an entry."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        gradient[index] = _derivative(f, x, _one_hot(x.shape, index))
    return gradient


def _derivative(f: Callable[[Array], float | Array], x: Array, v: np.ndarray) -> float:
    """The derivative of f at x along v, by central differences."""
    step = get_xp(x).asarray(EPS * v)
    return (float(f(x + step)) - float(f(x - step))) / (2 * EPS)


def _compare(
    f: LossAndGrads, point: Arrays, name: str, loss: float, grad: np.ndarray, tolerance: float,
    places: list[np.ndarray] | list[tuple[int, ...]],
) -> Row:  # fmt: skip
    """One parameter's gradient against finite differences, along directions or at the entries of these indices."""
    vectors = [_one_hot(grad.shape, place) if isinstance(place, tuple) else place for place in places]
    analytic = np.array([float(np.vdot(grad, v)) for v in vectors])
    numeric = np.array([_derivative(lambda p: f({**point, name: p})[0], point[name], v) for v in vectors])
    difference = np.abs(analytic - numeric)
    scale = max(np.abs(analytic).max(), np.abs(numeric).max(), np.finfo(float).tiny)
    # The loss is rounded to 16 digits; divided by EPS, that is how exactly the quotient can be known.
    rounding = 4 * np.finfo(float).eps * abs(loss) / EPS
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    # Where the gradient claims to be zero there is nothing to be relative to.
    ok = difference[worst] <= (tolerance * scale if analytic.any() else rounding)
    hidden = not ok and difference[worst] <= rounding
    return Row(
        name,
        bool(ok),
        grad.shape,
        error=float(difference[worst] / scale),
        index=places[worst] if isinstance(places[worst], tuple) else None,
        yours=float(analytic[worst]),
        right=float(numeric[worst]),
        problem=f"about {scale:.0e}: too small to be measured beside a loss of {abs(loss):.0e}" if hidden else "",
    )


def _problem(grads: Arrays, name: str, shape: tuple[int, ...]) -> str:
    if not isinstance(grads, dict) or name not in grads:
        return "no gradient was returned"
    if not hasattr(grads[name], "shape"):
        return f"the gradient is no array but {type(grads[name]).__name__}"
    if grads[name].shape != shape:
        return f"the gradient has the shape {_tuple(grads[name].shape)}"
    if not is_finite(grads[name]):
        return "the gradient is not finite"
    return ""


def _direction(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    v = rng.standard_normal(shape)
    return v / np.linalg.norm(v)


def _one_hot(shape: tuple[int, ...], index: tuple[int, ...]) -> np.ndarray:
    v = np.zeros(shape)
    v[index] = 1
    return v


def _likely_entries(grad: np.ndarray, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Half of them where the gradient claims to be largest, half anywhere."""
    largest = np.argsort(-np.abs(grad).ravel())[: ENTRIES_TO_LOCATE // 2]
    anywhere = rng.permutation(grad.size)[: ENTRIES_TO_LOCATE // 2]
    return [tuple(map(int, np.unravel_index(k, grad.shape))) for k in np.union1d(largest, anywhere)]


def _tuple(values: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, values)) + ")"


@cli.command("grad_check")
def main(argv: list[str] | None = None) -> int:
    """Check the whole network, as trained and as the paper's basic model; exit status 1 if a gradient is wrong."""
    from .model.drcn import DRCN
    from .model.fold import TAPS

    parser = cli.parser("grad_check", "Check every gradient of a small network against finite differences, in float64.")
    parser.add_argument("--filters", type=cli.whole_number(1, 64), default=4, help="F (default: 4)")
    parser.add_argument("--recursions", type=cli.whole_number(1, 48), default=5, help="D (default: 5)")
    parser.add_argument("--seed", type=cli.whole_number(0), default=0, help="of everything random (default: 0)")
    args = parser.parse_args(argv)
    basic = {"skip": False, "recursive_supervision": False, "reconstruction_relu": True, "output_relu": True}
    variants = {
        "the network of the paper's tables: skip, recursive supervision": {},
        "the same with a ReLU in the reconstruction": {"reconstruction_relu": True},
        "the paper's basic model": basic,
        "the first once more, computed as in training: folded, by Winograd's convolution": {"conv": "winograd"},
        "the second once more, by Winograd's convolution": {"conv": "winograd", "reconstruction_relu": True},
        "the first as training starts": {"conv": "winograd"},
    }
    ok = True
    for title, options in variants.items():
        options = {"conv": "im2col", **options}
        # With fewer there is no folding.
        filters = args.filters if options["conv"] == "im2col" else max(args.filters, TAPS + 1)
        model = DRCN(filters, args.recursions, args.seed, dtype="float64", **options)
        rng = np.random.default_rng(args.seed)
        # As initialised, most biases are zero and the recursion is the identity: too regular to show every mistake.
        irregular = 0.0 if title.endswith("starts") else 0.1
        params = {name: p + irregular * rng.standard_normal(p.shape) for name, p in model.params.items()}
        x, y = rng.random((2, 2, 7, 6, 1))  # N = 2, H = 7, W = 6
        report = check_gradients(
            lambda params, model=model, x=x, y=y: model.with_params(params).loss_and_grads(x, y, alpha=0.3), params
        )
        print(f"{title} (F = {filters}, D = {args.recursions})\n{report}\n", flush=True)
        ok = ok and report.ok
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
