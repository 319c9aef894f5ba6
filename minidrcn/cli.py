"""Shared by all commands: one-line errors, exit statuses, progress bars, an allocator that keeps freed memory.

Exit status: 0 done, 1 failed, 2 wrong usage, 128 + the signal (130 for Ctrl-C).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

from .errors import InputError, UsageError

Main = Callable[[list[str] | None], int]

# What brings a library that not every installation has.
EXTRAS = dict.fromkeys(("onnx", "safetensors"), '-e ".[onnx]"')


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and where to read more; exit with 2."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())} (see --help)\n")


def parser(verb: str, description: str) -> Parser:
    """The parser of `python -m minidrcn.VERB`."""
    return Parser(
        prog=f"minidrcn.{verb}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def whole_number(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """A type for `add_argument`: whole numbers in a range."""
    wanted = f"a whole number of at least {minimum}" + (f" and at most {maximum}" if maximum is not None else "")

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < minimum or (maximum is not None and value > maximum):
            raise argparse.ArgumentTypeError(f"must be {wanted}, not {text}")
        return value

    return convert


def add_model_options(parser: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """The options of every command that uses a trained network; returns the group of those that choose a size."""
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--scale", type=int, choices=(2, 3, 4), help="enlargement (default: the model's, else 2)")
    parser.add_argument("--model", metavar="NAME|FILE", help="shipped weights or an .npz file (default: xSCALE)")
    parser.add_argument("--workers", type=whole_number(1), metavar="N", help="CPU threads (default: one a usable core)")
    return size


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """The options of commands that take many photographs through a network. `--shard K/N` is a slice of the files."""
    parser.add_argument(
        "--self-ensemble", action="store_true",
        help="average the predictions for the 8 flips and rotations: a little better, in eight times the time "
        "(default: one prediction)",
    )  # fmt: skip
    parser.add_argument("--gpu", action="store_true", help="compute on an NVIDIA GPU, through CuPy (default: the CPU)")
    parser.add_argument(
        "--shard", type=_shard, default=slice(None), metavar="K/N",
        help="every N-th file, from the K-th on, so that N processes or machines share them (default: all)",
    )  # fmt: skip


def _shard(text: str) -> slice:
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise argparse.ArgumentTypeError(f"must be K/N with K from 1 to N, such as 1/4, not {text}")
    return slice(int(k) - 1, None, int(n))


def add_force(parser: argparse.ArgumentParser) -> None:
    """The option `--force`, see `refuse_existing`."""
    parser.add_argument("--force", action="store_true", help="overwrite files that exist (default: refuse)")


def refuse_existing(paths: Iterable[Path], force: bool = False) -> None:
    """Raise `UsageError` if a file would be overwritten, unless that is wanted."""
    existing = [str(path) for path in paths if os.path.exists(path)]
    if existing and not force:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(f"{existing[0]}{more}: exists; name another, or add --force to overwrite")


def command(verb: str) -> Callable[[Main], Main]:
    """Decorate a main: user errors become a line on stderr and an exit status, bugs keep their traceback.

    Memory that is freed stays with the process, see `keep_freed_memory`.
    """

    def decorate(main: Main) -> Main:
        @functools.wraps(main)
        def wrapped(argv: list[str] | None = None) -> int:
            _reopen_closed_streams()
            os.environ.pop("MPLBACKEND", None)  # no window is opened, and matplotlib stops at a name it does not know
            for stream in (sys.stdout, sys.stderr):
                # A file's name may hold letters that the terminal's encoding lacks.
                if hasattr(stream, "reconfigure"):
                    stream.reconfigure(errors="backslashreplace")
            keep_freed_memory()
            try:
                return main(argv)
            except (UsageError, InputError) as error:
                return fail(verb, error, error.exit_status)
            except BrokenPipeError:
                # Flushing the buffer when Python exits would raise once more.
                with contextlib.suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return fail(verb, "nobody reads the output any more", 1)
            except OSError as error:
                return fail(verb, f"{error.filename or 'file'}: {error.strerror or error}", 1)
            except ModuleNotFoundError as error:
                library = (error.name or __package__).split(".")[0]
                if library == __package__:
                    raise
                source = EXTRAS.get(library, "minidrcn")
                return fail(verb, f"needs {error.name}, which is not installed: pip install {source} brings it", 1)
            except MemoryError:
                return fail(verb, "not enough memory; lower --workers, or in training --filters or --batch", 1)
            except KeyboardInterrupt:
                return fail(verb, "interrupted", 130)

        return wrapped

    return decorate


def _reopen_closed_streams() -> None:
    """Open what was closed when Python started, or the next file that is opened would be taken for the terminal."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))


def fail(verb: str, message: object, status: int) -> int:
    """Print one line on stderr, return the status."""
    print(f"minidrcn.{verb}: error: {' '.join(str(message).split())}", file=sys.stderr)
    return status


def keep_freed_memory() -> None:
    """Tune malloc (glibc's `mallopt`) to keep freed memory in the process instead of returning it to the system.

    Every layer asks for maps as large as those freed before. By default glibc returns such pages, and the page faults
    of their next use took 10 to 20 % of predicting a photograph or training a wide network. It concerns the whole
    process, so commands ask for it and functions of the library do not. Other C libraries are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h
    mallopt(M_ARENA_MAX, 1)  # per-thread arenas are trimmed whatever the threshold
    mallopt(M_MMAP_THRESHOLD, 2**25)  # the most that glibc accepts
    mallopt(M_TRIM_THRESHOLD, 2**30)


def say(text: str) -> None:
    """Print a line on stdout, above any progress bar."""
    from tqdm import tqdm

    tqdm.write(text)
    sys.stdout.flush()


def progress(items: Iterable, total: int | None = None, **options: Any) -> Iterable:
    """A progress bar with time left on stderr; none where stderr is no terminal."""
    if items is not None and not sys.stderr.isatty():
        return items  # tqdm would start a thread all the same, which a browser cannot
    from tqdm import tqdm

    return tqdm(items, total=total, disable=None, dynamic_ncols=True, leave=False, **options)
