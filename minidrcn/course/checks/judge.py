"""Run a function on several cases and hold what it returns against what is right: the engine of every check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import guard, hints
from .bugs import BUGS, plant
from .report import Result, Row

Named = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One call of the function, and what should come back.

    Attributes:
        arguments: what it is called with.
        right: the right result by name; arrays and numbers.
        sizes: N, H, W and so on.
        factors: what else a wrong result may be a multiple of, by name.
        uses: for a shared weight's gradient, by name: what each of its uses contributes.
        label: what is special about this case. Cases of one label are credited together.
        weight: of this label beside others.
    """

    arguments: tuple
    right: Mapping[str, np.ndarray]
    sizes: Mapping[str, int]
    factors: Mapping[str, float] = field(default_factory=dict)
    uses: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)
    label: str = ""
    weight: float = 1.0

    @property
    def all_factors(self) -> dict[str, float]:
        """Whatever a wrong result may be a multiple of, by name."""
        products = {"H*W": ("H", "W"), "N*H*W": ("N", "H", "W"), "K*K": ("K", "K"), "D*N": ("D", "N")}
        sizes = {name: self.sizes[name] for name in ("N", "D") if name in self.sizes}
        for name, parts in products.items():
            if all(part in self.sizes for part in parts):
                sizes[name] = int(np.prod([self.sizes[part] for part in parts]))
        return {**self.factors, **sizes}

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self.sizes.items())


class Unusable(ValueError):
    """What a function returned cannot be compared; the message says why."""


def by_position(names: Sequence[str]) -> Callable[[Any], Named]:
    """For functions that return their results in this order; a single one may come without its tuple."""

    def unpack(value: Any) -> Named:
        if len(names) == 1:
            return {names[0]: value[0] if isinstance(value, tuple) and len(value) == 1 else value}
        if value is None:
            raise Unusable("it returned None: is there a return at its end?")
        if not isinstance(value, tuple):
            raise Unusable(f"it returned {_kind(value)}; expected {', '.join(names)}")
        if len(value) != len(names):
            raise Unusable(f"it returned {len(value)} values; expected {len(names)}: {', '.join(names)}")
        return dict(zip(names, value, strict=True))

    return unpack


@np.errstate(all="ignore")  # whatever numbers come back, the check itself is silent
def judge(
    target: str,
    fn: Any,
    cases: Sequence[Case],
    seed: int,
    *,
    arguments: Sequence[str],
    unpack: Callable[[Any], Named] | None = None,
    tolerance: float = 1e-6,
    weights: Mapping[str, float] | None = None,
    known_mistakes: bool = True,
) -> Result:
    """Score a function.

    Args:
        target: "module:function" in this package that it should do the same as.
        fn: the function, here or elsewhere.
        cases: the calls.
        seed: that the cases were drawn with, for the report.
        arguments: the names of the function's arguments.
        unpack: takes what the function returned, gives results by name; by position if left out.
        tolerance: the largest error that passes, relative to the largest magnitude of the right array.
        weights: of the results by name; equal if left out.
        known_mistakes: whether a hint may name the planted bug that gives the same numbers.
    """
    unpack = unpack or by_position(list(cases[0].right))
    found: dict[tuple[str, str], list[_Found]] = {}
    changed, unstable = set(), False
    for case in cases:
        outcome, named, problem = _run(fn, case, unpack)
        changed |= set(outcome.changed)
        if not problem:
            unstable = unstable or not _same(outcome, guard.call(fn, case.arguments))
        for name, right in case.right.items():
            item = _compare(name, named.get(name), np.asarray(right), case, problem)
            found.setdefault((name, case.label), []).append(item)
    rows = []
    for (name, label), items in found.items():
        weight = items[0].case.weight * (weights or {}).get(name, 1.0)
        row = _row(f"{name}, {label}" if label else name, weight, items, tolerance)
        if not row.ok and not row.problem:
            wrong = [item for item in items if _relative_errors(item.comparison).max() > tolerance]
            mistake = _known_mistake(target, name, wrong, unpack) if known_mistakes else ""
            row = replace(row, hint=mistake or hints.hint([item.comparison for item in wrong]))
        rows.append(row)
    conduct = [f"it changes {arguments[k]} in place: who else uses it gets wrong numbers" for k in sorted(changed)]
    if unstable:
        conduct.append(
            "called a second time with the same arguments it gives another result: is np.empty never filled?"
        )
    return Result(f"{target.partition(':')[2]}, seed {seed}", rows, conduct)


@dataclass(frozen=True)
class _Found:
    """One result in one case: compared, or the reason why it could not be."""

    case: Case
    comparison: hints.Comparison | None = None
    problem: str = ""


