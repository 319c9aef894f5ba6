"""Mutation testing: a zoo of planted bugs, mistakes that people make in backward passes, one edit each.

A bug is stored as that edit, a line of `zoo.json`, not as a second copy of the code, so the wrong version is the right
one but for the mistake. `plant(bug)` returns the wrong function; the package itself stays as it is. Gradient checks are
tested on this list, and exercises take their riddles from it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
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
    module_name, _, function_name = target.partition(":")
    return getattr(importlib.import_module(f"minidrcn.{module_name}"), function_name)


# By target: name, right, wrong, mistake.
ZOO = json.loads(Path(__file__).with_name("zoo.json").read_text(encoding="utf-8"))
BUGS = tuple(Bug(name, target, *edit) for target, bugs in ZOO.items() for name, *edit in bugs)
