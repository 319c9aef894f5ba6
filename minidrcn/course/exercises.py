"""The exercises, in order: what is to be written, how it is checked, what it is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .. import course
from .checks.cases import Check


class Exercise(NamedTuple):
    """What is to be written, how it is checked, what it is worth."""

    name: str  # ex1, ex2, ...
    title: str  # in a few words; the notebook's file is named after it
    check: Check
    points: int
    minutes: int  # that it should take
    gradients: bool = False  # whether it is a backward pass, which finite differences could fake
    given: tuple[str, ...] = ()  # of the package, what a solution may call, "module:function" or "module"
    own: tuple[str, ...] = ()  # of the package, what a solution should have replaced by its own

    @property
    def function(self) -> str:
        """The name of what is to be written."""
        return self.check.function_name

    @property
    def stem(self) -> str:
        """The name of its notebook, without the ending."""
        return f"ex{self.name[2:]:0>2}_{self.title.replace(' ', '_')}"


FORWARD = ("course.checks.recursive:recursion_forward", "course.checks.recursive:supervision_forward")
LAYERS = ("ops.conv", "ops.pointwise", *FORWARD)
TRAINING = ("model.drcn", "training.optim", "training.schedules", "model.network")
WAYS = ("conv2d_forward", "conv2d_backward")
CONVOLUTIONS = tuple(f"ops.{module}:{way}" for module in ("conv", "winograd", "narrow") for way in WAYS)


def exercises(riddles: int = 0) -> tuple[Exercise, ...]:
    """All of them, with a set of riddles for "find the bug"."""
    find_the_bug = replace(course.check_find_the_bug, riddles=riddles)
    return (
        Exercise("ex1", "im2col", course.check_im2col, 2, 20),
        Exercise("ex2", "col2im", course.check_col2im, 2, 20, True),
        Exercise("ex3", "convolution forward", course.check_conv_forward, 2, 15),
        Exercise("ex4", "convolution backward", course.check_conv_backward, 4, 30, True),
        Exercise("ex5", "relu", course.check_relu_backward, 1, 10, True),
        Exercise("ex6", "recursion", course.check_recursion_backward, 3, 25, True, LAYERS),
        Exercise("ex7", "recursive supervision", course.check_supervision_backward, 4, 30, True, LAYERS),
        Exercise("ex8", "loss", course.check_loss, 4, 30, True),
        Exercise("ex9", "clipping", course.check_clipping, 2, 15),
        Exercise("ex10", "find the bug", find_the_bug, 3, 30),
        Exercise("ex11", "train", course.check_training, 3, 40, False, TRAINING, CONVOLUTIONS),
    )


EXERCISES = exercises()
