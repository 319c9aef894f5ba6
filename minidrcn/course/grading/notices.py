"""What an instructor may want to know of a solution besides its score. Nothing here changes a score.

Part of it stands in the source: imports, and names that have no place in an exercise. Part of it shows when the
function runs: a backward pass that measures its gradients instead of deriving them, one that calls the package's own
answer. All of it can be evaded by somebody who tries; a notice says where to look.
"""

from __future__ import annotations

import ast
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..checks import guard
from ..exercises import Exercise

PACKAGE = __name__.split(".")[0]
HARMLESS = {"numpy", "math", "itertools", "functools", "collections", "dataclasses", "typing", "__future__"}
REFLECTION = {"eval", "exec", "compile", "open", "globals", "locals", "vars", "getattr", "setattr", "delattr",
              "__import__", "breakpoint", "inspect"}  # fmt: skip
FOR_STUDENTS = ("check_", "show_riddles", "grading_seed")  # in `course`
# Nobody calls these by name: a generator is "called" once an item, an __init__ whenever its class is.
ANONYMOUS = ("<", "__")


def in_source(trees: Sequence[ast.Module | None]) -> dict[str, tuple[str, ...]]:
    """What the source says: "package", the parts of this package that it imports, and "other", finished sentences."""
    imported, other = [], []
    for node in (node for tree in trees if tree for node in ast.walk(tree)):
        match node:
            case ast.ImportFrom():
                imported += [f"{node.module}:{alias.name}" for alias in node.names]
            case ast.Import():
                imported += [alias.name for alias in node.names]
            case ast.Attribute(ast.Name("course"), name) if not name.startswith(FOR_STUDENTS):
                other.append(f"it uses course.{name}")
            case ast.Attribute(_, name) if name.startswith("__") and name.endswith("__"):
                other.append(f"it looks behind {name}")
            case ast.Name(name) if name in REFLECTION:
                other.append(f"it uses {name}")
    tops = [name.replace(":", ".").partition(".")[0] for name in imported]
    package = [name[len(PACKAGE) + 1 :] or name for name, top in zip(imported, tops, strict=True) if top == PACKAGE]
    other += [f"it imports {top}" for top in tops if top not in (PACKAGE, *HARMLESS)]
    return {"package": tuple(dict.fromkeys(package)), "other": tuple(dict.fromkeys(other))}


def counted(function: Callable[[], guard.Outcome], size: int) -> tuple[guard.Outcome, dict[str, dict[str, int]]]:
    """Run something, and count the calls of functions in its thread: what it gave, and name -> times, three of them.

    "package" counts this package's functions called from a submission, "ran" all that ran of this package, and "whole"
    those of either that returned one number, or about `size`, as many as the first argument has: what a measurement of
    gradients calls for every entry.
    """
    package, ran, whole = Counter(), Counter(), Counter()

    def profile(frame: types.FrameType, event: str, value: Any) -> None:
        name = frame.f_code.co_name
        if event not in ("call", "return") or name.startswith(ANONYMOUS):
            return
        module, mine = str(frame.f_globals.get("__name__", "")), "__submission__" in frame.f_globals
        if not mine and module.split(".")[0] != PACKAGE:
            return
        name = name if mine else f"{module.partition('.')[2]}:{name}"
        if event == "return" and (_size(value) == 1 or size <= _size(value) < 10 * size):
            whole[name] += 1
        elif event == "call" and not mine:
            ran[name] += 1
            package[name] += "__submission__" in getattr(frame.f_back, "f_globals", ())

    sys.setprofile(profile)
    try:
        outcome = function()
    finally:
        sys.setprofile(None)
    return outcome, {"package": dict(+package), "ran": dict(ran), "whole": dict(whole)}


def sentences(
    seen: Mapping[str, Any], called: Mapping[str, Any], exercise: Exercise, entries: int, error: float
) -> list[str]:
    """What an instructor should look at, from what `in_source` has `seen` and `counted` has `called`.

    Args:
        entries: how many numbers the function has to compute, 0 if they are no gradients.
        error: the largest relative difference from the package's own result; NaN where there is none.
    """
    package, ran, whole = (called.get(name, {}) for name in ("package", "ran", "whole"))
    imported = [name for name in seen.get("package", ()) if name not in ("course", "DRCN")]

    def unexpected(names: Iterable[str]) -> list[str]:
        """Those that are not given, dotted."""
        return [name.replace(":", ".") for name in names if not {name, name.partition(":")[0]} & set(exercise.given)]

    found = list(seen.get("other", ()))
    found += [f"it imports {name} from the package" for name in unexpected(imported)]
    found += [f"it calls {name} of the package" for name in unexpected(package)]
    replaced = [name.replace(":", ".") for name in exercise.own if name in ran and name not in package]
    found += [f"it computes with {name} of the package instead of its own" for name in replaced]
    if entries:
        found += [f"it calls {name.rpartition(':')[2]} {times} times for {entries} numbers, as finite differences do"
                  for name, times in whole.items() if times >= entries]  # fmt: skip
        if 1e-12 < error < 1e-4:
            digits = int(-np.log10(error))
            found.append(f"its results are right to {digits} digits only, as finite differences (or float32) are")
    return found


def _size(value: Any) -> int:
    kind = type(value)
    if issubclass(kind, tuple) and len(value):  # a forward pass returns its output and a cache
        return _size(value[0])
    return value.size if issubclass(kind, np.ndarray) else int(issubclass(kind, (float, np.floating)))
