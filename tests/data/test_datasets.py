from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from minidrcn.data.datasets import image_paths, images_in, unique_names
from minidrcn.errors import InputError, UsageError


def test_the_photographs_are_split_by_image():
    train, held_out = image_paths("photos"), image_paths("photos", held_out=True)
    assert {path.stem for path in held_out} == {"chelsea", "coins"}
    assert not set(train) & set(held_out)
    assert len(train) == 7
    assert all(path.exists() for path in train + held_out)


def test_a_folder_is_its_images_in_order(photo):
    (photo / "notes.txt").touch()
    (photo / ".hidden.png").touch()
    (photo / "folder.png").mkdir()
    Image.new("L", (3, 2)).save(photo / "a.JPG", format="jpeg")
    assert [path.name for path in images_in(photo)] == ["a.JPG", "wave0.png", "wave1.png"]
    assert image_paths(str(photo)) == images_in(photo)


def test_documents_are_no_photographs(photo):
    (photo / "notes.pdf").touch()
    assert [path.name for path in images_in(photo)] == ["wave0.png", "wave1.png"]


def test_names_stay_unique():
    assert unique_names([Path("a.png"), Path("A.bmp"), Path("b.png")]) == ["a.png", "A.bmp", "b"]


def test_a_name_is_a_folder_inside_minidrcn_data(photo, monkeypatch):
    monkeypatch.setenv("MINIDRCN_DATA", str(photo.parent))
    assert [path.name for path in image_paths("Images")] == ["wave0.png", "wave1.png"]


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MINIDRCN_DATA", raising=False)
    with pytest.raises(UsageError, match=r"absent: no such folder; expected 'photos', set5, .* or a folder of images"):
        image_paths("absent")
    with pytest.raises(InputError, match="no images in this folder"):
        image_paths(str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="a file; expected a folder"):
        image_paths(str(tmp_path / "file"))
    monkeypatch.setenv("MINIDRCN_DATA", str(tmp_path))
    with pytest.raises(UsageError, match="nothing of that name in"):
        image_paths("absent")
