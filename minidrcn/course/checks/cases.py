"""What the checks share: a check as a value, sizes and numbers drawn from a seed, the way a result is shown.

Seed 0 is what learners see, with sizes that stand in the check. Every other seed draws other sizes as well, so a
function made to fit the visible ones fails.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .judge import Case, judge
from .report import Result

SEED_VARIABLE = "MINIDRCN_COURSE_SEED"
Sizes = dict[str, float]
RANGES = {"N": (2, 3), "H": (3, 6), "W": (3, 6), "C": (2, 3), "F": (2, 3), "D": (2, 4)}


@dataclass(frozen=True, eq=False)
class Check:
    """What a function is checked with.

    Attributes:
        target: "module:function" in this package that it should do the same as.
        arguments: the names of the function's arguments.
        visible: the sizes for seed 0.
        build: makes cases of sizes and a generator.
        labels: what is special about each of the sizes; those of one label are credited together.
        unpack: takes what the function returned, gives results by name; by position if left out.
        tolerance: the largest relative error that passes.
        weights: of the results by name; equal if left out.
    """

    target: str
    arguments: tuple[str, ...]
    visible: tuple[Sizes, ...]
    build: Callable[[Sizes, np.random.Generator], list[Case]]
    labels: tuple[str, ...] = ()
    unpack: Callable[[Any], Mapping[str, Any]] | None = None
    tolerance: float = 1e-6
    weights: Mapping[str, float] | None = None

    @property
    def function_name(self) -> str:
        """The name of the function in this package that it should do the same as."""
        return self.target.partition(":")[2]

    @property
    def signature(self) -> str:
        """Its arguments in parentheses."""
        return f"({', '.join(self.arguments)})"

    def judge(self, fn: Any, seed: int, cases: Sequence[Case] | None = None, known_mistakes: bool = True) -> Result:
        """Score a function on the cases of a seed, or on given ones."""
        cases = self.cases_of(seed) if cases is None else cases
        return judge(
            self.target,
            fn,
            cases,
            seed,
            arguments=self.arguments,
            unpack=self.unpack,
            tolerance=self.tolerance,
            weights=self.weights,
            known_mistakes=known_mistakes,
        )

    def cases_of(self, seed: int) -> list[Case]:
        """The calls for a seed, made once."""
        return _cases(self, seed)

    def cases(self, seed: int, sizes: Sequence[Sizes]) -> list[Case]:
        """The calls for given sizes."""
        rng, found = generator(self.target, seed), []
        for k, one in enumerate(sizes):
            built = self.build(one, rng)
            found += [replace(case, label=self.labels[k]) for case in built] if self.labels else built
        return found


@functools.lru_cache(maxsize=32)
def _cases(check: Check, seed: int) -> list[Case]:
    return check.cases(seed, draw_sizes(check.target, seed, check.visible))


def grading_seed() -> int:
    """The seed that submissions are graded with: the environment's MINIDRCN_COURSE_SEED, else 1.

    Raises:
        ValueError: it is no whole number of at least 0.
    """
    text = os.environ.get(SEED_VARIABLE, "1")
    if not text.isdecimal():
        raise ValueError(f"{SEED_VARIABLE} must be a whole number of at least 0, not {text!r}")
    return int(text)


def shown(check: Callable[..., Result]) -> Callable[..., Result]:
    """Make of `check(fn, seed)` a function that prints what it returns, unless called with `show=False`."""

    @functools.wraps(check)
    def wrapped(fn: Any, seed: int = 0, show: bool = True, **options: Any) -> Result:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed must be a whole number of at least 0, got {seed!r}")
        result = check(fn, int(seed), **options)
        if show:
            print(result)
        return result

    return wrapped


def generator(name: str, seed: int) -> np.random.Generator:
    """The stream of random numbers of that name."""
    return np.random.default_rng([seed, *name.encode()])


def draw_sizes(name: str, seed: int, visible: Sequence[Sizes]) -> list[Sizes]:
    """The visible sizes for seed 0, others of the same kind for every other seed.

    What is 1 is 1 on purpose and stays so, and so do K and alpha. Height differs from width, and the channels coming
    in from those going out, because much that is wrong looks right where they are equal.
    """
    if seed == 0:
        return [dict(sizes) for sizes in visible]
    rng, drawn = generator(f"sizes of {name}", seed), []
    for sizes in visible:
        while True:
            other = {
                size: value if size not in RANGES or value == 1 else int(rng.integers(*RANGES[size], endpoint=True))
                for size, value in sizes.items()
            }
            equal = [{"H", "W"} <= set(other) and other["H"] == other["W"], other.get("C") == other.get("F", 0)]
            if other not in (*visible, *drawn) and not any(equal):
                break
        drawn.append(other)
    return drawn


def pick(sizes: Sizes, names: str) -> tuple[int, ...]:
    """`pick({"N": 2, "H": 5, "W": 4}, "NHW")` is (2, 5, 4)."""
    return tuple(sizes[name] for name in names)
