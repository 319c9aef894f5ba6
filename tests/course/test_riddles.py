from __future__ import annotations

import pytest

from minidrcn import course
from minidrcn.course.checks.bugs import BUGS
from minidrcn.course.checks.riddles import riddles_of, symptoms

SET = riddles_of()


@pytest.mark.parametrize("riddle", SET, ids=lambda riddle: riddle.check.function_name)
def test_every_report_has_one_answer(riddle):
    """What tells two mistakes apart must be more than digits: another line that is wrong, or another face of it."""
    seen = set()
    for bug in riddle.choices:
        rows = symptoms(riddle.check, riddle.sizes, bug).rows
        seen.add(tuple((row.name, row.ok, row.hint) for row in rows))
    assert len(seen) == len(riddle.choices) > 3
    assert riddle.bug in riddle.choices


def test_every_choice_belongs_to_one_riddle():
    assert [bug for riddle in SET for bug in riddle.choices] == [bug for bug in BUGS if bug.riddle]


def test_a_set_that_was_handed_out_stays_as_it_was():
    names = [riddle.bug.name for riddle in riddles_of(0)]
    assert names == [
        "conv_dx_batch_permuted",
        "recursion_walks_forward",
        "supervision_masks_too_early",
        "whole_loss_forgets_singles",
        "supervision_ends_at_reconstruction",
    ]


def test_a_report_does_not_give_the_answer_away():
    mistakes = {bug.mistake for bug in BUGS}
    for check, sizes, choices, _ in SET:
        for bug in choices:
            assert not {row.hint for row in symptoms(check, sizes, bug).rows} & mistakes


def test_sets_of_riddles_differ_and_repeat():
    sets = [tuple(riddle.bug.name for riddle in riddles_of(number)) for number in range(20)]
    assert len(set(sets)) > 15
    assert tuple(riddle.bug.name for riddle in riddles_of(3)) == sets[3]


@pytest.mark.parametrize("number", [0, 7])
def test_right_answers_get_full_marks_and_wrong_ones_a_word(number, capsys):
    riddles = riddles_of(number)
    names = [riddle.bug.name for riddle in riddles]
    assert course.check_find_the_bug(lambda k: names[k - 1], riddles=number).fraction == 1
    other = next(bug.name for bug in riddles[0].choices if bug.name != names[0])
    result = course.check_find_the_bug(lambda k: other if k == 1 else names[k - 1], riddles=number)
    assert result.fraction == pytest.approx(1 - 1 / len(riddles))
    assert "another mistake has made this report" in capsys.readouterr().out


def test_riddles_are_shown_with_their_choices(capsys):
    course.show_riddles(2)
    out = capsys.readouterr().out
    for k, riddle in enumerate(riddles_of(2), start=1):
        assert f"RIDDLE {k}: {riddle.check.function_name}(" in out
        assert all(f"    {bug.name}: " in out for bug in riddle.choices)
    assert all(len(line) < 160 for line in out.splitlines())
