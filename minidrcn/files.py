"""Files that are whole or not there at all."""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a name to write to, and give the file its real name once the block has ended without an error.

    The name is in the same folder and has the same ending, so writers that go by the ending work and renaming is one
    operation. If the block fails, what was there before is still there and nothing else is left behind.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}{path.suffix}")
    try:
        yield temporary
        # The data must reach the disk before the name does.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        _replace(temporary, path)
    except OSError as error:
        # Of a full disk the system does not say the file, and of a folder without write access the temporary one.
        if error.filename is None or os.fspath(error.filename) == os.fspath(temporary):
            error.filename, error.filename2 = os.fspath(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _replace(temporary: Path, path: Path) -> None:
    """Rename; on Windows a file that somebody is just looking at, a virus scanner, say, cannot be replaced at once."""
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
    """Whether a file has the name of one that `written_whole` was about to finish."""
    return re.fullmatch(r"\.[0-9a-f]{12}(\.\w+)?", path.name) is not None


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file whole, in UTF-8 with plain line ends."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
