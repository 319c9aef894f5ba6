"""The engine of every check: run a function on several cases and compare what it returns with what is right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import guard, hints
from .bugs import BUGS, Bug, plant
from .report import Result, Row

if TYPE_CHECKING:
    from .cases import ComparingCheck

Named = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One call of the function, and what should come back: arrays and numbers by name."""

    arguments: tuple
    right: Mapping[str, np.ndarray] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)  # N, H, W and so on
    factors: Mapping[str, float] = field(default_factory=dict)  # further ones that hints look for
    uses: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)  # see `hints.Comparison`
    parts: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    label: str = ""  # what is special about it; cases of one label are credited together
    weight: float = 1.0  # of this label beside others

    @property
    def all_factors(self) -> dict[str, float]:
        """All factors that hints look for, by name."""
        products, sizes = ("N", "D", "H*W", "N*H*W", "K*K", "D*N", "2*N", "2*D*N"), {"2": 2, **self.sizes}
        known = [name for name in products if set(name.split("*")) <= set(sizes)]
        return {**self.factors, **{name: math.prod(sizes[size] for size in name.split("*")) for name in known}}

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self.sizes.items())


class Unusable(ValueError):
    """What a function returned cannot be compared; the message says why."""


def by_position(names: Sequence[str], of_dicts: Container[str] = ()) -> Callable[[Any], Named]:
    """For functions that return their results in this order; a single one may come without its tuple.

    Some may be dicts of results, which are named "grads['w']" and so on.
    """

    def unpack(value: Any) -> Named:
        if len(names) == 1:
            return {names[0]: value[0] if isinstance(value, tuple) and len(value) == 1 else value}
        if value is None:
            raise Unusable("it returned None: is there a return at its end?")
        if not isinstance(value, tuple):
            raise Unusable(f"it returned {guard.kind(value)}; expected {', '.join(names)}")
        if len(value) != len(names):
            raise Unusable(f"it returned {len(value)} values; expected {len(names)}: {', '.join(names)}")
        found = {}
        for name, result in zip(names, value, strict=True):
            if name in of_dicts and not isinstance(result, dict):
                raise Unusable(f"{name} must be a dict of arrays, not {guard.kind(result)}")
            found |= {f"{name}[{key!r}]": item for key, item in result.items()} if name in of_dicts else {name: result}
        return found

    return unpack


@np.errstate(all="ignore")  # whatever numbers come back, the check itself is silent
def judge(
    check: ComparingCheck, outcomes: Sequence[guard.Outcome], cases: Sequence[Case], seed: int, known_mistakes: bool
) -> Result:
    """Score what a function gave; with `known_mistakes`, a hint may name the bug that gives these numbers."""
    unpack = check.unpack or by_position(list(cases[0].right))
    found: dict[tuple[str, str], list[_Found]] = {}
    for case, outcome in zip(cases, outcomes, strict=True):
        named, problem = _named(outcome, unpack)
        for name, right in case.right.items():
            yours, right = named.get(name), np.asarray(right)
            problem_here = problem or _problem(name, yours, right, case)
            found.setdefault((name, case.label), []).append(_Found(name, case, problem_here, yours, right))
    rows = [_row(items, check) for items in found.values()]
    wrong = {k: items for k, items in enumerate(found.values()) if not rows[k].ok and not rows[k].problem}
    mistakes = _known_mistakes(check.target, wrong, unpack) if known_mistakes else {}
    for k, items in wrong.items():
        compared = [item.comparison() for item in items if item.errors.max() > check.tolerance]
        rows[k] = replace(rows[k], hint=mistakes.get(k) or hints.hint(compared))
    conduct = [
        f"it changes {check.arguments[k]} in place, or returns it as it is, which corrupts it for its other users"
        for k in sorted({k for outcome in outcomes for k in outcome.changed})
    ]
    if any(outcome.unstable for outcome in outcomes):
        conduct += ["called a second time with the same arguments it gives another result: is np.empty never filled?"]
    return Result(f"{check.function_name}, seed {seed}", rows, conduct)


