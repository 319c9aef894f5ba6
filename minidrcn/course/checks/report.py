"""What a check found, as a value that prints itself as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ... import grad_check


@dataclass(frozen=True)
class Row(grad_check.Row):
    """The verdict on one result of the function, and its share of the score."""

    weight: float = 1.0  # its share of the score
    wrong: int = 0  # how many entries of the array with the largest error are wrong
    hint: str = ""  # what the mistake looks like
    note: str = ""  # what is worth saying of something right


@dataclass(frozen=True)
class Result:
    """A row for each thing that counts. `print(result)` shows a table."""

    title: str  # what was checked, and with which seed
    rows: list[Row]
    conduct: list[str] = field(default_factory=list)  # what is wrong although the numbers may be right, as sentences

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(row.ok for row in self.rows) and not self.conduct

    @property
    def fraction(self) -> float:
        """The score in [0, 1]: the weighted share of the rows that are right, less a fifth if there is `conduct`."""
        right = sum(row.weight for row in self.rows if row.ok) / sum(row.weight for row in self.rows)
        return right * (0.8 if self.conduct else 1.0)

    def __str__(self) -> str:
        width = max(len(row.name) for row in self.rows)
        shapes = max(len(str(row.shape)) for row in self.rows)
        places = max(5, *(len(str(row.index or ())) for row in self.rows))

        def line(name, shape, error, wrong, worst="", yours="", right="", ratio="", verdict="") -> str:
            start = f"{name:{width}}  {shape:{shapes}}  {error:>7}  {wrong:>13}  {worst:{places}}"
            return f"{start}  {yours:>10}  {right:>10}  {ratio:>7}  {verdict}".rstrip()

        lines = [self.title]
        if not all(math.isnan(row.error) for row in self.rows):
            lines.append(line("", "shape", "error", "wrong entries", "worst", "yours", "right", "ratio"))
        for k, row in enumerate(self.rows):
            if row.problem:
                # A problem that several rows share is printed only once.
                said = "the same" if row.problem in [other.problem for other in self.rows[:k]] else row.problem
                lines.append(f"{row.name:{width}}  WRONG: {said}")
            elif math.isnan(row.error):  # there are no numbers to show
                lines.append(f"{row.name:{width}}  ok  {row.note}".rstrip())
            else:
                wrong = ("none",) if row.ok else (
                    f"{row.wrong} of {math.prod(row.shape)}", str(row.index), f"{row.yours:.3e}", f"{row.right:.3e}",
                    f"{row.ratio:.4g}")  # fmt: skip
                start = (row.name, str(row.shape), f"{row.error:.1e}")
                lines.append(line(*start, *wrong, verdict="ok" if row.ok else "WRONG"))
                lines += [f"{'':{width}}  hint: {row.hint}"] if row.hint else []
        lines += [f"WRONG: {sentence}" for sentence in self.conduct]
        lines += [f"{'everything is right' if self.ok else 'not yet right'}: {100 * self.fraction:.0f} %"]
        return "\n".join(lines)
