from __future__ import annotations

import json
from dataclasses import fields

import pytest

from minidrcn.errors import InputError, UsageError
from minidrcn.options import flag
from minidrcn.training.config import PRESETS, TrainingConfig, read_config


def test_json_there_and_back():
    config = TrainingConfig(filters=7, data=("a", "b"), lr=0.5, skip=False)
    assert TrainingConfig.from_dict(json.loads(config.to_json())) == config


def test_options_that_are_missing_take_their_defaults():
    assert TrainingConfig.from_dict({"filters": 7}) == TrainingConfig(filters=7)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid(name):
    assert TrainingConfig(**PRESETS[name]) != TrainingConfig()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 5}, "--scale must be one of 2, 3, 4, not 5"),
        ({"steps": -5}, "--steps must be at least 1, not -5"),
        ({"lr": 0.0}, "--lr must be larger than 0"),
        ({"lr": float("inf")}, "--lr must be finite"),
        ({"lr": "fast"}, "--lr must be of type float"),
        ({"momentum": 1.5}, "--momentum must be at most 1"),
        ({"clip_limit": -1.0}, "--clip-limit must be larger than 0"),
        ({"optimiser": "lbfgs"}, "--optimiser must be one of adam, muon, sgd, nesterov"),
        ({"filters": True}, "--filters must be of type int"),
        ({"data": ()}, "--data must be one or more names"),
        ({"data": (1,)}, "--data must be one or more names"),
    ],
)
def test_values_out_of_range_are_named(options, message):
    with pytest.raises(UsageError, match=message):
        TrainingConfig(**options)


def test_a_file_that_holds_no_options_is_named(tmp_path):
    path = tmp_path / "config.json"
    for text in ("", "[1]", '{"colour": 3}', '{"steps": 0}', "\x00"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"config\.json: no valid options"):
            read_config(path)


def test_every_option_explains_itself():
    for option in fields(TrainingConfig):
        assert option.metadata["text"]
        assert flag(option.name).startswith("--")
