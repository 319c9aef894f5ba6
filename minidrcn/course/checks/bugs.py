"""A zoo of planted bugs: mistakes made by everybody who writes a backward pass by hand, one edit each.

A bug is stored as that edit, not as a second copy of the code, so the wrong version is exactly the right one but for
the mistake. `plant(bug)` returns the wrong function; the package itself stays as it is. Gradient checks are tested on
this list, and exercises take their riddles from it.
"""

from __future__ import annotations

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
    # Tracebacks and inspect.getsource find the wrong source here.
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    namespace = dict(vars(sys.modules[right.__module__]))
    exec(compile(source, file_name, "exec"), namespace)
    return namespace[bug.function_name]


def target_function(target: str) -> Callable:
    """The package's own function that is called "module:function" here."""
    module_name, _, function_name = target.partition(":")
    return getattr(importlib.import_module(f"minidrcn.{module_name}"), function_name)


BUGS: tuple[Bug, ...] = (
    # im2col and its adjoint
    Bug(
        "im2col_pads_one_side",
        "ops.conv:im2col",
        "padded[:, p : p + H, p : p + W] = x",
        "padded[:, 2 * p :, 2 * p :] = x",
        "all the zero padding is put before the map and none behind it",
    ),
    Bug(
        "im2col_rows_and_columns_swapped",
        "ops.conv:im2col",
        "cols[:, :, :, k, l]",
        "cols[:, :, :, l, k]",
        "the neighbourhood is read column by column, the kernel row by row",
    ),
    Bug(
        "im2col_channels_first",
        "ops.conv:im2col",
        "return cols.reshape",
        "return cols.transpose(0, 1, 2, 5, 3, 4).reshape",
        "a row is ordered (C, K, K), the kernel (K, K, C)",
    ),
    Bug(
        "col2im_overwrites",
        "ops.conv:col2im",
        "+= cols",
        "= cols",
        "a pixel that was copied K*K times gets the gradient of the last copy only",
    ),
    Bug(
        "col2im_forgets_padding",
        "ops.conv:col2im",
        "padded[:, p : p + H, p : p + W]",
        "padded[:, :H, :W]",
        "the padding is not cut off where it was put on, so dx is shifted by one pixel",
    ),
    Bug(
        "col2im_rows_and_columns_swapped",
        "ops.conv:col2im",
        "cols[:, :, :, k, l]",
        "cols[:, :, :, l, k]",
        "the taps are put back transposed",
    ),
    # convolution
    Bug(
        "conv_forward_without_bias",
        "ops.conv:conv2d_forward",
        "w.reshape(-1, F) + b",
        "w.reshape(-1, F)",
        "the bias is not added",
    ),
    Bug(
        "conv_forward_mirrors_kernel",
        "ops.conv:conv2d_forward",
        "w.reshape(-1, F)",
        "w[::-1, ::-1].reshape(-1, F)",
        "the kernel is mirrored, as in signal processing; here it is not",
    ),
    Bug(
        "conv_forward_kernel_transposed",
        "ops.conv:conv2d_forward",
        "w.reshape(-1, F)",
        "w.swapaxes(0, 1).reshape(-1, F)",
        "the kernel is read column by column, the columns of im2col row by row",
    ),
    Bug(
        "conv_forward_caches_output",
        "ops.conv:conv2d_forward",
        "return y.reshape(*x.shape[:3], F), (x, w)",
        "return y.reshape(*x.shape[:3], F), (y.reshape(*x.shape[:3], F), w)",
        "the cache holds the output, and the backward pass needs the input",
    ),
    Bug(
        "conv_dx_with_mirrored_kernel",
        "ops.conv:conv2d_backward",
        "dcols = rows @ w.reshape(-1, F).T",
        "dcols = rows @ w[::-1, ::-1].reshape(-1, F).T",
        "the kernel is mirrored although col2im mirrors already",
    ),
    Bug(
        "conv_dx_batch_permuted",
        "ops.conv:conv2d_backward",
        "dx = col2im(dcols, x.shape, K)",
        "dx = col2im(dcols, x.shape, K)[::-1]",
        "the images of the batch come back in another order",
    ),
    Bug(
        "conv_db_of_first_image",
        "ops.conv:conv2d_backward",
        "db = rows.sum(axis=0)",
        "db = dy[0].sum(axis=(0, 1))",
        "the bias gradient is summed over height and width and not over the batch",
    ),
    Bug(
        "conv_db_is_mean",
        "ops.conv:conv2d_backward",
        "db = rows.sum(axis=0)",
        "db = rows.mean(axis=0)",
        "a mean where the same bias was added to every pixel: its gradients add up",
    ),
    Bug(
        "conv_dw_is_mean",
        "ops.conv:conv2d_backward",
        ".reshape(w.shape)",
        ".reshape(w.shape) / len(x)",
        "divided by the batch size, which the loss has done already",
    ),
    Bug(
        "conv_dw_mirrored",
        "ops.conv:conv2d_backward",
        ".reshape(w.shape)",
        ".reshape(w.shape)[::-1, ::-1]",
        "the kernel gradient is mirrored, as if the forward pass were a true convolution",
    ),
    Bug(
        "conv_dw_missing_padding",
        "ops.conv:conv2d_backward",
        "im2col(x, K).T",
        "im2col(get_xp(x).roll(x, -(K // 2), (1, 2)), K).T",
        "the forward pass pads the map, the kernel gradient takes it without padding, shifted by one pixel",
    ),
    # ReLU
    Bug(
        "relu_without_mask",
        "ops.pointwise:relu_backward",
        "dy * (y > 0)",
        "dy.copy()",
        "the gradient passes where the signal was cut off",
    ),
    Bug(
        "relu_mask_lets_zero_through",
        "ops.pointwise:relu_backward",
        "(y > 0)",
        "(y >= 0)",
        "the mask asks y >= 0, which holds everywhere after a ReLU",
    ),
    Bug(
        "relu_mask_from_gradient",
        "ops.pointwise:relu_backward",
        "dy * (y > 0)",
        "dy * (dy > 0)",
        "the mask is taken from the incoming gradient instead of the map",
    ),
    Bug(
        "relu_value_as_mask",
        "ops.pointwise:relu_backward",
        "dy * (y > 0)",
        "dy * y",
        "multiplied by the map instead of its sign",
    ),
    Bug(
        "relu_changes_its_input",
        "ops.pointwise:relu_backward",
        "return dy * (y > 0)",
        "dy *= y > 0\n    return dy",
        "the incoming gradient is masked in place; whoever else uses it gets a wrong one",
    ),
    # loss
    Bug(
        "squared_error_doubled",
        "ops.pointwise:squared_error_backward",
        "(dloss / len(target))",
        "(2 * dloss / len(target))",
        "the derivative of the square brings a 2, which the 1/2 in front has cancelled",
    ),
    Bug(
        "squared_error_sign",
        "ops.pointwise:squared_error_backward",
        "return (prediction - target)",
        "return (target - prediction)",
        "target minus prediction: training climbs the loss",
    ),
    Bug(
        "squared_error_pixel_mean",
        "ops.pointwise:squared_error_backward",
        "len(target)",
        "target.size",
        "divided by all pixels; the loss is a sum over pixels",
    ),
    Bug(
        "ensemble_as_plain_mean",
        "ops.pointwise:weighted_sum_backward",
        "w.reshape(-1, *(1,) * dy.ndim) * dy",
        "get_xp(ys).ones_like(ys) / len(ys) * dy",
        "the gradient is shared out evenly, whatever the learned weights are",
    ),
    Bug(
        "ensemble_weights_reversed",
        "ops.pointwise:weighted_sum_backward",
        "dw = (ys * dy)",
        "dw = (ys[::-1] * dy)",
        "the weight of recursion d gets the gradient of recursion D - d",
    ),
    Bug(
        "loss_dropped_alpha",
        "model.loss:loss_backward",
        "alpha / D, companion_cache",
        "1 / D, companion_cache",
        "alpha is left out of the recursions' own predictions",
    ),
    Bug(
        "loss_companion_without_one_over_d",
        "model.loss:loss_backward",
        "alpha / D, companion_cache",
        "alpha, companion_cache",
        "l1 is a mean over the D recursions; its gradient is taken as of a sum",
    ),
    Bug(
        "loss_ensemble_at_full_weight",
        "model.loss:loss_backward",
        "1 - alpha, final_cache",
        "1, final_cache",
        "the ensemble's part is not multiplied by 1 - alpha",
    ),
    Bug(
        "whole_loss_forgets_ensemble",
        "course.checks.recursive:loss_and_gradients",
        "return loss, dys + dys_ensemble, dw",
        "return loss, dys, dw",
        "what comes back through the ensemble is not added to the predictions' own gradients",
    ),
    Bug(
        "whole_loss_forgets_companions",
        "course.checks.recursive:loss_and_gradients",
        "return loss, dys + dys_ensemble, dw",
        "return loss, dys_ensemble, dw",
        "each prediction is told what the ensemble says, and not what its own error says",
    ),
    Bug(
        "whole_loss_alpha_exchanged",
        "course.checks.recursive:loss_and_gradients",
        "loss_forward(final, ys, y, alpha)",
        "loss_forward(final, ys, y, 1 - alpha)",
        "alpha and 1 - alpha are exchanged",
    ),
    Bug(
        "whole_loss_normalised_ensemble",
        "course.checks.recursive:loss_and_gradients",
        "weighted_sum_forward(ys, w)",
        "weighted_sum_forward(ys, w / w.sum())",
        "the weights are divided by their sum, and they are free",
    ),
    # one convolution, used D times
    Bug(
        "recursion_keeps_last_use",
        "course.checks.recursive:recursion_backward",
        "dw += dw_d",
        "dw = dw_d",
        "overwrites where it should add: dw is what the first recursion alone contributes",
    ),
    Bug(
        "recursion_takes_mean",
        "course.checks.recursive:recursion_backward",
        "return dh, dw, db",
        "return dh, dw / len(caches), db / len(caches)",
        "a mean over the D uses of the weight, where there should be a sum",
    ),
    Bug(
        "recursion_walks_forward",
        "course.checks.recursive:recursion_backward",
        "in reversed(caches)",
        "in caches",
        "the caches are taken from first to last; the backward pass begins with the last",
    ),
    Bug(
        "recursion_without_mask",
        "course.checks.recursive:recursion_backward",
        "dz = relu_backward(dh, relu_cache)",
        "dz = dh",
        "the ReLU is forgotten on the way back",
    ),
    Bug(
        "recursion_one_mask_for_all",
        "course.checks.recursive:recursion_backward",
        "relu_backward(dh, relu_cache)",
        "relu_backward(dh, caches[-1][1])",
        "every recursion is masked by the last map; each has a mask of its own",
    ),
    Bug(
        "recursion_gradient_not_passed_on",
        "course.checks.recursive:recursion_backward",
        "dh, dw_d, db_d = conv2d_backward(dz, conv_cache)",
        "dh_d, dw_d, db_d = conv2d_backward(dz, conv_cache)",
        "every recursion gets the gradient of the last map; dh never becomes what it sends on, not at the end either",
    ),
    # recursive supervision
    Bug(
        "supervision_overwrites",
        "course.checks.recursive:supervision_backward",
        "dh = dh + dh_supervision",
        "dh = dh_supervision",
        "the gradient of the prediction replaces the one from the later recursions; the two must be added",
    ),
    Bug(
        "supervision_reaches_last_map_only",
        "course.checks.recursive:supervision_backward",
        "dh = dh + dh_supervision",
        "dh = dh if dh.any() else dh_supervision",
        "only the last prediction sends its gradient into the recursion",
    ),
    Bug(
        "supervision_masks_too_early",
        "course.checks.recursive:supervision_backward",
        "dh = dh + dh_supervision\n        dz = relu_backward(dh, relu_cache)",
        "dz = relu_backward(dh, relu_cache) + dh_supervision",
        "the gradient of the prediction is added behind the ReLU: it goes round the mask of h_d",
    ),
    Bug(
        "supervision_keeps_one_reconstruction",
        "course.checks.recursive:supervision_backward",
        "dv += dv_d",
        "dv = dv_d",
        "the reconstruction is shared as well: dv is what one of its D uses contributes",
    ),
    Bug(
        "supervision_pairs_wrong_predictions",
        "course.checks.recursive:supervision_backward",
        "zip(dys[::-1], reversed(caches)",
        "zip(dys, reversed(caches)",
        "dys is taken from first to last and the caches from last to first",
    ),
    # network
    Bug(
        "recursion_gradient_overwritten",
        "model.network:backward",
        "sum over its uses.\n        add(grads, grads_of_use)",
        "sum over its uses.\n        grads.update(grads_of_use)",
        "overwrites where it should add: only the first use of each kernel counts",
    ),
    Bug(
        "reconstruction_gradient_overwritten",
        "model.network:backward",
        "cache.reconstruct2[d])\n            add(grads, grads_of_use)",
        "cache.reconstruct2[d])\n            grads.update(grads_of_use)",
        "overwrites where it should add: the last layer of the reconstruction is used D times as well",
    ),
    Bug(
        "supervision_replaces_later_recursions",
        "model.network:backward",
        'doutputs = {"recursion": dh}',
        'doutputs = {"recursion": dh if d not in dy or dh is None else 0 * dh}',
        "what the later recursions send back is forgotten at every supervised map",
    ),
    Bug(
        "supervision_ends_at_reconstruction",
        "model.network:backward",
        "cache.hidden[d])\n",
        "cache.hidden[d])\n"
        "        only_later = [doutputs[name] * (name == 'recursion') for name in readers(d, architecture)]\n"
        "        dh, _ = layers.backward(only_later, cache.hidden[d])\n",
        "the reconstruction learns from the supervision, the recursion does not",
    ),
    Bug(
        "dropped_skip",
        "model.network:backward",
        "dx = dx + dys.sum(axis=0)",
        "dx = dx + 0 * dys.sum(axis=0)",
        "the input is added to every prediction, and its gradient does not come back that way",
    ),
    Bug(
        "recursion_cache_off_by_one",
        "model.network:backward",
        "cache.hidden[d])",
        "cache.hidden[d - 1 if 1 < d < architecture.recursions else d])",
        "the backward pass of recursion d uses the maps of recursion d - 1",
    ),
    Bug(
        "mask_from_wrong_map",
        "model.network:backward",
        "cache.hidden[d])",
        "[(name, use, cache.hidden[max(d - 1, 0)][0][2] if name == 'recursion' else mask) "
        "for name, use, mask in cache.hidden[d]])",
        "the ReLU of recursion d is masked by the map before it",
    ),
    Bug(
        "first_recursion_left_out",
        "model.network:backward",
        "reversed(range(architecture.recursions + 1))",
        "reversed(range(1, architecture.recursions + 1))",
        "the loop ends one recursion early",
    ),
    Bug(
        "predictions_in_reverse_order",
        "model.network:backward",
        "zip(architecture.supervised_steps, dys,",
        "zip(architecture.supervised_steps, dys[::-1],",
        "the gradient of the first prediction goes to the last recursion, and the other way round",
    ),
    Bug(
        "prediction_seen_by_ensemble_only",
        "model.network:backward",
        "dys = dys + dys_ensemble",
        "dys = dys_ensemble",
        "what the loss says to each prediction directly is overwritten by what comes through the ensemble",
    ),
    Bug(
        "ensemble_only_reaches_weights",
        "model.network:backward",
        "dys = dys + dys_ensemble",
        "dys = dys + 0 * dys_ensemble",
        "the ensemble's gradient reaches its weights and not the predictions",
    ),
    # clipping
    Bug(
        "clipping_by_longest_array",
        "training.clipping:clip_by_global_norm",
        "norm = global_norm(grads)",
        "norm = max(global_norm({name: g}) for name, g in grads.items())",
        "the length of the longest array instead of the length of all together",
    ),
    Bug(
        "clipping_by_squared_norm",
        "training.clipping:clip_by_global_norm",
        "norm = global_norm(grads)",
        "norm = global_norm(grads) ** 2",
        "the root is missing: a sum of squares is no length",
    ),
    Bug(
        "clipping_reports_norm_after",
        "training.clipping:clip_by_global_norm",
        "for name, g in grads.items()}, norm",
        "for name, g in grads.items()}, xp.minimum(norm, max_norm)",
        "the norm that is returned is the one after clipping",
    ),
    Bug(
        "clipping_lengthens",
        "training.clipping:clip_by_global_norm",
        "xp.maximum(norm, max_norm)",
        "norm",
        "short gradients are stretched to max_norm",
    ),
)