class _Found(NamedTuple):
    """One result in one case, and why it cannot be compared, or ""."""

    name: str
    case: Case
    problem: str
    yours: Any
    right: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """The error of each entry, relative to the largest."""
        return np.abs(self.yours - self.right) / (np.abs(self.right).max() or 1.0)

    def comparison(self) -> hints.Comparison:
        """What hints look at."""
        sums = self.case.uses.get(self.name, ()), self.case.parts.get(self.name)
        return hints.Comparison(np.asarray(self.yours), self.right, self.case.all_factors, *sums)


def _named(outcome: guard.Outcome, unpack: Callable[[Any], Named]) -> tuple[Named, str]:
    """The results by name, and why there are none, or ""."""
    try:
        return ({}, outcome.problem) if outcome.problem else (unpack(outcome.value), "")
    except Unusable as error:
        return {}, str(error)


def _known_mistakes(target: str, wrong: Mapping[int, list[_Found]], unpack: Callable) -> dict[int, str]:
    """For each wrong row the planted bug that gives its very numbers and explains most other rows, as a sentence."""

    def gives(bug: Bug, item: _Found) -> bool:
        value = _named(guard.call(plant(bug), item.case.arguments), unpack)[0].get(item.name)
        return isinstance(value, (float, np.ndarray)) and hints.close(np.asarray(value), np.asarray(item.yours))

    bugs = [bug for bug in BUGS if bug.target == target]
    explained = {k: [bug.mistake for bug in bugs if all(gives(bug, item) for item in wrong[k])] for k in wrong}
    rows = Counter(mistake for mistakes in explained.values() for mistake in mistakes)
    return {k: max(mistakes, key=rows.__getitem__) for k, mistakes in explained.items() if mistakes}


def _row(items: Sequence[_Found], check: ComparingCheck) -> Row:
    """The verdict on one result in all cases of one label."""
    name, case, *_ = items[0]
    weight = case.weight * (check.weights or {}).get(name, 1.0)
    name = f"{name}, {case.label}" if case.label else name
    for item in items:
        if item.problem:
            return Row(name, False, problem=f"{item.problem} [{item.case}]", weight=weight)
    worst = max(items, key=lambda item: item.errors.max())
    errors, yours = worst.errors, np.asarray(worst.yours)
    at = np.unravel_index(int(np.argmax(errors)), errors.shape)
    return Row(
        name,
        ok=bool(errors[at] <= check.tolerance),
        shape=errors.shape,
        error=float(errors[at]),
        index=tuple(map(int, at)),
        yours=float(yours[at]),
        right=float(worst.right[at]),
        weight=weight,
        wrong=int((errors > check.tolerance).sum()),
    )


def _problem(name: str, value: Any, right: np.ndarray, case: Case) -> str:
    """Why this result cannot be compared, or ""."""
    if value is None:
        return f"{name} is None" + (": is there a return at the function's end?" if len(case.right) == 1 else "")
    if isinstance(value, float) and right.shape == ():
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return f"{name} is {guard.kind(value)}; expected an array of shape {right.shape}"
    if value.shape != right.shape:
        return f"{name} has the shape {value.shape}; expected {right.shape}{_why_shape(value, right.shape, case)}"
    if value.dtype != right.dtype:
        return f"{name} is {value.dtype} where the inputs are {right.dtype}: results have the dtype of the inputs"
    finite = np.isfinite(value)
    if not finite.all():
        at = tuple(int(i) for i in np.argwhere(~finite)[0])
        return f"{name} holds {value[at]} at {at}: is something divided by zero, or an array never filled?"
    return ""


def _why_shape(value: np.ndarray, expected: tuple[int, ...], case: Case) -> str:
    for name, right in case.right.items():
        if hints.close(value, np.asarray(right)):
            return f": that is {name}; the order is {', '.join(case.right)}"
    shape = value.shape
    if len(shape) == len(expected) == 4:
        grown = np.subtract(shape, expected)
        if grown[1] == grown[2] > 0 == grown[0] == grown[3]:
            return ": the border of the padding is still on it"
    if sorted(shape) == sorted(expected):
        return ": the same lengths in another order"
    if np.prod(shape) == np.prod(expected):
        return ": the same number of entries, so a reshape is missing"
    return ""
