"""What a check found, as a value that prints itself as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

CONDUCT_FACTOR = 0.8  # of the score, for a function that is right and changes its inputs


@dataclass(frozen=True)
class Row:
    """The verdict on one result of the function.

    Attributes:
        what: its name, and the case where cases are credited one by one.
        weight: its share of the score.
        ok: whether it is right in every case.
        shape: of the array with the largest error.
        error: that error, relative to the largest magnitude in the right array.
        wrong: how many entries of that array are wrong.
        at: the worst entry.
        yours: the number there.
        right: the number that belongs there.
        problem: what kept it from being compared at all, or "".
        hint: what the mistake looks like, or "".
        note: what is worth saying of something right, or "".
    """

    what: str
    weight: float
    ok: bool
    shape: tuple[int, ...] = ()
    error: float = float("nan")
    wrong: int = 0
    at: tuple[int, ...] = ()
    yours: float = float("nan")
    right: float = float("nan")
    problem: str = ""
    hint: str = ""
    note: str = ""

    @property
    def compared(self) -> bool:
        """Whether there are numbers to show."""
        return not math.isnan(self.error)

    @property
    def ratio(self) -> float:
        """Yours over right: 2, -1, 0 and D each name a bug."""
        return self.yours / self.right if self.right else float("nan")


@dataclass(frozen=True)
class Result:
    """A row for each thing that counts, and what the function does besides. `print(result)` shows a table.

    Attributes:
        title: what was checked, and with which seed.
        rows: the verdicts.
        conduct: what is wrong although the numbers may be right, one sentence each.
    """

    title: str
    rows: list[Row]
    conduct: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(row.ok for row in self.rows) and not self.conduct

    @property
    def fraction(self) -> float:
        """The score in [0, 1]: the weights of what is right; a fifth less for a function that changes its inputs."""
        right = sum(row.weight for row in self.rows if row.ok) / sum(row.weight for row in self.rows)
        return right * (CONDUCT_FACTOR if self.conduct else 1.0)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The table, line by line."""
        width = max(len(row.what) for row in self.rows)
        shapes = max(len(_tuple(row.shape)) for row in self.rows)
        places = max(5, *(len(_tuple(row.at)) for row in self.rows))
        lines = [self.title]
        if any(row.compared for row in self.rows):
            lines.append(
                f"{'':{width}}  {'shape':{shapes}}  {'error':>7}  {'wrong entries':>13}  "
                f"{'worst':{places}}  {'yours':>10}  {'right':>10}  {'ratio':>7}"
            )
        told = set()
        for row in self.rows:
            start = f"{row.what:{width}}  "
            if row.problem:
                # One sentence is enough for all rows that it keeps from being filled.
                lines.append(f"{start}WRONG: {'the same' if row.problem in told else row.problem}")
                told.add(row.problem)
                continue
            if not row.compared:
                lines.append(f"{start}{'ok' if row.ok else 'WRONG'}  {row.note}".rstrip())
                continue
            start += f"{_tuple(row.shape):{shapes}}  {row.error:7.1e}  "
            if row.ok:
                lines.append(f"{start}{'none':>13}  {'':{places}}  {'':>10}  {'':>10}  {'':>7}  ok")
                continue
            lines.append(
                f"{start}{f'{row.wrong} of {math.prod(row.shape)}':>13}  {_tuple(row.at):{places}}  "
                f"{row.yours:10.3e}  {row.right:10.3e}  {row.ratio:7.4g}  WRONG"
            )
            if row.hint:
                lines.append(f"{'':{width}}  hint: {row.hint}")
        lines += [f"WRONG: {sentence}" for sentence in self.conduct]
        lines.append(f"{'everything is right' if self.ok else 'not yet right'}: {100 * self.fraction:.0f} %")
        return lines


def _tuple(values: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, values)) + ("," if len(values) == 1 else "") + ")"
