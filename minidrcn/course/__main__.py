"""Release exercises and grade submissions: `python -m minidrcn.course release DIR`, `... grade FILE|DIR`."""

from __future__ import annotations

import argparse
import hashlib
import re
import secrets
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from .. import cli
from ..errors import InputError, UsageError
from ..files import write_text
from ..parallel import usable_cores
from .checks.cases import SEED_VARIABLE, grading_seed
from .exercises import EXERCISES, Exercise, exercises
from .grading import release, sandbox, tables
from .grading.collect import Student, collect, read_roster
from .grading.grade import Grade, best_grade, seeds_of
from .grading.sandbox import Limits


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = cli.parser("course", "Release gradient-check exercises and grade submissions.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    give = actions.add_parser("release", help="make the students' folder", description="Make the students' folder.")
    give.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    give.add_argument("--source", type=Path, metavar="DIR", help="the instructor's notebooks (default: the clone's)")
    grade = actions.add_parser("grade", help="grade submissions", description="Grade submissions.")
    add = grade.add_argument
    add("path", type=Path, metavar="FILE|DIR", help="a notebook, a Python file, or a folder of students")
    add("--out", type=Path, metavar="DIR", help="a new folder for each student's report and result, as they come")
    add("--resume", action="store_true", help="go on in --out: whoever has a result there is not graded again")
    formats = grade.add_mutually_exclusive_group()
    for name in tables.FORMATS:
        formats.add_argument(f"--{name}", dest="format", action="store_const", const=name, help=f"print it for {name}")
    add("--roster", type=Path, metavar="FILE", help="all students' names, one a line: each gets a row")
    seed = grade.add_mutually_exclusive_group()
    seed.add_argument("--seed", type=cli.whole_number(0), metavar="N", help="of the hidden sizes and numbers (default: "
                      f"the environment's {SEED_VARIABLE}, else drawn and printed)")  # fmt: skip
    seed.add_argument("--seed-from", metavar="NAME", help="seeds of its own for each student, from this secret")
    add("--jobs", type=cli.whole_number(1), metavar="N", help="exercises graded at a time (default: one a core)")
    add("--seconds", type=cli.whole_number(1, 3600), default=30, help="of computing, an exercise (default: 30)")
    add("--memory", type=cli.whole_number(256), default=2048, metavar="MIB", help="an exercise (default: 2048)")
    for action in (give, grade):
        action.add_argument("--only", nargs="+", metavar="exN", choices=[e.name for e in EXERCISES],
                            help="these exercises (default: all)")  # fmt: skip
        action.add_argument("--riddles", type=cli.whole_number(0), default=0, metavar="SET",
                            help='of "find the bug" (default: 0)')  # fmt: skip
    return parser


@cli.command("course")
def main(argv: list[str] | None = None) -> int:
    """See the top of the file."""
    args = parser().parse_args(argv)
    wanted = [e for e in exercises(args.riddles) if args.only is None or e.name in args.only]
    if args.action == "grade":
        return _grade(args, wanted)
    written = release.release(args.folder, wanted, args.riddles, args.source or release.FOLDER)
    print(f"written: {len(written)} files in {args.folder}")
    return 0


def _grade(args: argparse.Namespace, wanted: list[Exercise]) -> int:
    students, warnings = collect(args.path, read_roster(args.roster) if args.roster else ())
    if args.format == "gradescope" and len(students) != 1:
        raise UsageError("--gradescope is for one submission; name a file, or one student's folder")
    if args.resume and not args.out:
        raise UsageError("--resume needs --out, the folder of the grading to go on with")
    secret, limits = args.seed_from, Limits(args.seconds, args.memory)
    seed = grading_seed(2 + secrets.randbelow(2**31)) if args.seed is None else args.seed
    if args.out:
        seed = _open_folder(args, seed)
    for line in (*warnings, _isolation(), *([] if secret else [f"seeds from --seed {seed}"])):
        print(f"minidrcn.course: {line}", file=sys.stderr)

    width = max(len("(points)"), *(len(student.name) for student in students))
    say = print if args.format is None and len(students) > 1 else (lambda _: None)
    say(tables.table_line(width, "student", [e.name for e in wanted], "total", "status"))
    say(tables.table_line(width, "(points)", [e.points for e in wanted], sum(e.points for e in wanted)))
    done: list[tables.Graded] = []
    with ThreadPoolExecutor(args.jobs or usable_cores()) as executor:
        waiting = []
        for student in students:
            stem = _stem(args, student) if args.out else None
            kept = _kept(stem) if args.resume else None
            one = partial(_one, student, seeds_of(student.name, secret) if secret else (seed, seed + 1), limits)
            waiting.append((student, stem, kept, [] if kept else [executor.submit(one, e) for e in wanted]))
        try:
            for student, stem, kept, grades in cli.progress(waiting, unit="student"):
                graded = kept or tables.Graded(student.name, student.id, [g.result() for g in grades], student.warnings)
                if stem and not kept:
                    write_text(f"{stem}.txt", tables.report(graded, notices=False))
                    write_text(f"{stem}.json", tables.to_json(graded))
                done.append(graded)
                points = [grade.points for grade in graded.grades]
                say(tables.table_line(width, graded.name, points, graded.total, graded.status))
        finally:
            executor.shutdown(cancel_futures=True)
    shown = tables.notices(done) if len(done) > 1 else tables.report(done[0])
    print(tables.FORMATS[args.format](done) if args.format else shown, end="")
    return 0


def _one(student: Student, seeds: Sequence[int], limits: Limits, exercise: Exercise) -> Grade:
    """One grade; whatever goes wrong here is this student's row and ends nobody else's."""
    try:
        return best_grade(student, exercise, seeds, limits)
    except Exception as error:
        return Grade(exercise, "stopped: crashed", 0.0, [f"the grader failed: {type(error).__name__}: {error}"],
                     ["the grader failed on it; please report this"])  # fmt: skip


def _open_folder(args: argparse.Namespace, seed: int) -> int:
    """The seed of the grading in the folder `--out`, which is made, or gone on with."""
    note = args.out / "seed.txt"
    if args.resume and note.exists():
        kept = note.read_text(encoding="utf-8", errors="replace").strip()
        if not kept.isdecimal():
            raise InputError(f"{note}: not a seed; write the seed of that grading into it, or name a new folder")
        if args.seed not in (None, int(kept)):
            raise UsageError(f"{args.out} was begun with --seed {kept}; leave --seed out to go on")
        return int(kept)
    if args.out.exists() and any(args.out.iterdir()):
        raise UsageError(f"{args.out}: exists; name a new folder, or go on in it with --resume")
    args.out.mkdir(parents=True, exist_ok=True)
    write_text(note, f"{seed}\n")
    return seed


def _stem(args: argparse.Namespace, student: Student) -> Path:
    """Where a student's result is kept: it changes with what was handed in and what is graded."""
    graded = (student.name, student.files, args.only, args.riddles, args.seed_from)
    digest = hashlib.sha256(repr(graded).encode("utf-8", "replace"))
    return args.out / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', student.name)[:60]}-{digest.hexdigest()[:8]}"


def _kept(stem: Path) -> tables.Graded | None:
    path = Path(f"{stem}.json")
    try:
        return tables.from_json(path.read_text(encoding="utf-8")) if path.exists() else None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a result; remove it to grade that student again") from error


def _isolation() -> str:
    if sandbox.isolated():
        return "submissions run inside bubblewrap: no network, no files but Python's and a scratch folder"
    weaker = {"win32": ", limited by nothing but the clock", "darwin": ", without a limit of memory"}
    return f"no bubblewrap here: submissions run with your permissions{weaker.get(sys.platform, '')}"


if __name__ == "__main__":
    sys.exit(main())
