"""What an instructor may want to know of a solution besides its score. Nothing here changes a score.

Three things are looked for, as far as they can be seen from outside: a backward pass that measures its gradients
instead of deriving them, one that calls the package's own answer, and one that changes the package.
"""

from __future__ import annotations

import sys
import types
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..checks import guard

PACKAGE = __name__.split(".")[0]
# Nobody calls these by name: a generator is "called" once an item, a class's __init__ by whoever makes one.
ANONYMOUS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<module>", "__")


def snapshot() -> dict[str, tuple]:
    """Every function and class attribute of the package, as it is now: its name, the object and its code."""
    found = {}

    def note(owner: Any, path: str) -> None:
        for name, value in list(vars(owner).items()):
            if not name.startswith("__"):
                found[f"{path}.{name}"] = (value, getattr(value, "__code__", None))
                if isinstance(value, type) and value.__module__ == path:
                    note(value, f"{path}.{name}")

    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == PACKAGE and isinstance(module, types.ModuleType):
            note(module, name)
    return found


def changed_since(before: Mapping[str, tuple]) -> list[str]:
    """The names of what has been replaced, removed or rewritten."""
    now = snapshot()
    return sorted(
        name
        for name, (value, code) in before.items()
        if name not in now or now[name][0] is not value or now[name][1] is not code
    )


def watch(fn: Callable, arguments: tuple) -> dict[str, dict[str, int]]:
    """Call a function once, and count what it calls.

    Returns:
        "package": functions of this package called from outside of it, "module:function" -> times;
        "ran": all that ran of this package, called from anywhere;
        "whole": of all functions that are not Python's or a library's, those that returned a number or as many numbers
        as the first argument has: what a measurement of gradients would call for every entry.
    """
    package, ran, whole = Counter(), Counter(), Counter()
    size = arguments[0].size if isinstance(arguments[0], np.ndarray) else 1

    def profile(frame: types.FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or frame.f_code.co_name.startswith(ANONYMOUS):
            return
        module = str(frame.f_globals.get("__name__", ""))
        ours = module.split(".")[0] == PACKAGE
        if module == guard.__name__ or not (ours or "__submission__" in frame.f_globals):
            return
        name = f"{module.partition('.')[2]}:{frame.f_code.co_name}" if ours else frame.f_code.co_name
        if event == "call" and ours:
            ran[name] += 1
            if _from_outside(frame.f_back):
                package[name] += 1
        if event == "return" and (_size(value) == 1 or size <= _size(value) < 10 * size):
            whole[name] += 1

    sys.setprofile(profile)
    try:
        guard.call(fn, arguments)
    finally:
        sys.setprofile(None)
    return {"package": dict(package), "ran": dict(ran), "whole": dict(whole)}


def notices(
    watched: Mapping[str, Mapping[str, int]],
    given: tuple[str, ...],
    own: tuple[str, ...],
    entries: int,
    error: float,
) -> list[str]:
    """What an instructor should look at, one sentence each.

    Args:
        watched: from `watch`.
        given: what the exercise allows to be called.
        own: what the exercise wants replaced by the student's own: it should not run at all.
        entries: how many numbers the function has to compute, 0 if they are no gradients.
        error: the largest relative difference from the package's own result; NaN where there is none.
    """
    found = [
        f"it calls {name.replace(':', '.')} of the package"
        for name in watched["package"]
        if name not in given and name.partition(":")[0] not in given
    ]
    found += [
        f"it computes with {name.replace(':', '.')} of the package instead of its own"
        for name in watched["ran"]
        if name in own and name not in watched["package"]
    ]
    if entries:
        found += [
            f"it calls {name.rpartition(':')[2]} {times} times for {entries} numbers, as finite differences do"
            for name, times in watched["whole"].items()
            if times >= entries
        ]
        if 1e-12 < error < 1e-4:
            digits = int(-np.log10(error))
            found.append(f"its results are right to {digits} digits only, as finite differences (or float32) are")
    return found


def _from_outside(frame: types.FrameType | None) -> bool:
    module = str(frame.f_globals.get("__name__", "")) if frame else ""
    return module.split(".")[0] != PACKAGE or module == guard.__name__


def _size(value: Any) -> int:
    kind = type(value)
    if issubclass(kind, tuple) and len(value):  # a forward pass returns its output and a cache
        return _size(value[0])
    if issubclass(kind, np.ndarray):
        return value.size
    return 1 if issubclass(kind, (float, np.floating)) else 0
