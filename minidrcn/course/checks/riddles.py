"""Find the bug: a broken backward pass, seen through the checker's report alone.

The report has a line for every size, among them the telling ones: a single image, a kernel of one pixel, one recursion.
Where the error matches a known mistake (half of what it should be, mirrored), it says so. For every function the
mistakes to choose from differ in which lines are wrong and in these hints, so each report has one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from . import guard
from .bugs import BUGS, Bug, plant
from .cases import Check, ComparingCheck, Sizes, generator
from .convolution import check_conv_backward
from .judge import Case, judge
from .pointwise import check_loss
from .recursion import check_network_backward, check_recursion_backward, check_supervision_backward
from .report import Result, Row

# What each riddle of a set is about, in order: the check and its sizes.
SUBJECTS: tuple[tuple[ComparingCheck, tuple[Sizes, ...]], ...] = (
    (check_conv_backward, tuple({"N": N, "H": 4, "W": 5, "C": 3, "F": 2, "K": K} for N, K in ((2, 3), (1, 3), (2, 1)))),
    (check_recursion_backward, tuple({"N": 5, "H": 4, "W": 3, "F": 2, "K": 3, "D": D} for D in (1, 2, 3))),
    (check_supervision_backward, tuple({"N": 2, "H": 4, "W": 3, "F": 2, "K": 3, "D": D} for D in (1, 3))),
    (check_loss, tuple({"D": 3, "N": 2, "H": 3, "W": 4, "alpha": alpha} for alpha in (0.0, 0.3, 1.0))),
    (check_network_backward, ({"N": 2, "H": 4, "W": 3, "F": 2, "D": 3},)),
)


class Riddle(NamedTuple):
    """A broken function, and the mistakes to choose from; one of them is behind it."""

    check: ComparingCheck
    sizes: tuple[Sizes, ...]
    choices: list[Bug]
    bug: Bug


def riddles_of(number: int = 0) -> list[Riddle]:
    """A set of riddles, in order: for each subject one of its mistakes."""
    rng, found = generator("riddles", number), []
    for check, sizes in SUBJECTS:
        choices = [bug for bug in BUGS if bug.target == check.target and bug.riddle]
        found.append(Riddle(check, sizes, choices, choices[int(rng.integers(len(choices)))]))
    return found


def show_riddles(riddles: int = 0) -> None:
    """Print the reports of a set of riddles, each with the mistakes to choose from."""
    for k, (check, sizes, choices, bug) in enumerate(riddles_of(riddles), start=1):
        print(f"RIDDLE {k}: {check.function_name}({', '.join(check.arguments)})")
        print(*str(symptoms(check, sizes, bug)).splitlines()[1:-1], sep="\n")
        print("Which one is it?", *sorted(f"    {bug.name}: {bug.mistake}" for bug in choices), "", sep="\n")


def symptoms(check: ComparingCheck, sizes: tuple[Sizes, ...], bug: Bug) -> Result:
    """The report on a function with a bug, a line for each result and size."""
    varying = [size for size in sizes[0] if len({one[size] for one in sizes}) > 1]
    labels = [", ".join(f"{size} = {one[size]}" for size in varying) for one in sizes]
    # Their parts would tell too much.
    cases = [replace(c, label=label, parts={}) for c, label in zip(check.cases_of(0, sizes), labels, strict=True)]
    outcomes = [guard.call_again(guard.call(plant(bug), c.arguments), plant(bug), c.arguments) for c in cases]
    return judge(check, outcomes, cases, 0, known_mistakes=False)


@dataclass(frozen=True, eq=False, repr=False)
class RiddleCheck(Check):
    """A check of answers to a set of riddles, the one that was handed out; the seed has no effect."""

    riddles: int = 0
    function_name = "diagnose"
    twice, seeds = False, 1

    def __call__(self, fn: Any, seed: int = 0, show: bool = True, riddles: int | None = None) -> Result:
        """`check(fn, show=True, riddles=0)` scores the answers to that set of riddles, and prints the result."""
        check = self if riddles is None else replace(self, riddles=riddles)
        return Check.__call__(check, fn, seed, show)

    def cases(self, seed: int) -> list[Case]:
        """A call for each riddle."""
        return [Case((k,)) for k in range(1, len(SUBJECTS) + 1)]

    def grade(self, outcomes: Sequence[guard.Outcome], seed: int) -> Result:
        """A row for each riddle."""
        rows = []
        for k, (outcome, riddle) in enumerate(zip(outcomes, riddles_of(self.riddles), strict=True), start=1):
            answer, problem = str(outcome.value), outcome.problem
            if not problem and answer not in [choice.name for choice in riddle.choices]:
                problem = f"{answer[:60]!r} is no name from its list"
            elif not problem and answer != riddle.bug.name:
                problem = "another mistake has made this report"
            rows.append(Row(f"riddle {k} ({riddle.check.function_name})", not problem, problem=problem))
        return Result(f"find the bug, set {self.riddles}", rows)


check_find_the_bug = RiddleCheck(
    "Check `fn(riddle) -> name`: which planted bug is behind riddle 1, 2, ... of that set; the seed has no effect."
)
