"""Short versions of the long runs in this folder, and that they would notice."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import corpus
import faults
import fuzz
import kill
import kill_upscale
import pytest
import soak
from PIL import Image

from minidrcn import DRCN
from minidrcn.model import checkpoint


@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged metadata
def test_damaged_files_are_read_or_refused(tmp_path):
    count, wrong, _ = fuzz.fuzz(900, 1, tmp_path)
    assert wrong == []
    assert {outcome for _, outcome in count} == {"read", "refused"}


@pytest.mark.filterwarnings("ignore")
def test_fuzzing_notices_a_reader_that_raises_something_else(tmp_path, monkeypatch):
    def read(path):
        raise KeyError("a bug")

    monkeypatch.setattr(fuzz, "read_image", lambda path, limit: read(path))
    _, wrong, _ = fuzz.fuzz(40, 1, tmp_path)
    assert wrong
    assert "KeyError: 'a bug'" in wrong[0]


def test_fuzzing_notices_a_checkpoint_with_other_numbers(tmp_path, monkeypatch):
    sound = fuzz.sound_files()["last.npz"]
    load = fuzz.checkpoint.load_checkpoint
    changed = [False]

    def other(path):
        found = load(path)
        if not changed[0]:
            changed[0] = True
            found.model.params["embed1.b"][...] += 1
        return found

    monkeypatch.setattr(fuzz.checkpoint, "load_checkpoint", other)
    (tmp_path / "last.npz").write_bytes(sound)
    with pytest.raises(AssertionError, match=r"embed1.b has other numbers"):
        fuzz.reader("last.npz", sound)(tmp_path / "last.npz")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
@pytest.mark.parametrize(("optimiser", "workers"), [("adam", 2), ("sgd", 1)])
def test_killed_and_resumed_is_the_same_bits(tmp_path, optimiser, workers):
    expected, seconds = kill.left_alone(tmp_path / "alone", optimiser, 40)
    done, runs, rng = 0, 0, kill.random.Random(3)
    while not done:  # a run can end before it is killed
        runs += 1
        done, _ = kill.disturbed(tmp_path / f"run{runs}", optimiser, workers, 40, 2, seconds / 2, rng)
    found = kill.arrays(tmp_path / f"run{runs}")
    assert list(found) == list(expected)
    assert all(kill.np.array_equal(found[name], expected[name]) for name in found)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_killed_and_continued_every_photograph_is_whole(tmp_path):
    command, expected, _ = kill_upscale.prepare(tmp_path, 24, 0)
    out = tmp_path / "killed"
    process = subprocess.Popen([*command, str(out)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = [process.stdout.readline() for _ in range(5)]
    process.kill()
    lines += process.communicate()[0].splitlines()
    _, said = kill_upscale.disturbed(command, out, 0, 0, kill.random.Random(0))
    assert len(said) < len(expected) == 24
    said += kill_upscale.targets(lines)
    assert kill_upscale.problems(kill_upscale.results(out), expected, said) == []


def test_a_photograph_that_is_missing_damaged_or_done_twice_is_noticed():
    wrong = kill_upscale.problems({"a": b"1", "c": b"2"}, {"a": b"2", "b": b"2"}, ["a", "b", "a"])
    assert sorted(wrong) == ["missing: b", "other bytes: a", "too many: c", "written twice: a"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot raise SIGTERM in a thread")
def test_memory_is_watched(photo, capsys):
    options = [
        "--workers",
        "1",
        "--filters",
        "4",
        "--recursions",
        "2",
        "--data",
        str(photo),
        "--validation",
        str(photo),
    ]
    options += ["--patch", "16", "--batch", "2"]
    soak.main(["train", "--minutes", "0.03", "--every", "0.05", *options])
    assert "exit status 143" in capsys.readouterr().out
    soak.main(["upscale", "--images", "6", "--every", "0.02", "--workers", "1"])
    assert "6 images enlarged, exit status 0" in capsys.readouterr().out


def test_growth_is_the_slope_after_the_warm_up():
    seen = [(float(t), 50.0 if t < 10 else 100.0 + 0.5 * t) for t in range(100)]
    start, most, added = soak.growth(seen)
    assert (start, most) == (105.0, 149.5)
    assert added == pytest.approx(0.5 * 89)


def test_images_in_every_mode_are_enlarged_or_refused_in_a_line(tmp_path):
    (tmp_path / "made").mkdir()
    made = corpus.make_images(tmp_path / "made", sizes=[(9, 6)])
    chosen = [path for path in made if "-F-" in path.name or path.suffix == ".tif"][::4]
    checkpoint.save(tmp_path / "m.npz", DRCN(2, 1, scale=2))
    found = dict(corpus.outcomes(chosen, str(tmp_path / "m.npz")))
    assert {outcome.word for outcome in found.values()} == {"done", "refused in a line"}, found
    assert all("-F-" in path.name for path, outcome in found.items() if outcome.word != "done"), found


def test_a_corpus_notices_what_goes_wrong(tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    Image.new("L", (9, 6), 100).save(source)
    for status, said, word in (
        (1, "", "more lines"),
        (1, "error: one", "refused in a line"),
        (1, "one\ntwo", "more lines"),
        (1, "Traceback\nKeyError: 1", "traceback"),
    ):
        assert corpus.judge(source, target, status, said, 4.0).word == word
    for size, value, said, word in (
        ((18, 12), 100, "", "done"),
        ((18, 12), 100, f"{source}: a note", "done"),
        ((18, 12), 100, "a note", "more lines"),
        ((18, 13), 100, "", "wrong size"),
        ((18, 12), 110, "", "done, differs by more than 4 levels"),
    ):
        Image.new("L", size, value).save(target)
        assert corpus.judge(source, target, 0, said, 4.0).word == word


@pytest.mark.slow
def test_a_corpus_goes_on_after_a_crash_and_a_hang(tmp_path, monkeypatch):
    for name in ("crash", "hang", "sound"):
        Image.new("L", (9, 6)).save(tmp_path / f"{name}.png")
    checkpoint.save(tmp_path / "m.npz", DRCN(2, 1, scale=2))
    monkeypatch.setattr(corpus, "_work", unreliable)
    paths = corpus.images_below(tmp_path)
    found = [outcome.word for _, outcome in corpus.outcomes(paths, str(tmp_path / "m.npz"), seconds=5.0)]
    assert found == ["crash", "hang", "done"]


def unreliable(connection, model):
    """Stands in for `corpus._work` in its process."""
    connection.send("ready")
    while names := connection.recv():
        if "crash" in names[0]:
            sys.exit(3)
        if "hang" not in names[0]:
            Image.new("L", (18, 12)).save(names[1])
            connection.send((0, ""))


@pytest.mark.parametrize(("name", "every"), [("fetch", 1), ("upscale", 3)])
def test_a_single_fault_of_the_file_system_is_one_line_and_does_no_harm(name, every):
    calls, statuses, problems = faults.faults_of(faults.TRIALS[name], every)
    assert problems == []
    assert {call.split()[0] for call in calls} == {"mkdir", "open", "write", "close", "fsync", "replace"}
    assert set(statuses) == {0, 1} if name == "upscale" else {1}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "grade"])
def test_a_single_fault_does_no_harm_to_training_and_grading(name):
    assert faults.faults_of(faults.TRIALS[name], 7)[2] == []


def test_faults_notice_what_is_lost(monkeypatch):
    def in_place(path, overwrite=True):
        return contextlib.nullcontext(path)

    monkeypatch.setattr(faults.named_sets, "atomic_write", in_place)
    problems = faults.faults_of(faults.Fetching)[2]
    assert problems
    assert all("is not whole" in problem for problem in problems)
