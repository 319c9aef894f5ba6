"""Safe reading of untrusted `.npz` files: no pickle, no zip bomb, hardly more memory than the file is long."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
import zipfile
from typing import BinaryIO

import numpy as np

DIRECTORY_BYTES = 2**20  # of the list of entries: thousands of them


def read_npz(file: str | os.PathLike | BinaryIO) -> dict[str, np.ndarray]:
    """Every array of an uncompressed `.npz` file, as `np.savez` writes it.

    Raises:
        ValueError: it is not such a file, or compressed or with overlapping entries (a possible zip bomb).
        OSError: it cannot be read.
    """
    try:
        source = contextlib.nullcontext(file) if hasattr(file, "read") else open(file, "rb")
        with source as opened:
            _check_directory(opened)
            archive = zipfile.ZipFile(opened)
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError("compressed")
            if sum(entry.file_size for entry in entries) > opened.seek(0, os.SEEK_END):
                raise ValueError("the entries overlap")
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}
    except OSError:
        raise
    except Exception as error:  # A damaged file can raise anything in zipfile, NumPy or Python's tokenizer.
        raise ValueError(f"not an .npz file, or damaged: {error}") from error


def _check_directory(archive: BinaryIO) -> None:
    """Refuse a list of a million entries before `zipfile` makes objects of them (APPNOTE.TXT, 4.3.15 and 4.3.16)."""
    archive.seek(max(archive.seek(0, os.SEEK_END) - 42, 0))
    tail = archive.read()
    locator, end = tail[:-22], tail[-22:]
    if not end.startswith(b"PK\5\6") or not end.endswith(b"\0\0") or locator.startswith(b"PK\6\7"):
        raise ValueError("no archive, or one with a comment or of more than 4 GiB")
    if int.from_bytes(end[12:16], "little") > DIRECTORY_BYTES:
        raise ValueError("too many entries")


def _array(entry: bytes) -> np.ndarray:
    # From memory NumPy reads only what is there; from a file it would allocate what the header claims.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that Python 2 wrote
        array = np.lib.format.read_array(io.BytesIO(entry), allow_pickle=False)
    if array.size > len(entry):
        raise ValueError("elements without content")
    return array
