"""`python -m minidrcn.demo DIR`: a web page that enlarges a photograph on the visitor's own machine.

The folder is static: any web server can publish it. Where the server sends the headers that `_headers` asks for (some
read that file), the page runs on all of the visitor's cores.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from . import cli
from .errors import InputError, UsageError
from .imaging.onnx_graph import metadata, photo_graph
from .imaging.photo import choose_model
from .model.drcn import DRCN

PAGE = Path(__file__).parent / "page"
RUNTIME = "onnxruntime-web@1.30.0"
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
# For processors, and for graphics cards.
RUNTIME_FILES = (
    "ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.jspi.bundle.min.mjs",
    "ort-wasm-simd-threaded.jspi.wasm",
)
EXAMPLE = slice(20, 220), slice(90, 390)  # of scikit-image's cat, which nobody holds rights in


@cli.command("demo")
def main(argv: list[str] | None = None) -> int:
    """Make the page; see `--help`."""
    args = _parser().parse_args(argv)
    target = Path(args.folder)
    if target.exists():
        raise UsageError(f"{target}: exists; name a new folder")
    stems = [Path(name).stem for name in args.model]
    if len(set(stems)) < len(stems):
        raise UsageError(f"two networks of {', '.join(args.model)} have one name; rename one")
    networks = {name: choose_model(name, None) for name in args.model}
    parent = target.absolute().parent
    there = next(folder for folder in (parent, *parent.parents) if folder.exists())
    with tempfile.TemporaryDirectory(dir=there, prefix=".") as temporary:
        folder = Path(temporary) / "page"
        folder.mkdir()
        for file in PAGE.iterdir():
            shutil.copyfile(file, folder / file.name)
        _add_runtime(folder / "runtime", args.runtime or _fetch_runtime(temporary))
        _add_networks(folder, networks)
        _add_example(folder / "example.png")
        parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"written: {target}, {size / 1e6:.0f} MB; to look at it: python -m http.server --directory {target}")
    return 0


def _fetch_runtime(folder: str) -> Path:
    """The package of onnxruntime for browsers, from where npm is set to look."""
    npm = shutil.which("npm")
    if npm is None:
        raise UsageError(f"needs npm, which comes with Node.js, for {RUNTIME}; or name its file with --runtime")
    command = [npm, "pack", RUNTIME, "--prefer-offline", "--loglevel", "error"]
    cli.say(f"{RUNTIME}: npm downloads it")
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        raise InputError(f"npm pack {RUNTIME}: {done.stderr or 'failed'}")
    return next(Path(folder).glob("*.tgz"))


def _add_runtime(folder: Path, package: str | Path) -> None:
    contents = Path(package).read_bytes()
    if hashlib.sha256(contents).hexdigest() != SHA256:
        raise InputError(f"{package}: not the package file of {RUNTIME}")
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(contents)) as archive:
        for name in RUNTIME_FILES:
            (folder / name).write_bytes(archive.extractfile(f"package/dist/{name}").read())


def _add_networks(folder: Path, networks: dict[str, tuple[DRCN, int]]) -> None:
    """A graph each, and what the page must know of it."""
    facts = []
    for name, (model, scale) in networks.items():
        graph = photo_graph(model, scale, per_recursion=True, metadata=metadata(name, model, scale))
        file = f"{Path(name).stem}.onnx"
        (folder / file).write_bytes(graph.SerializeToString())
        a = model.architecture
        facts.append({"name": Path(name).stem, "file": file, "scale": scale, "radius": a.radius, "filters": a.filters,
                      "recursions": a.recursions, "predictions": len(a.supervised_steps)})  # fmt: skip
    (folder / "networks.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


def _add_example(path: Path) -> None:
    from PIL import Image
    from skimage.data import chelsea

    Image.fromarray(chelsea()[EXAMPLE]).save(path)


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser("demo", "Make a web page that enlarges photographs on the visitor's own machine.")
    parser.add_argument("folder", metavar="DIR", help="a new folder for the page")
    parser.add_argument(
        "--model", nargs="+", default=["x2", "x3", "x4"], metavar="NAME|FILE",
        help="the networks to choose from: shipped weights or .npz files; the first is shown first (default: x2 x3 x4)",
    )  # fmt: skip
    parser.add_argument(
        "--runtime", metavar="FILE", help=f"the package file of {RUNTIME} (default: what npm pack downloads)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
