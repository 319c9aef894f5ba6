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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..checks import guard
from ..checks.cases import Check
from . import wire
from .collect import File
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
    """What came out of the sandbox."""

    outcomes: Sequence[guard.Outcome]  # one for each call; none if it was stopped
    problems: Sequence[str]  # what went wrong while its code was run, or why it was stopped
    seen: Mapping[str, Any]  # see `notices.in_source`
    called: Mapping[str, Any]  # see `notices.counted`
    stopped: str = ""  # or "time", "crashed"


def run(file: File, modules: dict[str, str], check: Check, calls: tuple, limits: Limits) -> Answers:
    """Load a submission in a process of its own, within limits, and call its function with the arguments of each call.

    `modules` are other Python files that it may import, by name.
    """
    # The folder is left to the operating system if the submission has made files in it that cannot be removed.
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
        (Path(folder) / CALLS).write_bytes(
            wire.encode((file.name, file.source, modules, check.function_name, check.twice, calls))
        )
        code = f"from {__package__} import worker; worker.main({limits.seconds}, {limits.mebibytes})"
        command = [sys.executable, "-I", "-c", f"import sys; sys.path[:] = {_path()!r}; {code}"]
        status = _wait([*(_bubblewrap(folder) if isolated() else []), *command], folder, limits)
        # A process that did not end by itself may have written answers or not, as it happened.
        answers, seen = _read(folder, ANSWERS) if status == 0 else None, _read(folder, SEEN)
    seen = seen if isinstance(seen, dict) and all(map(_are_texts, seen.values())) else {}
    try:
        return _checked(answers, seen, len(calls))
    except (TypeError, KeyError, AttributeError, ValueError):
        computed = ("time", f"it was stopped after {limits.seconds} s of computing: does a loop never end?")
        waited = f"it was stopped after {PATIENCE * limits.seconds} s of waiting: does it sleep, or wait for something?"
        reasons = {
            128 + SIGXCPU: computed,
            -SIGXCPU: computed,
            None: ("time", waited),
            0: ("crashed", "what came back from its process cannot be read"),
        }
        stopped, why = reasons.get(status, ("crashed", f"it ended its own process, or the system did ({status})"))
        return Answers((), (why,), seen, {}, stopped)


def _wait(command: list[str], folder: str, limits: Limits) -> int | None:
    """Run a command to its end, and end all it has started: its exit status; None if the wall clock ended it."""
    variables = ("PATH", "SYSTEMROOT", "TEMP", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in variables if name in os.environ}
    environment |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")}
    nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **nothing)
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
    command = [*_bubblewrap(tempfile.gettempdir()), sys.executable, "-I", "-c", ""]
    return bool(shutil.which("bwrap")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


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
            return wire.decode(file.read() if stat.S_ISREG(about.st_mode) and about.st_size <= MAX_BYTES else b"")
    except (OSError, ValueError):
        return None


def _checked(answers: Any, seen: dict[str, Any], calls: int) -> Answers:
    """The answers, if they are what the worker writes; a submission can have written anything instead.

    Raises:
        TypeError, KeyError, AttributeError or ValueError: they are not.
    """
    if not isinstance(answers, dict):
        raise TypeError("no answers")
    outcomes = [guard.Outcome(**outcome) for outcome in answers["outcomes"]]
    problems, called = answers["problems"], answers["called"]
    fine = _are_texts(problems) and len(outcomes) == calls
    fine = fine and all(isinstance(times, int) for counts in called.values() for times in counts.values())
    for outcome in outcomes:
        fine = fine and _are_texts((outcome.problem,)) and isinstance(outcome.unstable, bool)
        fine = fine and all(type(k) is int and 0 <= k < 10 for k in outcome.changed)
    if not fine:
        raise ValueError("no answers")
    outcomes = [outcome._replace(problem=_printable(outcome.problem)) for outcome in outcomes]
    return Answers(outcomes, list(map(_printable, problems)), seen, called)


def _printable(text: str) -> str:
    """Some text of a submission's, fit for a line of any report."""
    return "".join(c if c.isprintable() else " " for c in text[:400]).encode("utf-8", "backslashreplace").decode()


def _are_texts(values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)
