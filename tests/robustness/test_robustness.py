"""Short versions of the long runs in this folder, and that they would notice."""

from __future__ import annotations

import subprocess
import sys

import fuzz
import kill
import kill_upscale
import pytest
import soak


@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged metadata
def test_damaged_files_are_read_or_refused(tmp_path):
    count, wrong, slowest = fuzz.fuzz(900, 1, tmp_path)
    assert wrong == []
    assert slowest < fuzz.SECONDS
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
    done, _ = kill.disturbed(tmp_path / "run", optimiser, workers, 40, 2, seconds / 2, kill.random.Random(3))
    found = kill.arrays(tmp_path / "run")
    assert done >= 1
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
