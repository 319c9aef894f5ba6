"""A submission in a process of its own, seen from the grader: its functions can be called, and stopped."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from . import guard, wire
from .student import serve

MOST_BYTES = 256 * 2**20  # of one answer
PATIENCE = 0.05  # seconds between two looks at the memory


class Stopped(Exception):
    """The process is gone; the message says why, as a sentence about the submission."""


class Submission:
    """A running submission; a context manager, which ends its process.

    Args:
        path: the file.
        seconds: how long it may run, its functions' calls taken together, from the start or the last `new_budget`.
        mebibytes: how much memory it and what it starts may take.
    """

    def __init__(self, path: Path, seconds: float, mebibytes: int) -> None:
        self._path, self._seconds, self._mebibytes = path, seconds, mebibytes
        self._left = float(seconds)
        self._reason = ""

    def __enter__(self) -> Submission:
        # The folder is left to the operating system if the submission has made files in it that cannot be removed.
        self._folder = tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True)
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, str(self._path.resolve()), self._folder.name)
        self._process = context.Process(target=serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._connection.close()
        self._folder.cleanup()

    @property
    def alive(self) -> bool:
        """Whether it has not been stopped."""
        return not self._reason

    def new_budget(self) -> None:
        """Start to count its seconds anew."""
        self._left = float(self._seconds)

    def problems(self) -> tuple[str, ...]:
        """What went wrong while its code was run; to be asked for once, first.

        Raises:
            Stopped: it has not come to its end.
        """
        return self._receive()

    def ask(self, *request: Any) -> Any:
        """Send a request of `student.serve`, wait for the answer.

        Raises:
            Stopped: it took too long or too much memory, or ended by itself.
        """
        if self._reason:
            raise Stopped(self._reason)
        try:
            self._connection.send_bytes(wire.encode(request))
        except OSError:
            self._stop("it ended its own process")
        return self._receive()

    def _receive(self) -> Any:
        if self._reason:
            raise Stopped(self._reason)
        start = time.monotonic()
        try:
            while not self._connection.poll(PATIENCE):
                if time.monotonic() - start > self._left:
                    self._stop(f"it was stopped after {self._seconds:g} s: does a loop never end?")
                if self._memory() > self._mebibytes * 2**20:
                    self._stop(f"it was stopped when it took more than {self._mebibytes} MiB of memory")
            answer = wire.decode(self._connection.recv_bytes(MOST_BYTES))
        except EOFError:
            self._stop("it ended its own process")
        except OSError:
            self._stop(f"it ended its own process, or returned more than {MOST_BYTES // 2**20} MiB")
        except ValueError:
            self._stop("what came back from its process cannot be read")
        self._left -= time.monotonic() - start
        return answer

    def _memory(self) -> int:
        try:
            process = psutil.Process(self._process.pid)
            return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
        except psutil.Error:
            return 0

    def _stop(self, reason: str) -> None:
        self._reason = reason
        self._end()
        raise Stopped(reason)

    def _end(self) -> None:
        try:
            process = psutil.Process(self._process.pid)
            for one in (*process.children(recursive=True), process):
                one.kill()
        except psutil.Error:
            pass
        self._process.join()


class RemoteFunction(guard.Elsewhere):
    """One function of a submission."""

    def __init__(self, submission: Submission, name: str) -> None:
        self._submission, self._name = submission, name

    def outcome(self, arguments: tuple) -> guard.Outcome:
        """Call it there; a submission that has been stopped is a problem like any other."""
        try:
            return guard.Outcome(**self._submission.ask("call", self._name, arguments))
        except Stopped as stopped:
            return guard.Outcome(problem=str(stopped))
