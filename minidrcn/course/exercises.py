"""The exercises, in order: what is to be written, how it is checked, what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .checks.cases import Check
from .checks.convolution import (
    COL2IM,
    CONV_BACKWARD,
    CONV_FORWARD,
    IM2COL,
    check_col2im,
    check_conv_backward,
    check_conv_forward,
    check_im2col,
)
from .checks.pointwise import CLIPPING, LOSS, RELU_BACKWARD, check_clipping, check_loss, check_relu_backward
from .checks.recursion import (
    RECURSION_BACKWARD,
    SUPERVISION_BACKWARD,
    check_recursion_backward,
    check_supervision_backward,
)
from .checks.training import check_training
from .checks.riddles import check_find_the_bug


class Exercise(NamedTuple):
    """One exercise.

    Attributes:
        name: ex1, ex2, ...
        title: in a few words; the notebook's file is named after it.
        function: the name of what is to be written.
        check: `check(fn, seed, show) -> Result`.
        points: for everything right.
        minutes: that it should take.
        subject: what the function is checked with, where that is a list of cases.
        gradients: whether it is a backward pass, which finite differences could stand in for.
        given: functions and files of the package that a solution may call, "module:function" or "module".
        own: functions of the package that a solution should have replaced by its own.
    """

    name: str
    title: str
    function: str
    check: Callable
    points: int
    minutes: int
    subject: Check | None = None
    gradients: bool = False
    given: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """1, 2, ..."""
        return int(self.name.removeprefix("ex"))

    @property
    def stem(self) -> str:
        """The name of its notebook, without the ending."""
        return f"ex{self.number:02}_{self.title.replace(' ', '_')}"

    def score(self, fraction: float) -> float:
        """The points for a fraction of it, as notebooks round them."""
        return round(self.points * fraction, 2)


LAYERS = (
    "ops.conv:conv2d_forward",
    "ops.conv:conv2d_backward",
    "ops.pointwise:relu_forward",
    "ops.pointwise:relu_backward",
    "course.checks.recursive:recursion_forward",
    "course.checks.recursive:supervision_forward",
)

CONVOLUTIONS = tuple(
    f"ops.{module}:conv2d_{way}" for module in ("conv", "winograd", "narrow") for way in ("forward", "backward")
)

EXERCISES: tuple[Exercise, ...] = (
    Exercise("ex1", "im2col", "im2col", check_im2col, 2, 20, IM2COL),
    Exercise("ex2", "col2im", "col2im", check_col2im, 2, 20, COL2IM, True),
    Exercise("ex3", "convolution forward", "conv2d_forward", check_conv_forward, 2, 15, CONV_FORWARD),
    Exercise("ex4", "convolution backward", "conv2d_backward", check_conv_backward, 4, 30, CONV_BACKWARD, True),
    Exercise("ex5", "relu", "relu_backward", check_relu_backward, 1, 10, RELU_BACKWARD, True),
    Exercise(
        "ex6", "recursion", "recursion_backward", check_recursion_backward, 3, 25, RECURSION_BACKWARD, True, LAYERS
    ),
    Exercise(
        "ex7",
        "recursive supervision",
        "supervision_backward",
        check_supervision_backward,
        4,
        30,
        SUPERVISION_BACKWARD,
        True,
        LAYERS,
    ),
    Exercise("ex8", "loss", "loss_and_gradients", check_loss, 4, 30, LOSS, True),
    Exercise("ex9", "clipping", "clip_by_global_norm", check_clipping, 2, 15, CLIPPING),
    Exercise("ex10", "find the bug", "diagnose", check_find_the_bug, 3, 30),
    Exercise(
        "ex11",
        "train",
        "train",
        check_training,
        3,
        40,
        given=("drcn", "optim", "schedules", "network"),
        own=CONVOLUTIONS,
    ),
)
