"""The parts of the live site: what a learner sees there, and the wheels that an import brings."""

from __future__ import annotations

import json
import sys
import zipfile

import lite
import pytest
from PIL import Image

from minidrcn.errors import InputError

LOCK = {
    "a": {"depends": ["B_b"]},
    "b-b": {"depends": ["c", "a"]},
    "c": {"depends": []},
    "d": {"depends": ["c"]},
}


def wheel(folder, name, requires):
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA", "Name: x\n" + "".join(f"Requires-Dist: {r}\n" for r in requires)
        )
    return path


def test_a_learner_finds_lessons_what_they_read_and_exercises_without_solutions(tmp_path):
    lite.contents(tmp_path / "new")
    here = {path.relative_to(tmp_path / "new").as_posix() for path in (tmp_path / "new").rglob("*.*")}
    lessons = {path.name for path in lite.FOLDER.glob("[0-9][0-9]_*.ipynb")}
    assert lessons | {"images/network.svg", "exercises/ex04_convolution_backward.ipynb"} <= here
    for path in (tmp_path / "new").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert json.loads(text)["metadata"]["kernelspec"]["name"] == "python", "what the site calls its kernel"
        assert "BEGIN SOLUTION" not in text


def test_a_wheel_is_described_with_what_it_imports_and_needs_in_a_browser(tmp_path):
    needs = ["numpy>=2", "Foo_Bar", "requests>=2", 'x; sys_platform == "win32"', 'y; extra == "gpu"']
    entry = lite.entry(wheel(tmp_path, "mine", [*needs, 'z; python_version < "3.14"']), "3.14")
    assert entry["name"] == "mine"
    assert entry["version"] == "1.0"
    assert entry["imports"] == ["mine"]
    assert entry["depends"] == ["foo-bar", "numpy"]


def test_all_that_is_needed_is_found_and_nothing_else():
    assert sorted(lite.closure(LOCK, ["a"])) == ["a", "b-b", "c"]
    with pytest.raises(InputError, match=r"pyodide-lock\.json: no e in it"):
        lite.closure(LOCK | {"d": {"depends": ["e"]}}, ["a", "d"])


def test_photographs_come_without_the_code_that_reads_them(tmp_path, monkeypatch):
    from minidrcn.data.datasets import image_paths

    photos = [path.read_bytes() for path in image_paths("photos")]
    path = lite.photographs(tmp_path)
    assert lite.entry(path, "3.14")["imports"] == ["skimage"]
    assert lite.entry(path, "3.14")["depends"] == []
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "site")
    for name in [name for name in sys.modules if name.partition(".")[0] == "skimage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path / "site")
    paths = image_paths("photos")
    assert paths[0].parent == tmp_path / "site" / "skimage" / "data"
    assert [path.read_bytes() for path in paths] == photos
    with Image.open(paths[0]) as image:
        image.load()
    monkeypatch.delitem(sys.modules, "skimage")


@pytest.mark.parametrize(
    ("there", "message"), [(True, "exists; name a new folder"), (False, "expected an unpacked release of Pyodide")]
)
def test_wrong_folders_are_named(tmp_path, monkeypatch, capsys, there, message):
    monkeypatch.setattr(
        "sys.argv", ["lite.py", str(tmp_path if there else tmp_path / "new"), "--pyodide", str(tmp_path)]
    )
    with pytest.raises(SystemExit, match="2"):
        lite.main()
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_missing_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["lite.py", str(tmp_path / "new"), "--pyodide", str(tmp_path)])
    (tmp_path / "pyodide-lock.json").write_text("{}")
    with pytest.raises(SystemExit, match="2"):
        lite.main()
    assert "no pyodide.mjs in it; expected an unpacked release" in capsys.readouterr().err
    for name in lite.RUNTIME:
        (tmp_path / name).touch()
    monkeypatch.setattr(lite.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="1"):
        lite.main()
    message = 'needs jupyterlite_core, which is not installed: pip install -e ".[live]" brings it'
    assert capsys.readouterr().err == f"lite.py: error: {message}\n"


def test_a_wheel_that_is_not_what_the_lock_says_is_refused(tmp_path):
    source, wheels = tmp_path / "pyodide", tmp_path / "wheels"
    source.mkdir()
    wheels.mkdir()
    for name in lite.RUNTIME:
        (source / name).write_text("")
    for name in ("minidrcn", *lite.FIRST[1:-1], "ipywidgets"):
        wheel(wheels, name.replace("-", "_"), ["numpy"] if name == "minidrcn" else [])
    numpy = {"version": "2.0", "file_name": "numpy-2.0-cp314-wasm32.whl", "sha256": "0", "depends": []}
    micropip = lite.entry(wheel(source, "micropip", []), "3.14")
    lock = {"info": {"python": "3.14.2"}, "packages": {"numpy": numpy, "micropip": micropip, "scipy": numpy}}
    (source / "pyodide-lock.json").write_text(json.dumps(lock))
    (source / numpy["file_name"]).write_bytes(b"no wheel")
    with pytest.raises(InputError, match=r"numpy-2\.0-cp314-wasm32\.whl: missing, or not what"):
        lite.write_packages(source, tmp_path / "site", wheels)
    lock["packages"]["numpy"]["sha256"] = lite.digest(source / numpy["file_name"])
    (source / "pyodide-lock.json").write_text(json.dumps(lock))
    lite.write_packages(source, tmp_path / "whole", wheels)
    written = json.loads((tmp_path / "whole" / "pyodide-lock.json").read_text())["packages"]
    assert set(written) == {*lite.FIRST, "ipywidgets", "numpy"}, "and not scipy, which would be asked of another host"
    assert all((tmp_path / "whole" / package["file_name"]).is_file() for package in written.values())
