"""Which check judges which function of the package, and the function itself: what the tests of the course share."""

from __future__ import annotations

from minidrcn import course
from minidrcn.course.checks import guard
from minidrcn.course.checks.bugs import target_function as right
from minidrcn.course.checks.cases import ComparingCheck
from minidrcn.course.checks.judge import judge

__all__ = ["CHECKS", "judge_by_numbers", "right"]

CHECKS = {check.target: check for check in vars(course).values() if isinstance(check, ComparingCheck)}


def judge_by_numbers(check, fn, seed=0):
    """The check's result without a look at the planted bugs, which takes most of its time where much is wrong."""
    cases = check.cases(seed)
    return judge(check, [guard.call(fn, case.arguments) for case in cases], cases, seed, known_mistakes=False)
