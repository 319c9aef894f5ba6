from __future__ import annotations

import os
from pathlib import Path

import pytest

from minidrcn.errors import InputError, UsageError
from minidrcn.imaging.batch import find_images, plan, target_of


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to stand in, with empty files: planning looks at names only."""
    for name in (
        "a.jpg",
        "b.PNG",
        "trip/1.jpg",
        "trip/2.psd",
        "trip/day/1.jpg",
        "trip/day/.hidden/3.jpg",
        "notes/n.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(inputs, out=None, label="x2", **options):
    """Which file becomes which; what was reported; nothing is written."""
    before, problems = sorted(Path().rglob("*")), []
    jobs = plan([Path(name) for name in inputs], out, label, problems.append, **options)
    assert sorted(Path().rglob("*")) == before
    return {job.source.as_posix(): job.target.as_posix() for job in jobs}, list(map(str, problems))


@pytest.mark.parametrize(
    ("inputs", "out", "options", "expected"),
    [
        (["a.jpg"], None, {}, {"a.jpg": "a_x2.jpg"}),
        (["trip/1.jpg"], None, {"ending": ".webp"}, {"trip/1.jpg": "trip/1_x2.webp"}),
        (["trip/2.psd"], None, {}, {"trip/2.psd": "trip/2.psd_x2.png"}),
        (["a.jpg"], "large.png", {}, {"a.jpg": "large.png"}),
        (["a.jpg"], "notes", {}, {"a.jpg": "notes/a.jpg"}),
        (["a.jpg"], "new/", {}, {"a.jpg": "new/a.jpg"}),
        (["a.jpg", "b.PNG"], "new", {}, {"a.jpg": "new/a.jpg", "b.PNG": "new/b.PNG"}),
        (["a.jpg", "b.PNG"], "new", {"ending": ".avif"}, {"a.jpg": "new/a.avif", "b.PNG": "new/b.avif"}),
        (["a.jpg", "b.PNG"], None, {}, {"a.jpg": "a_x2.jpg", "b.PNG": "b_x2.PNG"}),
        (["trip"], "new", {}, {"trip/1.jpg": "new/1.jpg", "trip/2.psd": "new/2.psd.png"}),
        (["trip"], None, {}, {"trip/1.jpg": "trip_x2/1.jpg", "trip/2.psd": "trip_x2/2.psd.png"}),
        (
            ["trip"],
            "new",
            {"recursive": True},
            {"trip/1.jpg": "new/1.jpg", "trip/2.psd": "new/2.psd.png", "trip/day/1.jpg": "new/day/1.jpg"},
        ),
        (
            ["trip"],
            "trip/day",
            {"recursive": True},
            {"trip/1.jpg": "trip/day/1.jpg", "trip/2.psd": "trip/day/2.psd.png"},
        ),
    ],
)
def test_which_file_becomes_which(here, inputs, out, options, expected):
    assert planned(inputs, out, **options) == (expected, [])


def test_results_inside_the_folder_are_no_photographs_to_enlarge(here):
    before = planned(["trip"], "trip/new", recursive=True)
    (here / "trip" / "new").mkdir()
    (here / "trip" / "new" / "1.jpg").touch()
    assert planned(["trip"], "trip/new", recursive=True) == before


def test_a_comparison_stands_beside_its_result(here):
    jobs = plan([Path("a.jpg")], "large.png", "x2", print, compare=True)
    assert jobs[0].outputs == [Path("large.png"), Path("large.png.compare.png")]


@pytest.mark.parametrize("name", [".", "..", "day", "../trip", "day/.."])
def test_the_name_of_a_folder_is_found_out(here, monkeypatch, name):
    monkeypatch.chdir(here / "trip")
    target = target_of(Path(name, "x.png"), Path(name), None, "x2")
    folder = Path(name).resolve()
    assert target.resolve() == folder.parent / f"{folder.name}_x2" / "x.png"


@pytest.mark.parametrize(
    ("inputs", "out", "options", "error", "message"),
    [
        (["trip", "trip/1.jpg"], "new", {}, UsageError, "two images would become new.1.jpg; rename one"),
        (["trip", "trip/day"], "new", {}, UsageError, "two images would become"),
        (["a.jpg", "a.jpg"], None, {}, UsageError, "two images would become a_x2.jpg"),
        (["trip"], "trip", {}, UsageError, "trip.1.jpg: would be replaced by an enlargement"),
        (["a.jpg", "trip"], ".", {}, UsageError, "a.jpg: would be replaced by an enlargement"),
        (["a.jpg"], "./a.jpg", {}, UsageError, "a.jpg: would be replaced by an enlargement"),
        (["a.jpg", "b.PNG"], "c.jpg", {}, UsageError, "c.jpg: a file; for several images"),
        (["trip"], "a.jpg", {}, UsageError, "a.jpg: a file; for several images, or a folder of them, name a folder"),
        (["a.jpg"], "c", {}, UsageError, "c: the ending '' names no format to write"),
        (["a.jpg"], "c.gif", {}, UsageError, "c.gif: the ending '.gif' names no format to write"),
        (["a.jpg"], "c.png", {"ending": ".jpg"}, UsageError, "c.png: does not end in .jpg, which --format asks for"),
        (["a.jpg"], "absent/c.png", {}, InputError, "cannot be written, there is no folder absent"),
    ],
)
def test_what_makes_no_sense_is_one_line(here, inputs, out, options, error, message):
    with pytest.raises(error, match=message):
        planned(inputs, out, **options)


@pytest.fixture
def links(here):
    """The same with a link to a photograph, a second name of it, and a link to a folder."""
    try:
        (here / "link.jpg").symlink_to("a.jpg")
        (here / "to_trip").symlink_to("trip/day", target_is_directory=True)
        (here / "hard.jpg").hardlink_to("a.jpg")
    except OSError:
        pytest.skip("no links here")
    return here


@pytest.mark.parametrize(("source", "out"), [("link.jpg", "a.jpg"), ("hard.jpg", "a.jpg"), ("a.jpg", "hard.jpg")])
def test_an_input_of_another_name_is_not_replaced_either(links, source, out):
    with pytest.raises(UsageError, match="would be replaced by an enlargement"):
        planned([source], out)


def test_the_results_of_a_linked_folder_are_beside_the_link(links):
    assert planned(["to_trip"])[0] == {"to_trip/1.jpg": "to_trip_x2/1.jpg"}
    (links / "b").symlink_to(".", target_is_directory=True)
    assert target_of(Path("b/trip/..", "a.jpg"), Path("b/trip/.."), None, "x2") == links / "b_x2" / "a.jpg"


def test_nothing_is_beside_the_root_of_a_disk():
    root = Path(Path.cwd().anchor)
    with pytest.raises(UsageError, match="name an output folder with --out"):
        target_of(root / "a.jpg", root, None, "x2")


def test_two_names_that_some_disks_take_for_one(here):
    (here / "trip" / "day" / "A.jpg").touch()
    with pytest.raises(UsageError, match=r"two images would become new.a\.jpg"):
        planned(["a.jpg", "trip/day/A.jpg"], "new")


def test_an_input_that_is_not_there_is_reported_and_the_others_are_planned(here):
    jobs, problems = planned(["absent.jpg", "notes", "a.jpg"], "new")
    assert jobs == {"a.jpg": "new/a.jpg"}
    assert problems[0] == "absent.jpg: no such file or folder"
    assert problems[1].startswith("notes: no images in this folder")
    assert planned(["notes"], recursive=True)[1] == ["notes: no images in this folder or below"]


def test_a_subfolder_that_cannot_be_read_is_reported(here, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("day"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    problems = []
    assert [path.name for path in find_images(Path("trip"), problems.append, recursive=True)] == ["1.jpg", "2.psd"]
    assert [problem.strerror for problem in problems] == ["Permission denied"]
