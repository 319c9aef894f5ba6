"""Hints: known mistakes, recognised by how a wrong array differs from the right one.

A signature must hold in every case in which the array is wrong: that tells a factor N = 2 from a constant factor 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np


class Comparison(NamedTuple):
    """One array in one case, yours and the right one, which have the same shape."""

    yours: np.ndarray
    right: np.ndarray
    factors: Mapping[str, float]  # what an error may be a multiple of in this case: {"N": 2, "D": 3}
    uses: Sequence[np.ndarray] = ()  # of a shared weight's gradient, what each use contributes, first use first
    parts: Mapping[str, np.ndarray] | None = None  # of another sum, its parts by name


def hint(comparisons: Sequence[Comparison]) -> str:
    """The first signature that all these wrong arrays share, as a sentence, or ""."""
    first, *others = (list(_signatures(comparison)) for comparison in comparisons)
    return next((sentence for sentence in first if all(sentence in other for other in others)), "")


def close(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same but for rounding, in shape, too."""
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0) <= 1e-6 * scale)


def _signatures(comparison: Comparison) -> Iterator[str]:
    yours, right, factors, uses, parts = comparison
    yield from _multiples(yours, right, factors)
    for name, part in (parts or {}).items():
        for sentence in _multiples(yours - (right - part), part, factors):
            yield f"the part that comes from {name} is {sentence}"
    if len(uses) > 1:
        for d, use in enumerate(uses, start=1):
            if close(yours, use):
                yield "what a single use of the weight contributes: did you add the D uses up, or overwrite?"
            if close(yours, right - use):
                which = "first" if d == 1 else "last" if d == len(uses) else "one"
                yield f"the {which} use of the weight is missing from the sum"
    yield from _arrangements(yours, right)


def _multiples(yours: np.ndarray, right: np.ndarray, factors: Mapping[str, float]) -> Iterator[str]:
    """The right numbers, times something."""
    if close(yours + right, right):
        yield "all zeros: nothing was ever added to it"
    if close(yours, -right):
        yield "off by exactly -1: a sign"
    for name, value in factors.items():
        if value != 1 and close(yours, right * value):
            yield f"off by exactly {name}: multiplied by {name}, or not divided by it"
        if value != 1 and close(yours, right / value):
            name = f"({name})" if "*" in name else name
            yield f"off by exactly 1/{name}: divided by {name}, a mean where there should be a sum"
    if close(yours, right * 2):
        yield "off by exactly 2: a square's derivative brings a 2"
    if close(yours, right * 0.5):
        yield "off by exactly 0.5: something is halved, or counted once instead of twice"


def _arrangements(yours: np.ndarray, right: np.ndarray) -> Iterator[str]:
    """The right numbers, at the wrong places."""
    if right.ndim == 4 and right.shape[0] == right.shape[1]:
        if close(yours, right[::-1, ::-1]):
            yield "mirrored: right when turned by 180 degrees"
        if close(yours, right.swapaxes(0, 1)):
            yield "transposed: height and width of the kernel are exchanged"
    if right.ndim > 0 and len(right) > 1 and close(yours, right[::-1]):
        yield "right when read backwards along the first axis"
    if right.ndim == 2 and close(np.sort(yours, axis=1), np.sort(right, axis=1)):
        yield "every row has the right numbers in another order: it must be (k, l, c), the channel runs fastest"
    elif right.ndim == 2 and close(np.sort(yours, axis=0), np.sort(right, axis=0)):
        yield "every column has the right numbers in another order: rows must be ordered (n, i, j), j runs fastest"
    if right.ndim == 4 and right[:, 1:-1, 1:-1].any():
        for shift in product((-1, 0, 1), repeat=2):
            if close(np.roll(yours, shift, axis=(1, 2))[:, 1:-1, 1:-1], right[:, 1:-1, 1:-1]):
                shifted = "shifted by one pixel: cut the border off where the padding was put on"
                yield shifted if any(shift) else "right inside, wrong at the border: look at the padding"
    if right.ndim > 1 and len(right) > 1 and close(yours[0], right[0]):
        yield "right for the first index of the first axis alone"
