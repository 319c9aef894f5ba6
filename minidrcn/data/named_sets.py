"""The benchmark and training sets of the field (Set5, T91, ...): where they are, downloaded and verified.

No licence to pass them on is known for any of them, so none comes with the package. `named_sets.csv` says for every
file from which commit of which public repository it can be downloaded, and its sha256. A set counts as present only if
every one of its files has that sum.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, UsageError
from ..files import atomic_write, locked, sweep

TABLE = Path(__file__).with_name("named_sets.csv")
HOST = "https://raw.githubusercontent.com"
TIMEOUT = 30  # seconds without a byte
DEADLINE = 300  # seconds a file


class File(NamedTuple):
    """One image: its name, its address below `HOST`, its length in bytes and its sha256."""

    name: str
    source: str
    size: int
    sha256: str


@functools.cache
def named_sets() -> dict[str, tuple[str, tuple[File, ...]]]:
    """By lower-case name: the name as it is usually written, which is its folder's, and its files."""
    files: dict[str, list[File]] = {}
    with open(TABLE, newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table):
            files.setdefault(row["set"], []).append(File(row["file"], row["source"], int(row["bytes"]), row["sha256"]))
    return {name.lower(): (name, tuple(listed)) for name, listed in files.items()}


def cache_folder() -> Path:
    """Where downloads are kept: the cache folder that the user's system has for such things."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("minidrcn"))


def user_folders() -> list[Path]:
    """The user's own folder of sets, which MINIDRCN_DATA names, if there is one."""
    name = os.environ.get("MINIDRCN_DATA")
    return [Path(name)] if name and Path(name).is_dir() else []


def folder_called(name: str, parents: Iterable[Path]) -> Path | None:
    """The first folder of that name, case-insensitive, in any of the parent folders; None if there is none."""
    folders = (folder for parent in parents if parent.is_dir() for folder in sorted(parent.iterdir()))
    return next((folder for folder in folders if folder.name.lower() == name.lower() and folder.is_dir()), None)


def locate(name: str) -> Path | None:
    """The folder of a named set, whole or not: inside MINIDRCN_DATA, else downloaded, else None."""
    return folder_called(_lookup(name)[0], [*user_folders(), cache_folder()])


def problems(name: str, folder: Path) -> list[str]:
    """What is wrong with a copy of a set, a line for each file; empty if all is well. Other files are ignored."""
    found = []
    for file in _lookup(name)[1]:
        path = folder / file.name
        if not path.is_file():
            found.append(f"{path}: missing")
        elif not _is_right(path, file):
            found.append(f"{path}: not the file it should be")
    return found


def verified_paths(name: str) -> list[Path]:
    """The files of a named set, sorted by name, every one of them verified.

    Raises:
        UsageError: the set is not on this machine; says how to download it.
        InputError: a file is missing or is not the one it should be.
    """
    folder_name, files = _lookup(name)
    folder = locate(name)
    if folder is None:
        raise UsageError(
            f"{name}: not on this machine; download it ({_megabytes(files)}) with "
            f"python -m minidrcn.data fetch {name.lower()}, or let MINIDRCN_DATA name a folder that holds {folder_name}"
        )
    wrong = problems(name, folder)
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        if folder.parent == cache_folder():
            remedy = f"python -m minidrcn.data fetch {name.lower()} downloads what is missing"
        else:
            remedy = "repair that folder, or let MINIDRCN_DATA name one without it"
        raise InputError(f"{wrong[0]}{more}; {remedy}")
    return sorted(folder / file.name for file in files)


def fetch(
    name: str,
    host: str | None = None,
    retries: int = 2,
    progress: Callable[[Iterable], Iterable] = lambda files: files,
) -> Path:
    """Download a named set into the cache folder. Files that are there already and right are kept.

    A file gets its name once its checksum is right, so an interrupted download can be repeated. Nothing that a server
    sends takes longer than `DEADLINE` or more memory than the file is long.

    Args:
        name: of the set.
        host: the address that the sources are below, `HOST` if left out.
        retries: how often a file is tried again.
        progress: wraps the files as they are gone through; `tqdm` fits in here.

    Returns:
        the set's folder.

    Raises:
        UsageError: there is no such set, or another process fetches it.
        InputError: there is no connection, an HTTP error, or a wrong checksum.
    """
    host = HOST if host is None else host
    folder_name, files = _lookup(name)
    folder = cache_folder() / folder_name
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        sweep(folder)
        for file in progress(files):
            if not _is_right(folder / file.name, file):
                contents = _download(f"{host}/{file.source}", file, retries)
                with atomic_write(folder / file.name) as temporary:
                    temporary.write_bytes(contents)
    return folder


def _download(address: str, file: File, retries: int) -> bytes:
    import requests
    import urllib3

    for _ in range(retries + 1):
        try:
            contents = _within(DEADLINE, functools.partial(_get, address, file.size))
            if hashlib.sha256(contents).hexdigest() == file.sha256:
                return contents
            problem = "not the file it should be; nothing was kept"
        except requests.exceptions.ConnectionError:
            problem = "no connection; are you online?"
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            problem = f"{_reason(error)}; try again later"
        except TimeoutError:
            raise InputError(f"{address}: not here after {DEADLINE} s; try again later") from None
    raise InputError(f"{address}: {problem}")


def _get(address: str, size: int) -> bytes:
    """What a server sends, cut off after one byte too many."""
    import requests

    headers = {"Accept-Encoding": "identity"}
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        contents = response.raw.read(size + 1)
        if response.raw.length_remaining and len(contents) <= size:
            raise requests.exceptions.ChunkedEncodingError
        return contents


def _within(seconds: float, function: Callable[[], bytes]) -> bytes:
    """Call in a thread that is left behind when the time is up: a byte now and then resets every timeout of a socket.

    Raises:
        TimeoutError: the time is up. What `function` raises is passed on.
    """
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put(function())
        except Exception as error:
            answers.put(error)

    threading.Thread(target=answer, daemon=True).start()
    try:
        result = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        raise result
    return result


def _lookup(name: str) -> tuple[str, tuple[File, ...]]:
    if name.lower() not in named_sets():
        raise UsageError(f"{name}: no such set; expected one of {', '.join(named_sets())}")
    return named_sets()[name.lower()]


def _megabytes(files: Iterable[File]) -> str:
    return f"{sum(file.size for file in files) / 1e6:.1f} MB"


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"the server answered {response.status_code}" if response is not None else "the download broke off"


def _is_right(path: Path, file: File) -> bool:
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
