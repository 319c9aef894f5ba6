"""Safe reading of untrusted `.npz` files: no pickle, no zip bomb, no more memory than the file is long."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from typing import BinaryIO

import numpy as np


def read_npz(file: str | os.PathLike | BinaryIO) -> dict[str, np.ndarray]:
    """Every array of an uncompressed `.npz` file, as `np.savez` writes it.

    Raises:
        ValueError: it is not such a file, or compressed or with overlapping entries (a possible zip bomb).
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ValueError("compressed")
            archive.fp.seek(0, os.SEEK_END)
            if sum(entry.file_size for entry in entries) > archive.fp.tell():
                raise ValueError("the entries overlap")
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}
    except OSError:
        raise
    except Exception as error:  # A damaged file can raise anything in zipfile, NumPy or Python's tokenizer.
        raise ValueError(f"not an .npz file, or damaged: {error}") from error


def _array(entry: bytes) -> np.ndarray:
    # From memory NumPy reads only what is there; from a file it would allocate what the header claims.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about headers that Python 2 wrote
        array = np.lib.format.read_array(io.BytesIO(entry), allow_pickle=False)
    if array.size > len(entry):
        raise ValueError("elements without content")
    return array
