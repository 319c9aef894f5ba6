"""The same network in PyTorch, with PyTorch's own gradients: what tests agree with and benchmarks run against."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import conv2d

from minidrcn import DRCN


class TorchDRCN:
    """A DRCN with the parameters of ours, in one of PyTorch's two memory formats.

    Args:
        model: ours.
        channels_last: PyTorch's name for NHWC in memory; else NCHW.
        device: "cpu" or "cuda".
        by_hand: do the algebra of `minidrcn.model.fold` and `minidrcn.model.fast`, as a user of PyTorch could write it.
    """

    def __init__(self, model: DRCN, channels_last: bool = False, device: str = "cpu", by_hand: bool = False) -> None:
        self.architecture, self.by_hand = model.architecture, by_hand
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.device = device
        self.params = {}
        for name, value in model.to_cpu().params.items():
            tensor = torch.tensor(value)
            if tensor.ndim == 4:  # HWIO -> OIHW
                tensor = tensor.permute(3, 2, 0, 1).contiguous(memory_format=self.memory_format)
            self.params[name] = tensor.to(device).requires_grad_()

    def images(self, x: np.ndarray) -> torch.Tensor:
        """(N, H, W, 1) as a tensor (N, 1, H, W)."""
        tensor = torch.tensor(x).permute(0, 3, 1, 2).contiguous(memory_format=self.memory_format)
        return tensor.to(self.device)

    def predict(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The ensemble's prediction and those it is made of."""
        if self.by_hand:
            return self._predict_by_hand(x)
        a = self.architecture

        def layer(h: torch.Tensor, name: str, relu: bool = True) -> torch.Tensor:
            z = conv2d(h, self.params[f"{name}.w"], self.params[f"{name}.b"], padding=1)
            return z.relu_() if relu else z  # in place: the fastest way in PyTorch

        h = layer(layer(x, "embed1"), "embed2")
        ys = []
        for d in range(1, a.recursions + 1):
            h = layer(h, "recursion")
            if d in a.supervised_steps:
                f = layer(layer(h, "reconstruct1", a.reconstruction_relu), "reconstruct2", a.output_relu)
                ys.append(x + f if a.skip else f)
        if not a.recursive_supervision:
            return ys[0], ys
        return sum(w * y_d for w, y_d in zip(self.params["ensemble.w"], ys, strict=True)), ys

    def _predict_by_hand(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The same of a linear network with recursive supervision: F + 9 channels a recursion, nine in the last one."""
        p, F = self.params, self.architecture.filters
        taps = p["reconstruct2.w"][0].reshape(F, 9)
        folded_w, folded_b = torch.einsum("fckl,ft->tckl", p["reconstruct1.w"], taps), p["reconstruct1.b"] @ taps
        shift = torch.eye(9, device=self.device).reshape(1, 9, 3, 3)
        both_w, both_b = torch.cat([p["recursion.w"], folded_w]), torch.cat([p["recursion.b"], folded_b])
        if self.memory_format is torch.channels_last:
            both_w, folded_w = (w.contiguous(memory_format=self.memory_format) for w in (both_w, folded_w))
        h = conv2d(x, p["embed1.w"], p["embed1.b"], padding=1).relu_()
        h = conv2d(h, p["embed2.w"], p["embed2.b"], padding=1).relu_()
        h = conv2d(h, p["recursion.w"], p["recursion.b"], padding=1).relu_()
        qs = []
        for _ in range(self.architecture.recursions - 1):
            both = conv2d(h, both_w, both_b, padding=1)
            h = both[:, :F].relu()
            qs.append(both[:, F:])
        qs.append(conv2d(h, folded_w, folded_b, padding=1))
        fs = conv2d(torch.cat(qs), shift, p["reconstruct2.b"], padding=1)
        ys = [x + f if self.architecture.skip else f for f in fs.split(len(x))]
        return sum(w * y_d for w, y_d in zip(p["ensemble.w"], ys, strict=True)), ys

    def loss_and_grads(self, x: torch.Tensor, y: torch.Tensor, alpha: float) -> tuple[torch.Tensor, dict]:
        """The paper's loss, and the gradient of each parameter in PyTorch's layout."""
        for tensor in self.params.values():
            tensor.grad = None
        final, ys = self.predict(x)
        alpha = alpha if self.architecture.recursive_supervision else 0.0
        l1 = sum(((y - y_d) ** 2).sum() for y_d in ys) / (2 * len(ys) * len(x))
        loss = alpha * l1 + (1 - alpha) * ((y - final) ** 2).sum() / (2 * len(x))
        loss.backward()
        return loss.detach(), {name: tensor.grad for name, tensor in self.params.items()}
