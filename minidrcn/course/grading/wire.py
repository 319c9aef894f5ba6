"""Values between two processes, without pickle: whoever reads them cannot be made to run anything.

A message is one `.npz` file: its arrays, and as JSON how they and the rest stand in tuples, lists and dicts.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from ...npz import read_npz


def encode(value: Any) -> bytes:
    """Arrays, numbers, strings, None, tuples, lists and dicts with string keys. An array at two places is sent once.

    Raises:
        TypeError: there is something else among them.
    """
    arrays: list[np.ndarray] = []
    tree = json.dumps(_tree(value, arrays))
    file = io.BytesIO()
    np.savez(file, tree=np.frombuffer(tree.encode(), np.uint8), **{f"a{k}": array for k, array in enumerate(arrays)})
    return file.getvalue()


def decode(message: bytes) -> Any:
    """What was encoded.

    Raises:
        ValueError: it is no such message.
    """
    try:
        parts = read_npz(io.BytesIO(message))
        arrays = [parts[f"a{k}"] for k in range(len(parts) - 1)]
        return _value(json.loads(parts["tree"].tobytes()), arrays)
    except Exception as error:
        raise ValueError(f"not a message: {error}") from error


def _tree(value: Any, arrays: list[np.ndarray]) -> list:
    if isinstance(value, np.ndarray):
        k = next((k for k, array in enumerate(arrays) if array is value), len(arrays))
        arrays += [value] if k == len(arrays) else []
        return ["array", k]
    if isinstance(value, (tuple, list)):
        return ["tuple" if isinstance(value, tuple) else "list", [_tree(item, arrays) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[str(name), _tree(item, arrays)] for name, item in value.items()]]
    if value is None or isinstance(value, (bool, str)):
        return ["value", value]
    if isinstance(value, (int, np.integer)):
        return ["value", int(value)]
    if isinstance(value, (float, np.floating)):
        return ["value", float(value)]
    raise TypeError(f"cannot be sent: {type(value).__name__}")


def _value(tree: list, arrays: list[np.ndarray]) -> Any:
    kind, content = tree
    if kind == "array":
        return arrays[content]
    if kind == "tuple":
        return tuple(_value(item, arrays) for item in content)
    if kind == "list":
        return [_value(item, arrays) for item in content]
    if kind == "dict":
        return {name: _value(item, arrays) for name, item in content}
    return content
