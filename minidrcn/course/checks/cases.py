"""The classes of all checks, and random test cases: sizes and numbers drawn from a seed.

Seed 0 is what learners see, with sizes that stand in the check. Every other seed draws other sizes as well, so a
function made to fit the visible ones fails.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UsageError
from ...grad_check import numeric_gradient
from . import guard
from .bugs import target_function
from .judge import Case, judge
from .report import Result

SEED_VARIABLE = "MINIDRCN_COURSE_SEED"
Sizes = dict[str, Any]
RANGES = {"H": (3, 6), "W": (3, 6), "C": (2, 4), "F": (2, 4)}  # half-open


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """A check of a function that somebody wrote: called with it, it prints a table and returns the result.

    Its kinds have a `function_name`, what the exercise calls the function; `cases(seed)`, the calls that it judges by;
    and `grade(outcomes, seed)`, the result for what these calls gave. The contract, what the function takes and
    returns, begins the check's docstring.
    """

    contract: str
    twice = True  # every call is made twice
    seeds = 2  # that a submission is graded with, at most

    def __post_init__(self) -> None:
        text = f"{inspect.cleandoc(self.contract)}\n\n{inspect.getdoc(type(self).__call__)}"
        object.__setattr__(self, "__doc__", text)

    def __call__(self, fn: Any, seed: int = 0, show: bool = True) -> Result:
        """`check(fn, seed=0, show=True)` scores with sizes and numbers drawn from `seed`, and prints the result.

        Raises:
            ValueError: the seed is no whole number of at least 0.
        """
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
        outcomes = []
        for case in self.cases(seed):
            outcome = guard.call(fn, case.arguments)
            outcomes.append(guard.call_again(outcome, fn, case.arguments) if self.twice else outcome)
        result = self.grade(outcomes, seed)
        if show:
            print(result)
        return result


@dataclass(frozen=True, eq=False, repr=False)
class ComparingCheck(Check):
    """A check that compares what a function returns with the right arrays, over several sizes."""

    target: str  # "module:function" in this package that it should do the same as
    visible: tuple[Sizes, ...]  # the sizes for seed 0
    build: Callable[[Sizes, np.random.Generator], list[Case]]
    unpack: Callable[[Any], Mapping[str, Any]] | None = None  # results by name; by position if left out
    tolerance: float = 1e-6  # the largest relative error that passes
    weights: Mapping[str, float] | None = None  # of the results by name, where they are not 1

    @property
    def function_name(self) -> str:
        """The target's own name."""
        return self.target.partition(":")[2]

    @property
    def arguments(self) -> list[str]:
        """The names of the function's arguments: the target's, as many as a call has."""
        return list(inspect.signature(target_function(self.target)).parameters)[: len(self.cases(0)[0].arguments)]

    @functools.lru_cache(maxsize=32)  # noqa: B019, a check lives as long as the process
    def cases(self, seed: int) -> list[Case]:
        """The calls for a seed."""
        return self.cases_of(seed, draw_sizes(self.function_name, seed, self.visible))

    def grade(self, outcomes: Sequence[guard.Outcome], seed: int) -> Result:
        """The result for what the calls for a seed gave."""
        return judge(self, outcomes, self.cases(seed), seed, known_mistakes=True)

    def cases_of(self, seed: int, sizes: Sequence[Sizes]) -> list[Case]:
        """The calls for given sizes."""
        rng = generator(self.function_name, seed)
        return [case for one in sizes for case in self.build(one, rng)]


def comparing(target: str, visible: tuple[Sizes, ...], **options: Any) -> Callable[[Callable], ComparingCheck]:
    """Decorator: turn a function that builds cases into a check, whose contract is the function's docstring."""
    return lambda build: ComparingCheck(build.__doc__, target, visible, build, **options)


def grading_seed(otherwise: int = 1) -> int:
    """The seed that submissions are graded with: the environment's MINIDRCN_COURSE_SEED, if it is set.

    Raises:
        UsageError: it is no whole number of at least 0.
    """
    text = os.environ.get(SEED_VARIABLE, f"{otherwise}")
    if not text.isdecimal():
        raise UsageError(f"{SEED_VARIABLE} must be a whole number of at least 0, not {text!r}")
    return int(text)


def derivatives(f: Callable[..., float], **inputs: np.ndarray) -> dict[str, np.ndarray]:
    """The derivatives of `f(x=x, w=w)` by each argument, numerically: `{"dx": ..., "dw": ...}`."""
    return {
        f"d{name}": numeric_gradient(lambda value, name=name: f(**{**inputs, name: value}), x)
        for name, x in inputs.items()
    }


def generator(name: str, seed: int) -> np.random.Generator:
    """The stream of random numbers of that name."""
    return np.random.default_rng([seed, *name.encode()])


def draw_sizes(name: str, seed: int, visible: Sequence[Sizes]) -> list[Sizes]:
    """The visible sizes for seed 0, others of the same kind for every other seed.

    Height, width and channels are drawn, except for sizes of 1, which are deliberate. The rest is kept, so that every
    seed has several N and D: much that is wrong is right for one of them. Height and width that are equal stay equal,
    and those that differ stay different; so do the channels coming in and going out.
    """
    if seed == 0:
        return [dict(sizes) for sizes in visible]
    rng, drawn = generator(f"sizes of {name}", seed), []
    for sizes in visible:
        other, alike = sizes, []
        while other in (*visible, *drawn) or not all(alike):
            other = {size: int(rng.integers(*RANGES[size])) if size in RANGES and value != 1 else value
                     for size, value in sizes.items()}  # fmt: skip
            alike = [(other.get(a) == other.get(b)) == (sizes.get(a) == sizes.get(b)) for a, b in ("HW", "CF")]
        drawn.append(other)
    return drawn


def pick(sizes: Sizes, names: str) -> tuple[int, ...]:
    """`pick({"N": 2, "H": 5, "W": 4}, "NHW1")` is (2, 5, 4, 1)."""
    return tuple(1 if name == "1" else sizes[name] for name in names)


def draw(rng: np.random.Generator, sizes: Sizes, *shapes: str) -> list[np.ndarray]:
    """Normal random numbers: for each of the shapes, "NHW1" or the like, an array."""
    return [rng.standard_normal(pick(sizes, names)) for names in shapes]
