"""Grades as tables: for a person, for a spreadsheet, for Gradescope, Moodle and Canvas; and as JSON, to go on from."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..exercises import EXERCISES
from .grade import Grade


class Graded(NamedTuple):
    """One student with all grades; `id` is Moodle's or Canvas's number, or ""."""

    name: str
    id: str
    grades: list[Grade]
    warnings: list[str]

    @property
    def total(self) -> float:
        """The points."""
        return round(sum(grade.points for grade in self.grades), 2)

    @property
    def maximum(self) -> int:
        """The points for everything right."""
        return sum(grade.exercise.points for grade in self.grades)

    @property
    def status(self) -> str:
        """How all exercises went: the status of all of them, else the first trouble, else "partly"."""
        statuses = list(dict.fromkeys(grade.status for grade in self.grades))
        trouble = [status for status in statuses if status not in ("graded", "not handed in")]
        return statuses[0] if len(statuses) == 1 else (trouble or ["partly"])[0]

    @property
    def notices(self) -> list[str]:
        """What the instructor should look at, warnings first."""
        of_grades = [f"{grade.exercise.name}: {notice}" for grade in self.grades for notice in grade.notices]
        return self.warnings + of_grades


def to_json(graded: Graded) -> str:
    """Everything, for `from_json`."""
    grades = [{**vars(grade), "exercise": grade.exercise.name} for grade in graded.grades]
    return json.dumps(graded._replace(grades=grades)._asdict(), indent=1) + "\n"


def from_json(text: str) -> Graded:
    """What `to_json` wrote. Raises ValueError, KeyError or TypeError if it is something else."""
    graded, known = Graded(**json.loads(text)), {exercise.name: exercise for exercise in EXERCISES}
    return graded._replace(grades=[Grade(**{**g, "exercise": known[g["exercise"]]}) for g in graded.grades])


def report(graded: Graded, notices: bool = True) -> str:
    """One student's feedback: what every check said, and the points; notices are for the instructor alone."""
    lines = [graded.name, *(f"warning: {warning}" for warning in graded.warnings if notices), ""]
    for grade in graded.grades:
        exercise = grade.exercise
        lines.append(f"{exercise.name} {exercise.title}: {grade.points:g} of {exercise.points} points")
        lines += [f"    {line}" for line in grade.report]
        lines += [*(f"    notice: {notice}" for notice in grade.notices if notices), ""]
    return "\n".join([*lines, f"{graded.total:g} of {graded.maximum} points\n"])


def table_line(width: int, name: str, points: Sequence[object], total: object, status: str = "") -> str:
    """A line of the table for a person, whose first column has that width."""
    return f"{name:{width}}{''.join(f'{_text(each):>6}' for each in points)}{_text(total):>7}   {status}".rstrip()


def notices(class_: Sequence[Graded]) -> str:
    """What the instructor should look at, below the table."""
    found = [f"{graded.name}: {notice}\n" for graded in class_ for notice in graded.notices]
    return "".join(["\n", *found] if found else [])


def as_csv(class_: Sequence[Graded]) -> str:
    """The table as comma-separated values, with maximum and notices."""
    return _csv([{"student": g.name, **{grade.exercise.name: grade.points for grade in g.grades}, "total": g.total,
                  "maximum": g.maximum, "status": g.status, "notices": "; ".join(g.notices)}
                 for g in class_])  # fmt: skip


def as_moodle(class_: Sequence[Graded]) -> str:
    """The columns of Moodle's grading worksheet."""
    return _csv([{"Identifier": f"Participant {g.id}" if g.id else "", "Full name": g.name, "Grade": g.total,
                  "Maximum Grade": g.maximum, "Feedback comments": report(g, notices=False)}
                 for g in class_])  # fmt: skip


def as_canvas(class_: Sequence[Graded]) -> str:
    """The columns of Canvas's gradebook."""
    rows = [{"Student": g.name, "ID": g.id, "SIS Login ID": "", "Section": "", "minidrcn": g.total} for g in class_]
    return _csv(
        [{**dict.fromkeys(rows[0], ""), "Student": "    Points Possible", "minidrcn": class_[0].maximum}, *rows]
    )


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([rows[0], *([_cell(value) for value in row.values()] for row in rows)])
    return text.getvalue()


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = _text(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_gradescope(class_: Sequence[Graded]) -> str:
    """Gradescope's results.json, of one submission."""
    (graded,) = class_
    tests = [{"name": f"{g.exercise.name} {g.exercise.title}", "score": g.points, "max_score": g.exercise.points,
              "output": "\n".join(g.report)} for g in graded.grades]  # fmt: skip
    return json.dumps({"score": graded.total, "tests": tests}, indent=1) + "\n"


FORMATS = {"csv": as_csv, "moodle": as_moodle, "canvas": as_canvas, "gradescope": as_gradescope}
