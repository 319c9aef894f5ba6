"""Release exercises and grade submissions: `python -m minidrcn.course release DIR`, `... grade FILE|DIR`."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import cli
from ..errors import UsageError
from ..files import write_text
from .checks.cases import grading_seed
from .exercises import EXERCISES, Exercise, exercises


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = cli.parser("course", "Hand out gradient-check exercises and grade what comes back.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    release = actions.add_parser("release", help="make the students' folder", description="Make the students' folder.")
    release.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    release.add_argument(
        "--source", type=Path, metavar="DIR", help="the instructor's notebooks (default: this clone's)"
    )

    grade = actions.add_parser("grade", help="grade submissions", description="Grade submissions.")
    grade.add_argument("path", type=Path, metavar="FILE|DIR", help="a notebook, a Python file, or a folder of students")
    grade.add_argument("--csv", action="store_true", help="print a table for programs")
    grade.add_argument(
        "--feedback", type=Path, metavar="DIR", help="write a report for every student into a new folder"
    )
    grade.add_argument(
        "--seed",
        type=cli.whole_number(0),
        help="of the hidden sizes and numbers (default: the environment's MINIDRCN_COURSE_SEED, else 1)",
    )
    grade.add_argument("--seconds", type=cli.whole_number(1, 3600), default=30, help="for each exercise (default: 30)")
    grade.add_argument(
        "--memory", type=cli.whole_number(256), default=2048, metavar="MIB", help="for each submission (default: 2048)"
    )

    for action in (release, grade):
        action.add_argument(
            "--only",
            nargs="+",
            metavar="exN",
            choices=[e.name for e in EXERCISES],
            help="these exercises (default: all)",
        )
        action.add_argument(
            "--riddles", type=cli.whole_number(0), default=0, metavar="SET", help='of "find the bug" (default: 0)'
        )
    return parser


@cli.command("course")
def main(argv: list[str] | None = None) -> int:
    """See the top of the file."""
    args = parser().parse_args(argv)
    wanted = [e for e in exercises(args.riddles) if args.only is None or e.name in args.only]
    return _release(args, wanted) if args.action == "release" else _grade(args, wanted)


def _release(args: argparse.Namespace, wanted: Sequence[Exercise]) -> int:
    from .grading import release

    written = release.release(args.folder, wanted, args.riddles, args.source or release.FOLDER)
    print(f"written: {len(written)} files in {args.folder}")
    return 0


def _grade(args: argparse.Namespace, wanted: Sequence[Exercise]) -> int:
    from .grading import grade

    try:
        seed = grading_seed() if args.seed is None else args.seed
    except ValueError as error:
        raise UsageError(str(error)) from error
    if args.feedback and args.feedback.exists():
        raise UsageError(f"{args.feedback}: exists; name a new folder")
    students = grade.students(args.path)
    if args.feedback:
        args.feedback.mkdir(parents=True)
    graded, limits = {}, {"seconds": args.seconds, "mebibytes": args.memory}
    for name, files in cli.progress(students.items(), unit="student"):
        graded[name] = grade.grade_student(files, wanted, seed, **limits)
        if args.feedback:
            write_text(args.feedback / f"{name}.txt", report(name, graded[name], notices=False))
    if args.csv:
        print(table_for_programs(graded), end="")
    elif len(graded) == 1:
        print(report(*next(iter(graded.items()))), end="")
    else:
        print(table(graded), end="")
    return 0


def report(name: str, grades: Sequence, notices: bool = True) -> str:
    """One student's feedback: what every check said, and the points; the notices are for the instructor alone."""
    lines = [name, ""]
    for grade in grades:
        exercise = grade.exercise
        lines.append(f"{exercise.name} {exercise.title}: {grade.points:g} of {exercise.points} points")
        lines += [f"    {line}" for line in (grade.result.lines() if grade.result else [grade.problem])]
        lines += [f"    {remark}" for remark in grade.remarks]
        lines += [f"    notice: {notice}" for notice in grade.notices if notices]
        lines.append("")
    lines.append(f"{_total(grades):g} of {sum(grade.exercise.points for grade in grades)} points")
    return "\n".join(lines) + "\n"


def table(graded: dict[str, Sequence]) -> str:
    """All students' points, and below them what the instructor should look at."""
    exercises = [grade.exercise for grade in next(iter(graded.values()))]
    worth = ["(points)", *(str(e.points) for e in exercises), str(sum(e.points for e in exercises))]
    head, *rows = _rows(graded)
    width = max(len(row[0]) for row in (head, worth, *rows))
    lines = [
        f"{name:{width}}{''.join(f'{points:>6}' for points in each)}{total:>7}"
        for name, *each, total in (head, worth, *rows)
    ]
    notices = [notice for name, grades in graded.items() for notice in _notices(grades, f"{name}, ")]
    return "\n".join([*lines, *(["", *notices] if notices else [])]) + "\n"


def table_for_programs(graded: dict[str, Sequence]) -> str:
    """The same as comma-separated values, the notices in the last column."""
    text = io.StringIO()
    notices = ["notices", *("; ".join(_notices(grades)) for grades in graded.values())]
    rows = ([*row, notice] for row, notice in zip(_rows(graded), notices, strict=True))
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _rows(graded: dict[str, Sequence]) -> list[list[str]]:
    """A head, and for each student the name, the points and their sum."""
    head = ["student", *(grade.exercise.name for grade in next(iter(graded.values()))), "total"]
    return [head] + [
        [name, *(f"{g.points:g}" for g in grades), f"{_total(grades):g}"] for name, grades in graded.items()
    ]


def _notices(grades: Sequence, start: str = "") -> list[str]:
    return [f"{start}{grade.exercise.name}: {notice}" for grade in grades for notice in grade.notices]


def _total(grades: Sequence) -> float:
    return round(sum(grade.points for grade in grades), 2)


if __name__ == "__main__":
    sys.exit(main())
