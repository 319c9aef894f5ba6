"""A submission in a process of its own, seen from the grader: its functions can be called, and stopped."""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from ..checks import guard
from . import wire
from .student import serve

MAX_BYTES = 256 * 2**20  # of one answer
PATIENCE = 0.05  # seconds between two looks at the memory
LAST_WORDS = 1.0  # seconds for a conversation to notice that the process is gone


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
        self._talk: _Talk | None = None

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
        # Once closed, the descriptor may already be reused, and a conversation left behind would read another file.
        if self._talk is None or not self._talk.goes_on(LAST_WORDS):
            self._connection.close()
        self._folder.cleanup()

    @property
    def alive(self) -> bool:
        """Whether it has not been stopped."""
        return not self._reason

    def new_budget(self) -> None:
        """Start to count its seconds anew."""
        self._left = float(self._seconds)

    def ask(self, *request: Any) -> Any:
        """Send a request of `student.serve`, wait for the answer.

        Raises:
            Stopped: it took too long or too much memory, or ended by itself.
        """
        if self._reason:
            raise Stopped(self._reason)
        # A process can stop in the middle of a message, and whoever waits for the rest waits for ever: not this thread.
        talk = self._talk = _Talk(self._connection, wire.encode(request))
        start = time.monotonic()
        while talk.goes_on(PATIENCE):
            if time.monotonic() - start > self._left:
                self._stop(f"it was stopped after {self._seconds:g} s: does a loop never end?")
            if self._memory() > self._mebibytes * 2**20:
                self._stop(f"it was stopped when it took more than {self._mebibytes} MiB of memory")
        self._left -= time.monotonic() - start
        if talk.problem:
            self._stop(talk.problem)
        try:
            return wire.decode(talk.answer)
        except ValueError:
            self._stop("what came back from its process cannot be read")

    def _processes(self) -> list[psutil.Process]:
        """It and what it has started, which comes first."""
        process = psutil.Process(self._process.pid)
        return [*process.children(recursive=True), process]

    def _memory(self) -> int:
        try:
            return sum(one.memory_info().rss for one in self._processes())
        except psutil.Error:
            return 0

    def _stop(self, reason: str) -> None:
        self._reason = reason
        self._end()
        raise Stopped(reason)

    def _end(self) -> None:
        with contextlib.suppress(psutil.Error):
            for one in self._processes():
                one.kill()
        self._process.join()


class _Talk:
    """A request and its answer, in a thread of its own."""

    def __init__(self, connection: Connection, request: bytes) -> None:
        self.answer, self.problem = b"", ""
        self._thread = threading.Thread(target=self._run, args=(connection, request), daemon=True)
        self._thread.start()

    def goes_on(self, seconds: float) -> bool:
        """Wait for the answer for so long at most; whether it is still to come."""
        self._thread.join(seconds)
        return self._thread.is_alive()

    def _run(self, connection: Connection, request: bytes) -> None:
        try:
            connection.send_bytes(request)
            self.answer = connection.recv_bytes(MAX_BYTES)
        except (EOFError, ConnectionError):
            self.problem = "it ended its own process"
        except OSError:
            self.problem = f"it ended its own process, or returned more than {MAX_BYTES // 2**20} MiB"


class RemoteFunction(guard.RemoteCallable):
    """One function of a submission."""

    def __init__(self, submission: Submission, name: str) -> None:
        self._submission, self._name = submission, name

    def outcome(self, arguments: tuple) -> guard.Outcome:
        """Call it there; a submission that has been stopped is a problem like any other."""
        try:
            return guard.Outcome(**self._submission.ask("call", self._name, arguments))
        except Stopped as stopped:
            return guard.Outcome(problem=str(stopped))
