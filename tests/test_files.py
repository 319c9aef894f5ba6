from __future__ import annotations

import pytest

from minidrcn.files import write_text, written_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "first\n")

    def fail_halfway():
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "first\n"
    write_text(path, "second\n")
    assert path.read_bytes() == b"second\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_name_to_write_to_keeps_folder_and_ending(tmp_path):
    with written_whole(tmp_path / "b.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.touch()
    assert (tmp_path / "b.png").exists()


def test_a_missing_folder_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="absent"):
        write_text(tmp_path / "absent" / "a.txt", "x")
