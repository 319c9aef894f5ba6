"""One command for all verbs, from any folder."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import run_command

import minidrcn
from minidrcn.__main__ import VERBS, main

ROOT = Path(__file__).parents[1]


def test_without_a_verb_the_verbs_are_printed(capsys):
    code, out, err = run_command(main, [], capsys)
    assert (code, err) == (0, "")
    assert all(f"  {verb} " in out and text in out for verb, text in VERBS.items())
    assert run_command(main, ["--version"], capsys) == (0, f"minidrcn {minidrcn.__version__}\n", "")


def test_every_module_with_a_main_is_a_verb():
    package = Path(minidrcn.__file__).parent
    modules = {path.relative_to(package).with_suffix("") for path in package.rglob("*.py")
               if "\nif __name__ ==" in path.read_text(encoding="utf-8")}  # fmt: skip
    found = {path.parent.name if path.name == "__main__" else path.name for path in modules - {Path("__main__")}}
    assert found - {"worker"} == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_gets_the_arguments_after_it(verb, capsys):
    code, out, err = run_command(main, [verb, "--help"], capsys)
    assert (code, err) == (0, "")
    assert f"usage: minidrcn.{verb} " in out


def test_its_status_is_the_verb_s(tmp_path, capsys):
    code, _, err = run_command(main, ["upscale", tmp_path / "absent.png", tmp_path / "o.png"], capsys)
    assert code == 1
    assert err.startswith("minidrcn.upscale: error: ")
    code, _, err = run_command(main, ["enlarge"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("minidrcn: error: argument VERB: invalid choice: 'enlarge' (choose from")


def test_the_console_script_is_this_main():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    name, _, value = setup["options.entry_points"]["console_scripts"].strip().partition(" = ")
    entry = importlib.metadata.EntryPoint(name, value, "console_scripts")
    assert (entry.name, entry.load()) == ("minidrcn", main)


def test_from_the_folder_above_a_clone(tmp_path):
    """An editable install, made as pip makes it, used from the folder that the clone, called minidrcn, is in."""
    pytest.importorskip("setuptools", minversion="77", reason="builds the editable wheel")
    clone, env = tmp_path / "above" / "minidrcn", tmp_path / "env"
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        clone.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone)
    shutil.copytree(ROOT / "minidrcn", clone / "minidrcn", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    build = f"from setuptools.build_meta import build_editable; build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=clone, check=True, capture_output=True)
    venv.create(env, symlinks=os.name != "nt")
    site_packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(env)}))
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site_packages)
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    python = Path(sysconfig.get_path("scripts", "venv", {"base": str(env)})) / Path(sys.executable).name
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in (["-m", "minidrcn", "--version"], ["-c", "import minidrcn; print('minidrcn', minidrcn.__version__)"],
                    ["-m", "minidrcn.upscale", "--help"]):  # fmt: skip
        result = subprocess.run(
            [python, *command], cwd=clone.parent, env=environment, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith((f"minidrcn {minidrcn.__version__}", "usage: minidrcn.upscale"))
