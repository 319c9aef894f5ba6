"""A sandbox for one submission: a process with limits of its own, inside bubblewrap where that is installed.

Bubblewrap (Linux) takes away the network, other processes, and all files but Python, this package and a scratch folder.
Without it a submission runs with the grader's permissions, and only the limits hold.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from ..checks import guard
from . import wire
from .worker import ANSWERS, CALLS, SEEN

PACKAGE = Path(__file__).parents[2]
MAX_BYTES = 2**28  # of all answers
PATIENCE = 10  # the wall clock's limit is so many times that of computing: a busy machine is no student's fault
SIGXCPU = getattr(signal, "SIGXCPU", 0)
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")


class Limits(NamedTuple):
    """What each exercise of a submission may take: seconds of computing, MiB of memory."""

    seconds: int = 30
    mebibytes: int = 2048


class Answers(NamedTuple):
    """What came out of the sandbox.

    Attributes:
        outcomes: one for each call; none if it was stopped.
        problems: what went wrong while its code was run.
        seen: see `notices.in_source`.
        called: see `notices.counted`.
        stopped: "", "time", "memory" or "crashed".
        problem: a sentence on why it was stopped, or "".
    """

    outcomes: tuple[guard.Outcome, ...] = ()
    problems: tuple[str, ...] = ()
    seen: dict[str, Any] = {}  # noqa: RUF012, never changed
    called: dict[str, Any] = {}  # noqa: RUF012
    stopped: str = ""
    problem: str = ""


def run(
    name: str, source: str, modules: dict[str, str], function: str, twice: bool, calls: tuple, limits: Limits
) -> Answers:
    """Load a submission in a process of its own and make the calls there.

    Args:
        name: of its file, which tells a notebook from a Python file.
        source: the file's content.
        modules: other Python files that it may import, by name.
        function: the name of what to call.
        twice: make every call twice, to see whether it gives the same.
        calls: the arguments of each.
        limits: of time and memory.
    """
    # The folder is left to the operating system if the submission has made files in it that cannot be removed.
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / CALLS).write_bytes(wire.encode((name, source, modules, function, twice, calls)))
        code = f"from {__package__} import worker; worker.main({limits.seconds}, {limits.mebibytes})"
        command = [sys.executable, "-I", "-c", f"import sys; sys.path[:] = {_path()!r}; {code}"]
        status = _wait([*(_bubblewrap(folder) if isolated() else []), *command], folder, limits)
        answers, seen = _read(folder, ANSWERS), _read(folder, SEEN)
    return _checked(answers, seen, len(calls), status, limits)


def _wait(command: list[str], folder: str, limits: Limits) -> int | None:
    """Run a command to its end, and end all it has started: its exit status; None if the wall clock ended it."""
    variables = ("PATH", "SYSTEMROOT", "TEMP", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in variables if name in os.environ}
    for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
        environment[f"{library}_NUM_THREADS"] = "1"
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
    )
    try:
        return process.wait(PATIENCE * limits.seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def _path() -> list[str]:
    """Where modules are found: as here, but not in the current folder, nor in the clone that holds the package."""
    left_out = (Path.cwd(), PACKAGE.parent)
    found = [Path(path).resolve() for path in sys.path if path]
    kept = [path for path in found if path.is_relative_to(sys.prefix) or not any(map(path.is_relative_to, left_out))]
    return [str(PACKAGE.parent), *map(str, kept)]


@functools.cache
def isolated() -> bool:
    """Whether bubblewrap is installed and allowed to do its work."""
    if not shutil.which("bwrap"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = [*_bubblewrap(folder), sys.executable, "-I", "-c", ""]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _bubblewrap(folder: str) -> list[str]:
    visible = {*SYSTEM, sys.prefix, sys.base_prefix, str(PACKAGE), *_path()[1:]}
    binds = [part for path in sorted(visible) if os.path.exists(path) for part in ("--ro-bind", path, path)]
    return [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev",
        "--tmpfs", "/tmp", *binds, "--bind", folder, "/scratch", "--chdir", "/scratch", "--",
    ]  # fmt: skip


def _read(folder: str, name: str) -> Any:
    """A message that the worker has left; None if there is none, or something else in its place."""
    try:
        # Not through a link, and without waiting for somebody to write to a pipe.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(os.path.join(folder, name), flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_BYTES:
                return None
            return wire.decode(file.read(MAX_BYTES))
    except (OSError, ValueError):
        return None


def _checked(answers: Any, seen: Any, calls: int, status: int | None, limits: Limits) -> Answers:
    """The answers, if they are what the worker writes; a submission can have written anything instead."""
    seen = seen if isinstance(seen, dict) and all(_are_texts(value) for value in seen.values()) else {}
    try:
        outcomes = tuple(guard.Outcome(**outcome) for outcome in answers["outcomes"])
        problems, called = answers["problems"], answers["called"]
        fine = _are_texts(problems) and isinstance(called, dict) and len(outcomes) == calls
        fine = fine and all(_is_outcome(outcome) for outcome in outcomes)
    except (TypeError, KeyError):
        fine = False
    if fine:
        outcomes = tuple(outcome._replace(problem=_printable(outcome.problem)) for outcome in outcomes)
        return Answers(outcomes, tuple(map(_printable, problems)), seen, called)
    if status is None:
        return Answers(seen=seen, stopped="time", problem=f"it was stopped after {PATIENCE * limits.seconds} s of "
                       "waiting: does it sleep, or wait for something?")  # fmt: skip
    if status in (128 + SIGXCPU, -SIGXCPU):
        return Answers(seen=seen, stopped="time", problem=f"it was stopped after {limits.seconds} s of computing: "
                       "does a loop never end?")  # fmt: skip
    if status == 0:
        return Answers(seen=seen, stopped="crashed", problem="what came back from its process cannot be read")
    return Answers(seen=seen, stopped="crashed", problem=f"it ended its own process, or the system did ({status})")


def _printable(text: str) -> str:
    """Some text of a submission's, fit for a line of any report."""
    return "".join(c if c.isprintable() else " " for c in text[:400]).encode("utf-8", "backslashreplace").decode()


def _are_texts(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)


def _is_outcome(outcome: guard.Outcome) -> bool:
    return (
        isinstance(outcome.problem, str)
        and isinstance(outcome.unstable, bool)
        and isinstance(outcome.changed, tuple)
        and all(type(k) is int and 0 <= k < 10 for k in outcome.changed)
    )
