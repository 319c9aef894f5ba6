from __future__ import annotations

import inspect

import contract
import pytest
from checks import CHECKS, right

from minidrcn.course.checks.bugs import BUGS, Bug, plant

SEEDS = range(3)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_planted_bug_is_rejected_by_its_check(bug):
    for seed in SEEDS:
        result = CHECKS[bug.target](plant(bug), seed, show=False)
        assert not result.ok
        assert result.fraction < 1


@pytest.mark.parametrize("target", CHECKS)
def test_the_right_function_gets_full_marks(target):
    for seed in SEEDS:
        result = CHECKS[target](right(target), seed, show=False)
        assert result.ok, f"\n{result}"
        assert result.fraction == 1


@pytest.mark.slow
@pytest.mark.parametrize("target", CHECKS)
def test_no_flake_on_200_seeds(target):
    bugs = [plant(bug) for bug in BUGS if bug.target == target]
    for seed in range(200):
        result = CHECKS[target](right(target), seed, show=False)
        assert result.ok, f"\n{result}"
        assert not [bug for bug in bugs if CHECKS[target](bug, seed, show=False).ok]


@pytest.mark.parametrize("bug", [b for b in BUGS if b.function_name in contract.CHECKS], ids=lambda bug: bug.name)
def test_the_checks_of_the_package_s_own_tests_reject_it_as_well(bug):
    with pytest.raises(AssertionError):
        contract.CHECKS[bug.function_name](plant(bug))


@pytest.mark.parametrize("name", contract.CHECKS)
def test_the_right_functions_pass_the_same_checks(name):
    contract.CHECKS[name](contract.RIGHT[name])


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own():
    assert len(BUGS) >= 30
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert all(bug.mistake and "\n" not in bug.mistake for bug in BUGS)
    assert {bug.target for bug in BUGS} == set(CHECKS)


def test_a_planted_bug_shows_its_own_source_and_leaves_the_package_alone():
    bug = BUGS[0]
    wrong = plant(bug)
    assert bug.wrong in inspect.getsource(wrong)
    assert bug.right in inspect.getsource(right(bug.target))


def test_a_bug_whose_line_is_gone_is_noticed():
    with pytest.raises(ValueError, match="stands 0 times"):
        plant(Bug("gone", "ops.conv:im2col", "no such line", "", "nothing"))
