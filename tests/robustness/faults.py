"""Every single fault of the file system, once: nothing that was whole is lost, and one line says what failed.

    python tests/robustness/faults.py [train upscale fetch grade]

A command is run undisturbed, and all its calls that change the file system are counted: files opened to write, writes,
flushes at closing (which leave half a file), syncs, renames, links, folders. Then it is run again for each of them,
which fails with "No space left on device", and afterwards once more without a fault.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import errno
import hashlib
import http.server
import io
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from minidrcn import DRCN, train, upscale
from minidrcn.course import __main__ as course
from minidrcn.data import __main__ as data
from minidrcn.data import named_sets
from minidrcn.files import LOCK, is_unfinished
from minidrcn.model import checkpoint
from minidrcn.training import step
from minidrcn.training.run_folder import read_log


class Faults:
    """Counts the calls that change something below a folder, and lets one of them fail.

    Args:
        folder: calls elsewhere neither count nor fail.
        fails: the number of the call that fails, from 0 on; None for none.
    """

    def __init__(self, folder: Path, fails: int | None = None) -> None:
        self.folder, self.fails, self.calls = os.path.realpath(folder), fails, []

    def concerns(self, path: object) -> bool:
        """Whether this is the folder, or below it."""
        return not isinstance(path, int) and os.path.realpath(os.fspath(path)).startswith(self.folder)

    def reached(self, what: str, path: object) -> bool:
        """Count a call; whether it is the one that fails."""
        if not self.concerns(path):
            return False
        self.calls.append(f"{what} {Path(os.fspath(path)).suffix or Path(os.fspath(path)).name}")
        return len(self.calls) - 1 == self.fails

    def check(self, what: str, path: object) -> None:
        """Count a call, and raise if it is the one that fails."""
        if self.reached(what, path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path) if what != "write" else None)

    @contextlib.contextmanager
    def installed(self) -> Iterator[Faults]:
        """Put these faults between Python and the system for a `with` block."""
        real_open, real_fsync, opened = io.open, os.fsync, {}

        def opens(file, mode="r", *args, **options):
            if not set(mode) & set("wax+") or not self.concerns(file):
                return real_open(file, mode, *args, **options)
            self.check("open", file)
            stream = real_open(file, mode, *args, **options)
            opened[stream.fileno()] = file
            return Stream(stream, file, self, mode)

        def syncs(fd):
            self.check("fsync", opened.get(fd, 0))
            real_fsync(fd)

        def named(function, what, last):
            def call(*paths, **options):
                self.check(what, paths[last])
                return function(*paths, **options)

            return call

        with contextlib.ExitStack() as stack:
            for module in (builtins, io):
                stack.enter_context(mock.patch.object(module, "open", opens))
            stack.enter_context(mock.patch.object(os, "fsync", syncs))
            for what, last in (("replace", 1), ("rename", 1), ("link", 1), ("mkdir", 0)):
                stack.enter_context(mock.patch.object(os, what, named(getattr(os, what), what, last)))
            yield self


class Stream:
    """A file whose writes and whose closing may fail; without a descriptor where it is written to from the start."""

    def __init__(self, stream, path, faults: Faults, mode: str) -> None:
        self._stream, self._path, self._faults, self._mode = stream, path, faults, mode

    def __getattr__(self, name: str):
        if name == "fileno" and "w" in self._mode:  # libraries would write past Python
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return iter(self._stream)

    def write(self, content):
        """Write, or fail before anything is written."""
        self._faults.check("write", self._path)
        return self._stream.write(content)

    def close(self):
        """Close, or fail with half of the file written."""
        if self._stream.closed:
            return
        self._stream.close()
        if self._mode[0] in "wx" and self._faults.reached("close", self._path):
            os.truncate(self._path, os.path.getsize(self._path) // 2)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def quietly(command: Callable, arguments: list) -> tuple[int, str]:
    """Exit status and stderr of a command in this process."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            status = command([str(argument) for argument in arguments])
        except SystemExit as stopped:
            status = stopped.code
    return status, said.getvalue()


