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
    """

    def __init__(self, model: DRCN, channels_last: bool = False, device: str = "cpu") -> None:
        self.architecture = model.architecture
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
