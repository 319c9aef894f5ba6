from __future__ import annotations

import inspect

import contract
import pytest

from minidrcn.course.bugs import BUGS, Bug, plant


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_planted_bug_is_rejected(bug):
    with pytest.raises(AssertionError):
        contract.CHECKS[bug.function_name](plant(bug))


@pytest.mark.parametrize("name", contract.CHECKS)
def test_the_right_functions_pass_the_same_checks(name):
    contract.CHECKS[name](contract.RIGHT[name])


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own():
    assert len(BUGS) >= 15
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert all(bug.mistake and "\n" not in bug.mistake for bug in BUGS)


def test_a_planted_bug_shows_its_own_source_and_leaves_the_package_alone():
    bug = BUGS[0]
    wrong = plant(bug)
    assert bug.wrong in inspect.getsource(wrong)
    assert bug.right in inspect.getsource(contract.RIGHT[bug.function_name])


def test_a_bug_whose_line_is_gone_is_noticed():
    with pytest.raises(ValueError, match="stands 0 times"):
        plant(Bug("gone", "ops.conv:im2col", "no such line", "", "nothing"))
