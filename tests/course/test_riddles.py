from __future__ import annotations

import pytest

from minidrcn import course
from minidrcn.course.checks.bugs import BUGS
from minidrcn.course.checks.riddles import SUBJECTS, riddle_bugs, symptoms


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject[0].function_name)
def test_every_report_has_one_answer(subject):
    """What tells two mistakes apart must be more than digits: another line that is wrong, or another face of it."""
    check, _, names = subject
    seen = {tuple((row.what, row.ok, row.hint) for row in symptoms(name).rows) for name in names}
    assert len(seen) == len(names)
    assert all(bug.target == check.target for bug in BUGS if bug.name in names)


def test_a_report_does_not_give_the_answer_away():
    mistakes = {bug.mistake for bug in BUGS}
    for _, _, names in SUBJECTS:
        for name in names:
            assert not {row.hint for row in symptoms(name).rows} & mistakes


def test_sets_of_riddles_differ_and_repeat():
    sets = [tuple(bug.name for bug in riddle_bugs(number)) for number in range(20)]
    assert len(set(sets)) > 15
    assert tuple(bug.name for bug in riddle_bugs(3)) == sets[3]


@pytest.mark.parametrize("riddles", [0, 7])
def test_right_answers_get_full_marks_and_wrong_ones_a_word(riddles, capsys):
    names = [bug.name for bug in riddle_bugs(riddles)]
    assert course.check_find_the_bug(lambda k: names[k - 1], riddles=riddles).fraction == 1
    other = next(name for name in SUBJECTS[0][2] if name != names[0])
    result = course.check_find_the_bug(lambda k: other if k == 1 else names[k - 1], riddles=riddles)
    assert result.fraction == pytest.approx(1 - 1 / len(SUBJECTS))
    assert "another mistake has made this report" in capsys.readouterr().out


def test_riddles_are_shown_with_their_choices(capsys):
    course.show_riddles(2)
    out = capsys.readouterr().out
    for k, (check, _, names) in enumerate(SUBJECTS, start=1):
        assert f"RIDDLE {k}: {check.function_name}(" in out
        assert all(f"    {name}: " in out for name in names)
    assert all(len(line) < 160 for line in out.splitlines())
