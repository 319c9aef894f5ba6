"""Checkpoints: a network, or a training run with all it needs to go on, as one `.npz` file.

    meta              JSON in UTF-8, as bytes: format, the version of minidrcn, architecture, scale, and for a run its
                      step, best PSNR, options and plateau; all randomness follows from the seed and the step
    params/NAME       one array per parameter
    optimiser/PART/NAME   for a run, the optimiser's state
    checksum          SHA-256 of everything else

Nothing in such a file can run code: it is read with `allow_pickle=False`. It is not compressed, so reading takes no
more memory than the file is long. Files written from the same values are equal byte for byte; they hold no clock time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..backend import Arrays, is_finite, to_cpu
from ..errors import InputError, UsageError
from ..files import atomic_write
from ..npz import read_npz
from .drcn import DRCN
from .network import Architecture

FORMAT = "minidrcn"
FORMAT_VERSION = 2
WEIGHTS = Path(__file__).parents[1] / "weights"


class Checkpoint(NamedTuple):
    """What a file holds.

    Attributes:
        model: the network, on the CPU, in the dtype it was stored in.
        optimiser_state: empty if the file holds only a network.
        training: what else a run needs to go on, as JSON values; empty likewise.
    """

    model: DRCN
    optimiser_state: dict[str, Arrays]
    training: dict[str, Any]


def save(
    path: str | os.PathLike,
    model: DRCN,
    optimiser_state: dict[str, Arrays] | None = None,
    training: dict[str, Any] | None = None,
) -> None:
    """Write a network, and what a run needs to go on, to one file, atomically.

    Args:
        path: ends in `.npz`.
        model: on the CPU or the GPU.
        optimiser_state: arrays by part and parameter.
        training: JSON values.
    """
    meta = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "minidrcn": _package_version(),
        "architecture": asdict(model.architecture),
        "scale": model.scale,
        "training": training or {},
    }
    arrays = {f"params/{name}": to_cpu(value) for name, value in model.params.items()}
    for part, values in (optimiser_state or {}).items():
        arrays |= {f"optimiser/{part}/{name}": to_cpu(value) for name, value in values.items()}
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    # In memory first: on a full disk `zipfile` reports the error twice, the second time as a traceback.
    contents = io.BytesIO()
    np.savez(contents, **arrays, checksum=_checksum(arrays))
    with atomic_write(path) as temporary:
        temporary.write_bytes(contents.getbuffer())


def load_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Read what `save` wrote.

    Raises:
        InputError: there is no such file, or it is not a whole and sound file of that kind.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise InputError(f"{path}: a folder, pipe or device; expected an .npz file")
    try:
        arrays = read_npz(path)
        checksum = arrays.pop("checksum", None)
        meta = json.loads(bytes(arrays["meta"]))
        if meta["format"] != FORMAT:
            raise ValueError(f"format {meta['format']!r}")
        if meta["version"] > FORMAT_VERSION:
            raise InputError(
                f"{path}: written by a newer minidrcn (format {meta['version']}, this one reads up to "
                f"{FORMAT_VERSION}); update minidrcn"
            )
        if checksum is None or not np.array_equal(checksum, _checksum(arrays)):
            raise ValueError("the checksum is not that of the contents")
        del arrays["meta"]
        scale = meta["scale"]
        if scale is not None and (type(scale) is not int or scale not in (2, 3, 4)):
            raise ValueError(f"scale {scale!r}")
        parts: dict[str, dict[str, np.ndarray]] = {}
        for key, value in arrays.items():
            part, _, name = key.rpartition("/")
            parts.setdefault(part, {})[name] = value
        model = DRCN.from_params(parts.pop("params"), Architecture(**meta["architecture"]), scale)
        state = {part.removeprefix("optimiser/"): values for part, values in parts.items()}
        if not all(is_finite(array) for values in state.values() for array in values.values()):
            raise ValueError("the optimiser's state holds numbers that are not finite")
        return Checkpoint(model, state, meta["training"])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError) as error:
        raise InputError(f"{path}: no model of minidrcn's, or damaged; expected an .npz file that it wrote") from error


def _checksum(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """SHA-256 of names, dtypes, shapes and contents, as 32 bytes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def _package_version() -> str:
    from .. import __version__

    return __version__


def is_shipped(model: str | os.PathLike) -> bool:
    """Whether this names shipped weights, such as "x2", and no file."""
    return Path(model).suffix != ".npz" and Path(model).parent == Path()


def load(model: str | os.PathLike) -> DRCN:
    """A trained network, by the name of shipped weights such as "x2", or from a file that a training run wrote.

    Raises:
        UsageError: no weights of that name are shipped.
        InputError: there is no such file, or it is no model.
    """
    if not is_shipped(model):
        return load_checkpoint(model).model
    shipped = sorted(path.stem for path in WEIGHTS.glob("*.npz"))
    if str(model) not in shipped:
        raise UsageError(
            f"no weights {str(model)!r} are shipped; there are: {', '.join(shipped) or 'none'}, or give an .npz file"
        )
    return load_checkpoint(WEIGHTS / f"{model}.npz").model