def _run(fn: Any, case: Case, unpack: Callable[[Any], Named]) -> tuple[guard.Outcome, Named, str]:
    outcome = guard.call(fn, case.arguments)
    if outcome.problem:
        return outcome, {}, outcome.problem
    try:
        return outcome, unpack(outcome.value), ""
    except Unusable as error:
        return outcome, {}, str(error)


def _compare(name: str, value: Any, right: np.ndarray, case: Case, problem: str) -> _Found:
    problem = problem or _problem(name, value, right, case)
    if problem:
        return _Found(case, problem=f"{problem} [{case}]")
    return _Found(case, hints.Comparison(np.asarray(value), right, case.all_factors, case.uses.get(name, ())))


def _known_mistake(target: str, name: str, wrong: Sequence[_Found], unpack: Callable[[Any], Named]) -> str:
    """The planted bug that gives these very numbers, as a sentence, or ""."""
    for bug in BUGS:
        if bug.target == target and all(
            _gives(_run(plant(bug), item.case, unpack)[1].get(name), item.comparison.yours) for item in wrong
        ):
            return bug.mistake
    return ""


def _gives(value: Any, yours: np.ndarray) -> bool:
    return isinstance(value, (float, np.ndarray)) and hints.close(np.asarray(value), yours)


def _row(what: str, weight: float, items: Sequence[_Found], tolerance: float) -> Row:
    problem = next((item.problem for item in items if item.problem), "")
    if problem:
        return Row(what, weight, False, problem=problem)
    errors = [_relative_errors(item.comparison) for item in items]
    k = int(np.argmax([error.max(initial=0) for error in errors]))
    at = np.unravel_index(int(np.argmax(errors[k])), errors[k].shape)
    worst = items[k].comparison
    return Row(
        what,
        weight,
        ok=all(error.max() <= tolerance for error in errors),
        shape=worst.right.shape,
        error=float(errors[k].max()),
        wrong=int((errors[k] > tolerance).sum()),
        at=tuple(int(i) for i in at),
        yours=float(worst.yours[at]),
        right=float(worst.right[at]),
    )


def _relative_errors(comparison: hints.Comparison) -> np.ndarray:
    scale = np.abs(comparison.right).max(initial=0)
    return np.abs(comparison.yours - comparison.right) / (scale if scale > 0 else 1.0)


def relative_error(value: Any, right: Any) -> float:
    """The largest relative error anywhere in a result; NaN if it is not made like the right one."""
    if isinstance(value, tuple) and isinstance(right, tuple) and len(value) == len(right):
        errors = [relative_error(v, r) for v, r in zip(value, right, strict=True)]
        return float(np.max(errors)) if errors else 0.0
    value, right = (np.asarray(a) if isinstance(a, float) else a for a in (value, right))
    if not (isinstance(value, np.ndarray) and isinstance(right, np.ndarray) and value.shape == right.shape):
        return float("nan")
    return float(_relative_errors(hints.Comparison(value, right, {})).max(initial=0))


def _problem(name: str, value: Any, right: np.ndarray, case: Case) -> str:
    """Why this result cannot be compared, or ""."""
    if value is None:
        return (
            f"{name} is None: is there a return at the function's end?" if len(case.right) == 1 else f"{name} is None"
        )
    if isinstance(value, float) and right.shape == ():
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return f"{name} is {_kind(value)}; expected an array of shape {right.shape}"
    if value.shape != right.shape:
        return f"{name} has the shape {value.shape}; expected {right.shape}{_why_shape(value.shape, right.shape)}"
    if value.dtype != np.float64:
        return f"{name} is {value.dtype} where the inputs are float64: results have the dtype of the inputs"
    finite = np.isfinite(value)
    if not finite.all():
        at = tuple(int(i) for i in np.argwhere(~finite)[0])
        return f"{name} holds {value[at]} at {at}: is something divided by zero, or an array never filled?"
    return ""


def _why_shape(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if len(shape) == 4 and len(expected) == 4 and shape[0] == expected[0] and shape[3] == expected[3]:
        grown = {shape[1] - expected[1], shape[2] - expected[2]}
        if len(grown) == 1 and grown.pop() > 0:
            return ": the border of the padding is still on it"
    if sorted(shape) == sorted(expected):
        return ": the same lengths in another order"
    if np.prod(shape) == np.prod(expected):
        return ": the same number of entries, so a reshape is missing"
    return ""


def _same(first: guard.Outcome, second: guard.Outcome) -> bool:
    return not second.problem and _equal(first.value, second.value)


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=True)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(_equal(a[name], b[name]) for name in a)
    return a == b or (a != a and b != b)


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    names = {tuple: "a tuple or list", dict: "a dict", str: "a string", float: "a number", bool: "True or False"}
    return names.get(type(value), "None")
