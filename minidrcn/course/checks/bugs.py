"""Mutation testing: a zoo of planted bugs, mistakes that people make in backward passes, one edit each.

A bug is stored as that edit, not as a second copy of the code, so the wrong version is exactly the right one but for
the mistake. `plant(bug)` returns the wrong function; the package itself stays as it is. Gradient checks are tested on
this list, and exercises take their riddles from it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import linecache
import sys
from collections.abc import Callable
from typing import NamedTuple


class Bug(NamedTuple):
    """One mistake.

    Attributes:
        name: how tests and exercises refer to it.
        target: "module:function" in this package that it is planted in.
        right: a piece of that function's source, found there exactly once.
        wrong: what stands there instead.
        mistake: what somebody did wrong, in one line.
    """

    name: str
    target: str
    right: str
    wrong: str
    mistake: str

    @property
    def function_name(self) -> str:
        """The name of the function it is planted in."""
        return self.target.partition(":")[2]


@functools.cache
def plant(bug: Bug) -> Callable:
    """The target function with the bug in it; the right function is not touched.

    Raises:
        ValueError: the piece of source that the bug replaces is not there exactly once.
    """
    right = target_function(bug.target)
    source = inspect.getsource(right)
    if source.count(bug.right) != 1:
        raise ValueError(f"bug {bug.name}: {bug.right!r} stands {source.count(bug.right)} times in {bug.target}")
    source = source.replace(bug.right, bug.wrong)
    file_name = f"<bug {bug.name}>"
    # Tracebacks and inspect.getsource look the source up here.
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    namespace = dict(vars(sys.modules[right.__module__]))
    exec(compile(source, file_name, "exec"), namespace)
    return namespace[bug.function_name]


def target_function(target: str) -> Callable:
    """The package's own function that is called "module:function" here."""
    module_name, _, function_name = target.partition(":")
    return getattr(importlib.import_module(f"minidrcn.{module_name}"), function_name)


