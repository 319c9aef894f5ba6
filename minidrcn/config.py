"""Everything that decides how a network is trained, as one value that is checked, stored and compared."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import InputError, UsageError


def _option(default: Any, text: str, *, least: float | None = None, above: float | None = None,
            most: float | None = None, choices: tuple = ()) -> Any:  # fmt: skip
    bounds = {"text": text, "least": least, "above": above, "most": most, "choices": choices}
    return field(default=default, metadata=bounds)


@dataclass(frozen=True)
class TrainingConfig:
    """The options of a training run. Two runs with equal options end in equal weights, bit for bit, on one machine.

    Each field's meaning, bounds and default are the ones that `python -m minidrcn.train --help` prints.

    Raises:
        UsageError: a value is of the wrong type or out of range.
    """

    data: tuple[str, ...] = _option(
        ("photos",), "'photos' (those in scikit-image), named sets such as t91, folders; one named twice counts twice"
    )
    validation: str = _option("photos", "'photos' (two that are not trained on), a named set, or a folder")
    scale: int = _option(2, "enlargement to train for", choices=(2, 3, 4))
    init: str = _option("", "network to start from, shipped weights or an .npz file, of any scale (default: none)")
    filters: int = _option(32, "F, channels of every hidden map", least=1, most=4096)
    recursions: int = _option(9, "D, uses of the recursive convolution", least=1, most=1000)
    skip: bool = _option(True, "add the input to every prediction")
    recursive_supervision: bool = _option(True, "predict after every recursion, learn the ensemble's weights")
    reconstruction_relu: bool = _option(False, "ReLU between the reconstruction's convolutions, as in the paper's text")
    output_relu: bool = _option(False, "ReLU after the last convolution, as in the paper's basic model")
    steps: int = _option(600, "updates of the weights", least=1, most=10**9)
    batch: int = _option(16, "patches an update", least=1, most=10**6)
    patch: int = _option(43, "side of a patch in pixels", least=1, most=10**5)
    optimiser: str = _option("adam", "update rule", choices=("adam", "sgd", "nesterov"))
    momentum: float = _option(0.9, "of sgd and nesterov", least=0, most=1)
    weight_decay: float = _option(0.0, "added to every gradient, times the parameter", least=0)
    lr: float = _option(2e-3, "highest learning rate", above=0)
    schedule: str = _option("cosine", "of the learning rate; plateau is the paper's",
                            choices=("cosine", "plateau", "constant"))  # fmt: skip
    warmup: int = _option(20, "updates over which the cosine schedule first rises", least=0, most=10**9)
    alpha: str = _option("linear", "weight of the recursions' own predictions: falls from 1 to 0 over the first half, "
                         "or with the learning rate, or is 0", choices=("linear", "rate", "none"))  # fmt: skip
    clip: str = _option("norm", "how gradients are clipped: by their joint length, each entry, each entry times the "
                        "learning rate, or not", choices=("norm", "value", "adjustable", "none"))  # fmt: skip
    clip_limit: float = _option(10.0, "at what value", above=0)
    back_off: bool = _option(
        False, "when training explodes, go back to the last checkpoint and halve the rate, up to ten times, in place "
        "of stopping")  # fmt: skip
    evaluate_every: int = _option(50, "updates between two measurements on the validation images", least=1)
    seed: int = _option(0, "of the initial weights and of the patches", least=0)

    def __post_init__(self) -> None:
        for option in fields(self):
            _check(option, getattr(self, option.name))

    def to_json(self) -> str:
        """One option a line."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_dict(cls, values: Any) -> TrainingConfig:
        """From what `to_json` wrote; options that are missing take their defaults.

        Raises:
            UsageError: an option is unknown, or a value is out of range.
        """
        if not isinstance(values, dict):
            raise UsageError("the options of a run must be a JSON object")
        known = {option.name for option in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(f"unknown options: {', '.join(unknown)}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


# What differs from the defaults. "paper" is the recipe of section 3.3 with the clipping of the authors' code.
PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"filters": 8, "recursions": 3, "steps": 100, "evaluate_every": 20},
    "small": {"filters": 64, "recursions": 9, "steps": 9000, "lr": 1e-3, "warmup": 100, "evaluate_every": 250},
    "paper": {
        "filters": 256,
        "recursions": 16,
        "reconstruction_relu": True,
        "steps": 1_000_000,
        "batch": 64,
        "optimiser": "sgd",
        "weight_decay": 1e-4,
        "lr": 0.01,
        "schedule": "plateau",
        "alpha": "rate",
        "clip": "adjustable",
        "clip_limit": 1e-5,
        "evaluate_every": 146,
    },
}


def read_config(path: Path) -> TrainingConfig:
    """Read a run's `config.json`.

    Raises:
        InputError: it cannot be read, is no JSON, or holds no valid options.
    """
    try:
        return TrainingConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: no valid options of a training run ({error})") from error


def flag(name: str) -> str:
    """The command-line spelling of an option: `clip_limit` -> `--clip-limit`."""
    return "--" + name.replace("_", "-")


def kind(option: Field) -> type:
    """The Python type of an option's value, `tuple` for a list of names."""
    assert option.default is not MISSING
    return type(option.default)


def _check(option: Field, value: Any) -> None:
    name, expected, bounds = flag(option.name), kind(option), option.metadata
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected:
        raise UsageError(f"{name} must be of type {expected.__name__}, not {value!r}")
    if expected is tuple and not (value and all(isinstance(item, str) for item in value)):
        raise UsageError(f"{name} must be one or more names, not {value!r}")
    if bounds["choices"] and value not in bounds["choices"]:
        raise UsageError(f"{name} must be one of {', '.join(map(str, bounds['choices']))}, not {value}")
    if expected is float and not math.isfinite(value):
        raise UsageError(f"{name} must be finite, not {value}")
    if bounds["least"] is not None and value < bounds["least"]:
        raise UsageError(f"{name} must be at least {bounds['least']}, not {value}")
    if bounds["above"] is not None and value <= bounds["above"]:
        raise UsageError(f"{name} must be larger than {bounds['above']}, not {value}")
    if bounds["most"] is not None and value > bounds["most"]:
        raise UsageError(f"{name} must be at most {bounds['most']}, not {value}")