def contents(folder: Path, *leave_out: str) -> dict[str, bytes]:
    """The files below a folder by name, but for locks and those named."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in {LOCK, *leave_out})
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


class Trial:
    """One command, and what must hold after each fault.

    Args:
        work: an empty folder to work in.
    """

    def __init__(self, work: Path) -> None:
        self.work, self.out = work, work / "out"

    def prepare(self) -> None:
        """Make what must be there before the command runs."""

    def run(self) -> tuple[int, str]:
        """Run the command: exit status and stderr."""
        raise NotImplementedError

    def problem(self) -> str:
        """What is damaged after a fault, or ""."""
        return ""

    def result(self) -> object:
        """What the command is for, to be compared."""
        return contents(self.out)


def photograph(path: Path, seed: int = 0, side: int = 37) -> None:
    """A small image file."""
    from PIL import Image

    smooth = np.add.outer(np.arange(side) * 5, np.arange(side + 9) * 3) % 256
    noise = np.random.default_rng(seed).integers(0, 9, (*smooth.shape, 3))
    Image.fromarray((smooth[..., None] * 0.9 + noise).astype(np.uint8)).save(path)


class Training(Trial):
    """A short run that saves after every second update."""

    def prepare(self):
        (self.work / "images").mkdir()
        photograph(self.work / "images" / "a.png")

    def run(self):
        options = "--filters 2 --recursions 1 --batch 1 --patch 16 --steps 4 --evaluate-every 2 --checkpoint-every 2"
        images = ["--data", self.work / "images", "--validation", self.work / "images"]
        return quietly(train.main, ["--resume", "--out", self.out, "--workers", "1", *images, *options.split()])

    def problem(self):
        for name in ("last.npz", "best.npz"):
            if (self.out / name).exists():
                checkpoint.load(self.out / name)
        if (self.out / "last.npz").exists():
            step.load_state(self.out / "last.npz")
        rows = [row["step"] for row in read_log(self.out)]
        return "" if rows == sorted(rows) else f"the log has the updates {rows}"

    def result(self):
        state, _ = step.load_state(self.out / "last.npz")
        arrays = [state.model.params, checkpoint.load(self.out / "best.npz").params, *state.optimiser_state.values()]
        bits = [array.tobytes() for part in arrays for array in part.values()]
        return bits, (self.out / "a.png").read_bytes(), [row["psnr"] for row in read_log(self.out)]


class Upscaling(Trial):
    """Two photographs, of which one replaces a file."""

    def prepare(self):
        checkpoint.save(self.work / "m.npz", DRCN(2, 1, scale=2))
        for folder in ("images", "out"):
            (self.work / folder).mkdir()
        photograph(self.work / "images" / "a.png")
        photograph(self.work / "images" / "b.tif", 1)
        photograph(self.out / "a.png", 2, side=5)
        self.before = (self.out / "a.png").read_bytes()

    def run(self):
        return quietly(upscale.main, [self.work / "images", self.out, "--model", self.work / "m.npz", "--force"])

    def problem(self):
        from PIL import Image

        if (self.out / "a.png").read_bytes() != self.before:
            with Image.open(self.out / "a.png") as image:
                image.load()
        if (self.out / "b.tif").exists():
            with Image.open(self.out / "b.tif") as image:
                image.load()
        return ""


SET = {"a.png": b"first", "b.png": b"second" * 1000}


class Fetching(Trial):
    """A set of two files from a server in this process."""

    def prepare(self):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                body = SET[Path(self.path).name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def run(self):
        listed = [
            named_sets.File(name, f"x/y/{name}", len(body), hashlib.sha256(body).hexdigest())
            for name, body in SET.items()
        ]
        sets = {"tiny": ("Tiny", tuple(listed))}
        with contextlib.ExitStack() as stack:
            for module in (named_sets, data):
                stack.enter_context(mock.patch.object(module, "named_sets", return_value=sets))
            stack.enter_context(mock.patch.object(named_sets, "cache_folder", return_value=self.out))
            stack.enter_context(mock.patch.object(named_sets, "HOST", f"http://127.0.0.1:{self.server.server_port}"))
            stack.enter_context(mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1"}))
            return quietly(data.main, ["fetch", "tiny"])

    def problem(self):
        wrong = [name for name, body in contents(self.out).items() if body != SET[Path(name).name]]
        return f"{wrong} is not whole" if wrong else ""


class Grading(Trial):
    """One student's answer to one exercise, results kept in a folder."""

    def prepare(self):
        import nbformat

        cell = nbformat.v4.new_code_cell("def relu_backward(dy, x):\n    return dy * (x > 0)\n")
        (self.work / "sheets" / "kim").mkdir(parents=True)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), self.work / "sheets" / "kim" / "ex05_relu.ipynb")

    def run(self):
        options = ["--resume"] if self.out.exists() else []
        sheets = [self.work / "sheets", "--out", self.out, "--seed", "0"]
        return quietly(course.main, ["grade", *sheets, "--only", "ex5", *options])

    def result(self):
        return sorted(contents(self.out).values())  # the names hold a sum of the folder's


