"""Which check judges which function of the package, and the function itself: what the tests of the course share."""

from __future__ import annotations

import importlib

from minidrcn.course import (
    check_clipping,
    check_col2im,
    check_conv_backward,
    check_conv_forward,
    check_im2col,
    check_loss,
    check_loss_backward,
    check_network_backward,
    check_recursion_backward,
    check_relu_backward,
    check_squared_error_backward,
    check_supervision_backward,
    check_weighted_sum_backward,
)

CHECKS = {
    "ops.conv:im2col": check_im2col,
    "ops.conv:col2im": check_col2im,
    "ops.conv:conv2d_forward": check_conv_forward,
    "ops.conv:conv2d_backward": check_conv_backward,
    "ops.pointwise:relu_backward": check_relu_backward,
    "ops.pointwise:squared_error_backward": check_squared_error_backward,
    "ops.pointwise:weighted_sum_backward": check_weighted_sum_backward,
    "model.loss:loss_backward": check_loss_backward,
    "course.checks.recursive:loss_and_gradients": check_loss,
    "course.checks.recursive:recursion_backward": check_recursion_backward,
    "course.checks.recursive:supervision_backward": check_supervision_backward,
    "model.network:backward": check_network_backward,
    "training.clipping:clip_by_global_norm": check_clipping,
}


def right(target: str):
    """The package's own function."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(f"minidrcn.{module}"), name)
