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
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..checks import guard

PACKAGE = __name__.split(".")[0]
HARMLESS = {"numpy", "math", "itertools", "functools", "collections", "dataclasses", "typing", "__future__"}
REFLECTION = {"eval", "exec", "compile", "open", "globals", "locals", "vars", "getattr", "setattr", "delattr",
              "__import__", "breakpoint", "inspect"}  # fmt: skip
# Nobody calls these by name: a generator is "called" once an item, an __init__ whenever its class is.
ANONYMOUS = ("<", "__")


def in_source(trees: Sequence[ast.Module | None]) -> dict[str, tuple[str, ...]]:
    """What the source says: "package", the parts of this package that it imports, and "other", finished sentences."""
    package, other = Counter(), Counter()
    for node in (node for tree in trees if tree for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}:{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = []
            if isinstance(node, ast.Attribute):
                if isinstance(node.value, ast.Name) and node.value.id == "course" and not _is_for_students(node.attr):
                    other[f"it uses course.{node.attr}"] += 1
                if node.attr.startswith("__") and node.attr.endswith("__"):
                    other[f"it looks behind {node.attr}"] += 1
            elif isinstance(node, ast.Name) and node.id in REFLECTION:
                other[f"it uses {node.id}"] += 1
        for name in names:
            top = name.replace(":", ".").partition(".")[0]
            if top == PACKAGE:
                package[name.replace(f"{PACKAGE}.", "", 1).replace(f"{PACKAGE}:", "", 1)] += 1
            elif top not in HARMLESS:
                other[f"it imports {top}"] += 1
    return {"package": tuple(package), "other": tuple(other)}


def _is_for_students(name: str) -> bool:
    return name.startswith("check_") or name in ("show_riddles", "grading_seed")


def counted(function: Callable[[], guard.Outcome], size: int) -> tuple[guard.Outcome, dict[str, dict[str, int]]]:
    """Run something, and count the calls of functions in its thread.

    Args:
        function: what to run.
        size: how many numbers its first argument has.

    Returns:
        what it gave, and the counts, name -> times: "package" of this package's functions called from a submission;
        "ran" of all that ran of this package; "whole" of those of either that returned one number, or as many as the
        first argument has: what a measurement of gradients calls for every entry.
    """
    package, ran, whole = Counter(), Counter(), Counter()

    def profile(frame: types.FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or frame.f_code.co_name.startswith(ANONYMOUS):
            return
        module, mine = str(frame.f_globals.get("__name__", "")), "__submission__" in frame.f_globals
        if not mine and module.split(".")[0] != PACKAGE:
            return
        name = frame.f_code.co_name if mine else f"{module.partition('.')[2]}:{frame.f_code.co_name}"
        if event == "return" and (_size(value) == 1 or size <= _size(value) < 10 * size):
            whole[name] += 1
        elif event == "call" and not mine:
            ran[name] += 1
            if frame.f_back and "__submission__" in frame.f_back.f_globals:
                package[name] += 1

    sys.setprofile(profile)
    try:
        outcome = function()
    finally:
        sys.setprofile(None)
    return outcome, {"package": dict(package), "ran": dict(ran), "whole": dict(whole)}


def sentences(
    seen: Mapping[str, Any],
    called: Mapping[str, Any],
    given: Sequence[str],
    own: Sequence[str],
    entries: int,
    error: float,
) -> list[str]:
    """What an instructor should look at.

    Args:
        seen: from `in_source`.
        called: from `counted`.
        given: what the exercise allows to be used, "module:function" or "module".
        own: what the exercise wants replaced by the student's own: it should not run at all.
        entries: how many numbers the function has to compute, 0 if they are no gradients.
        error: the largest relative difference from the package's own result; NaN where there is none.
    """
    package, ran, whole = (_counts(called, name) for name in ("package", "ran", "whole"))

    def is_given(name: str) -> bool:
        return name in given or name.partition(":")[0] in given

    found = [str(sentence) for sentence in seen.get("other", ())]
    imported = [str(name) for name in seen.get("package", ())]
    allowed = ("course", "DRCN")
    found += [f"it imports {_dotted(name)} from the package" for name in imported
              if name not in allowed and not is_given(name)]  # fmt: skip
    found += [f"it calls {_dotted(name)} of the package" for name in package if not is_given(name)]
    found += [f"it computes with {_dotted(name)} of the package instead of its own" for name in own
              if name in ran and name not in package]  # fmt: skip
    if entries:
        found += [f"it calls {name.rpartition(':')[2]} {times} times for {entries} numbers, as finite differences do"
                  for name, times in whole.items() if times >= entries]  # fmt: skip
        if 1e-12 < error < 1e-4:
            digits = int(-np.log10(error))
            found.append(f"its results are right to {digits} digits only, as finite differences (or float32) are")
    return found


def _counts(called: Mapping[str, Any], name: str) -> dict[str, int]:
    counts = called.get(name, {})
    return (
        {str(key): value for key, value in counts.items() if isinstance(value, int)} if isinstance(counts, dict) else {}
    )


def _dotted(name: str) -> str:
    return name.replace(":", ".")


def _size(value: Any) -> int:
    kind = type(value)
    if issubclass(kind, tuple) and len(value):  # a forward pass returns its output and a cache
        return _size(value[0])
    return value.size if issubclass(kind, np.ndarray) else int(issubclass(kind, (float, np.floating)))
