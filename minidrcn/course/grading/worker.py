"""The process in which a submission runs: it loads the code, makes the calls that it is given, writes what they gave.

The grader, in another process, draws the inputs and judges the outputs. Whatever a submission does to the package, it
does to this process's copy. A second process, this one's parent, reads the source for notices and then only waits: a
submission that sends a signal to its parent ends that one and not the grader.
"""

from __future__ import annotations

import contextlib
import os
import sys
import types
from functools import partial
from pathlib import Path

from ...errors import InputError
from ..checks import guard
from . import notices, wire
from .submission import parse, pieces

CALLS, ANSWERS, SEEN = "calls", "answers", "seen"  # files in the scratch folder


def main(seconds: int, mebibytes: int) -> None:
    """Do the calls in the file `calls` of the current folder. Limits are hard, and hold for what is started, too."""
    _limit(seconds, mebibytes)
    name, source, modules, function, twice, calls = wire.decode(Path(CALLS).read_bytes())
    for module, text in modules.items():
        Path(module).write_text(text, encoding="utf-8")
    sys.path.append(os.getcwd())
    if hasattr(os, "fork"):
        child = os.fork()
        if child:
            seen = {}
            with contextlib.suppress(InputError):
                seen = notices.in_source([parse(text) for _, text in pieces(name, source)])
            _, status = os.waitpid(child, 0)
            _write(SEEN, seen)
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
    _write(ANSWERS, answer(name, source, function, twice, calls))
    os._exit(0)  # without waiting for threads that the submission has started


def answer(name: str, source: str, function: str, twice: bool, calls: tuple) -> dict:
    """What the calls of a submission's function gave, what went wrong while its code was run, and what it called."""
    outcomes, called = [], {}
    try:
        module, problems = load(name, source)
        missing = "" if function in vars(module) else f"there is nothing named {function} in it"
    except InputError as error:
        module, problems, missing = None, [], str(error)
    for arguments in calls:
        outcome = guard.Outcome(problem=missing)
        if not missing:
            fn = vars(module)[function]
            outcome, counts = notices.counted(partial(guard.call, fn, arguments), getattr(arguments[0], "size", 1))
            called = called or counts  # of the first call, whose numbers are counted, too
            outcome = guard.call_again(outcome, fn, arguments) if twice else outcome
        outcomes.append(outcome._asdict())
    return {"outcomes": outcomes, "problems": problems, "called": called}


def load(name: str, source: str) -> tuple[types.ModuleType, list[str]]:
    """Run a submission's code, piece by piece: the module that holds what it defines, and what went wrong."""
    module = sys.modules["submission"] = types.ModuleType("submission")
    module.__dict__["__submission__"] = True
    problems = []
    for where, text in pieces(name, source):
        problem = guard.call(partial(guard.run_source, text, f"<{where}>", module.__dict__), ()).problem
        problems += [f"{where}: {problem}"] if problem else []
    return module, problems


def _limit(seconds: int, mebibytes: int) -> None:
    """Limits of computing time, memory and file sizes, where the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = mebibytes * 2**20
    for what, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),  # a signal that says why, then one that cannot be caught
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, 2**28, 2**28),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with contextlib.suppress(OSError, ValueError):  # macOS refuses some
            resource.setrlimit(what, (soft, hard))


def _write(name: str, value: object) -> None:
    Path(name).unlink(missing_ok=True)
    Path(name).write_bytes(wire.encode(value))
