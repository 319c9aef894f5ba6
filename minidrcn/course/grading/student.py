"""The process in which a submission runs. It loads the code and calls its functions when it is asked to.

The grader, in another process, draws the inputs and judges the outputs. Whatever a submission does to the package, it
does to this process's copy.
"""

from __future__ import annotations

import linecache
import os
import sys
import types
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..checks import guard
from . import fairness, wire
from .submission import read_submission

MODULE = "submission"


def serve(connection: Connection, path: str, folder: str) -> None:
    """Load a submission and answer requests until the connection is closed.

    Requests are tuples: ("call", function, arguments), ("watch", function, arguments), ("changes",)
    for what it has changed of the package, ("problems",) for what went wrong while its code was run.

    Args:
        connection: to the grader.
        path: of the submission.
        folder: an empty folder to work in.
    """
    _silence()
    os.chdir(folder)
    before = fairness.snapshot()
    module, problems = load(Path(path))
    while True:
        try:
            what, *details = wire.decode(connection.recv_bytes())
        except EOFError:
            return
        connection.send_bytes(wire.encode(_answer(what, details, module, problems, before)))


def load(path: Path) -> tuple[types.ModuleType, list[str]]:
    """Run a submission's code, piece by piece: the module that holds what it defines, and what went wrong.

    Raises:
        InputError: the file cannot be read.
    """
    module = types.ModuleType(MODULE)
    module.__dict__["__submission__"] = True
    sys.modules[MODULE] = module
    sys.path.append(str(path.parent))
    problems = []
    for piece in read_submission(path):
        file_name = f"<{piece.name}>"
        # Tracebacks and inspect.getsource find the source here.
        linecache.cache[file_name] = (len(piece.source), None, piece.source.splitlines(keepends=True), file_name)

        def run(source: str = piece.source, file_name: str = file_name) -> None:
            exec(compile(source, file_name, "exec"), module.__dict__)

        problem = guard.call(run, ()).problem
        if problem:
            problems.append(f"{piece.name}: {problem}")
    return module, problems


def _answer(what: str, details: list, module: types.ModuleType, problems: list[str], before: dict) -> Any:
    if what == "problems":
        return tuple(problems)
    if what == "changes":
        return tuple(fairness.changed_since(before))
    name, arguments = details
    fn = vars(module).get(name)
    if what == "watch":
        return fairness.watch(fn, arguments)
    if name not in vars(module):
        return guard.Outcome(problem=f"there is nothing named {name} in it")._asdict()
    return guard.call(fn, arguments)._asdict()


def _silence() -> None:
    """Send whatever the submission prints, even past Python, to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")
