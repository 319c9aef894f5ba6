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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, UsageError

TABLE = Path(__file__).with_name("named_sets.csv")
HOST = "https://raw.githubusercontent.com"
TIMEOUT = 30  # seconds without an answer


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
    import pooch

    return Path(pooch.os_cache("minidrcn"))


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
        elif path.stat().st_size != file.size or _sha256(path) != file.sha256:
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

    A file gets its name once its checksum is right, so an interrupted download can be repeated.

    Args:
        name: of the set.
        host: the address that the sources are below, `HOST` if left out.
        retries: how often a file is tried again.
        progress: wraps the files as they are gone through; `tqdm` fits in here.

    Returns:
        the set's folder.

    Raises:
        UsageError: there is no such set.
        InputError: there is no connection, an HTTP error, or a wrong checksum.
    """
    import pooch
    import requests

    host = HOST if host is None else host
    folder_name, files = _lookup(name)
    pooch.get_logger().setLevel("ERROR")
    sums = {file.name: f"sha256:{file.sha256}" for file in files}
    addresses = {file.name: f"{host}/{file.source}" for file in files}
    downloads = pooch.Pooch(cache_folder() / folder_name, host, sums, addresses, retries)
    download = pooch.HTTPDownloader(timeout=TIMEOUT)
    for file in progress(files):
        try:
            downloads.fetch(file.name, downloader=download)
        except requests.exceptions.ConnectionError as error:
            raise InputError(f"{host}/{file.source}: no connection; are you online?") from error
        except requests.exceptions.RequestException as error:
            raise InputError(f"{host}/{file.source}: {_reason(error)}; try again later") from error
        except ValueError as error:  # pooch's word for a wrong sum
            raise InputError(f"{host}/{file.source}: not the file it should be; nothing was kept") from error
    return Path(downloads.path)


def _lookup(name: str) -> tuple[str, tuple[File, ...]]:
    if name.lower() not in named_sets():
        raise UsageError(f"{name}: no such set; expected one of {', '.join(named_sets())}")
    return named_sets()[name.lower()]


def _megabytes(files: Iterable[File]) -> str:
    return f"{sum(file.size for file in files) / 1e6:.1f} MB"


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"the server answered {response.status_code}" if response is not None else "the download broke off"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