TRIALS = {"train": Training, "upscale": Upscaling, "fetch": Fetching, "grade": Grading}


def attempt(trial_class: type[Trial], fails: int | None, expected: object = None) -> tuple[Faults, int, str, object]:
    """One run with a fault, checked, and one without: the calls, the status, what is wrong, and the result."""
    with tempfile.TemporaryDirectory() as folder:
        trial = trial_class(Path(folder))
        trial.prepare()
        with Faults(trial.out, fails).installed() as faults:
            try:
                status, said = trial.run()
            except BaseException as error:
                return faults, -1, f"{type(error).__name__}: {error}", None
        wrong = ""
        if status not in (0, 1) or said.count(": error: ") != status or "Traceback" in said:
            wrong = f"status {status}, said {said!r}"
        if not wrong and trial.out.exists():
            left = [path.name for path in trial.out.rglob("*") if is_unfinished(path)]
            wrong = f"{left} is left behind" if left else trial.problem()
        if not wrong and fails is not None:
            again, said = trial.run()
            if again or ": error: " in said or trial.result() != expected:
                wrong = f"run again: status {again}, said {said!r}"
        return faults, status, wrong, trial.result() if not wrong else None


def faults_of(trial_class: type[Trial], every: int = 1) -> tuple[list[str], Counter, list[str]]:
    """All calls of a trial, the statuses that their faults end with, and what is wrong."""
    faults, status, wrong, expected = attempt(trial_class, None)
    if status or wrong:
        raise SystemExit(f"{trial_class.__name__} without a fault: status {status}, {wrong}")
    calls, statuses, problems = list(faults.calls), Counter(), []
    for number in range(0, len(calls), every):
        _, status, wrong, _ = attempt(trial_class, number, expected)
        statuses[status] += 1
        if wrong:
            problems.append(f"{trial_class.__name__}, call {number} ({calls[number]}): {wrong}")
    return calls, statuses, problems


def main(argv: list[str] | None = None) -> int:
    """Print a line a command; exit status 1 if a fault did harm."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", choices=[*TRIALS, []], default=[])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try every N-th call only (default: all)")
    args = parser.parse_args(argv)
    failed = False
    for name in args.commands or TRIALS:
        calls, statuses, problems = faults_of(TRIALS[name], args.every)
        kinds = ", ".join(f"{number} {kind}" for kind, number in Counter(call.split()[0] for call in calls).items())
        ends = f"{statuses[1]} ended it in a line, {statuses[0]} did not matter; {len(problems)} did harm"
        print(f"{name}: {statuses.total()} faults at {len(calls)} calls ({kinds}); {ends}", flush=True)
        print(*problems, sep="\n")
        failed |= bool(problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
