"""The training configuration: all options of a run, as one value that is checked, stored and compared."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..model.network import Architecture
from ..options import check_options, flag, option


@dataclass(frozen=True)
class TrainingConfig(Architecture):
    """The options of a training run: the network's architecture, and how it is trained.

    Two runs with equal options end in equal weights, bit for bit, on one machine. Each field's meaning, range and
    default are the ones that `python -m minidrcn.train --help` prints.

    Raises:
        UsageError: a value is of the wrong type or out of range.
    """

    filters: int = option(32, "F, channels of every hidden map", minimum=1)
    data: tuple[str, ...] = option(
        ("photos",),
        "'photos' (those in scikit-image), named sets such as t91, folders; repeat one to weight it more",
    )
    validation: str = option("photos", "'photos' (two that are not trained on), a named set, or a folder")
    scale: int = option(2, "enlargement to train for", choices=(2, 3, 4))
    init: str = option("", "network to fine-tune: shipped weights or an .npz file, of any scale (default: none)")
    steps: int = option(600, "updates of the weights", minimum=1)
    batch: int = option(16, "patches an update", minimum=1)
    patch: int = option(43, "side of a patch in pixels", minimum=1)
    optimiser: str = option("adam", "update rule", choices=("adam", "muon", "sgd", "nesterov"))
    momentum: float = option(0.9, "of sgd and nesterov", minimum=0, maximum=1)
    weight_decay: float = option(0.0, "L2 penalty: this times the parameter is added to every gradient", minimum=0)
    lr: float = option(2e-3, "highest learning rate", above=0)
    schedule: str = option("cosine", "of the learning rate; trapezoid rises, stays, falls in the last quarter; plateau "
                           "is the paper's", choices=("cosine", "trapezoid", "plateau", "constant"))  # fmt: skip
    warmup: int = option(20, "updates over which cosine and trapezoid first rise", minimum=0)
    alpha: str = option("linear", "weight of the recursions' own predictions: falls from 1 to 0 over the first half, "
                        "or with the learning rate, or is 0", choices=("linear", "rate", "none"))  # fmt: skip
    clip: str = option("norm", "how gradients are clipped: by their joint length, each entry, each entry times the "
                       "learning rate, or not", choices=("norm", "value", "adjustable", "none"))  # fmt: skip
    clip_limit: float = option(10.0, "at what value (adjustable: 1e-5 in the authors' code)", above=0)
    average: float = option(0.0, "how much of the moving average of the weights each update keeps, such as 0.999; the "
                            "average is then what is measured and shipped (0: none)", minimum=0, maximum=1)  # fmt: skip
    evaluate_every: int = option(50, "updates between two measurements on the validation images", minimum=1)
    seed: int = option(0, "of the initial weights and of the patches", minimum=0)

    def __post_init__(self) -> None:
        check_options(self, spelled=flag)

    @property
    def architecture(self) -> Architecture:
        """The part that is the network's shape."""
        return Architecture(**{option.name: getattr(self, option.name) for option in fields(Architecture)})

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
