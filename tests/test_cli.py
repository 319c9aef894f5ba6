"""What every command does with what goes wrong: one line, and a status."""

from __future__ import annotations

import argparse
import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from minidrcn import cli, upscale_image
from minidrcn.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("two\nlines"), 2, "two lines"),
        (InputError("bad file"), 1, "bad file"),
        (OSError(errno.ENOSPC, "No space left on device", "a.npz"), 1, "a.npz: No space left on device"),
        (OSError("odd"), 1, "file: odd"),
        (MemoryError(), 1, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ModuleNotFoundError("No module named 'skimage.color'", name="skimage.color"),
            1,
            "needs skimage.color, which is not installed: pip install minidrcn brings it",
        ),
    ],
)
def test_what_a_user_can_cause_is_one_line(error, status, line, capsys):
    @cli.command("verb")
    def main(argv=None):
        raise error

    assert main([]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"minidrcn.verb: error: {line}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ModuleNotFoundError("No module named 'minidrcn.x'", name="minidrcn.x")]
)
def test_a_bug_shows_itself(error):
    @cli.command("verb")
    def main(argv=None):
        raise error

    with pytest.raises(type(error)):
        main([])


def test_whole_numbers_in_a_range():
    convert = cli.whole_number(2, 5)
    assert convert("3") == 3
    for text in ("1", "6", "x", "2.5", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="a whole number of at least 2 and at most 5"):
            convert(text)


def test_commands_keep_freed_memory_and_the_library_leaves_the_process_alone(monkeypatch):
    cli.keep_freed_memory()  # whatever the system
    calls = []
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: calls.append("asked"))
    upscale_image(np.zeros((8, 9), dtype=np.uint8), 2)
    assert not calls
    assert cli.command("verb")(lambda argv: 0)([]) == 0
    assert calls == ["asked"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX closes the streams of a command")
@pytest.mark.parametrize("closed", ["1", "2", "1 2", "0 1 2"])
def test_closed_streams_change_nothing(tmp_path, closed):
    Image.new("L", (6, 5)).save(tmp_path / "a.png")
    close = f"import os; [os.close(fd) for fd in ({closed.replace(' ', ',')},)]; "
    run = "import sys; os.execv(sys.executable, [sys.executable, '-m', 'minidrcn.upscale', *sys.argv[1:]])"
    command = [sys.executable, "-c", close + run, str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert ("6 x 5 -> 12 x 10" in result.stdout) == ("1" not in closed)
    with Image.open(tmp_path / "b.png") as large:
        assert large.size == (12, 10)


def test_a_backend_that_matplotlib_does_not_know_is_no_matter(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "junk")
    assert cli.command("test")(lambda argv: int("MPLBACKEND" in os.environ))([]) == 0


def test_a_pipe_gets_no_progress_bar_and_no_thread_for_one(capsys):
    items = [1, 2]
    assert cli.progress(items, unit="item") is items
    assert capsys.readouterr().err == ""
