from __future__ import annotations

import pytest

from minidrcn.errors import InputError, UsageError
from minidrcn.training import run_folder
from minidrcn.training.run_folder import COLUMNS, LOG, append_row, new_folder, read_log, write_log


def row(step, **values):
    return dict.fromkeys(COLUMNS) | {"step": step, "seconds": step / 2} | values


def test_without_a_name_a_new_number_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(new_folder(None).name) for _ in range(2)] == ["001", "002"]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    assert new_folder(str(tmp_path / "a" / "b")).is_dir()
    assert new_folder(str(tmp_path / "a" / "b")).is_dir()
    (tmp_path / "a" / "b" / "file").touch()
    with pytest.raises(UsageError, match="not empty; go on with --resume, or name a new one"):
        new_folder(str(tmp_path / "a" / "b"))
    with pytest.raises(UsageError, match="a file of that name exists"):
        new_folder(str(tmp_path / "a" / "b" / "file"))


def test_what_a_process_leaves_that_was_killed_at_once_is_nothing(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".0123456789ab.json").touch()
    assert new_folder(str(tmp_path)) == tmp_path


def test_no_log_is_begun_in_the_middle(tmp_path):
    with pytest.raises(FileNotFoundError):
        append_row(tmp_path, row(10))
    assert not any(tmp_path.iterdir())


def test_the_log_there_and_back(tmp_path):
    folder = tmp_path
    assert read_log(folder) == []
    rows = [row(0, psnr=30.5, psnr_bicubic=30.25), row(10, loss=1.5, grad_norm=2.0, lr=0.001, alpha=1.0)]
    write_log(folder, rows[:1])
    append_row(folder, rows[1])
    assert read_log(folder) == rows
    assert (folder / LOG).read_text().splitlines()[0] == "step,loss,grad_norm,lr,alpha,seconds,psnr,psnr_bicubic"
    assert (folder / LOG).read_text().splitlines()[1].startswith("0,,,,,")


def test_a_last_line_that_is_not_whole_is_left_out(tmp_path):
    folder = tmp_path
    write_log(folder, [row(0), row(10)])
    (folder / LOG).write_text((folder / LOG).read_text() + "20,1.")
    assert [r["step"] for r in read_log(folder)] == [0, 10]


def test_what_is_no_log_is_named(tmp_path):
    folder = tmp_path
    for text in ("a,b\n1,2\n", "\x00\n\n", ",".join(COLUMNS) + "\nx,y\n", ",".join(COLUMNS) + "\n10,1,1,1,1,,,\n"):
        (folder / LOG).write_text(text)
        with pytest.raises(InputError, match="not the log of a training run"):
            run_folder.read_log(folder)
