"""Mutation testing: a zoo of planted bugs, mistakes that people make in backward passes, one edit each.

A bug is stored as that edit, not as a second copy of the code, so the wrong version is exactly the right one but for
the mistake. `plant(bug)` returns the wrong function; the package itself stays as it is. Gradient checks are tested on
this list, and exercises take their riddles from it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import NamedTuple

from . import guard


class Bug(NamedTuple):
    """A `mistake`, what somebody did wrong in one line, planted in the function `target`, "module:function" here.

    It is an edit: `wrong` instead of `right`, a piece of the function's source that is found there exactly once.
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
    namespace = dict(vars(sys.modules[right.__module__]))
    guard.run_source(source.replace(bug.right, bug.wrong), f"<bug {bug.name}>", namespace)
    return namespace[bug.function_name]


def target_function(target: str) -> Callable:
    """The package's own function that is called "module:function" here."""
    module_name, _, function_name = target.partition(":")
    return getattr(importlib.import_module(f"minidrcn.{module_name}"), function_name)


# fmt: off
RELU_FIRST = "dz = relu_backward(dh, relu_cache)\n        dh, dw_d, db_d = conv2d_backward(dz, conv_cache)"
CONV_FIRST = "dz, dw_d, db_d = conv2d_backward(dh, conv_cache)\n        dh = relu_backward(dz, "
GRADS = "loss_backward(loss_cache)"
ZOO = {  # target: name, right, wrong, mistake
    "ops.conv:im2col": (
        ("im2col_pads_one_side", "p : p + H, p : p + W", "2 * p :, 2 * p :", "all the padding is put before the map"),
        ("im2col_rows_and_columns_swapped", "k, l]", "l, k]", "windows are read column by column, kernels row by row"),
        ("im2col_channels_first", "return cols", "return xp.moveaxis(cols, 5, 3)", "rows are (C, K, K), not (K, K, C)"),
        ("im2col_column_by_column", "return cols", "return cols.swapaxes(1, 2)", "pixels are taken column by column"),
        ("im2col_turns_squares", "return cols", "return cols.swapaxes(1, 1 + (H == W))", "square maps are turned"),
        ("im2col_always_float64", "kernel, C), dtype=x.dtype", "kernel, C)", "float64 comes out, whatever goes in"),
    ),
    "ops.conv:col2im": (
        ("col2im_overwrites", "+= cols", "= cols", "a pixel copied K*K times gets the gradient of its last copy only"),
        ("col2im_forgets_padding", "p : p + H, p : p + W", ":H, :W", "the padding is cut off one side: dx is shifted"),
        ("col2im_rows_and_columns_swapped", "k, l]", "l, k]", "the taps are put back transposed"),
        ("col2im_mirrored", ", k, l]", ", -1 - k, -1 - l]", "the taps are put back mirrored"),
        ("col2im_takes_mean", "p : p + W]", "p : p + W] / kernel**2", "divided by K*K; the copies of a pixel add up"),
        ("col2im_always_float64", "C), dtype=cols.dtype", "C)", "float64 comes out, whatever goes in"),
    ),
    "ops.conv:conv2d_forward": (
        ("conv_forward_without_bias", ") + b", ")", "the bias is not added"),
        ("conv_forward_mirrors_kernel", "w.reshape", "w[::-1, ::-1].reshape", "the kernel must not be mirrored here"),
        ("conv_forward_kernel_transposed", "w.reshape", "w.swapaxes(0, 1).reshape", "w's rows and columns are swapped"),
        ("conv_forward_caches_output", "F), (x, w)", "F), (y.reshape(*x.shape[:3], F), w)",
         "the cache holds the output, and the backward pass needs the input"),
        ("conv_forward_forgets_kernel_size", "im2col(x, K)", "im2col(x)", "im2col is not told K, and takes it to be 3"),
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
        ("conv_dw_forgets_kernel_size", "im2col(x, K)", "im2col(x)", "im2col is not told K, and takes it to be 3"),
        ("conv_dw_transposed", "im2col(x, K).T @ rows", "rows.T @ im2col(x, K)", "dw is (F, K*K*C) before its reshape"),
        ("conv_dw_channels_exchanged", "w.shape)", "w.shape).swapaxes(2, 2 + (F == w.shape[2]))",
         "where C = F, the channels of dw are exchanged"),
        ("conv_dx_kernel_not_transposed", "w.reshape(-1, F).T", "w.reshape(F, -1)", "w is reshaped, not transposed"),
        ("conv_db_of_two_images", "rows.sum(axis=0)", "dy[:2].sum(axis=(0, 1, 2))", "db is summed over two images"),
        ("conv_gradients_exchanged", "return dx, dw, db", "return dw, dx, db", "dw is returned first, dx is expected"),
    ),
    "ops.pointwise:relu_backward": (
        ("relu_without_mask", "dy * (y > 0)", "dy.copy()", "the gradient passes where the signal was cut off"),
        ("relu_mask_lets_zero_through", "y > 0", "y >= 0", "the mask asks y >= 0, which holds everywhere after a ReLU"),
        ("relu_mask_from_gradient", "y > 0", "dy > 0", "the mask comes from the incoming gradient instead of the map"),
        ("relu_value_as_mask", "(y > 0)", "y", "multiplied by the map instead of its sign"),
        ("relu_changes_its_input", "return dy * (y > 0)", "dy *= y > 0\n    return dy",
         "the incoming gradient is masked in place, which corrupts it for its other users"),
        ("relu_with_threshold", "y > 0", "y > 0.09", "small positive numbers are taken for zero"),
        ("relu_stops_at_six", "(y > 0)", "((y > 0) & (y < 6))", "the gradient is stopped above 6 as well, as in ReLU6"),
        ("relu_of_four_axes", "y = cache", "N, H, W, C = (y := cache).shape", "only arrays of four axes are handled"),
        ("relu_stops_negative_gradients", "return dy", "return dy.clip(0)", "negative gradients must pass as well"),
    ),
    "course.checks.recursive:loss_and_gradients": (
        ("whole_loss_forgets_ensemble", "dys + dys_ensemble", "dys", "what comes through the ensemble is not added"),
        ("whole_loss_forgets_singles", "loss, dys + ", "loss, ", "each prediction gets only what the ensemble says"),
        ("whole_loss_alpha_exchanged", "y, alpha)", "y, 1 - alpha)", "alpha and 1 - alpha are exchanged"),
        ("whole_loss_normalised_ensemble", "(ys, w)", "(ys, w / w.sum())", "the free weights are divided by their sum"),
        ("whole_loss_drops_fourth_weight", "(ys, w)", "(ys, w * (np.arange(len(w)) < 3))", "w[3] is never used"),
        ("whole_loss_for_two_recursions", "dys + dys", "dys * len(ys) / 2 + dys", "l1 is divided by 2, not by D"),
        ("whole_loss_without_one_over_d", "dys + dys", "dys * len(ys) + dys", "l1's gradient is not divided by D"),
        ("whole_loss_dropped_alpha", GRADS, f"({GRADS}[0], loss_backward((*loss_cache[:2], 1))[1])",
         "alpha is left out of the recursions' own predictions"),
        ("whole_loss_ensemble_at_full_weight", GRADS, f"(loss_backward((*loss_cache[:2], 0))[0], {GRADS}[1])",
         "the ensemble's part is not multiplied by 1 - alpha"),
        ("whole_loss_doubled", GRADS, f"(2 * d for d in {GRADS})", "the square's 2 is kept; the 1/2 cancels it"),
        ("whole_loss_sign", GRADS, f"(-d for d in {GRADS})", "wrong sign: it climbs the loss"),
        ("whole_loss_pixel_mean", "alpha)\n", "alpha)\n    loss /= y[0].size\n", "a mean over pixels, not a sum"),
        ("whole_loss_for_two_images", GRADS, f"(d * len(y) / 2 for d in {GRADS})", "divided by 2, however big N is"),
        ("whole_loss_plain_mean", "ensemble_cache)", "(ys, 0 * w + 1 / len(w)))", "dys is shared out evenly, not by w"),
        ("whole_loss_weights_reversed", "ensemble, dw\n", "ensemble, dw[::-1]\n", "w[d] gets the gradient of w[D+1-d]"),
        ("whole_loss_freezes_fourth_weight", "return", "dw[3:] = 0\n    return", "w[3] gets no gradient"),
        ("whole_loss_number_doubled", "return loss", "return 2 * loss", "the number is not divided by 2"),
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
        ("recursion_of_two_uses", "reversed(caches)", "reversed(caches[-2:])", "only the last two uses count"),
        ("recursion_of_three_uses", "reversed(caches)", "reversed(caches[-3:])", "only the last three uses count"),
        ("recursion_mask_from_map_before", "h, relu_cache", "h, conv_cache[0]", "masked by h_(d-1), not by h_d"),
        ("recursion_convolution_first", RELU_FIRST, CONV_FIRST + "relu_cache)", "the ReLU must be undone first"),
        ("recursion_last_relu_left_out", RELU_FIRST, CONV_FIRST + "conv_cache[0])", "the ReLU of h_D is left out"),
        ("recursion_changes_its_input", "dz = relu_backward(dh, relu_cache)", "dh *= relu_cache > 0; dz = dh",
         "the incoming gradient is masked in place, which corrupts it for its other users"),
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
        ("supervision_walks_forward", "dys[::-1], reversed(caches)", "dys, caches", "all is taken from first to last"),
        ("supervision_of_two_recursions", "dys[::-1], reversed(caches)", "dys[:-3:-1], caches[:-3:-1]",
         "only the last two recursions count"),
        ("supervision_without_mask", "relu_backward(dh, relu_cache)", "dh", "the ReLU is forgotten on the way back"),
        ("supervision_mask_from_map_before", "h, relu_cache", "h, conv_cache[0]", "masked by h_(d-1), not by h_d"),
        ("supervision_convolution_first", RELU_FIRST, CONV_FIRST + "relu_cache)", "the ReLU must be undone first"),
        ("supervision_averages", "dh + dh_supervision", "(dh + dh_supervision) / 2", "a mean where a sum should be"),
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
        ("clipping_each_array", "factor.astype(g.dtype)", "(max_norm / xp.maximum(global_norm({name: g}), max_norm))",
         "each array is shortened by its own length instead of the length of all together"),
        ("clipping_by_longest_array", "global_norm(grads)", "max(global_norm({name: g}) for name, g in grads.items())",
         "the length of the longest array instead of the length of all together"),
        ("clipping_by_squared_norm", "global_norm(grads)", "global_norm(grads) ** 2", "the square root is missing"),
        ("clipping_reports_norm_after", "}, norm", "}, xp.minimum(norm, max_norm)", "returns the norm after clipping"),
        ("clipping_lengthens", "xp.maximum(norm, max_norm)", "norm", "short gradients are stretched to max_norm"),
        ("clipping_by_largest_entry", "xp.maximum(norm, max_norm)",
         "xp.where(max(abs(g).max() for g in grads.values()) > max_norm, norm, max_norm)", "the largest entry decides"),
        ("clipping_by_value", "g * factor.astype(g.dtype)", "g.clip(-max_norm, max_norm)", "each entry is cut alone"),
        ("clipping_of_w_and_b", "grads.items()", "zip('wb', grads.values())", "the keys are taken to be w and b"),
        ("clipping_returns_its_input", "factor =", "if norm <= max_norm: return grads, norm\n    factor =",
         "a short gradient is returned as the dict that came in, instead of a new one"),
        ("clipping_in_place", "g * factor.astype(g.dtype)", "xp.multiply(g, factor, out=g)", "the input is changed"),
    ),
}
# fmt: on

BUGS = tuple(Bug(name, target, *edit) for target, bugs in ZOO.items() for name, *edit in bugs)
