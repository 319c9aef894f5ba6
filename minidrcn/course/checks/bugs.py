"""Mutation testing: a zoo of planted bugs, mistakes that people make in backward passes, one edit each.

A bug is stored as that edit, a line of `zoo.json`, not as a second copy of the code, so the wrong version is the right
one but for the mistake. `plant(bug)` returns the wrong function; the package itself stays as it is. Gradient checks are
tested on this list, and exercises take their riddles from it.
"""

from __future__ import annotations

import functools
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import guard


class Bug(NamedTuple):
    """One mistake, as an edit of a right function."""

    name: str
    target: str  # "module:function" in this package
    right: str  # a piece of that function's source, found there exactly once
    wrong: str  # what stands there instead
    mistake: str  # what somebody did wrong, in one line
    riddle: bool = False  # whether it is among the choices; another one would change sets that were handed out

    @property
    def function_name(self) -> str:
        """The name of the function it is planted in."""
        return self.target.partition(":")[2]


@functools.cache
def plant(bug: Bug) -> Callable:
    """The target function with the bug in it; the right function is not touched.

    Raises:
        ValueError: the piece of source that the bug replaces is not there exactly once.
    """
    right = target_function(bug.target)
    source = inspect.getsource(right)
    if source.count(bug.right) != 1:
        raise ValueError(f"bug {bug.name}: {bug.right!r} stands {source.count(bug.right)} times in {bug.target}")
    namespace = dict(vars(sys.modules[right.__module__]))
    guard.run_source(source.replace(bug.right, bug.wrong), f"<bug {bug.name}>", namespace)
    return namespace[bug.function_name]


def target_function(target: str) -> Callable:
    """The package's own function that is called "module:function" here."""
    return pkgutil.resolve_name(f"minidrcn.{target}")


BUGS = tuple(Bug(*row) for row in json.loads(Path(__file__).with_name("zoo.json").read_text(encoding="utf-8")))
