"""Safe calls of a function that somebody is still writing: whatever it does, the answer is a value or a sentence.

The function works on copies, so what it writes to its inputs is noticed and spoils nothing. What it writes to stderr
goes to stdout, and warnings are dropped: nbgrader gives no points to a cell that writes to stderr.
"""

from __future__ import annotations

import contextlib
import copy
import linecache
import sys
import traceback
import types
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np


class Outcome(NamedTuple):
    """What a call gave."""

    value: Any = None  # arrays, numbers, strings and None, in tuples and dicts
    problem: str = ""  # why there is no value, as a sentence
    changed: tuple[int, ...] = ()  # the arguments that it wrote to, and dicts that it returned as they came
    unstable: bool = False  # a second call with the same arguments gave another result


def call(fn: Callable, arguments: tuple) -> Outcome:
    """Call `fn` with copies of the arguments. Only a keyboard interrupt gets through."""
    if not callable(fn):
        return Outcome(problem=f"expected a function, got {kind(fn)}")
    mine = copy.deepcopy(arguments)  # an array that stands at two places is one array in the copy, too
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stderr(sys.stdout):
            warnings.simplefilter("ignore")
            returned = fn(*mine)
            value = plain(returned)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # exit() and the like are no reason to end the check
        return Outcome(problem=_sentence(error))
    parts = returned if type(returned) is tuple else (returned,)
    dicts = [id(part) for part in parts if type(part) is dict]
    changed = (k for k, mine_k in enumerate(mine) if not equal(arguments[k], mine_k) or id(mine_k) in dicts)
    return Outcome(value, changed=tuple(changed))


def call_again(outcome: Outcome, fn: Callable, arguments: tuple) -> Outcome:
    """The outcome of `call`, and whether a second call gives another one: what `np.empty` holds differs by chance."""
    if outcome.problem:
        return outcome
    again = call(fn, arguments)
    return outcome._replace(unstable=bool(again.problem) or not equal(outcome.value, again.value))


def run_source(source: str, file_name: str, namespace: dict[str, Any]) -> None:
    """Run some source; tracebacks and `inspect.getsource` find it under that name."""
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    exec(compile(source, file_name, "exec"), namespace)


def plain(value: Any) -> Any:
    """The same value made of nothing but arrays, numbers, strings, None, tuples and dicts; arrays are copied.

    Raises:
        TypeError: it is something else.
    """
    is_a = partial(issubclass, type(value))  # isinstance would ask the object itself
    if is_a(np.ndarray):
        array = np.array(value, subok=False)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"it returned an array of {array.dtype}; expected float64")
        return array
    if is_a((bool, np.bool_)):
        return bool(value)
    if is_a((int, float, np.integer, np.floating)):
        return float(value)
    if value is None or type(value) is str:
        return value
    if is_a((tuple, list)):
        return tuple(plain(item) for item in (tuple if is_a(tuple) else list).__iter__(value))
    if is_a(dict):
        return {str(name): plain(item) for name, item in dict.items(value)}
    raise TypeError(f"it returned {kind(value)}; expected NumPy arrays")


def kind(value: Any) -> str:
    """What a value is, in words."""
    if issubclass(type(value), np.ndarray):
        return f"an array of shape {value.shape}"
    names = {tuple: "a tuple or list", dict: "a dict", str: "a string", float: "a number", bool: "True or False",
             types.NoneType: "None", types.GeneratorType: "a generator: return instead of yield"}  # fmt: skip
    return names.get(type(value), f"a value of type {type(value).__name__}")


def equal(a: Any, b: Any) -> bool:
    """Whether two values hold the same arrays, numbers and strings; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        a, b = tuple(a.items()), tuple(b.items())
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, (np.ndarray, int, float)):
        return np.array_equal(a, b, equal_nan=True)
    return not isinstance(a, str) or a == b  # else None, or an object of the package that a cache holds


def _sentence(error: BaseException) -> str:
    """What was raised, and in which of the caller's lines."""
    if isinstance(error, NotImplementedError):
        return "not written yet (it raises NotImplementedError)"
    for known, sentence in (
        (RecursionError, "it calls itself without end"),
        (MemoryError, "it needs more memory than there is"),
        (SystemExit, "it ends the program (exit)"),
    ):
        if isinstance(error, known):
            return f"{sentence}{_place(error)}"
    message = ""
    with contextlib.suppress(Exception):
        message = " ".join(str(error).split())[:120]
    if isinstance(error, TypeError) and message.startswith("it returned"):
        return message
    return f"it raises {type(error).__name__}{': ' if message else ''}{message}{_place(error)}"


def _place(error: BaseException) -> str:
    """The innermost line that belongs neither to this package nor to a library."""
    found = ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if isinstance(name, str) and name.split(".")[0] not in ("minidrcn", "numpy", "copy"):
            text = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
            where = "" if frame.f_code.co_name == "<module>" else f" of {frame.f_code.co_name}"
            found = f", line {number}{where}" + (f": {text}" if text else "")
    return found
