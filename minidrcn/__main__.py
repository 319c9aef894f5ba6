"""`minidrcn VERB ...`, the command that installing the package brings: the same as `python -m minidrcn.VERB ...`."""

from __future__ import annotations

import argparse
import importlib
import sys

from . import __version__, cli

# Each is the module of that name, or a package's `__main__`, as for `python -m`.
VERBS = {
    "train": "train a network on photographs, or go on with a run",
    "upscale": "enlarge photographs",
    "evaluate": "measure a network beside bicubic interpolation, as the paper did",
    "export": "write a network for other programs",
    "demo": "make a web page that enlarges photographs in the visitor's browser",
    "grad_check": "compare every gradient with finite differences",
    "experiments": "redraw the paper's figures from networks trained here",
    "animate": "draw a photograph that sharpens recursion by recursion",
    "data": "list, download and verify sets of images",
    "course": "hand exercises out, and grade them",
}


def main(argv: list[str] | None = None) -> int:
    """Run a verb with the arguments after it; without one, print the verbs."""
    listed = "\n".join(f"  {verb:12} {text}" for verb, text in VERBS.items())
    parser = cli.Parser(
        prog="minidrcn",
        description=f"DRCN super-resolution.\n\nverbs, each with a --help of its own:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"minidrcn {__version__}")
    parser.add_argument("verb", nargs="?", choices=list(VERBS), metavar="VERB", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.verb is None:
        parser.print_help()
        return 0
    module = importlib.import_module(f".{args.verb}", __package__)
    if hasattr(module, "__path__"):
        module = importlib.import_module(".__main__", module.__name__)
    return module.main(args.arguments)


if __name__ == "__main__":
    sys.exit(main())