# fmt: off
ZOO = {  # target: name, right, wrong, mistake
    "ops.conv:im2col": (
        ("im2col_pads_one_side", "p : p + H, p : p + W", "2 * p :, 2 * p :", "all the padding is put before the map"),
        ("im2col_rows_and_columns_swapped", "k, l]", "l, k]", "windows are read column by column, kernels row by row"),
        ("im2col_channels_first", "return cols", "return xp.moveaxis(cols, 5, 3)", "rows are (C, K, K), not (K, K, C)"),
    ),
    "ops.conv:col2im": (
        ("col2im_overwrites", "+= cols", "= cols", "a pixel copied K*K times gets the gradient of its last copy only"),
        ("col2im_forgets_padding", "p : p + H, p : p + W", ":H, :W", "the padding is cut off one side: dx is shifted"),
        ("col2im_rows_and_columns_swapped", "k, l]", "l, k]", "the taps are put back transposed"),
    ),
    "ops.conv:conv2d_forward": (
        ("conv_forward_without_bias", ") + b", ")", "the bias is not added"),
        ("conv_forward_mirrors_kernel", "w.reshape", "w[::-1, ::-1].reshape", "the kernel must not be mirrored here"),
        ("conv_forward_kernel_transposed", "w.reshape", "w.swapaxes(0, 1).reshape", "w's rows and columns are swapped"),
        ("conv_forward_caches_output", "F), (x, w)", "F), (y.reshape(*x.shape[:3], F), w)",
         "the cache holds the output, and the backward pass needs the input"),
    ),
    "ops.conv:conv2d_backward": (
        ("conv_dx_with_mirrored_kernel", "w.reshape", "w[::-1, ::-1].reshape",
         "the kernel is mirrored although col2im mirrors already"),
        ("conv_dx_batch_permuted", "x.shape, K)", "x.shape, K)[::-1]", "the batch's images come back in another order"),
        ("conv_db_of_first_image", "rows.sum(axis=0)", "dy[0].sum(axis=(0, 1))", "db is not summed over the batch"),
        ("conv_db_is_mean", "rows.sum(", "rows.mean(", "a mean where the same bias was added to every pixel: sum it"),
        ("conv_dw_is_mean", "w.shape)", "w.shape) / len(x)", "divided by the batch size, as the loss was already"),
        ("conv_dw_mirrored", "w.shape)", "w.shape)[::-1, ::-1]", "dw is mirrored, as if the forward pass mirrored w"),
        ("conv_dw_missing_padding", "im2col(x, K)", "im2col(get_xp(x).roll(x, -(K // 2), (1, 2)), K)",
         "the forward pass pads the map, the kernel gradient takes it without padding, shifted by one pixel"),
    ),
    "ops.pointwise:relu_backward": (
        ("relu_without_mask", "dy * (y > 0)", "dy.copy()", "the gradient passes where the signal was cut off"),
        ("relu_mask_lets_zero_through", "y > 0", "y >= 0", "the mask asks y >= 0, which holds everywhere after a ReLU"),
        ("relu_mask_from_gradient", "y > 0", "dy > 0", "the mask comes from the incoming gradient instead of the map"),
        ("relu_value_as_mask", "(y > 0)", "y", "multiplied by the map instead of its sign"),
        ("relu_changes_its_input", "return dy * (y > 0)", "dy *= y > 0\n    return dy",
         "the incoming gradient is masked in place, which corrupts it for its other users"),
    ),
    "ops.pointwise:squared_error_backward": (
        ("squared_error_doubled", "(dloss /", "(2 * dloss /", "the square's 2 is kept; the 1/2 in front cancels it"),
        ("squared_error_sign", "(prediction - target) *", "(target - prediction) *", "wrong sign: it climbs the loss"),
        ("squared_error_pixel_mean", "len(target)", "target.size", "divided by all pixels; the loss sums over pixels"),
    ),
    "ops.pointwise:weighted_sum_backward": (
        ("ensemble_as_plain_mean", "w.reshape(-1, *(1,) * dy.ndim)", "get_xp(ys).ones_like(ys) / len(ys)",
         "the gradient is shared out evenly, whatever the learned weights are"),
        ("ensemble_weights_reversed", "(ys * dy)", "(ys[::-1] * dy)", "weight d gets the gradient of weight D + 1 - d"),
    ),
    "model.loss:loss_backward": (
        ("loss_dropped_alpha", "alpha / D,", "1 / D,", "alpha is left out of the recursions' own predictions"),
        ("loss_singles_without_one_over_d", "alpha / D,", "alpha,", "l1 is a mean over the recursions, not a sum"),
        ("loss_ensemble_at_full_weight", "1 - alpha,", "1,", "the ensemble's part is not multiplied by 1 - alpha"),
    ),
    "course.checks.recursive:loss_and_gradients": (
        ("whole_loss_forgets_ensemble", "dys + dys_ensemble", "dys", "what comes through the ensemble is not added"),
        ("whole_loss_forgets_singles", "loss, dys + ", "loss, ", "each prediction gets only what the ensemble says"),
        ("whole_loss_alpha_exchanged", "y, alpha)", "y, 1 - alpha)", "alpha and 1 - alpha are exchanged"),
        ("whole_loss_normalised_ensemble", "(ys, w)", "(ys, w / w.sum())", "the free weights are divided by their sum"),
    ),
    "course.checks.recursive:recursion_backward": (
        ("recursion_keeps_last_use", "dw += dw_d", "dw = dw_d",
         "overwrites where it should add: dw is what the first recursion alone contributes"),
        ("recursion_takes_mean", "return dh, dw, db", "return dh, dw / len(caches), db / len(caches)",
         "a mean over the D uses of the weight, where there should be a sum"),
        ("recursion_walks_forward", "reversed(caches)", "caches", "the caches are taken from first to last"),
        ("recursion_without_mask", "relu_backward(dh, relu_cache)", "dh", "the ReLU is forgotten on the way back"),
        ("recursion_one_mask_for_all", "relu_cache)", "caches[-1][1])", "every recursion is masked by the last map"),
        ("recursion_gradient_not_passed_on", "dh, dw_d", "dh_d, dw_d", "every recursion gets the last map's gradient"),
    ),
    "course.checks.recursive:supervision_backward": (
        ("supervision_overwrites", "dh + dh_supervision", "dh_supervision",
         "the gradient of the prediction replaces the one from the later recursions; the two must be added"),
        ("supervision_reaches_last_map_only", "dh + dh_supervision", "dh if dh.any() else dh_supervision",
         "only the last prediction sends its gradient into the recursion"),
        ("supervision_masks_too_early", "dh = dh + dh_supervision\n        dz = relu_backward(dh, relu_cache)",
         "dz = relu_backward(dh, relu_cache) + dh_supervision", "the prediction's gradient goes round the mask of h_d"),
        ("supervision_keeps_one_reconstruction", "dv += dv_d", "dv = dv_d", "dv is overwritten: one use of D is left"),
        ("supervision_pairs_wrong_predictions", "dys[::-1]", "dys", "dys is read forwards, the caches backwards"),
    ),
    "model.network:backward": (
        ("recursion_gradient_overwritten", "\n        add(grads, grads_of_use)", "\n        grads.update(grads_of_use)",
         "overwrites where it should add: only the first use of each kernel counts"),
        ("reconstruction_gradient_overwritten", "\n            add(grads, ", "\n            grads.update(",
         "overwrites where it should add: the last layer of the reconstruction is used D times as well"),
        ("supervision_replaces_later_recursions", ": dh}", ": dh if d not in dy or dh is None else 0 * dh}",
         "what the later recursions send back is forgotten at every supervised map"),
        ("supervision_ends_at_reconstruction", "cache.hidden[d])\n", "cache.hidden[d])\n"
         "        only_later = [doutputs[name] * (name == 'recursion') for name in readers(d, architecture)]\n"
         "        dh, _ = layers.backward(only_later, cache.hidden[d])\n",
         "the reconstruction learns from the supervision, the recursion does not"),
        ("dropped_skip", "dx + dys", "dx + 0 * dys", "the skip adds x to every prediction; its gradient is left out"),
        ("recursion_cache_off_by_one", "hidden[d]", "hidden[d - 1 if 1 < d < architecture.recursions else d]",
         "the backward pass of recursion d uses the maps of recursion d - 1"),
        ("mask_from_wrong_map", "cache.hidden[d])",
         "[(name, use, cache.hidden[max(d - 1, 0)][0][2] if name == 'recursion' else mask) "
         "for name, use, mask in cache.hidden[d]])", "the ReLU of recursion d is masked by the map before it"),
        ("first_recursion_left_out", "(range(", "(range(1, ", "the loop ends one recursion early"),
        ("predictions_in_reverse_order", "dys, strict", "dys[::-1], strict", "dys goes to the recursions in reverse"),
        ("prediction_seen_by_ensemble_only", "dys + dys_ensemble", "dys_ensemble",
         "what the loss says to each prediction directly is overwritten by what comes through the ensemble"),
        ("ensemble_only_reaches_weights", "+ dys_ensemble", "+ 0 * dys_ensemble", "dys gets nothing from the ensemble"),
    ),
    "training.optim:clip_by_global_norm": (
        ("clipping_by_longest_array", "global_norm(grads)", "max(global_norm({name: g}) for name, g in grads.items())",
         "the length of the longest array instead of the length of all together"),
        ("clipping_by_squared_norm", "global_norm(grads)", "global_norm(grads) ** 2", "the square root is missing"),
        ("clipping_reports_norm_after", "}, norm", "}, xp.minimum(norm, max_norm)", "returns the norm after clipping"),
        ("clipping_lengthens", "xp.maximum(norm, max_norm)", "norm", "short gradients are stretched to max_norm"),
    ),
}
# fmt: on

BUGS = tuple(Bug(name, target, *edit) for target, bugs in ZOO.items() for name, *edit in bugs)
