"""`python -m minidrcn.data`: list, download and verify the sets of images that the field uses."""

from __future__ import annotations

import functools
import sys

from .. import cli
from .named_sets import fetch, locate, named_sets, problems


@cli.command("data")
def main(argv: list[str] | None = None) -> int:
    """Run one of the three verbs; see `--help`."""
    parser = cli.parser("data", "List, download and verify sets of images.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|fetch|verify")
    verbs.add_parser("list", help="the sets, their size, and where they are")
    for verb, text in (("fetch", "download sets, keeping what is there"), ("verify", "compare every file's sum")):
        sub = verbs.add_parser(verb, help=text)
        sub.add_argument(
            "names", nargs="+", type=str.lower, choices=list(named_sets()), metavar="NAME", help=", ".join(named_sets())
        )
    args = parser.parse_args(argv)
    if args.verb == "list":
        print(_table())
        return 0
    if args.verb == "fetch":
        for name in args.names:
            folder = fetch(name, progress=functools.partial(cli.progress, desc=name, unit="file"))
            print(f"{name}: {folder}", flush=True)
        return 0
    return max(map(_verify, args.names))


def _verify(name: str) -> int:
    folder = locate(name)
    wrong = ["not on this machine"] if folder is None else problems(name, folder)
    for problem in wrong:
        cli.fail("data", f"{name}: {problem}", 1)
    if not wrong:
        print(f"{name}: all {len(named_sets()[name][1])} files are right, in {folder}")
    return 1 if wrong else 0


def _table() -> str:
    lines = []
    for name, (_, files) in named_sets().items():
        size = sum(file.size for file in files) / 1e6
        lines.append(f"{name:10} {len(files):4} images {size:6.1f} MB   {locate(name) or 'not here'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
