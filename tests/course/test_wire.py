from __future__ import annotations

import io

import numpy as np
import pytest

from minidrcn.course.grading import wire


def test_what_is_sent_arrives(rng):
    x = rng.standard_normal((2, 3))
    value = ("call", (1, 2.5, None, True, "ä"), {"x": x, "again": (x,), "int": np.arange(3), "scalar": np.float64(3)})
    what, several, named = wire.decode(wire.encode(value))
    assert what == "call"
    assert several == (1, 2.5, None, True, "ä")
    assert np.array_equal(named["x"], x)
    assert named["again"][0] is named["x"], "one array at two places"
    assert named["int"].dtype == np.arange(3).dtype
    assert named["scalar"] == 3.0


@pytest.mark.parametrize(
    "value", [np.array([0.0, -0.0, np.nan, np.inf]), np.zeros((0, 3)), np.array(1.0), float("inf")]
)
def test_special_numbers_arrive(value):
    assert np.array_equal(wire.decode(wire.encode(value)), value, equal_nan=True)


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 0, (b"x",)])
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(TypeError, match="cannot be sent"):
        wire.encode(value)


def test_objects_in_arrays_are_not_unpickled():
    with pytest.raises(ValueError, match="not a message"):
        wire.decode(wire.encode(np.array([{}])))


def test_a_message_takes_no_more_memory_than_it_is_long():
    message = io.BytesIO()
    np.savez_compressed(message, a0=np.zeros(10**7), tree=np.frombuffer(b'{"array": 0}', np.uint8))
    with pytest.raises(ValueError, match="compressed"):
        wire.decode(message.getvalue())


@pytest.mark.parametrize("message", [b"", b"nonsense", wire.encode(1)[:-30]])
def test_nonsense_is_no_message(message):
    with pytest.raises(ValueError, match="not a message"):
        wire.decode(message)
