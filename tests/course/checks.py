"""Which check judges which function of the package, and the function itself: what the tests of the course share."""

from __future__ import annotations

from minidrcn import course
from minidrcn.course.checks.bugs import target_function as right
from minidrcn.course.checks.cases import ComparingCheck

__all__ = ["CHECKS", "right"]

CHECKS = {check.target: check for check in vars(course).values() if isinstance(check, ComparingCheck)}
