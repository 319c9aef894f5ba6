"""Find the bug: a broken backward pass, seen through the checker's report alone.

The report has a line for every size, among them the telling ones: a single image, a kernel of one pixel, one recursion.
Where the wrong numbers have a known face (half of what they should be, mirrored), it says so. For every function the
mistakes to choose from differ in which lines are wrong and in these faces, so each report has one answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from . import guard
from .bugs import BUGS, Bug, plant
from .cases import Check, Sizes, generator, shown
from .convolution import CONV_BACKWARD
from .pointwise import LOSS
from .recursion import NETWORK_BACKWARD, RECURSION_BACKWARD, SUPERVISION_BACKWARD
from .report import Result, Row

# What each riddle of a set is about, in order: the check, its sizes, the mistakes to choose from.
SUBJECTS: tuple[tuple[Check, tuple[Sizes, ...], tuple[str, ...]], ...] = (
    (
        CONV_BACKWARD,
        (
            {"N": 2, "H": 4, "W": 5, "C": 3, "F": 2, "K": 3},
            {"N": 1, "H": 4, "W": 5, "C": 3, "F": 2, "K": 3},
            {"N": 2, "H": 4, "W": 5, "C": 3, "F": 2, "K": 1},
        ),
        (
            "conv_dx_with_mirrored_kernel",
            "conv_dx_batch_permuted",
            "conv_db_of_first_image",
            "conv_db_is_mean",
            "conv_dw_is_mean",
            "conv_dw_mirrored",
        ),
    ),
    (
        RECURSION_BACKWARD,
        tuple({"N": 5, "H": 4, "W": 3, "F": 2, "K": 3, "D": D} for D in (1, 2, 3)),
        (
            "recursion_keeps_last_use",
            "recursion_takes_mean",
            "recursion_walks_forward",
            "recursion_without_mask",
            "recursion_gradient_not_passed_on",
        ),
    ),
    (
        SUPERVISION_BACKWARD,
        tuple({"N": 2, "H": 4, "W": 3, "F": 2, "K": 3, "D": D} for D in (1, 3)),
        (
            "supervision_overwrites",
            "supervision_masks_too_early",
            "supervision_keeps_one_reconstruction",
            "supervision_pairs_wrong_predictions",
        ),
    ),
    (
        LOSS,
        tuple({"D": 3, "N": 2, "H": 3, "W": 4, "alpha": alpha} for alpha in (0.0, 0.3, 1.0)),
        (
            "whole_loss_forgets_ensemble",
            "whole_loss_forgets_companions",
            "whole_loss_alpha_exchanged",
            "whole_loss_normalised_ensemble",
        ),
    ),
    (
        NETWORK_BACKWARD,
        ({"N": 2, "H": 4, "W": 3, "F": 2, "D": 3},),
        (
            "recursion_gradient_overwritten",
            "reconstruction_gradient_overwritten",
            "supervision_ends_at_reconstruction",
            "dropped_skip",
            "ensemble_only_reaches_weights",
        ),
    ),
)


def riddle_bugs(riddles: int = 0) -> list[Bug]:
    """The bugs of a set of riddles, in order: for each subject one of its mistakes."""
    rng = generator("riddles", riddles)
    by_name = {bug.name: bug for bug in BUGS}
    return [by_name[names[int(rng.integers(len(names)))]] for _, _, names in SUBJECTS]


def show_riddles(riddles: int = 0) -> None:
    """Print the reports of a set of riddles, each with the mistakes to choose from."""
    by_name = {bug.name: bug for bug in BUGS}
    for k, ((check, _, names), bug) in enumerate(zip(SUBJECTS, riddle_bugs(riddles), strict=True), start=1):
        print(f"RIDDLE {k}: {check.function_name}{check.signature}")
        print(*symptoms(bug.name).lines()[1:-1], sep="\n")
        print("Which one is it?")
        print(*(f"    {name}: {by_name[name].mistake}" for name in sorted(names)), sep="\n")
        print()


@functools.lru_cache(maxsize=32)
def symptoms(name: str) -> Result:
    """The report on a function with a bug, a line for each result and size."""
    bug = next(bug for bug in BUGS if bug.name == name)
    check, sizes, _ = next(subject for subject in SUBJECTS if name in subject[2])
    varying = [size for size in sizes[0] if len({one[size] for one in sizes}) > 1]
    cases = []
    for case, one in zip(check.cases(0, sizes), sizes, strict=True):
        label = ", ".join(f"{size} = {one[size]}" for size in varying)
        cases.append(replace(case, label=label))
    return check.judge(plant(bug), 0, cases, known_mistakes=False)


@shown
def check_find_the_bug(fn: Callable, seed: int = 0, riddles: int = 0) -> Result:
    """Check `fn(riddle) -> name`: which planted bug is behind riddle 1, 2, ... of that set; the seed has no effect."""
    rows = []
    for k, ((check, _, names), bug) in enumerate(zip(SUBJECTS, riddle_bugs(riddles), strict=True), start=1):
        outcome = guard.call(fn, (k,))
        problem, answer = outcome.problem, outcome.value
        if not problem and not (isinstance(answer, str) and answer in names):
            problem = f"{str(answer)[:60]!r} is no name from its list"
        elif not problem and answer != bug.name:
            problem = "another mistake has made this report"
        rows.append(Row(f"riddle {k} ({check.function_name})", 1.0, not problem, problem=problem))
    return Result(f"find the bug, set {riddles}", rows)
