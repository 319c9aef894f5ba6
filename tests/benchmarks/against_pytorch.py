"""This project against PyTorch: the same network, batch, dtype and number of threads, in turn in one process.

    python tests/benchmarks/against_pytorch.py [--avx2 | --gpu] [--repetitions N] [--only TEXT]

PyTorch runs in both of its memory formats, and the ratio is to the faster one: 2.0 x means half the time. With --avx2
both libraries are held to the vector instructions that most laptops have. With --gpu both run on the device, first
without and then with TF32. All of these are read once a process, so the script starts itself again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import torch
from timing import flops, gemm_peak, in_turn, machine
from torch_peer import TorchDRCN

from minidrcn import DRCN
from minidrcn.parallel import loss_and_grads, usable_cores
from minidrcn.tiles import predict_luma

AVX2 = {"OPENBLAS_CORETYPE": "Haswell", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
TRAINING = ((32, 9, 16), (64, 9, 16), (96, 13, 8), (256, 16, 2))  # F, D, patches
TRAINING_GPU = ((64, 9, 64), (256, 16, 64))
PREDICTION = ((64, 9, 480, 640),)  # F, D, H, W
ALPHA = 0.5


def compare(title: str, operations: float, ours: dict, theirs: dict, peak: float, repetitions: int) -> None:
    """Time all of them and print one block."""
    times = in_turn({**ours, **theirs}, repetitions)
    best = min(times[name].median for name in theirs)
    print(f"\n{title}: {operations / 1e9:.0f} GFLOP if done directly")
    for name, result in times.items():
        rate = operations / result.median
        print(
            f"  {name:22}{result}  {best / result.median:5.2f} x  {rate / 1e9:7.0f} GFLOP/s, {rate / peak:.2f} of GEMM",
            flush=True,
        )


def peers(model: DRCN, device: str, run: Callable[[TorchDRCN], Callable]) -> dict[str, Callable]:
    """PyTorch in both memory formats."""
    return {
        f"PyTorch {name}": run(TorchDRCN(model, last, device))
        for name, last in (("NCHW", False), ("channels-last", True))
    }


def training_step(F: int, D: int, N: int, device: str, finish: Callable, patch: int = 41) -> tuple[dict, dict, float]:
    """Loss and all gradients of one batch: our functions, PyTorch's, and the operations."""
    x, y = np.random.default_rng(0).random((2, N, patch, patch, 1), dtype=np.float32)
    models = {conv: DRCN(F, D, conv=conv) for conv in ("winograd", "im2col")}

    def our_run(model: DRCN) -> Callable:
        if device == "cuda":
            model = model.to_gpu()
        mine, target = model.xp.asarray(x), model.xp.asarray(y)
        return lambda: (loss_and_grads(model, mine, target, ALPHA), finish())

    def their_run(peer: TorchDRCN) -> Callable:
        mine, target = peer.images(x), peer.images(y)
        return lambda: (peer.loss_and_grads(mine, target, ALPHA), finish())

    ours = {f"ours, {conv}": our_run(model) for conv, model in models.items()}
    theirs = peers(models["im2col"], device, their_run)
    return ours, theirs, 3 * N * flops(models["im2col"], patch, patch)


def prediction(F: int, D: int, H: int, W: int, device: str, finish: Callable) -> tuple[dict, dict, float]:
    """One image."""
    x = np.random.default_rng(0).random((H, W), dtype=np.float32)
    models = {conv: DRCN(F, D, conv=conv) for conv in ("winograd", "im2col")}

    def our_run(model: DRCN) -> Callable:
        model = model.to_gpu() if device == "cuda" else model
        return lambda: predict_luma(model, x)

    def their_run(peer: TorchDRCN) -> Callable:
        mine = peer.images(x[None, :, :, None])

        def run() -> None:
            with torch.no_grad():
                peer.predict(mine)
            finish()

        return run

    ours = {f"ours, {conv}": our_run(model) for conv, model in models.items()}
    return ours, peers(models["im2col"], device, their_run), flops(models["im2col"], H, W)


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="on a CUDA device")
    parser.add_argument("--tf32", choices=("off", "on"), help="with --gpu: only this one")
    parser.add_argument("--avx2", action="store_true", help="no AVX-512 for either library")
    parser.add_argument("--repetitions", type=int, default=7, metavar="N")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has this in its title")
    args = parser.parse_args(argv)
    if args.gpu and args.tf32 is None:
        for tf32 in ("off", "on"):
            command = [sys.executable, __file__, *(argv or sys.argv[1:]), "--tf32", tf32]
            subprocess.run(command, check=True)
        return
    if args.avx2 and not AVX2.items() <= os.environ.items():
        command = [sys.executable, __file__, *(argv or sys.argv[1:])]
        subprocess.run(command, check=True, env={**os.environ, **AVX2})
        return

    torch.set_num_threads(usable_cores())
    device, finish, xp, training = "cpu", lambda: None, np, TRAINING
    print(f"{machine()}, PyTorch {torch.__version__}, float32, {usable_cores()} threads, median (fastest to slowest)")
    if args.gpu:
        os.environ["CUPY_TF32"] = "1" if args.tf32 == "on" else "0"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.tf32 == "on"
        from minidrcn.backend import gpu_peak_bytes, require_gpu

        xp = require_gpu()
        device, finish, training = "cuda", torch.cuda.synchronize, TRAINING_GPU  # waits for all work on the device
        print(f"{torch.cuda.get_device_name()}, CuPy {xp.__version__}, TF32 {args.tf32}")
    peak = gemm_peak(xp, finish)
    print(f"GEMM peak: {peak / 1e9:.0f} GFLOP/s (Winograd could reach 4 times that of direct operations)")

    for F, D, N in training:
        title = f"training step, F={F}, D={D}, {N} patches of 41x41"
        if args.only in title:
            ours, theirs, operations = training_step(F, D, N, device, finish)
            compare(title, operations, ours, theirs, peak, args.repetitions)
    for F, D, H, W in PREDICTION:
        title = f"prediction, F={F}, D={D}, {W}x{H} pixels"
        if args.only in title:
            ours, theirs, operations = prediction(F, D, H, W, device, finish)
            compare(title, operations, ours, theirs, peak, args.repetitions)
    if args.gpu:
        ours, theirs = (f"{held / 2**20:.0f} MiB" for held in (gpu_peak_bytes(), torch.cuda.max_memory_reserved()))
        print(f"peak memory held: CuPy {ours}, PyTorch {theirs}")


if __name__ == "__main__":
    main()
