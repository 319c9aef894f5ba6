from __future__ import annotations

import errno
import os
import subprocess
import sys
import time

import pytest

from minidrcn.errors import UsageError
from minidrcn.files import atomic_write, is_unfinished, locked, sweep, write_text


def test_a_file_is_atomic_write_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "first\n")

    def fail_halfway():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "first\n"
    write_text(path, "second\n")
    assert path.read_bytes() == b"second\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_name_to_write_to_keeps_folder_and_ending(tmp_path):
    with atomic_write(tmp_path / "b.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.touch()
    assert (tmp_path / "b.png").exists()


def test_a_missing_folder_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="absent"):
        write_text(tmp_path / "absent" / "a.txt", "x")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), None])
def test_an_error_names_the_file_that_was_wanted(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError) as raised, atomic_write(path) as temporary:  # noqa: PT011, PT012
        if error:
            raise error
        open(temporary / "deeper", "w")
    assert raised.value.filename == (str(path) if error else str(temporary / "deeper"))
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError) as raised:
        write_text(tmp_path / "gone" / "a.txt", "text")
    assert raised.value.filename == str(tmp_path / "gone" / "a.txt")


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_meanwhile_is_not_overwritten(tmp_path, monkeypatch, links):
    def refused(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "a.txt"
    with pytest.raises(FileExistsError) as raised, atomic_write(path, overwrite=False) as temporary:  # noqa: PT012
        temporary.write_text("mine")
        path.write_text("theirs")
    assert raised.value.filename == str(path)
    assert path.read_text() == "theirs"
    path.unlink()
    with atomic_write(path, overwrite=False) as temporary:
        temporary.write_text("mine")
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_cannot_be_given_is_not_kept_by_an_empty_file(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OSError, match="Input/output"), atomic_write(tmp_path / "a.txt", overwrite=False) as temporary:
        temporary.write_text("mine")
    assert not list(tmp_path.iterdir())


def test_what_was_to_become_a_file_is_known_by_its_name(tmp_path):
    with atomic_write(tmp_path / "a.png") as a, atomic_write(tmp_path / "b.png") as b:
        for path in (a, b, tmp_path / "a.png", tmp_path / ".hidden.png"):
            path.touch()
        assert is_unfinished(a)
        sweep(tmp_path, [tmp_path / "a.png", tmp_path / "c.png"])
        assert sorted(tmp_path.iterdir()) == sorted([b, tmp_path / "a.png", tmp_path / ".hidden.png"])
        a.touch()
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == [tmp_path / ".hidden.png", tmp_path / "a.png"]
        a.touch()
        b.touch()


def test_on_windows_a_file_in_use_is_waited_for(tmp_path, monkeypatch):
    replace, refused = os.replace, []

    def in_use(source, target):
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError(errno.EACCES, "Access is denied", str(source))
        replace(source, target)

    monkeypatch.setattr(os, "replace", in_use)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(sys, "platform", "win32")
    write_text(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").read_text() == "text"
    assert len(refused) == 2
    refused.clear()
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(PermissionError) as raised:
        write_text(tmp_path / "a.txt", "other")
    assert raised.value.filename == str(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "text"


def test_one_process_at_a_time(tmp_path):
    """The lock goes with the process that has it, however that ends."""
    code = "from pathlib import Path; from minidrcn.files import locked\n"
    code += f"with locked(Path({str(tmp_path)!r})): print(flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    with pytest.raises(UsageError, match="another process writes to this folder"), locked(tmp_path):
        pass
    other.kill()
    other.communicate()
    for _ in range(2):
        with locked(tmp_path):
            pass


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    module, name = ("msvcrt", "locking") if sys.platform == "win32" else ("fcntl", "flock")
    monkeypatch.setattr(f"{module}.{name}", refused)
    with locked(tmp_path):
        pass
