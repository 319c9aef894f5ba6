"""Values between two processes, without pickle: whoever reads them cannot be made to run anything.

A message is one `.npz` file: its arrays, and as JSON the value that they belong to.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from ...npz import read_npz

ARRAY = "__array__"  # {ARRAY: name} stands for the array of that name


def encode(value: Any) -> bytes:
    """Arrays, numbers, strings, None, tuples and dicts with string keys. An array at two places is sent once.

    Raises:
        TypeError: there is something else among them.
    """
    arrays = {}

    def refer(array: Any) -> dict[str, str]:
        if not isinstance(array, np.ndarray):
            raise TypeError(f"cannot be sent: {type(array).__name__}")
        arrays[f"a{id(array)}"] = array
        return {ARRAY: f"a{id(array)}"}

    tree, file = json.dumps(value, default=refer), io.BytesIO()
    np.savez(file, tree=np.frombuffer(tree.encode(), np.uint8), **arrays)
    return file.getvalue()


def decode(message: bytes) -> Any:
    """What was encoded. Raises ValueError if it is no such message."""
    try:
        parts = read_npz(io.BytesIO(message))
        return _value(json.loads(parts["tree"].tobytes()), parts)
    except Exception as error:
        raise ValueError(f"not a message: {error}") from error


def _value(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(tree, list):
        return tuple(_value(item, arrays) for item in tree)
    if isinstance(tree, dict):
        return arrays[tree[ARRAY]] if ARRAY in tree else {name: _value(item, arrays) for name, item in tree.items()}
    return tree
