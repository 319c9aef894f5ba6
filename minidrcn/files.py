"""Atomic file writes, where a reader sees the old file or the new one, never half of it; and a lock on a folder."""

from __future__ import annotations

import errno
import os
import re
import sys
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UsageError

LOCK = ".lock"


@contextmanager
def atomic_write(path: str | os.PathLike, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary name to write to; rename the file to `path` once the block has ended without an error.

    The temporary file is in the same folder and has the same suffix, so writers that go by the suffix work and renaming
    is atomic. If the block fails, what was there before is still there and nothing else is left behind.

    Args:
        path: of the file.
        overwrite: False to raise `FileExistsError` if there is such a file by the time it gets its name.
    """
    path = Path(path)
    temporary = path.with_name(f".{_mark(path)}{uuid.uuid4().hex[:6]}{path.suffix}")
    try:
        yield temporary
        # The data must reach the disk before the name does.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        (_replace if overwrite else _create)(temporary, path)
    except OSError as error:
        # Of a full disk the system does not say the file, and of a folder without write access the temporary one.
        if error.filename is None or os.fspath(error.filename) == os.fspath(temporary):
            error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _create(temporary: Path, path: Path) -> None:
    """Give a file its name unless that is taken: unlike renaming, linking never replaces."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        open(path, "x").close()
        try:
            _replace(temporary, path)
        except OSError:
            path.unlink()
            raise


def _replace(temporary: Path, path: Path) -> None:
    """Rename; on Windows a file that another process has open, a virus scanner, say, cannot be replaced at once."""
    for pause in (0.05, 0.2, 1.0):
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            if sys.platform != "win32":
                raise
            time.sleep(pause)
    os.replace(temporary, path)


def is_unfinished(path: Path) -> bool:
    """Whether this is the temporary file of an `atomic_write` that was killed."""
    return re.fullmatch(r"\.[0-9a-f]{12}(\.\w+)?", path.name) is not None


def sweep(folder: Path, targets: Iterable[Path] | None = None) -> None:
    """Remove what a killed process had begun to write into a folder: everything, or what was to become these files."""
    marks = None if targets is None else set(map(_mark, targets))
    for path in folder.iterdir():
        if is_unfinished(path) and (marks is None or path.name[1:7] in marks):
            path.unlink(missing_ok=True)


def _mark(path: Path) -> str:
    """Six digits that say which file a temporary one is to become."""
    return f"{zlib.crc32(os.fsencode(path.name)):08x}"[:6]


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file atomically, in UTF-8, its lines ending in \\n."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A lock on a folder for a `with` block: an advisory file lock, which the system takes back from the dead.

    Raises:
        UsageError: another process has it.
    """
    with open(folder / LOCK, "a") as file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some network file systems know no locks; there, nobody is kept out.
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise UsageError(f"{folder}: another process writes to this folder; wait for it to end") from None
        yield
