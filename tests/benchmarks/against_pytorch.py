"""This project against other libraries: the same network, batch, dtype and number of threads, in turn in one process.

    python tests/benchmarks/against_pytorch.py [--avx2 | --gpu] [--relu] [--repetitions N] [--only TEXT]
    python tests/benchmarks/against_pytorch.py --photographs [--avx2] [--repetitions N] [--only TEXT]

The ratio is to the faster of PyTorch's two memory formats in eager mode: 2.0 x means half the time. torch.compile and
JAX (training), onnxruntime and OpenVINO (prediction) stand beside it where they are installed, and so does what PyTorch
reaches if its user does by hand the algebra that makes one convolution of two ("PyTorch, algebra by hand").

With --avx2 NumPy, PyTorch and JAX are held to the vector instructions that most laptops have. With --gpu ours and
PyTorch run on the device, first without and then with TF32. All of these are read once a process, so the script starts
itself again. --relu takes the network of the paper's printed equations, with a ReLU in the reconstruction.

--photographs times the shipped x2 on whole photographs beside onnxruntime on the graph that `minidrcn.export` writes,
in the same tiles on the same cores; the ratio is to onnxruntime.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import ModuleType

import numpy as np
import peers
import torch
from timing import flops, gemm_peak, in_turn, machine

from minidrcn import DRCN, cli, load
from minidrcn.imaging.tiles import predict_luma
from minidrcn.parallel import loss_and_grads, usable_cores

AVX2 = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
TRAINING = ((32, 9, 16), (64, 9, 16), (64, 16, 16), (96, 13, 8), (128, 16, 4), (256, 16, 2))  # F, D, patches
TRAINING_GPU = ((64, 9, 64), (256, 16, 64))
PREDICTION = ((64, 9, 480, 640),)  # F, D, H, W
# Height and width of the result.
PHOTOGRAPHS = {"2 megapixels, enlarged by two": (2448, 3264), "12 megapixels when enlarged": (3000, 4000)}
ALPHA, PATCH = 0.5, 41
EAGER = {"PyTorch NCHW": {}, "PyTorch channels-last": {"channels_last": True}}

Makers = Mapping[str, Callable[[], peers.Run]]


def compare(
    title: str,
    operations: float,
    makers: Makers,
    peak: float,
    repetitions: int,
    xp: ModuleType = np,
    reference: Collection[str] = EAGER,
) -> None:
    """Time all that can be made and, compared on the CPU, compute the same; print one block.

    The ratio is to the fastest of the reference.
    """
    runs = {}
    print(f"\n{title}: {operations / 1e9:.0f} GFLOP if done directly")
    for name, make in makers.items():
        try:
            runs[name] = make()
        except ImportError as error:
            print(f"  {name:26}  left out: {error}")
    if xp is np:
        values = {name: np.asarray(_first(run())).mean() for name, run in runs.items()}
        for name, value in values.items():
            if not abs(value - values["ours"]) <= 1e-4 * abs(values["ours"]):
                print(f"  {name:26}  left out: it computes {value:.6g}, and not {values['ours']:.6g}")
                del runs[name]
    times = in_turn(runs, repetitions)
    base = min((times[name].median for name in reference if name in times), default=float("nan"))
    for name, result in times.items():
        rate = operations / result.median
        print(
            f"  {name:26}{result} {base / result.median:5.2f} x {rate / 1e9:7.0f} GFLOP/s, {rate / peak:.2f} of GEMM",
            flush=True,
        )


def _first(result: object) -> object:
    """A loss of loss and gradients, an image of image and what it is made of."""
    return result[0] if isinstance(result, tuple) else result


def training_step(F: int, D: int, N: int, relu: bool, device: str, finish: Callable) -> tuple[float, Makers]:
    """The operations of loss and all gradients of one batch, and how to run it in every library."""
    x, y = np.random.default_rng(0).random((2, N, PATCH, PATCH, 1), dtype=np.float32)

    def ours(conv: str) -> peers.Run:
        model = DRCN(F, D, conv=conv, reconstruction_relu=relu)
        model = model.to_gpu() if device == "cuda" else model
        mine, target = model.xp.asarray(x), model.xp.asarray(y)
        return lambda: (loss_and_grads(model, mine, target, ALPHA), finish())[0]

    model = DRCN(F, D, reconstruction_relu=relu)
    args = model, x, y, ALPHA
    makers = {"ours": partial(ours, "winograd"), "ours, im2col": partial(ours, "im2col")}
    makers |= {name: partial(peers.torch_training, *args, device, **options) for name, options in EAGER.items()}
    if not relu:
        by_hand = {"channels_last": True, "by_hand": True}
        makers["PyTorch, algebra by hand"] = partial(peers.torch_training, *args, device, **by_hand)
    makers["torch.compile"] = partial(peers.compiled_torch_training, *args, device)
    if device == "cpu":
        makers["JAX"] = partial(peers.jax_training, *args)
    return 3 * N * flops(model, PATCH, PATCH), makers


def prediction(F: int, D: int, H: int, W: int, relu: bool, device: str) -> tuple[float, Makers]:
    """The operations of predicting one image, and how to run it in every library."""
    x = np.random.default_rng(0).random((H, W), dtype=np.float32)
    batch = x[None, :, :, None]

    def ours() -> peers.Run:
        model = DRCN(F, D, reconstruction_relu=relu)
        model = model.to_gpu() if device == "cuda" else model
        return lambda: predict_luma(model, x)

    model = DRCN(F, D, reconstruction_relu=relu)
    makers = {"ours": ours}
    makers |= {
        name: partial(peers.torch_prediction, model, batch, device, **options) for name, options in EAGER.items()
    }
    if not relu:
        by_hand = {"channels_last": True, "by_hand": True}
        makers["PyTorch, algebra by hand"] = partial(peers.torch_prediction, model, batch, device, **by_hand)
    if device == "cpu":
        makers["onnxruntime"] = partial(peers.onnxruntime_prediction, model, batch, usable_cores())
        if not relu:
            makers["onnxruntime, by hand"] = partial(makers["onnxruntime"], by_hand=True)
        makers["OpenVINO"] = partial(peers.openvino_prediction, model, batch, usable_cores())
    return flops(model, H, W), makers


def photograph(model: DRCN, H: int, W: int) -> tuple[float, Makers]:
    """The operations of predicting a whole photograph, and how to run it here and in onnxruntime."""
    x = np.random.default_rng(0).random((H, W), dtype=np.float32)
    makers = {
        "ours": lambda: partial(predict_luma, model, x),
        "onnxruntime": partial(peers.onnxruntime_photograph, model, x, usable_cores()),
    }
    return flops(model, H, W), makers


def main(argv: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="on a CUDA device")
    parser.add_argument("--tf32", choices=("off", "on"), help="with --gpu: only this one")
    parser.add_argument("--avx2", action="store_true", help="no AVX-512")
    parser.add_argument("--relu", action="store_true", help="the network of the printed equations")
    parser.add_argument("--photographs", action="store_true", help="whole photographs, beside onnxruntime alone")
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

    cli.keep_freed_memory()  # as all commands do; it serves every library
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

    if args.photographs:
        for title, size in PHOTOGRAPHS.items():
            if args.only in title:
                compare(title, *photograph(load("x2"), *size), peak, args.repetitions, reference=["onnxruntime"])
        return
    what = "ReLU" if args.relu else "linear"
    for F, D, N in training:
        title = f"training step, F={F}, D={D}, {N} patches of {PATCH}x{PATCH}, {what} reconstruction"
        if args.only in title:
            compare(title, *training_step(F, D, N, args.relu, device, finish), peak, args.repetitions, xp)
    for F, D, H, W in PREDICTION:
        title = f"prediction, F={F}, D={D}, {W}x{H} pixels, {what} reconstruction"
        if args.only in title:
            compare(title, *prediction(F, D, H, W, args.relu, device), peak, args.repetitions, xp)
    if args.gpu:
        ours, theirs = (f"{held / 2**20:.0f} MiB" for held in (gpu_peak_bytes(), torch.cuda.max_memory_reserved()))
        print(f"peak memory held: CuPy {ours}, PyTorch {theirs}")


if __name__ == "__main__":
    main()
