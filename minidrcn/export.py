"""`python -m minidrcn.export x2 drcn_x2.onnx`: a network for other programs, as an ONNX graph or as safetensors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from . import cli
from .errors import UsageError
from .files import atomic_write
from .imaging.onnx_graph import luma_graph, metadata, photo_graph
from .imaging.photo import choose_model
from .model.drcn import DRCN


@cli.command("export")
def main(argv: list[str] | None = None) -> int:
    """Write a network in another format; see `--help`."""
    args = _parser().parse_args(argv)
    target = Path(args.file)
    suffix = target.suffix.lower()
    if suffix not in (".onnx", ".safetensors"):
        raise UsageError(f"{target}: expected a name that ends in .onnx or .safetensors")
    if suffix == ".safetensors" and (args.luma or args.per_recursion):
        raise UsageError(
            f"{target}: --luma and --per-recursion choose an ONNX graph; safetensors hold parameters alone"
        )
    cli.refuse_existing([target], args.force)
    model, scale = choose_model(args.model, None)
    facts = metadata(args.model, model, scale)
    if suffix == ".safetensors":
        contents = safetensors(model, facts)
    elif args.luma:
        contents = luma_graph(model, args.per_recursion, facts).SerializeToString()
    else:
        contents = photo_graph(model, scale, args.per_recursion, facts).SerializeToString()
    with atomic_write(target, args.force) as temporary:
        temporary.write_bytes(contents)
    print(f"written: {target}, {len(contents) / 1e3:.0f} kB")
    return 0


def safetensors(model: DRCN, metadata: dict[str, str]) -> bytes:
    """The parameters in PyTorch's layout: kernels OIHW as `NAME.weight`, `NAME.bias`, and `ensemble.weight` (D,)."""
    from safetensors.numpy import save

    endings = {"w": "weight", "b": "bias"}
    tensors = {}
    for name, value in model.params.items():
        layer, _, kind = name.partition(".")
        value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
        tensors[f"{layer}.{endings[kind]}"] = np.ascontiguousarray(value)
    return save(tensors, metadata)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("export", "Write a network for other programs: an ONNX graph, or safetensors for PyTorch.")
    parser.add_argument("model", metavar="NAME|FILE", help="shipped weights such as x2, or an .npz file")
    parser.add_argument(
        "file", metavar="FILE",
        help="to write, .onnx or .safetensors; other programs read the scale from a name such as drcn_x2",
    )  # fmt: skip
    parser.add_argument(
        "--luma", action="store_true",
        help="the network alone, from enlarged luma to luma (default: from RGB to larger RGB, all inside)",
    )  # fmt: skip
    parser.add_argument(
        "--per-recursion", action="store_true",
        help="an output for each recursion as well (default: the ensemble's prediction alone)",
    )  # fmt: skip
    cli.add_force(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
