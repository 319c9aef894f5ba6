"""Whatever a function does, the answer is a value or a sentence."""

from __future__ import annotations

import re
import sys
import warnings

import numpy as np
import pytest

from minidrcn.course.checks import guard

X = np.arange(6.0).reshape(2, 3)


def recursive(x):
    return recursive(x)


def raising(x):
    y = x + 1
    return y @ y


class Evil:
    """Everything one can ask it raises."""

    def __getattribute__(self, name):
        raise RuntimeError("no")

    def __repr__(self):
        raise RuntimeError("no")


class EvilError(Exception):
    def __str__(self):
        raise RuntimeError("no")


def evil_error(x):
    raise EvilError


def leave(x):
    raise SystemExit(3)


def not_yet(x):
    raise NotImplementedError


def own_list(x):
    endless = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize(
    ("fn", "sentence"),
    [
        (None, "expected a function, got None"),
        (3, "expected a function, got a value of type int"),
        (recursive, "it calls itself without end"),
        (raising, "it raises ValueError: matmul: .* of raising: return y @ y"),
        (not_yet, "not written yet"),
        (leave, r"it ends the program \(exit\)"),
        (evil_error, "it raises EvilError, line"),
        (lambda: 1, "it raises TypeError: .*takes 0 positional arguments"),
        (lambda x: Evil(), "it returned a value of type Evil"),
        (lambda x: (i for i in x), "it returned a generator: return instead of yield"),
        (lambda x: x * 1j, "it returned an array of complex128"),
        (lambda x: np.array([None, 1]), "it returned an array of object"),
        (lambda x: np.array(["a"]), "it returned an array of <U1"),
        (lambda x: {1, 2}, "it returned a value of type set"),
        (lambda x: 10**400, "it raises OverflowError"),
        (lambda x: np.empty((10**6, 10**7)), "it needs more memory than there is"),
        (own_list, "it calls itself without end"),
    ],
)
def test_nonsense_is_a_sentence(fn, sentence):
    outcome = guard.call(fn, (X,))
    assert outcome.value is None
    assert re.match(sentence, outcome.problem), outcome.problem
    assert "\n" not in outcome.problem


def test_a_keyboard_interrupt_gets_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guard.call(interrupted, (X,))


def test_values_come_back_as_plain_ones():
    class Mine(np.ndarray):
        pass

    value = guard.call(lambda x: [x.view(Mine), (1, np.float32(2), True, None, "a"), {"k": x}], (X,)).value
    assert type(value) is tuple
    assert type(value[0]) is np.ndarray
    assert value[1] == (1.0, 2.0, True, None, "a")
    assert np.array_equal(value[2]["k"], X)


def test_what_is_written_to_is_noticed_and_spoils_nothing():
    def writes(x, caches, n):
        x *= 2
        caches[0]["h"][0, 0] = 7
        return x

    before = X.copy()
    outcome = guard.call(writes, (X, ({"h": X},), 3))
    assert np.array_equal(X, before)
    assert outcome.changed == (0, 1)


@pytest.mark.parametrize("spoil", [lambda caches: caches.pop(), lambda caches: caches[0].resize(3, refcheck=False)])
def test_a_list_or_a_shape_that_changes_is_noticed(spoil):
    assert guard.call(spoil, ([X.copy(), X],)).changed == (0,)


def test_an_array_at_two_places_stays_one_array():
    assert guard.call(lambda a, b: float(a is b[0]), (X, (X,))).value == 1.0


def test_nothing_reaches_stderr(capsys):
    def loud(x):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        warnings.warn("a warning", stacklevel=1)
        return x / 0.0

    guard.call(loud, (X,))
    out, err = capsys.readouterr()
    assert err == ""
    assert out == "to stdout\nto stderr\n"
