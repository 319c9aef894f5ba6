"""Options as dataclass fields: declared once with default, range and help text; checked, and added to argparse."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import Field, field, fields
from typing import Any

from .errors import UsageError

LARGEST = 2**31  # beyond any use; NumPy answers much larger ones with errors of its own


def option(default: Any, text: str, *, minimum: float | None = None, above: float | None = None,
           maximum: float | None = None, choices: tuple = ()) -> Any:  # fmt: skip
    """A field of a dataclass: its default, what it means, and what it may be."""
    limits = {"text": text, "minimum": minimum, "above": above, "maximum": maximum, "choices": choices}
    return field(default=default, metadata=limits)


def flag(name: str) -> str:
    """The command-line spelling of an option: `clip_limit` -> `--clip-limit`."""
    return "--" + name.replace("_", "-")


def kind(option: Field) -> type:
    """The Python type of an option's value, `tuple` for a list of names."""
    return type(option.default)


def check_options(values: Any, spelled: Callable[[str], str] = str) -> None:
    """Check every field of a dataclass that `option` made; a message spells its name as `spelled` does.

    Raises:
        UsageError: a value is of the wrong type or out of range.
    """
    for option in fields(values):
        problem = _problem(option, getattr(values, option.name))
        if problem:
            raise UsageError(f"{spelled(option.name)} must be {problem}, not {getattr(values, option.name)!r}")


def _problem(option: Field, value: Any) -> str:
    """What an option must be if this value is wrong, else ""."""
    expected, limits = kind(option), option.metadata
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected:
        return f"of type {expected.__name__}"
    if expected is int and value >= LARGEST:
        return f"less than {LARGEST}"
    if expected is tuple and not (value and all(isinstance(item, str) for item in value)):
        return "one or more names"
    if limits["choices"] and value not in limits["choices"]:
        return f"one of {', '.join(map(str, limits['choices']))}"
    if expected is float and not math.isfinite(value):
        return "finite"
    if limits["minimum"] is not None and value < limits["minimum"]:
        return f"at least {limits['minimum']}"
    if limits["above"] is not None and value <= limits["above"]:
        return f"larger than {limits['above']}"
    if limits["maximum"] is not None and value > limits["maximum"]:
        return f"at most {limits['maximum']}"
    return ""


def add_options(parser: argparse.ArgumentParser, dataclass: type) -> None:
    """Add every field of a dataclass to an argparse parser. An option that is not given is None, not the default."""
    for option in fields(dataclass):
        default = " ".join(option.default) if kind(option) is tuple else option.default
        text = option.metadata["text"] if default == "" else f"{option.metadata['text']} (default: {default})"
        settings: dict = {"help": text}
        if kind(option) is bool:
            settings["action"] = argparse.BooleanOptionalAction
        elif kind(option) is tuple:
            settings |= {"nargs": "+", "metavar": "DIR"}
        else:
            settings["type"] = kind(option)
            if option.metadata["choices"]:
                settings["choices"] = option.metadata["choices"]
            else:
                settings["metavar"] = {int: "N", float: "X", str: "NAME"}[kind(option)]
        parser.add_argument(flag(option.name), **settings)
